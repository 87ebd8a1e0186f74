"""Searches fitted together in two stages: picks follow the ratios, and agree with a joint fit."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from helpers import simulate_losses

import leadline as ll
from leadline.data.tails import join_tails
from leadline.data.trials import Trials
from leadline.inference.candidates import candidates_of, space_names
from leadline.inference.joint_fit import joint_sampler
from leadline.inference.posterior import PosteriorSampler
from leadline.inference.sampler import Sampler
from leadline.inference.two_stages import pick_draws
from leadline.models.population import COORDINATES

SAMPLES = 20_000


def equal_draws(log_base, depth=0.0, width=0.0):
    """Return draws of searches, equal but for `log_base` (search, draw) and what is given."""
    result = []
    for own in log_base:
        z = np.zeros((len(own), len(COORDINATES)))
        z[..., -1] = depth
        columns = {"z": (("draw", "coordinate"), z), "log_base": ("draw", np.array(own, float))}
        columns["width"] = "coordinate", np.full(len(COORDINATES), width)
        result.append(xr.Dataset(columns))
    return result


def population_of(searches, mean=0.0, sd=1.0):
    """Return equal draws of the shared parameters."""
    values = np.zeros((2, SAMPLES // 2, searches, len(COORDINATES)))
    dims = ("chain", "draw", "search", "coordinate")
    return xr.Dataset(
        {"population_mean": (dims, values + mean), "population_sd": (dims, values + sd)}
    )


def picked(draws, shared, seed=0):
    """Return the frequency of each draw of each search, and the overlaps."""
    picks, overlap = pick_draws(draws, shared, np.random.default_rng(seed))
    assert picks.dims == ("chain", "draw", "search")
    shares = [
        [(picks.isel(search=search) == number).mean() for number in range(own.sizes["draw"])]
        for search, own in enumerate(draws)
    ]
    np.testing.assert_allclose(np.sum(shares, axis=-1), 1)
    return np.array(shares), overlap


def test_a_draw_is_picked_as_often_as_its_ratio():
    # Ratios of 1 to 3 and of 1 to 1, by the priors of the searches alone.
    shares, overlap = picked(equal_draws([[0, -np.log(3)], [0, 0]]), population_of(2))
    np.testing.assert_allclose(shares, [[0.25, 0.75], [0.5, 0.5]], atol=0.015)
    np.testing.assert_allclose(overlap, [0.8, 1.0])
    # By the density of the population, without a kernel.
    shares, _ = picked(equal_draws([[0, 0]], depth=[0.0, 1.5]), population_of(1, sd=0.8))
    odds = np.exp(-0.5 * (1.5 / 0.8) ** 2)
    np.testing.assert_allclose(shares, [[1 / (1 + odds), odds / (1 + odds)]], atol=0.015)
    # The variance of a draw counts as that of the population.
    wide, _ = picked(equal_draws([[0, 0]], depth=[0.0, 1.5], width=0.6), population_of(1, sd=0.5))
    odds = np.exp(-0.5 * 1.5**2 / (0.5**2 + 0.6**2))
    np.testing.assert_allclose(wide, [[1 / (1 + odds), odds / (1 + odds)]], atol=0.015)


def test_overlap_is_the_share_of_draws_that_are_used():
    one = np.full(10, 1000.0)
    one[4] = 0.0
    shares, overlap = picked(equal_draws([np.zeros(10), one]), population_of(2))
    np.testing.assert_allclose(overlap, [1.0, 0.1])
    np.testing.assert_allclose(shares[0], 0.1, atol=0.015)
    np.testing.assert_array_equal(shares[1], np.arange(10) == 4)


def test_picks_vary_with_the_population_and_with_the_seed_alone():
    draws, shared = equal_draws(np.zeros((1, 2)), depth=[-5.0, 5.0]), population_of(1)
    means = np.where(np.arange(SAMPLES // 2) % 2, -5.0, 5.0)[:, None, None]
    apart = shared.assign(population_mean=shared["population_mean"] + means)
    picks, overlap = pick_draws(draws, apart, np.random.default_rng(1))
    np.testing.assert_array_equal(picks.to_numpy()[0, :4, 0], [1, 0, 1, 0])
    # Each draw of the population takes one draw of the search, and all together take both.
    np.testing.assert_allclose(overlap, 1)
    first, again, other = (
        pick_draws(draws, shared, np.random.default_rng(seed))[0] for seed in (1, 1, 2)
    )
    assert (first == again).all()
    assert (first != other).any()


MODELS = {
    "hierarchical": [("a", "x"), ("b", "x"), ("c", "x"), ("d", "x")],
    "crossed": [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y"), ("c", "x"), ("c", "y")],
}
LAWS = [(0.2, 0.6, 2.0, 0.02), (0.3, 0.8, 1.7, 0.03), (0.1, 0.5, 2.4, 0.02)]
FRACTION = 0.5
SIGNED = ("model_effect", "task_location")


def searches(kind, n=80):
    tables = []
    for number, (task, model) in enumerate(MODELS[kind]):
        optimum, *rest = LAWS[number % len(LAWS)]
        loss = simulate_losses(n, 40 + number, (optimum + 0.05 * (model == "y"), *rest))[1]
        tables.append(pd.DataFrame({"task": task, "model": model, "score": loss}))
    return Trials(pd.concat(tables, ignore_index=True), "minimize", source="simulated.csv")


def fit_in_two_stages(kind):
    """Return a fit, or the pool of fits of each search, which is the same by another way."""
    quiet = {"random_seed": 1, "progressbar": False}
    if kind == "hierarchical":
        return ll.pool(ll.fit_many(searches(kind), tail_fraction=FRACTION, **quiet), **quiet)
    return ll.fit(searches(kind), kind, tail_fraction=FRACTION, **quiet)


def fit_at_once(kind):
    """Return the posterior of the joint model itself, at the same thresholds."""
    trials = searches(kind)
    spaces = space_names(trials)
    tails = [
        candidates_of(trials, pair, ll.Priors(), fractions={FRACTION: 1.0}, space=spaces[pair])[0]
        for pair in trials.searches
    ]
    sampler = PosteriorSampler(
        kind, ll.Priors(), "continuous", joint_sampler(Sampler(), len(tails))
    )
    return sampler.sample(join_tails(tails), np.random.SeedSequence(2))


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(MODELS))
def test_two_stages_agree_with_a_joint_fit(kind):
    stages, joint = fit_in_two_stages(kind), fit_at_once(kind)
    overlap = stages["candidates"]["overlap"].to_numpy()
    assert ((overlap > 0.05) & (overlap <= 1)).all()
    # The location of a task is a parameter in two stages only; its scale is measured.
    assert set(stages["pooled"].sizes) == set(joint["pooled"].sizes)
    pooled = [name for name in joint["pooled"].data_vars if name != "task_scale"]
    assert set(stages["pooled"].data_vars) - {"task_depth", "task_scale"} == set(pooled)
    groups = {"posterior": ["optimum", "effective_dim"], "pooled": pooled}
    wrong = []
    for group, names in groups.items():
        for name in names:
            got, expected = (
                # Positive, with long tails.
                np.log(own) if group == "pooled" and name not in SIGNED else own
                for own in (stages[group][name], joint[group][name])
            )
            means, sds = (
                [getattr(own, figure)(("chain", "draw")).to_numpy() for own in (got, expected)]
                for figure in ("mean", "std")
            )
            apart, wider = (means[0] - means[1]) / sds[1], sds[0] / sds[1]
            if not ((np.abs(apart) < 0.25).all() and (np.abs(np.log(wider)) < np.log(1.2)).all()):
                wrong.append((name, apart.round(2).tolist(), wider.round(2).tolist()))
    assert not wrong
