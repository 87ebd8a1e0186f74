"""The result of a fit: its groups and dims, its way to disk and back, and ArviZ on it."""

import json

import arviz as az
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import SETTINGS
from helpers import make_averaged_tree, make_part, make_tree, make_trials, reference_cdf
from scipy import stats

import leadline as ll
from leadline.data.scale import SCALES
from leadline.data.tails import cut_tail
from leadline.data.trials import Trials
from leadline.inference.candidates_table import candidate_numbers, candidates_table
from leadline.inference.shared_tail import log_likelihood, shared_tail
from leadline.inference.tree import join_groups
from leadline.models.priors import Priors

GROUPS = {
    "posterior": {"chain", "draw", "search"},
    "noisy_quadratic": {"chain", "draw", "search"},
    "sample_stats": {"chain", "draw"},
    "log_likelihood": {"chain", "draw", "search", "tail_trial"},
    "log_prior": {"chain", "draw", "search"},
    "observed_data": {"search", "tail_trial"},
    "constant_data": {"search", "trial"},
    "candidates": {"search", "candidate", "sample"},
    "best_seen": {"chain", "draw", "search"},
    "checks": {"search", "check"},
}
USERS = {"optimum", "effective_dim", "noise_sd", "tail_fraction", "spread"}
USERS |= {"threshold", "candidate"}
OWN = {"gap", "noise_ratio", "reach"}


def replicated_trials():
    rng = np.random.default_rng(8)
    expected = 0.2 + 0.6 * rng.random(40)
    scores = [
        list(-q + 0.02 * rng.standard_normal(3 if i % 2 else 1)) for i, q in enumerate(expected)
    ]
    return ll.from_scores(scores, direction="maximize")


@pytest.fixture(scope="module")
def trees(fitted, fitted_pair, fitted_integer):
    return {
        "one": fitted,
        "pair": fitted_pair,
        "integer": fitted_integer,
        "replicated": make_tree(replicated_trials(), chains=2, draws=20),
    }


@pytest.fixture(params=["one", "pair", "integer", "replicated"])
def tree(request, trees):
    return trees[request.param]


def test_groups_and_dims(trees):
    assert set(trees["one"].children) == set(GROUPS)
    for group, dims in GROUPS.items():
        assert set(trees["one"][group].sizes) == dims, group
    assert set(trees["integer"]["posterior"].sizes) == GROUPS["posterior"] | {"dimension"}
    assert "repeated_trial" in trees["replicated"]["observed_data"].sizes
    assert "search" in trees["pair"]["sample_stats"].sizes


def test_variables(trees):
    one, integer = trees["one"], trees["integer"]
    assert set(one["posterior"].data_vars) == USERS | OWN
    assert set(integer["posterior"].data_vars) == USERS | OWN | {"effective_dim_probability"}
    for tree in (one, integer):
        assert set(tree["log_prior"].data_vars) == OWN | {"effective_dim"}
        assert set(tree["log_likelihood"].data_vars) == {"score", "in_regime"}
        assert set(tree["observed_data"].data_vars) == {"score", "in_regime"}
        # Importance sampling has no other statistics.
        assert set(tree["sample_stats"].data_vars) == {"diverging"}
        law = {"alpha", "beta", "gamma", "sigma", "threshold"}
        assert set(tree["noisy_quadratic"].data_vars) == law
    for group in ("observed_data", "log_likelihood"):
        expected = {"score", "in_regime", "seed_variance"}
        assert set(trees["replicated"][group].data_vars) == expected
    for name, values in one["posterior"].data_vars.items():
        assert values.dims == ("chain", "draw", "search"), name
        assert values.shape == (2, 200, 1)


def test_every_search_is_labelled_alike_in_every_group(tree):
    labels = tree["posterior"]["search"].values.tolist()
    for group in tree.children:
        if "search" in tree[group].sizes:
            assert tree[group]["search"].values.tolist() == labels
    constant = tree["constant_data"]
    assert list(dict.fromkeys(constant["trial_search"].values)) == labels
    for dim, group in (("trial", "constant_data"), ("tail_trial", "observed_data")):
        assert tree[group].indexes[dim].is_unique


def test_data_are_those_of_the_trials(tree):
    constant, observed = tree["constant_data"], tree["observed_data"]
    sign = 1 if tree.attrs["direction"] == "minimize" else -1
    scores = constant["trial_score"].to_series()
    assert constant["n_complete"].sum() == scores.notna().sum()
    assert constant["n_trials"].sum() == len(scores)
    # A tail trial is named as the trial it is, and has its score.
    tail = observed["score"].to_series()
    np.testing.assert_array_equal(scores[tail.index], tail)
    # In the order of the trials, also where the models take those with fewer seeds first.
    assert (np.diff(scores.index.get_indexer(tail.index)) > 0).all()
    theta = constant["threshold"].to_series()[constant["trial_search"].to_series()[tail.index]]
    assert (sign * tail.to_numpy() <= sign * theta.to_numpy()).all()
    assert observed["in_regime"].sum() == constant["n_tail"].sum() == len(tail)


def test_a_threshold_without_weight_may_have_no_repeated_trial():
    # The ten best trials have one seed each, the others two.
    scores = [[q] if q < 0.3 else [q - 0.01, q + 0.01] for q in np.linspace(0.1, 0.9, 40)]
    trials = ll.from_scores(scores, direction="minimize")
    tree = make_averaged_tree(trials, [0.2, 0.5], [0.0, 1.0])
    assert tree["observed_data"].sizes["repeated_trial"] == 10
    assert tree["log_likelihood"]["seed_variance"].sizes["repeated_trial"] == 10


def test_attributes_are_its_provenance(fitted, fitted_integer):
    attrs = fitted.attrs
    assert attrs["direction"] == "minimize"
    assert attrs["metric"] == "log_loss"
    assert attrs["source"] == "simulated.csv"
    assert attrs["trials"] == "40 trials: 38 complete, 2 failed"
    assert json.loads(attrs["priors"]) == Priors().to_dict()
    settings = json.loads(attrs["settings"])
    for name in ("draws", "tune", "chains", "random_seed"):
        assert settings[name] == SETTINGS[name]
    assert settings["tail_fraction"] == 0.5
    assert settings["threshold"] is None
    assert json.loads(fitted_integer.attrs["settings"])["effective_dim"] == "integer"
    assert json.loads(fitted_integer.attrs["priors"])["max_effective_dim"] == 3
    assert {"leadline", "pymc", "nutpie"} <= set(json.loads(attrs["versions"]))
    assert all(isinstance(value, str | int | float) for value in attrs.values())


# Warnings of zarr 3 about the format of strings and consolidated metadata.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "engine"),
    [
        *((name, "h5netcdf") for name in ("pair", "integer", "replicated")),
        *((name, "zarr") for name in ("integer", "replicated")),
    ],
)
def test_a_file_gives_back_the_tree(trees, tmp_path, name, engine):
    pytest.importorskip(engine)
    tree = trees[name]
    if engine == "zarr":
        tree.to_zarr(tmp_path / "fit")
    else:
        tree.to_netcdf(tmp_path / "fit", engine=engine)
    with xr.open_datatree(tmp_path / "fit", engine=engine) as opened:
        back = opened.load()
    assert set(tree.children) == set(back.children)
    for group in tree.children:
        xr.testing.assert_identical(
            tree[group].to_dataset(inherit=False), back[group].to_dataset(inherit=False)
        )
    assert tree.attrs == back.attrs


def test_log_prior_is_that_of_the_priors(fitted):
    posterior, log_prior = fitted["posterior"], fitted["log_prior"]
    expected = {
        "gap": stats.lognorm.logpdf(posterior["gap"], 1, scale=np.exp(0.693)),
        "noise_ratio": stats.lognorm.logpdf(posterior["noise_ratio"], 1, scale=np.exp(-1.2)),
        "reach": np.zeros(posterior["reach"].shape),
        # Exponential with mean 2 on gamma − 1, cut off at 9.
        "effective_dim": (1 - posterior["effective_dim"]) / 2 - np.log(-2 * np.expm1(-9 / 2)),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(log_prior[name], values, rtol=1e-9, atol=1e-9, err_msg=name)


def test_log_likelihood_is_that_of_the_law(fitted_integer, fitted):
    for tree in (fitted, fitted_integer):
        likelihood, constant = tree["log_likelihood"], tree["constant_data"]
        theta, step = float(constant["threshold"][0]), 1e-4
        scores = tree["observed_data"]["score"].values
        for chain, draw in ((0, 0), (1, 150)):
            values = tree["posterior"].isel(chain=chain, draw=draw, search=0)
            law = [float(values[n]) for n in ("optimum", "spread", "effective_dim", "noise_sd")]
            fraction = float(reference_cdf(theta, *law))
            assert float(values["tail_fraction"]) == pytest.approx(fraction, abs=1e-3)
            got = likelihood.isel(chain=chain, draw=draw)
            count = stats.binom.logpmf(20, 40, float(values["tail_fraction"]))
            assert got["in_regime"].values[0] == pytest.approx(count, abs=1e-9)
            cells = reference_cdf(scores + step, *law) - reference_cdf(scores - step, *law)
            density = np.log(cells / (2 * step) / fraction)
            # The reference sums over 4000 equally likely scores.
            np.testing.assert_allclose(got["score"].values, density, atol=0.02)


# Four hundred draws are few for the most influential scores.
@pytest.mark.filterwarnings("ignore:Estimated shape parameter")
@pytest.mark.parametrize("name", ["one", "pair", "integer"])
def test_arviz_takes_the_tree(trees, name):
    tree = trees[name]
    table = az.summary(tree, var_names=["optimum", "effective_dim"])
    assert len(table) == 2 * tree["posterior"].sizes["search"]
    assert np.isfinite(table.select_dtypes("number").to_numpy()).all()
    loo = az.loo(tree, var_name="score")
    assert np.isfinite([loo.elpd, loo.se, loo.p]).all()
    assert loo.n_data_points == tree["observed_data"].sizes["tail_trial"]
    table = az.psense_summary(tree, var_names=["optimum", "noise_sd"])
    assert np.isfinite(table[["prior", "likelihood"]].to_numpy(dtype=float)).all()


def test_mixed_searches_make_one_tree():
    # One search with replicates on a grid, one without either.
    table = replicated_trials().table.assign(task="a")
    other = make_trials("maximize", n=40, n_failed=2).table.assign(task="b", model="model")
    trials = Trials(pd.concat([table, other], ignore_index=True), "maximize")
    tree = make_tree(trials, chains=2, draws=20)
    observed = tree["observed_data"]
    assert observed.sizes["search"] == 2
    assert 0 < observed.sizes["repeated_trial"] < observed.sizes["tail_trial"]
    assert np.isfinite(observed["seed_variance"]).all()
    assert set(observed["repeated_trial"].values) <= set(observed["tail_trial"].values)


def part_of(tails, draws, seed, optimum=0.2):
    """Return a fit of one search with draws around some law."""
    noise = np.random.default_rng(seed).standard_normal((5, 2, draws, 1))
    law = {"optimum": optimum, "spread": 0.6, "noise_sd": 0.02, "gap": 2.0, "effective_dim": 2.0}
    dims = ("chain", "draw", "search")
    values = zip(law.items(), noise, strict=True)
    return make_part(tails, xr.Dataset({k: (dims, v + 0.003 * own) for (k, v), own in values}))


def test_fits_with_the_same_threshold_are_one_candidate():
    parts = []
    for number, (fraction, draws) in enumerate(((0.4, 100), (0.2, 30), (0.4, 40))):
        tails = cut_tail(make_trials(), tail_fraction=fraction, max_effective_dim=10)
        parts.append(part_of(tails, draws, seed=number))
        worst = {"max_rhat": 1.0 + number, "min_ess_bulk": 9.0 - number, "divergences": number}
        parts[-1].attrs.update(worst)
    numbers = candidate_numbers(parts, 0)
    assert numbers.tolist() == [1, 0, 1]
    evidence = pd.DataFrame(
        {
            "kept": True,
            "weight": [0.5, 0.3, 0.2],
            "elpd": np.nan,
            "refitted": 0,
            "p_value": [0.2, 0.5, 0.4],
        }
    )
    table = candidates_table(parts, numbers, evidence, 0)
    assert table["n_tail"].to_numpy().tolist() == [24, 48]
    np.testing.assert_allclose(table["weight"], [0.3, 0.7])
    np.testing.assert_allclose(table["p_value"], [0.5, 0.3])
    # The worst of its fits.
    assert table["max_rhat"].to_numpy().tolist() == [2, 3]
    assert table["min_ess_bulk"].to_numpy().tolist() == [8, 7]
    assert table["divergences"].to_numpy().tolist() == [1, 2]
    assert table["kept"].dtype == np.int8
    # As many draws of each, of all its fits.
    assert table.sizes["sample"] == 2 * 30
    optimum = [part["posterior"]["optimum"].to_numpy() for part in parts]
    assert set(table["optimum"][0].to_numpy()) == set(optimum[1].ravel())
    assert set(table["optimum"][1].to_numpy()) & set(optimum[0].ravel())
    assert set(table["optimum"][1].to_numpy()) & set(optimum[2].ravel())


def test_the_stored_draws_of_a_threshold_have_the_mean_of_all():
    """As in a search whose one threshold has all weight, where a picture shows both."""
    tails = cut_tail(make_trials(), tail_fraction=0.3)
    part = part_of(tails, 2000, seed=0)
    evidence = pd.DataFrame(
        {"kept": True, "weight": [1.0], "elpd": np.nan, "refitted": 0, "p_value": [0.5]}
    )
    table = candidates_table([part], np.array([0]), evidence, 0)
    for name in ("optimum", "effective_dim", "noise_sd"):
        every = part["posterior"][name]
        assert table.sizes["sample"] < every.size
        np.testing.assert_allclose(table[name].mean(), every.mean(), atol=0.002 * every.std())


def test_densities_of_reports_are_of_scores_and_probabilities_have_no_units():
    """On a scale of logarithms: one report beyond the threshold, and one that is not."""
    tails = cut_tail(make_trials(), threshold=0.3, scale=SCALES["log"]).assign(
        reported_loss=("report", np.log([0.2, 0.5])), report_search=("report", [0, 0])
    )
    part = part_of(tails, 50, seed=0, optimum=-1.6)
    given = np.random.default_rng(0).standard_normal((2, 50, 2))
    densities = part["log_likelihood"].to_dataset()
    part["log_likelihood"] = xr.DataTree(
        densities.assign(reported=(("chain", "draw", "report"), given))
    )
    got = log_likelihood(part, [shared_tail([part], 0)])
    # The density of y is that of log y, over y.
    np.testing.assert_allclose(got["reported"], given + np.array([-np.log(0.2), 0.0]))


def test_a_search_without_guided_trials_has_none_of_their_terms():
    dims = ("chain", "draw", "search")

    def groups(name, **more):
        coords = {"search": [name], "task": ("search", [name]), "model": ("search", ["m"])}
        values = dict.fromkeys(["score", *more], (dims, np.ones((1, 2, 1))))
        own = xr.Dataset(values, coords)
        statistics = xr.Dataset({"diverging": (dims[:2], np.zeros((1, 2), dtype=bool))})
        found = dict.fromkeys(["posterior", "log_prior", "log_likelihood"], own)
        return found | {"sample_stats": statistics}

    joined = join_groups([groups("a", guided=None), groups("b")])
    for group in ("log_prior", "log_likelihood"):
        assert joined[group]["guided"].sel(search="b").to_numpy().tolist() == [[0.0, 0.0]]
    # A parameter that a search lacks has no value.
    assert joined["posterior"]["guided"].sel(search="b").isnull().all()  # noqa: PD003
