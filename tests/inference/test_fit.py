"""A few tiny real fits: what must hold whatever the numbers are."""

import json
from collections import OrderedDict

import numpy as np
import pytest
import xarray as xr
from conftest import PAIR, SETTINGS, SHORT, TAIL
from helpers import make_trials

import leadline as ll
from leadline.data.prepare import prepare
from leadline.errors import LeadlineError
from leadline.inference.sampling import Sampler
from leadline.models.priors import Prior

GROUPS = ["posterior", "sample_stats", "log_likelihood", "log_prior", "observed_data"]
MIRRORED = {"optimum", "score", "threshold", "trial_score", "trial_first_score"}
DIMS = ("chain", "draw", "search")


@pytest.fixture(scope="module", autouse=True)
def started_early(other_process):
    """Let the other process work while the tests of this file do."""
    return other_process


def small(direction="minimize", **options):
    return make_trials(direction, n=40, n_failed=2, **options)


def assert_equal_draws(one, other, groups=("posterior", "log_likelihood", "log_prior")):
    for group in groups:
        xr.testing.assert_equal(one[group].to_dataset(), other[group].to_dataset())


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
    posterior, constant = fitted["posterior"], fitted["constant_data"]
    theta, scale = constant["threshold"], fitted["candidates"]["tail_scale"].sel(candidate=0)
    np.testing.assert_allclose(
        posterior["optimum"], (theta - scale * posterior["gap"]).transpose(*DIMS), rtol=1e-12
    )
    np.testing.assert_allclose(
        posterior["noise_sd"], (scale * posterior["noise_ratio"]).transpose(*DIMS), rtol=1e-12
    )
    reach = (scale * posterior["gap"] / posterior["spread"]) ** (posterior["effective_dim"] / 2)
    np.testing.assert_allclose(posterior["reach"], reach.transpose(*DIMS), rtol=1e-9)


def test_the_optimum_is_found(fitted):
    # The law of the search: optimum 0.2, noise sd 0.02, half of all trials past the threshold.
    mean, sd = fitted["posterior"]["optimum"].mean(), fitted["posterior"]["optimum"].std()
    assert abs(mean - 0.2) < 3 * sd
    assert 0.002 < sd < 0.1
    assert fitted["posterior"]["tail_fraction"].mean() == pytest.approx(0.5, abs=0.1)


def test_maximising_the_negated_scores_mirrors_every_number(fit_once, fitted):
    other = fit_once(small("maximize"))
    for group in [*GROUPS, "constant_data"]:
        assert set(fitted[group].data_vars) == set(other[group].data_vars)
        for name, values in fitted[group].data_vars.items():
            expected = -values if name in MIRRORED and group != "log_likelihood" else values
            xr.testing.assert_equal(expected, other[group][name])
    assert other.attrs["direction"] == "maximize"


def test_same_seed_same_numbers_and_another_seed_others(fit_once, fitted):
    assert_equal_draws(fitted, fit_once(small()))
    other = fit_once(small(), random_seed=6)
    assert (fitted["posterior"]["optimum"] != other["posterior"]["optimum"]).all()


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


def test_several_searches_compile_one_model(monkeypatch):
    compiled, sampled = [], []

    class Stop(Exception):  # noqa: N818
        pass

    class Ready:
        def with_sampler(self, sampler):
            return self

        def with_data(self, data):
            sampled.append(data)
            return self

        def sample_carefully(self, seed, second_seed):
            if len(sampled) == 3:
                raise Stop
            return fake

    def compile_model(self, model):
        compiled.append(model)
        return Ready()

    names = ["optimum", "effective_dim", "noise_sd", "tail_fraction", "spread", "gap"]
    draws = xr.Dataset(
        {name: (("chain", "draw"), np.ones((1, 1))) for name in [*names, "noise_ratio", "reach"]}
    )
    stats = xr.Dataset({"diverging": (("chain", "draw"), np.zeros((1, 1), bool))})
    fake = xr.DataTree.from_dict({"posterior": draws, "sample_stats": stats})
    monkeypatch.setattr(Sampler, "compile", compile_model)
    evaluated = []

    def densities(model):
        def evaluate(posterior, data):
            evaluated.append(model)
            n = len(data["observed_loss"])
            zero = np.zeros((1, 1))
            return {"loss": np.zeros((1, 1, n)), "in_regime": np.zeros((1, 1, 1))}, {"gap": zero}

        return evaluate

    monkeypatch.setattr("leadline.inference.compiled_models.Densities", densities)
    monkeypatch.setattr("leadline.inference.compiled_models._KEPT", OrderedDict())
    three = small(searches=(("a", "x"), ("b", "x"), ("c", "x")))
    with pytest.raises(Stop):
        ll.fit(three, "single", **TAIL, **SETTINGS)
    assert len(compiled) == 1
    assert len({id(model) for model in evaluated}) == 1
    assert len({data["threshold"] for data in sampled}) == 3


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
    depth = fitted_integer["candidates"]["tail_scale"].sel(candidate=0) * posterior["gap"]
    reach = (depth / posterior["spread"]) ** (dims / 2)
    np.testing.assert_allclose(posterior["reach"], reach.transpose(*DIMS), rtol=1e-9)
    for name, values in posterior.data_vars.items():
        assert np.isfinite(values).all(), name


def test_a_threshold_in_score_units_is_the_fraction(fitted):
    theta = float(fitted["constant_data"]["threshold"][0])
    for direction, sign in (("minimize", 1), ("maximize", -1)):
        by_fraction = prepare(small(direction), ll.Priors(), **TAIL).regime
        by_threshold = prepare(small(direction), ll.Priors(), threshold=sign * theta).regime
        for name in ("loss", "threshold", "tail_scale", "rows", "group_in_regime"):
            np.testing.assert_array_equal(getattr(by_fraction, name), getattr(by_threshold, name))


def test_numpy_numbers_are_numbers(fit_once):
    options = {"tail_fraction": np.float32(0.5), "draws": np.int64(20), "random_seed": np.int32(3)}
    tree = fit_once(small(), **options, tune=np.int64(50), chains=np.int64(1))
    settings = json.loads(tree.attrs["settings"])
    assert settings["draws"] == 20
    assert settings["tail_fraction"] == 0.5


def test_a_refit_draws_what_a_fresh_fit_in_another_process_does(
    fit_once, fitted_pair, other_process
):
    # Here the compiled model has other data first, of another size; there it is new.
    fit_once(make_trials(n=60), **SHORT)
    here = fit_once(small(), **SHORT)["posterior"]
    out, err = other_process.communicate(timeout=180)
    assert other_process.returncode == 0, err
    there = dict(line.split() for line in out.splitlines())
    assert set(there) == set(here.data_vars)
    for name, values in here.data_vars.items():
        draws = np.frombuffer(bytes.fromhex(there[name])).reshape(values.shape)
        np.testing.assert_array_equal(draws, values, err_msg=name)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"model": "bowl"},
            "model must be 'auto' or 'single' or 'hierarchical' or 'crossed', got 'bowl'",
        ),
        ({"effective_dim": "whole"}, "effective_dim must be 'continuous' or 'integer'"),
        ({"effective_dim": 3}, "effective_dim must be .* got 3"),
        ({"nuts_sampler": "stan"}, "nuts_sampler must be 'nutpie' or .* got 'stan'"),
        ({"draws": 0}, "draws must be an integer of 1 or more, got 0"),
        ({"draws": 10.5}, "draws must be an integer of 1 or more, got 10.5"),
        ({"draws": "100"}, "draws must be an integer of 1 or more, got '100'"),
        ({"tune": 0}, "tune must be an integer of 1 or more, got 0"),
        ({"tune": -1}, "tune must be"),
        ({"chains": 0}, "chains must be"),
        ({"chains": True}, "chains must be"),
        ({"random_seed": -1}, "random_seed must be an integer of 0 or more.* got -1"),
        ({"random_seed": "x"}, "random_seed must be"),
        ({"random_seed": 1.5}, "random_seed must be"),
        ({"priors": {"gap": 1}}, r"priors must be a leadline.Priors\(...\)"),
        ({"priors": Prior("Normal", mu=0)}, "priors must be"),
        ({"tail_fraction": []}, "tail_fraction is empty"),
        ({"tail_fraction": [0.2, "x"]}, "tail_fraction must be a number, got 'x'"),
        ({"tail_fraction": {0.2: 1, 0.3: 0}}, "prior weight of tail_fraction 0.3 must be"),
        ({"scale": "sqrt"}, "scale must be 'identity', 'log', 'logit' or 'auto'"),
        ({"threshold": 0.3}, "not both"),
        ({"tail_fraction": 1.5}, r"tail_fraction must be in \(0, 1\]"),
        ({"tail_fraction": "auto"}, "tail_fraction must be a number"),
        ({"tail_fraction": None, "threshold": None}, "threshold must be a number .* or 'auto'"),
        ({"tail_fraction": None, "threshold": 17}, "threshold 17 is outside the scores"),
        ({"tail_fraction": 0.1}, "only 4 of 40 trials"),
        ({"resolution": -1}, "resolution must be 0 or more"),
    ],
)
def test_a_bad_option_is_told_in_one_line(options, words):
    with pytest.raises(LeadlineError, match=words) as caught:
        ll.fit(small(), **(TAIL | SETTINGS | options))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("trials", "words"),
    [
        ([0.1, 0.2], "takes Trials, got list.*read_table"),
        (None, "takes Trials, got NoneType"),
    ],
)
def test_only_trials_are_fitted(trials, words):
    with pytest.raises(LeadlineError, match=words):
        ll.fit(trials, **TAIL)


def test_a_search_without_scores_is_named():
    trials = small(searches=PAIR)
    table = trials.table.assign(score=trials.table["score"].where(trials.table["model"] == "mlp"))
    empty = ll.Trials(table.drop(columns="status"), "minimize")
    with pytest.raises(LeadlineError, match="search digits / forest: no trial has a score"):
        ll.fit(empty, **TAIL)


@pytest.mark.parametrize(
    ("prior", "words"),
    [
        (Prior("Wishful", mu=0), "'Wishful'.*not a continuous distribution"),
        (Prior("Gamma", alpha=1, rate=2), "rate=...*no such parameter"),
    ],
)
def test_a_prior_that_pymc_does_not_know_is_named(prior, words):
    with pytest.raises(ValueError, match=words):
        ll.fit(small(), priors=ll.Priors(noise_ratio=prior), **TAIL, **SETTINGS)
