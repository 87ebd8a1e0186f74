"""The bundled searches: complete, described, and truly random."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from leadline.datasets.load import load_dataset, read_catalogue
from leadline.errors import LeadlineError

CATALOGUE = read_catalogue()
SEARCHES = list(CATALOGUE["datasets"])


def _uniform(values: np.ndarray, parameter: dict, rng: np.random.Generator) -> np.ndarray:
    """Return values that are uniform on [0, 1] when the parameter is as declared.

    A rounded value is spread over the interval of the draws that round to it.
    """
    half = 0.5 if parameter["integer"] else 0.0
    scale = np.log if parameter["distribution"] == "log-uniform" else np.asarray
    ends = parameter["low"], parameter["high"]
    low, high = scale(ends)
    below, above = scale(np.clip([values - half, values + half], *ends))
    return (rng.uniform(below, above) - low) / (high - low)


@pytest.mark.parametrize("name", SEARCHES)
def test_search_is_complete_and_replicated(name: str):
    trials = load_dataset(name)
    dataset = CATALOGUE["datasets"][name]
    per_trial = trials.per_trial()
    assert trials.searches == [(dataset["task"], dataset["model"])]
    assert (trials.direction, trials.metric, trials.sampler) == ("minimize", "log_loss", "random")
    assert name in trials.source
    assert len(per_trial) >= 150
    assert (per_trial["replicates"] >= 3).sum() >= 20
    table = trials.table
    assert set(table["status"]) <= {"complete", "failed"}
    assert (np.isfinite(table["score"]) == (table["status"] == "complete")).all()
    assert (table["cost"] > 0).all()
    assert sorted(table["order"]) == list(range(1, len(table) + 1))
    assert set(table["space"]) == {dataset["space"]}
    configurations = table[["trial", *trials.params]].drop_duplicates()
    assert len(configurations) == len(per_trial)


@pytest.mark.parametrize("name", SEARCHES)
def test_seeds_matter_but_less_than_the_configuration(name: str):
    complete = load_dataset(name).per_trial().query("status == 'complete'")
    best, median = complete["score"].quantile([0.05, 0.5])
    # The worse half holds classifiers that are constant whatever the seed.
    good = complete[(complete["replicates"] >= 3) & (complete["score"] < median)]
    noise_sd = np.sqrt(good["sum_of_squares"] / (good["replicates"] - 1))
    assert (noise_sd > 0).mean() > 0.9
    assert noise_sd.median() < 0.5 * (median - best)


def test_the_catalogue_describes_every_search_column_and_parameter():
    for dataset in CATALOGUE["datasets"].values():
        task = CATALOGUE["tasks"][dataset["task"]]
        assert all(task[key] for key in ("description", "data", "licence", "held_out_rows"))
        assert dataset["description"]
        assert CATALOGUE["models"][dataset["model"]]["description"]
        space = CATALOGUE["spaces"][dataset["space"]]
        assert all(parameter["unit"] for parameter in space.values())
    assert {"log_loss", "error", "cost", "order", "status"} <= set(CATALOGUE["columns"])
    assert {"python", "numpy", "scikit-learn", "date", "plan"} <= set(CATALOGUE["made"])


@pytest.mark.parametrize("name", SEARCHES)
def test_parameters_follow_the_declared_space(name: str):
    trials = load_dataset(name)
    space = CATALOGUE["spaces"][CATALOGUE["datasets"][name]["space"]]
    assert trials.params == [f"param:{parameter}" for parameter in space]
    drawn = trials.table.drop_duplicates("trial")
    rng = np.random.default_rng(0)
    spaces = [dataset["space"] for dataset in CATALOGUE["datasets"].values()]
    tests = sum(len(CATALOGUE["spaces"][name]) for name in spaces)
    for parameter, declared in space.items():
        values = drawn[f"param:{parameter}"].to_numpy(dtype=float)
        assert ((values >= declared["low"]) & (values <= declared["high"])).all()
        if declared["integer"]:
            assert (values == np.round(values)).all()
        # Bonferroni over all parameters of all searches.
        assert stats.kstest(_uniform(values, declared, rng), "uniform").pvalue > 0.05 / tests


def test_a_name_is_that_of_one_search_or_a_group_and_failures_are_kept():
    for name, searches in (("digits-mlp", 1), ("digits", 3), ("boosting", 4), ("all", 12)):
        assert len(load_dataset(name).searches) == searches
    counts = load_dataset("mlp").counts()
    assert counts["failed"] > 50
    assert counts["trials"] == 4 * CATALOGUE["made"]["plan"]["trials"]


def test_error_is_a_share_of_the_held_out_rows_and_metrics_share_everything_but_the_score():
    error, log_loss = (load_dataset("textures-kernel", metric=m) for m in ("error", "log_loss"))
    rows = CATALOGUE["tasks"]["textures"]["held_out_rows"]
    wrong = error.table["score"] * rows
    assert error.metric == "error"
    # Six digits in the file.
    np.testing.assert_allclose(wrong, np.round(wrong), atol=1e-6 * rows)
    assert error.table["score"].dropna().between(0, 1).all()
    pd.testing.assert_frame_equal(error.table.assign(score=0), log_loss.table.assign(score=0))


@pytest.mark.parametrize(
    ("name", "metric", "parts"),
    [
        ("digit-mlp", "log_loss", ["'digit-mlp'", "Did you mean 'digits-mlp'", "'all'"]),
        ("Digits-MLP", "log_loss", ["Did you mean 'digits-mlp'", "'all'"]),
        (None, "log_loss", ["None", "'all'"]),
        ("digits", "accuracy", ["metric", "'log_loss', 'error'", "'accuracy'"]),
    ],
)
def test_an_unknown_name_or_metric_is_refused_with_the_known_ones(name, metric, parts):
    with pytest.raises(LeadlineError) as error:
        load_dataset(name, metric=metric)
    assert all(part in str(error.value) for part in parts)


def test_loading_imports_nothing_heavy():
    heavy = ("pymc", "arviz", "matplotlib", "sklearn", "mlxtend")
    code = (
        "import sys, leadline.datasets.load as load; load.load_dataset('digits-mlp'); "
        f"assert not set({heavy}) & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_scaling_family_has_a_size_and_data_for_each_search():
    trials = load_dataset("digits-scaling")
    table = trials.table
    searches = table.groupby("task").agg(size=("size", "unique"), data=("data", "unique"))
    assert len(trials.searches) == len(searches) == 12
    assert (searches.map(len) == 1).all(axis=None)
    crossed = {(size[0], data[0]) for size, data in searches.to_numpy()}
    sizes, rows = (sorted({pair[place] for pair in crossed}) for place in (0, 1))
    # (64 + 1) w + (w + 1) 10 weights, and shares of the training rows of digits.
    assert sizes == [75 * width + 10 for width in (8, 16, 32, 64)]
    assert rows == [300, 599, 1198]
    assert len(crossed) == 12
    assert (table.groupby("task").size() == 60).all()
    assert set(table["space"]) == {"mlp at one width"}
    assert trials.params
    assert "param:hidden_width" not in table


def test_the_largest_networks_and_all_rows_of_the_scaling_family_are_the_best():
    table = load_dataset("digits-scaling").table
    best = table.pivot_table("score", index="size", columns="data", aggfunc="min")
    assert (best.iloc[-1] < best.iloc[0]).all()
    assert (best.iloc[:, -1] < best.iloc[:, 0]).all()
