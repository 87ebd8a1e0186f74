"""Verdicts on searches of every kind, their evidence, and the notes and errors of `fit`."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy.stats import qmc

import leadline as ll
from leadline.data.trials import Trials
from leadline.errors import LeadlineError
from leadline.search_audit.random_search import (
    check_random_search,
    too_few_random,
    validate_random_search,
)

SPACE = {"lr": ("log-uniform", 1e-4, 1.0), "width": ("integer", 1, 64), "drop": ("uniform", 0, 0.5)}


def bowl(unit: np.ndarray) -> np.ndarray:
    return ((unit - [0.3, 0.6, 0.4]) ** 2).sum(axis=-1)


def in_units(unit: np.ndarray) -> pd.DataFrame:
    """Return points of the unit cube in the units of SPACE."""
    lr, width, drop = unit.T
    columns = {"lr": 1e-4 ** (1 - lr), "width": (1 + 64 * width).astype(int), "drop": 0.5 * drop}
    return pd.DataFrame(columns).add_prefix("param:")


def learning_search(n: int = 60, seed: int = 0) -> Trials:
    """Return a search like that of a tree-structured Parzen estimator.

    After ten random trials, each trial lies near one of the best so far.
    """
    rng = np.random.default_rng(seed)
    unit, loss = rng.random((n, 3)), np.empty(n)
    for trial in range(n):
        if trial >= 10:
            best = np.argsort(loss[:trial])[: max(2, trial // 10)]
            near = unit[rng.choice(best)] + 0.12 * rng.standard_normal(3)
            unit[trial] = np.clip(near, 0, 0.999)
        loss[trial] = bowl(unit[trial]) + 0.01 * rng.standard_normal()
    return of_table(in_units(unit).assign(score=loss))


def random_search(n: int = 60, seed: int = 0, points: np.ndarray | None = None) -> Trials:
    rng = np.random.default_rng(seed)
    unit = rng.random((n, 3)) if points is None else points
    loss = bowl(unit) + 0.01 * rng.standard_normal(len(unit))
    return of_table(in_units(unit).assign(score=loss))


def row(trials: Trials, evidence: str, parameter: str = "", **options) -> pd.Series:
    found = check_random_search(trials, **options).set_index(["evidence", "parameter"])
    assert found.index.is_unique
    return found.loc[(evidence, parameter)]


def verdict(trials: Trials, **options) -> str:
    return row(trials, "overall", **options)["verdict"]


def with_columns(trials: Trials, **columns) -> Trials:
    return dataclasses.replace(trials, table=trials.table.assign(**columns))


def of_table(table: pd.DataFrame) -> Trials:
    return Trials(table, "minimize")


GRID = pd.MultiIndex.from_product(
    [10.0 ** -np.arange(6), 2 ** np.arange(5)], names=["param:lr", "param:width"]
).to_frame(index=False)
GRID["score"] = np.log(GRID["param:lr"]) ** 2 + GRID["param:width"]
LINE = pd.DataFrame({"param:lr": 10 ** -np.linspace(0, 5, 30), "score": np.arange(30.0)})
RNG = np.random.default_rng(11)
UNUSUAL = [
    RNG.normal(size=200),
    RNG.lognormal(sigma=2, size=200),
    2 ** RNG.binomial(6, 0.3, size=200),
    RNG.choice(["a", "b", "c"], 200, p=[0.9, 0.07, 0.03]),
]


@pytest.mark.parametrize(
    ("kind", "trials"),
    [
        *[("random", random_search(n, seed)) for n in (20, 150) for seed in range(5)],
        *[("random", with_columns(random_search(200, 6), **{"param:x": x})) for x in UNUSUAL],
        ("grid", of_table(GRID)),
        ("grid", of_table(GRID.sample(frac=1, random_state=1))),
        # In nested loops a grid may have gaps.
        ("grid", of_table(GRID.drop(index=[3, 17]))),
        ("grid", of_table(LINE.sample(frac=1, random_state=1))),
        # Choices without replacement, then with it: all combinations, but unevenly.
        ("random", of_table(GRID.sample(n=24, random_state=5))),
        ("random", of_table(GRID.sample(n=200, replace=True, random_state=5))),
        ("quasi-random", random_search(points=qmc.Sobol(3, seed=1).random(64))),
        ("quasi-random", random_search(points=qmc.LatinHypercube(3, seed=1).random(60))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_random_searches_grids_and_quasi_random_designs(kind, trials):
    assert verdict(trials) == kind
    if trials.params == [f"param:{name}" for name in SPACE]:
        assert verdict(trials, space=SPACE) == kind


@pytest.mark.parametrize("seed", range(3))
def test_a_search_that_learns_is_model_based(seed):
    trials = learning_search(seed=seed)
    assert verdict(trials) == "model-based"
    assert verdict(trials, space=SPACE) == "model-based"
    negated = trials.table.assign(score=-trials.table["score"])
    assert verdict(Trials(negated, "maximize")) == "model-based"


def test_its_own_trials_in_random_order_show_no_order():
    trials = learning_search()
    table = trials.table.drop(columns="trial").sample(frac=1, random_state=3)
    trials = dataclasses.replace(trials, table=table)
    assert row(trials, "order")["p_value"] > 0.01
    # Concentrated values alone might be anybody's distribution, unless it was declared.
    assert row(trials, "distributions")["verdict"] == "unknown"
    assert verdict(trials) == "random"
    assert verdict(trials, space=SPACE) == "model-based"


def test_failed_trials_count_and_a_failed_half_does_not_alarm():
    trials = random_search(100, 4)
    score = trials.table["score"].mask(trials.table["param:lr"] > 0.01)
    assert verdict(with_columns(trials, score=score)) == "random"
    trials = learning_search(seed=1)
    # The evidence is in the parameters alone.
    score = np.where(trials.table.index % 3 == 0, None, 0.5)
    assert verdict(with_columns(trials, score=score)) == "model-based"


def test_a_sorted_table_has_no_order():
    trials = learning_search()
    table = trials.table.rename(columns={"trial": "order"}).sort_values("score")
    known, unknown = of_table(table), of_table(table.drop(columns="order"))
    assert verdict(known) == "model-based"
    assert verdict(unknown) == "unknown"
    assert "score" in row(unknown, "order")["advice"]
    assert "'order'" in row(unknown, "overall")["advice"]
    assert verdict(unknown, space=SPACE) == "model-based"


@pytest.mark.parametrize("by", ["score", "param:lr", "param:width"])
def test_a_random_search_may_be_sorted(by):
    table = random_search(80).table.drop(columns="trial").sort_values(by, ascending=False)
    trials = of_table(table)
    assert verdict(trials) == "random"
    assert row(trials, "order")["verdict"] == "unknown"
    # Blocks of names are sorted too.
    names = ["lamb"] * 20 + ["adam"] * 25 + ["sgd"] * 35
    trials = with_columns(random_search(80), **{"param:optimizer": names})
    assert "optimizer" in row(trials, "order")["advice"]


def test_scores_that_improve_by_themselves_are_not_a_sampler():
    trials = random_search(200)
    trials = with_columns(trials, score=trials.table["score"] - 0.02 * np.arange(200))
    assert row(trials, "scores improve")["p_value"] < 1e-6
    assert verdict(trials) != "model-based"


def test_seeds_listed_as_trials_are_not_learning():
    table = random_search(40, 5).table.drop(columns="trial")
    trials = of_table(table.loc[table.index.repeat(3)])
    assert row(trials, "duplicates")["verdict"] == "unknown"
    assert "replicates" in row(trials, "duplicates")["advice"]
    assert verdict(trials) == "random"


def test_a_conditional_parameter_is_tested_where_it_is_active():
    rng = np.random.default_rng(2)
    sgd = rng.random(120) < 0.5
    momentum = np.where(sgd, rng.random(120), np.nan)
    optimizer = {"param:optimizer": np.where(sgd, "sgd", "adam")}
    trials = with_columns(random_search(120, 7), **optimizer, **{"param:momentum": momentum})
    assert verdict(trials) == "random"
    assert row(trials, "distribution", "momentum")["advice"] == "uniform"
    # Draws that concentrate, on the active trials only.
    narrow = 0.9 + 0.002 * momentum
    narrow[np.flatnonzero(sgd)[:6]] = np.linspace(0, 1, 6)
    trials = with_columns(trials, **{"param:momentum": narrow})
    assert row(trials, "distribution", "momentum")["p_value"] < 1e-6


@pytest.mark.parametrize(
    ("kind", "samplers"),
    [
        ("model-based", ["TPESampler", "cma-es", "BayesianOptimization"]),
        ("quasi-random", ["QMCSampler"]),
        ("grid", ["GridSampler"]),
        ("random", ["RandomSampler"]),
        ("unknown", ["mine"]),
    ],
)
def test_a_recorded_sampler_counts(kind, samplers):
    for sampler in samplers:
        trials = dataclasses.replace(random_search(60), sampler=sampler)
        assert row(trials, "sampler")["verdict"] == kind
        assert verdict(trials) == ("random" if sampler == "mine" else kind)


def test_a_record_of_random_draws_yields_to_overwhelming_evidence_only():
    trials = learning_search(100)
    strong = dataclasses.replace(trials, sampler="random")
    assert row(trials, "order")["p_value"] < 1e-6
    assert verdict(strong) == "model-based"
    less = dataclasses.replace(learning_search(), sampler="random")
    assert 1e-6 < row(less, "order")["p_value"] < 1e-4
    assert verdict(less, space=SPACE) == "random"


def test_nothing_to_go_by_is_unknown():
    few, bare = random_search(19), of_table(pd.DataFrame({"score": np.arange(40.0)}))
    constant = with_columns(bare, **{"param:lr": 0.1})
    for trials, advice in ((few, "20 trials"), (bare, "params="), (constant, "params=")):
        assert verdict(trials) == "unknown"
        assert advice in row(trials, "overall")["advice"]
    assert verdict(dataclasses.replace(bare, sampler="TPE")) == "model-based"
    assert validate_random_search(bare) == validate_random_search(few) == []


def test_the_table_has_one_verdict_per_search_and_shared_limits():
    learning, random = learning_search().table, random_search(80).table
    table = pd.concat([learning.assign(task="a"), random.assign(task="b")], ignore_index=True)
    trials = Trials(table, "minimize", source="both.csv")
    found = check_random_search(trials)
    numbers = ["statistic", "p_value", "limit"]
    assert list(found) == ["search", "evidence", "parameter", *numbers, "verdict", "advice"]
    overall = found[found["evidence"] == "overall"]
    assert overall["search"].tolist() == ["a", "b"]
    assert overall["verdict"].tolist() == ["model-based", "random"]
    alone = row(trials.search("b"), "order")["limit"]
    assert found[found["evidence"] == "order"]["limit"].tolist() == [alone / 2] * 2
    drift = found[(found["evidence"] == "drift") & (found["search"] == "a")]
    assert drift["parameter"].tolist() == ["lr", "width", "drop"]
    assert check_random_search(trials).equals(found)
    with pytest.raises(LeadlineError, match=r"both.csv.* 'a' .*model-based"):
        validate_random_search(trials)


def test_errors_and_notes_of_a_fit_name_the_evidence_and_the_way_out():
    trials = dataclasses.replace(learning_search(), source="tpe.csv")
    with pytest.raises(LeadlineError, match=r"tpe.csv") as error:
        validate_random_search(trials)
    (note,) = validate_random_search(trials, assume_random=True)
    for part in ("order (p = 2e-06)", "late trials near the best", "lr", "assume_random=True"):
        assert part in str(error.value)
        assert part in note
    assert validate_random_search(random_search()) == []
    (note,) = validate_random_search(of_table(GRID))
    assert "is a grid" in note
    (note,) = validate_random_search(dataclasses.replace(random_search(), sampler="Sobol"))
    assert "is a quasi-random design" in note


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "options", "kind"),
    [
        ("RandomSampler", {}, "random"),
        ("TPESampler", {}, "model-based"),
        ("TPESampler", {"multivariate": False}, "model-based"),
        ("CmaEsSampler", {"warn_independent_sampling": False}, "model-based"),
        ("QMCSampler", {"warn_independent_sampling": False}, "quasi-random"),
    ],
)
def test_optuna_studies(name, options, kind):
    optuna = pytest.importorskip("optuna")
    if name == "CmaEsSampler":
        pytest.importorskip("cmaes")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    rng = np.random.default_rng(0)

    def objective(trial):
        lr = trial.suggest_float("lr", 1e-4, 1.0, log=True)
        width, drop = trial.suggest_int("width", 1, 64), trial.suggest_float("drop", 0, 0.5)
        trial.suggest_categorical("activation", ["relu", "tanh"])
        unit = np.array([np.log(lr) / np.log(1e-4), width / 64, 2 * drop])
        return bowl(unit) + 0.01 * rng.standard_normal()

    study = optuna.create_study(sampler=getattr(optuna.samplers, name)(seed=1, **options))
    study.optimize(objective, n_trials=60)
    # Without the record of the sampler, so that the trials are the only evidence.
    trials = ll.read_optuna(study, assume_random=True)
    assert verdict(dataclasses.replace(trials, sampler=None, distributions=None)) == kind


def test_a_short_random_start_is_refused():
    def start(n):
        trials = random_search(points=np.random.default_rng(0).random((n, 3)))
        return dataclasses.replace(trials, sampler="random start")

    with pytest.raises(LeadlineError, match="19 trials of a random start") as error:
        validate_random_search(start(19))
    for word in ("model='surface'", "leave out random_start", "share=0.25"):
        assert word in str(error.value)
    # A way out that does not help.
    assert "assume_random" not in str(error.value)
    assert ".." not in str(error.value)
    assert validate_random_search(start(19), assume_random=True) == []
    assert validate_random_search(start(20)) == []


def test_a_small_random_share_is_refused_with_the_numbers_that_would_do():
    def study(random, guided):
        points = np.random.default_rng(0).random((random + guided, 3))
        trials = random_search(points=points)
        table = trials.table.assign(drawn=["random"] * random + ["guided"] * guided)
        return dataclasses.replace(trials, table=table)

    reason = too_few_random(study(15, 45))
    # Five more at a share of a quarter.
    for word in ("15 of 60 trials", "20", "model='surface'", "20 more trials", "0.25", "share="):
        assert word in reason
    with pytest.raises(LeadlineError, match="assume_random=True"):
        validate_random_search(study(15, 45))
    assert too_few_random(study(20, 45)) == ""
    assert too_few_random(random_search()) == ""
