"""The posterior at one threshold per search: bounds, labels, score units; no sampling here."""

import dataclasses

import numpy as np
import pytest
import xarray as xr
from helpers import ALPHA, GAMMA, SIGMA, SPREAD, make_trials, reference_cdf

import leadline as ll
from leadline.data.scale import SCALES
from leadline.data.tails import cut_tail, join_tails
from leadline.inference.importance import sample_by_importance
from leadline.inference.posterior import (
    PosteriorSampler,
    groups_of,
    log_better,
    log_worse,
    noisy_quadratic_of,
    scores_of_quadratic,
    tail_of,
    tasks_as_scores,
)
from leadline.inference.sampler import Sampler
from leadline.models.priors import Priors

DRAWS = ("chain", "draw")
PAIRS = (("digits", "mlp"), ("digits", "forest"))


def tails_of(direction="minimize", scale="identity", bounds=(4.0, 2.0)):
    trials = make_trials(direction, n=40, n_failed=2, searches=PAIRS)
    tails = [
        cut_tail(
            trials.search(*pair),
            tail_fraction=fraction,
            scale=SCALES[scale],
            max_effective_dim=bound,
            space="s",
        )
        for pair, fraction, bound in zip(PAIRS, (0.3, 0.6), bounds, strict=True)
    ]
    return join_tails(tails)


def draws_of(tails):
    """Return two draws of the parameters that models report."""
    values = {"optimum": ALPHA, "spread": SPREAD, "noise_sd": SIGMA, "effective_dim": GAMMA}
    shape = (1, 2, tails.sizes["search"])
    draws = {
        name: ((*DRAWS, "search"), value * np.linspace(1, 1.1, np.prod(shape)).reshape(shape))
        for name, value in values.items()
    }
    draws["optimum"] = draws["optimum"][0], tails.attrs["loss_sign"] * draws["optimum"][1]
    return xr.Dataset(draws)


def fit_of(tails):
    posterior = draws_of(tails)
    losses = np.arange(2.0 * tails.sizes["tail_trial"]).reshape(1, 2, -1)
    likelihood = {"loss": ((*DRAWS, "tail_trial"), losses)}
    repeated = int((tails["replicates"] > 1).sum())
    if repeated:
        variances = 100 + np.arange(2.0 * repeated).reshape(1, 2, -1)
        likelihood["seed_variance"] = ((*DRAWS, "repeated_trial"), variances)
    return xr.DataTree.from_dict(
        {
            "noisy_quadratic": noisy_quadratic_of(posterior, tails),
            "log_likelihood": xr.Dataset(likelihood),
            "tails": tails,
        }
    )


class Asked(Exception):  # noqa: N818
    pass


@pytest.mark.parametrize(
    ("kind", "effective_dim", "bounds"),
    [
        ("hierarchical", "integer", [2, 2]),
        ("hierarchical", "continuous", [4, 2]),
        ("single", "integer", [4, 2]),
    ],
)
def test_an_integer_dimension_of_a_space_has_the_smallest_bound(
    monkeypatch, kind, effective_dim, bounds
):
    def asked(self, tails):
        raise Asked(tails["max_effective_dim"].to_numpy().tolist())

    monkeypatch.setattr(PosteriorSampler, "_data_of", asked)
    # Importance sampling compiles before it asks.
    sampler = PosteriorSampler(kind, Priors(), effective_dim, Sampler(nuts_sampler="nutpie"))
    with pytest.raises(Asked) as caught:
        sampler.sample(tails_of(), np.random.SeedSequence(1))
    assert caught.value.args[0] == bounds


def test_dimensions_beyond_the_bound_of_a_search_have_no_probability():
    tails = tails_of().assign_coords(space=("search", ["s", "t"]))
    probability = np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.5, 0, 0]])[None, None]
    posterior = xr.Dataset(
        {"effective_dim_probability": ((*DRAWS, "space", "dimension"), probability)},
        {"dimension": [1, 2, 3, 4]},
    )
    sampler = PosteriorSampler("hierarchical", Priors(), "integer", Sampler())
    drawn = xr.DataTree.from_dict({"posterior": posterior})
    got = sampler._with_effective_dims(drawn, tails, 1)["effective_dim_probability"]
    assert got.dims == (*DRAWS, "search", "dimension")
    expected = [[0.1, 0.2, 0.3, 0.4], [0.5, 0.5, np.nan, np.nan]]
    np.testing.assert_array_equal(got[0, 0], expected)


def test_each_search_is_transformed_by_its_own_scale():
    tails = join_tails([tails_of().isel(search=[0]), tails_of(scale="log").isel(search=[1])])
    posterior = draws_of(tails)
    quadratic = noisy_quadratic_of(posterior, tails)
    scores = {name: own[1] for name, own in scores_of_quadratic(quadratic, tails).items()}
    alpha, beta, sigma = (quadratic[name].to_numpy() for name in ("alpha", "beta", "sigma"))
    np.testing.assert_allclose(scores["optimum"][..., 0], alpha[..., 0])
    # The mean and the sd of log-normal scores.
    mean = np.exp(alpha + sigma**2 / 2)[..., 1]
    np.testing.assert_allclose(scores["optimum"][..., 1], mean)
    np.testing.assert_allclose(
        scores["noise_sd"][..., 1], mean * np.sqrt(np.expm1(sigma[..., 1] ** 2))
    )
    np.testing.assert_allclose(scores["spread"][..., 1], (np.exp(beta) - np.exp(alpha))[..., 1])


def test_tasks_are_in_score_units():
    dims = (*DRAWS, "task")
    pooled = xr.Dataset(
        {"task_location": (dims, np.log([[[0.1, 0.5]]])), "task_scale": (dims, [[[0.2, 0.3]]])}
    )
    got = tasks_as_scores(pooled, tails_of(scale="log"))
    # A step in the logarithm is that share of the score.
    np.testing.assert_allclose(got["task_location"], [[[0.1, 0.5]]])
    np.testing.assert_allclose(got["task_scale"], [[[0.02, 0.15]]])
    plain = pooled[["task_location"]]
    assert tasks_as_scores(plain, tails_of(scale="log")) is plain


def test_trials_are_better_or_worse_than_a_loss_with_the_probability_of_the_law():
    scores = [[x, x + 0.01, x + 0.02] if place % 2 else [x] for place, x in enumerate(BEST)]
    tails = cut_tail(ll.from_scores(scores, direction="minimize"), tail_fraction=0.5)
    fit = fit_of(tails)
    worse = log_worse(fit, 0.3)
    assert worse.shape == (2, 2)
    np.testing.assert_allclose(np.exp(log_better(fit, 0.3)), 1 - np.exp(worse), rtol=1e-9)
    for draw in (0, 1):
        alpha, spread, gamma, sigma = (
            float(draws_of(tails)[name][0, draw, 0])
            for name in ("optimum", "spread", "effective_dim", "noise_sd")
        )
        for group, seeds in enumerate((1, 3)):
            expected = 1 - reference_cdf(0.3, alpha, spread, gamma, sigma / np.sqrt(seeds))
            assert np.exp(worse[draw, group]) == pytest.approx(float(expected), abs=1e-3)


BEST = 0.2 + np.sqrt(np.arange(1, 31)) / 10


def test_tail_and_groups_are_those_of_the_search():
    plain = tails_of().isel(search=[0])
    plain = plain.isel(
        tail_trial=plain["tail_search"].to_numpy() == 0,
        replicate_count=plain["group_search"].to_numpy() == 0,
    )
    scores = [[x, x + 0.01] if place % 3 else [x] for place, x in enumerate(BEST)]
    replicated = cut_tail(
        ll.from_scores(scores, direction="minimize"), tail_fraction=0.5, resolution=0
    )
    fit = fit_of(join_tails([plain, replicated]))
    n, both = plain.sizes["tail_trial"], fit["log_likelihood"]["loss"].to_numpy()
    first, second = tail_of(fit, 0), tail_of(fit, 1)
    np.testing.assert_array_equal(first["log_likelihood"], both[..., :n])
    np.testing.assert_array_equal(second["log_likelihood"], both[..., n:])
    np.testing.assert_array_equal(first["row"], plain["row"])
    assert (first["seed_log_likelihood"] == 0).all()
    repeated = second["replicates"].to_numpy() == 2
    np.testing.assert_array_equal(
        second["seed_log_likelihood"][..., repeated], fit["log_likelihood"]["seed_variance"]
    )
    assert (second["seed_log_likelihood"][..., ~repeated] == 0).all()
    np.testing.assert_array_equal(second["group"], repeated)
    assert groups_of(fit, 1)["group_replicates"].to_numpy().tolist() == [1, 2]
    assert groups_of(fit, 0)["group_trials"].to_numpy().tolist() == [40]


def sampled(monkeypatch, largest_k, **settings):
    """Return the posterior of one search, and whether NUTS was asked for draws."""
    monkeypatch.setattr("leadline.inference.importance.MAX_PARETO_K", largest_k)
    asked = []

    class Reached(Exception):  # noqa: N818
        pass

    def compile_for_nuts(self, model):
        asked.append(self)
        raise Reached

    monkeypatch.setattr(Sampler, "compile", compile_for_nuts)
    tail = cut_tail(make_trials(n=60), tail_fraction=0.4)
    sampler = PosteriorSampler("single", Priors(), "continuous", Sampler(draws=300, **settings))
    try:
        return sampler.sample(tail, np.random.SeedSequence(1)), asked
    except Reached:
        return None, asked


def test_a_search_alone_is_drawn_by_importance_sampling(monkeypatch):
    def drawn(*arguments):
        return dataclasses.replace(sample_by_importance(*arguments), ess=900.0)

    monkeypatch.setattr("leadline.inference.posterior.sample_by_importance", drawn)
    fit, asked = sampled(monkeypatch, 0.7)
    assert asked == []
    assert np.isnan(fit.attrs["target_accept"])
    # 1,200 draws repeat points that are worth 900.
    expected = 1 / (1 / 900 + 1 / 1200)
    np.testing.assert_allclose([fit.attrs["min_ess_bulk"], fit.attrs["min_ess_tail"]], expected)


@pytest.mark.parametrize(
    ("largest_k", "settings"),
    [
        (-np.inf, {}),
        (0.7, {"nuts_sampler": "nutpie"}),
        (0.7, {"options": {"max_treedepth": 8}}),
    ],
)
def test_nuts_where_weights_are_unreliable_or_it_is_asked_for(monkeypatch, largest_k, settings):
    fit, asked = sampled(monkeypatch, largest_k, **settings)
    assert fit is None
    assert len(asked) == 1
