"""Several searches whose space has one integer effective dimension: the fit and its answers."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import leadline as ll
from leadline.data.trials import Trials

pytestmark = pytest.mark.slow

SETTINGS = {"draws": 150, "tune": 250, "chains": 2, "random_seed": 1, "progressbar": False}
PAIRS = [("digits", "mlp"), ("digits", "forest"), ("mnist", "mlp")]
PRIORS = ll.Priors(max_effective_dim=3)


def searches(gamma):
    """Return three searches of one space with this effective dimension."""
    rng = np.random.default_rng(4)
    tables = []
    for place, (task, model) in enumerate(PAIRS):
        loss = 0.3 * place + rng.random(80) ** (2 / gamma) + 0.02 * rng.standard_normal(80)
        tables.append(pd.DataFrame({"task": task, "model": model, "score": -loss, "space": "s"}))
    return Trials(pd.concat(tables, ignore_index=True), "maximize", source="simulated.csv")


@pytest.fixture(scope="module")
def trees():
    """Return the fits of searches with one and with two effective hyperparameters, by that."""
    return {
        gamma: ll.fit(
            searches(gamma),
            "hierarchical",
            effective_dim="integer",
            tail_fraction=0.5,
            priors=PRIORS,
            target_accept=0.95,
            **SETTINGS,
        )
        for gamma in (2, 1)  # The second is a refit with other data.
    }


@pytest.mark.parametrize("gamma", [1, 2])
def test_the_true_dimension_is_the_most_probable(trees, gamma):
    posterior = trees[gamma]["posterior"].to_dataset()
    probability = posterior["effective_dim_probability"].mean(("chain", "draw"))
    assert (probability.idxmax("dimension") == gamma).all()
    assert float(probability.sel(dimension=gamma).min()) > 0.7
    # In losses the optimum is at the place of the search times 0.3.
    error = -posterior["optimum"] - 0.3 * np.arange(len(PAIRS))
    assert (abs(error.mean(("chain", "draw"))) < 3 * error.std(("chain", "draw"))).all()


def test_searches_of_a_space_share_the_dimension(trees):
    posterior, pooled = (trees[2][name].to_dataset() for name in ("posterior", "pooled"))
    assert posterior["effective_dim_probability"].dims == ("chain", "draw", "search", "dimension")
    np.testing.assert_allclose(posterior["effective_dim_probability"].sum("dimension"), 1)
    dim = posterior["effective_dim"]
    assert set(np.unique(dim)) <= {1.0, 2.0, 3.0}
    assert (dim == dim.isel(search=0)).all()
    np.testing.assert_array_equal(dim.isel(search=0), pooled["pooled_effective_dim"].isel(space=0))
    # What depends on it is that of the dimension drawn.
    scale = trees[2]["candidates"]["tail_scale"].isel(candidate=0)
    depth = (scale + posterior["noise_sd"] / 2) * posterior["gap"]
    reach = (depth / posterior["spread"]) ** (dim / 2)
    np.testing.assert_allclose(posterior["reach"], reach.transpose(*dim.dims), rtol=1e-9)


def test_priors_and_likelihoods_are_those_of_the_dimension_drawn(trees):
    tree = trees[2]
    log_prior = tree["log_prior"].to_dataset()
    dim = tree["posterior"]["effective_dim"]
    # An exponential with mean 2 on gamma − 1, up to a constant.
    shift = log_prior["pooled_effective_dim"] + dim / 2
    np.testing.assert_allclose(shift, float(shift.mean()), rtol=1e-9)
    for group in ("log_prior", "log_likelihood"):
        for name, values in tree[group].data_vars.items():
            assert np.isfinite(values).all(), name


def test_answers_take_the_tree(trees, tmp_path):
    tree = trees[2]
    table = ll.summary(tree)
    columns = [f"effective_dim={j}" for j in (1, 2, 3)]
    np.testing.assert_allclose(table[columns].sum(axis=1), 1)
    answers = (ll.tuning_curve(tree, [1, 10]), ll.trials_needed(tree, 0.1))
    for answer in (*answers, ll.forecast(tree, 20)["gain"]):
        assert np.isfinite(answer).any()
    assert ll.compare(tree)["model"].size == 2
    assert set(ll.check(tree)["search"]) == set(tree["posterior"]["search"].to_numpy())
    for name in ("optimum", "tuning_curve", "tail_fit", "effective_dim"):
        getattr(ll, f"plot_{name}")(tree)
    plt.close("all")
    ll.report(tree, tmp_path / "report.html")
    assert "effective" in (tmp_path / "report.html").read_text()
