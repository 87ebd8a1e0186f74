"""A few tiny real fits: what must hold whatever the numbers are."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import PAIR, SETTINGS, SHORT, TAIL
from helpers import make_trials

import leadline as ll
from leadline.errors import LeadlineError
from leadline.inference.fit_options import choose_model
from leadline.inference.sampler import Sampler
from leadline.models.priors import Prior

GROUPS = [
    *("posterior", "noisy_quadratic", "sample_stats", "log_likelihood", "log_prior"),
    *("observed_data", "constant_data"),
]
MIRRORED = {"optimum", "score", "threshold", "trial_score", "trial_first_score"}
DIMS = ("chain", "draw", "search")


@pytest.fixture(scope="module", autouse=True)
def started_early(other_process):
    """Let the other process work while the tests of this file do."""
    return other_process


def small(direction="minimize", **options):
    return make_trials(direction, n=40, n_failed=2, **options)


def test_draws_are_finite_and_within_bounds(fitted):
    posterior = fitted["posterior"]
    for name, values in posterior.data_vars.items():
        assert np.isfinite(values).all(), name
    assert ((posterior["effective_dim"] > 1) & (posterior["effective_dim"] < 10)).all()
    for name in ("reach", "tail_fraction"):
        assert ((posterior[name] > 0) & (posterior[name] < 1)).all()
    for name in ("noise_sd", "spread", "gap", "noise_ratio"):
        assert (posterior[name] > 0).all()
    assert fitted["sample_stats"]["diverging"].sum() == 0


def test_the_parameters_are_those_of_the_documentation(fitted):
    posterior = fitted["posterior"]
    candidate, sigma = fitted["candidates"].sel(candidate=0), posterior["noise_sd"]
    edge = fitted["constant_data"]["threshold"] + 2 * sigma
    depth = (candidate["tail_scale"] + sigma / 2) * posterior["gap"]
    expected = {
        "optimum": edge - depth,
        "noise_sd": candidate["noise_scale"] * posterior["noise_ratio"],
        "reach": (depth / posterior["spread"]) ** (posterior["effective_dim"] / 2),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(posterior[name], values.transpose(*DIMS), rtol=1e-9)


def test_the_optimum_is_found(fitted):
    # The law of the search: optimum 0.2, noise sd 0.02, half of all trials beyond the threshold.
    mean, sd = fitted["posterior"]["optimum"].mean(), fitted["posterior"]["optimum"].std()
    assert abs(mean - 0.2) < 3 * sd
    assert 0.002 < sd < 0.1
    assert fitted["posterior"]["tail_fraction"].mean() == pytest.approx(0.5, abs=0.1)


def test_maximising_the_negated_scores_mirrors_every_number(fit_once, fitted):
    other = fit_once(small("maximize"))
    for group in GROUPS:
        assert set(fitted[group].data_vars) == set(other[group].data_vars)
        for name, values in fitted[group].data_vars.items():
            mirrored = name in MIRRORED and group not in ("log_likelihood", "noisy_quadratic")
            expected = -values if mirrored else values
            xr.testing.assert_equal(expected, other[group][name])
    assert other.attrs["direction"] == "maximize"


def test_same_seed_same_numbers_and_another_seed_others(fit_once, fitted):
    again = fit_once(small())
    for group in GROUPS:
        xr.testing.assert_equal(fitted[group].to_dataset(), again[group].to_dataset())
    other = fit_once(small(), random_seed=6)
    assert (fitted["posterior"]["optimum"] != other["posterior"]["optimum"]).all()


def test_a_seed_that_was_drawn_is_recorded_and_gives_the_same_numbers(fit_once):
    drawn = fit_once(small(), random_seed=None)
    seed = json.loads(drawn.attrs["settings"])["random_seed"]
    again = fit_once(small(), random_seed=seed)
    xr.testing.assert_equal(drawn["posterior"].to_dataset(), again["posterior"].to_dataset())


def test_several_searches_are_separate_fits(fitted, fitted_pair):
    alone, pair = fitted["posterior"], fitted_pair["posterior"]
    assert pair.sizes["search"] == 2
    assert pair["model"].values.tolist() == [model for _, model in PAIR]
    # The first search has the seed that it has alone.
    for name in alone.data_vars:
        np.testing.assert_array_equal(pair[name].isel(search=0), alone[name].isel(search=0))
    assert (pair["optimum"].isel(search=1) != pair["optimum"].isel(search=0)).all()
    counts = fitted_pair["constant_data"]
    assert counts["n_trials"].values.tolist() == [40, 40]
    assert counts.sizes["trial"] == 80


def test_several_searches_compile_one_model(fit_once, monkeypatch):
    fit_once(small(), **SHORT)
    monkeypatch.delattr(Sampler, "compile")
    three = small(searches=(("a", "x"), ("b", "x"), ("c", "x")))
    assert fit_once(three, model="single", **SHORT)["posterior"].sizes["search"] == 3


def test_integer_dimensions(fitted_integer):
    posterior = fitted_integer["posterior"]
    assert posterior["dimension"].values.tolist() == [1, 2, 3]
    probability = posterior["effective_dim_probability"]
    assert probability.dims == ("chain", "draw", "search", "dimension")
    np.testing.assert_allclose(probability.sum("dimension"), 1, atol=1e-12)
    dims = posterior["effective_dim"]
    assert set(np.unique(dims)) <= {1.0, 2.0, 3.0}
    # The draws have the probabilities: 400 of them, three standard errors.
    for j in (1, 2, 3):
        share = float((dims == j).mean())
        assert share == pytest.approx(float(probability.sel(dimension=j).mean()), abs=0.075)
    # What depends on the dimension is that of the dimension drawn.
    tail_scale = fitted_integer["candidates"]["tail_scale"].sel(candidate=0)
    depth = (tail_scale + posterior["noise_sd"] / 2) * posterior["gap"]
    reach = (depth / posterior["spread"]) ** (dims / 2)
    np.testing.assert_allclose(posterior["reach"], reach.transpose(*DIMS), rtol=1e-9)
    for name, values in posterior.data_vars.items():
        assert np.isfinite(values).all(), name


def test_numpy_numbers_are_numbers(fit_once):
    options = {"tail_fraction": np.float32(0.5), "draws": np.int64(20), "random_seed": np.int32(3)}
    tree = fit_once(small(), **options, tune=np.int64(50), chains=np.int64(1))
    settings = json.loads(tree.attrs["settings"])
    assert settings["draws"] == 20
    assert settings["tail_fraction"] == 0.5


@pytest.fixture(scope="module")
def printed(other_process):
    """Return what the other process prints: draws by variable, and its modules."""
    out, err = other_process.communicate(timeout=180)
    assert other_process.returncode == 0, err
    return dict(line.split() for line in out.splitlines())


def test_the_first_answer_waits_for_no_plotting_library(printed):
    loaded = set(printed["modules"].split(","))
    assert {"pymc", "arviz_base"} <= loaded
    assert not {"arviz", "arviz_plots", "matplotlib", "nutpie"} & loaded


def test_a_refit_draws_what_a_fresh_fit_in_another_process_does(fit_once, fitted_pair, printed):
    # Here the compiled model has other data first, of another size; there it is new.
    fit_once(make_trials(n=60), **SHORT)
    here = fit_once(small(), **SHORT)["posterior"]
    there = {name: draws for name, draws in printed.items() if name != "modules"}
    assert set(there) == set(here.data_vars)
    for name, values in here.data_vars.items():
        draws = np.frombuffer(bytes.fromhex(there[name])).reshape(values.shape)
        np.testing.assert_array_equal(draws, values, err_msg=name)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": "bowl"}, "model 'auto' 'single' 'hierarchical' 'crossed' 'bowl'"),
        ({"effective_dim": "whole"}, "effective_dim 'continuous' 'integer' 'whole'"),
        ({"effective_dim": 3}, "effective_dim 3"),
        ({"nuts_sampler": "stan"}, "nuts_sampler 'nutpie' 'stan'"),
        *(({"draws": x}, f"draws 1 {x!r}") for x in (0, 10.5, "100")),
        *(({"tune": x}, f"tune {x}") for x in (0, -1)),
        *(({"chains": x}, f"chains {x}") for x in (0, True)),
        *(({"random_seed": x}, f"random_seed 0 {x!r}") for x in (-1, "x", 1.5)),
        ({"priors": {"gap": 1}}, "priors leadline.Priors(...)"),
        ({"priors": Prior("Normal", mu=0)}, "priors"),
        ({"tail_fraction": []}, "tail_fraction"),
        ({"tail_fraction": [0.2, "x"]}, "tail_fraction 'x'"),
        ({"tail_fraction": {0.2: 1, 0.3: 0}}, "tail_fraction 0.3 0"),
        ({"scale": "sqrt"}, "scale 'identity' 'log' 'logit' 'auto'"),
        ({"threshold": 0.3}, "threshold tail_fraction"),
        *(({"tail_fraction": x}, f"tail_fraction {x}") for x in (1.5, "auto")),
        ({"tail_fraction": None, "threshold": None}, "threshold 'auto' None"),
        ({"tail_fraction": None, "threshold": 17}, "threshold 17"),
        ({"tail_fraction": 0.1}, "4 40 tail_fraction"),
        ({"resolution": -1}, "resolution 0 -1"),
    ],
)
def test_a_bad_option_is_named_in_one_line(options, words):
    with pytest.raises(LeadlineError) as caught:
        ll.fit(small(), **(TAIL | SETTINGS | options))
    for word in words.split():
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("trials", [[0.1, 0.2], None])
def test_only_trials_are_fitted(trials):
    with pytest.raises(LeadlineError, match=rf"Trials.*{type(trials).__name__}.*read_table"):
        ll.fit(trials, **TAIL)


def test_a_search_without_scores_is_named():
    trials = small(searches=PAIR)
    table = trials.table.assign(score=trials.table["score"].where(trials.table["model"] == "mlp"))
    empty = ll.Trials(table.drop(columns="status"), "minimize")
    with pytest.raises(LeadlineError, match="digits / forest"):
        ll.fit(empty, **TAIL)


@pytest.mark.parametrize(
    ("prior", "words"),
    [(Prior("Wishful", mu=0), "'Wishful'"), (Prior("Gamma", alpha=1, rate=2), "rate=")],
)
def test_a_prior_that_pymc_lacks_is_named(prior, words):
    with pytest.raises(ValueError, match=words):
        ll.fit(small(), priors=ll.Priors(noise_ratio=prior), **TAIL, **SETTINGS)


@pytest.mark.parametrize(
    ("pairs", "asked", "chosen"),
    [
        ([("a", "x")], "auto", "single"),
        ([("a", "x"), ("b", "x")], "auto", "hierarchical"),
        ([("a", "x"), ("a", "y")], "auto", "hierarchical"),
        ([("a", "x"), ("b", "y")], "auto", "crossed"),
        ([("a", "x"), ("a", "y")], "single", "single"),
        ([("a", "x"), ("a", "y")], "hierarchical", "hierarchical"),
    ],
)
def test_which_model(pairs, asked, chosen):
    kind, reason = choose_model(asked, make_trials(searches=tuple(pairs), n=12))
    assert kind == chosen
    assert reason


@pytest.mark.parametrize(
    ("pairs", "scale", "words"),
    [
        ((("a", "x"), ("b", "x")), "identity", "model='crossed'.*'x'.*model='hierarchical'"),
        ((("a", "x"), ("a", "y")), "auto", "scale='auto'.*model='single'"),
    ],
)
def test_options_that_do_not_go_with_the_crossed_model(pairs, scale, words):
    with pytest.raises(LeadlineError, match=words):
        ll.fit(make_trials(searches=pairs, n=30), model="crossed", scale=scale, **SETTINGS)


@pytest.mark.slow
def test_guided_trials_bound_the_optimum_and_count_for_the_best_seen():
    trials = small()
    random = trials.table.assign(drawn="random")
    # Sixty trials that a sampler gathered well below the best random one, and a failed one.
    rng = np.random.default_rng(1)
    score = random["score"].min() - 0.2 + 0.02 * rng.standard_normal(60)
    guided = pd.DataFrame({"trial": np.arange(60) + 100, "score": score, "drawn": "guided"})
    guided.loc[60] = [160, np.nan, "guided"]
    table = pd.concat([random, guided], ignore_index=True)
    both = ll.Trials(table[["trial", "score", "drawn"]], "minimize")
    fit = ll.fit(both, guided_evidence=True, **SHORT, **TAIL)
    alone = ll.fit(ll.Trials(random[["trial", "score"]], "minimize"), **SHORT, **TAIL)
    constant = fit["constant_data"].dataset
    assert constant["n_trials"].item() == 40
    assert constant["n_guided"].item() == 61
    assert constant.sizes["guided_trial"] == 60
    optimum = fit["posterior"]["optimum"]
    assert optimum.quantile(0.9) < score.mean() + 0.02
    assert alone["posterior"]["optimum"].quantile(0.9) > score.mean()
    assert optimum.std() < alone["posterior"]["optimum"].std()
    row = ll.summary(fit).iloc[0]
    assert row["best_seen"] == score.min()
    # The best of sixty was lucky.
    assert row["best_seen_expected"] > score.min()
    assert row["headroom"] >= 0.0
    assert row["guided"] == 61
    assert ll.forecast(fit, 10)["p_gain"] < ll.forecast(alone, 10)["p_gain"]
    assert np.isfinite(fit["log_likelihood"]["guided"]).all()
    assert any("guided" in note for note in json.loads(fit.attrs["notes"]))
    assert "guided" in json.loads(fit.attrs["settings"])["model_reason"]
    assert fit.attrs["search_sampler"] == "random share"
    # By default they only say which trial is best, and that the optimum is no worse.
    without = ll.fit(both, **SHORT, **TAIL)
    for name, draws in alone["noisy_quadratic"].data_vars.items():
        np.testing.assert_array_equal(without["noisy_quadratic"][name], draws)
    np.testing.assert_array_equal(without["posterior"]["noise_sd"], alone["posterior"]["noise_sd"])
    again = without["best_seen"]["expected_score"]
    lowered = np.minimum(alone["posterior"]["optimum"], again)
    np.testing.assert_array_equal(without["posterior"]["optimum"], lowered)
    row = ll.summary(without).iloc[0]
    assert row["best_seen"] == score.min()
    assert row["best_seen_expected"] > score.min()
    assert row["headroom"] >= 0.0
    assert row["guided"] == 61
    assert ll.forecast(without, 10)["p_gain"] < ll.forecast(alone, 10)["p_gain"]
    assert "guided" not in without["log_likelihood"]
    assert json.loads(without.attrs["settings"])["guided_evidence"] is False
