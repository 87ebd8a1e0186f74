"""Candidates are walked through, weighed and mixed as they should be; no sampling here."""

import numpy as np
import pytest
import xarray as xr
from helpers import ALPHA, GAMMA, SIGMA, SPREAD, make_averaged_tree, make_trials, simulate_losses

import leadline as ll
from leadline.data.scale import SCALES
from leadline.inference.averaging import fit_search
from leadline.inference.candidates import candidates_of
from leadline.inference.tail_fit import FittedTail
from leadline.models.priors import Priors

CHAINS, DRAWS = 2, 300


class Fitter:
    """Returns draws around the true law, and remembers what it was asked for."""

    def __init__(self):
        self.fitted = []

    def fit(self, search, seed):
        self.fitted.append(search.regime.n_tail)
        rng = np.random.default_rng(seed)
        noise = rng.standard_normal((3, CHAINS, DRAWS))
        law = {
            "optimum": ALPHA + 0.004 * noise[0],
            "spread": SPREAD * np.exp(0.05 * noise[1]),
            "noise_sd": SIGMA * np.exp(0.1 * noise[2]),
        }
        values = law | {f"law_{name}": value for name, value in law.items()}
        values["effective_dim"] = GAMMA + 0.1 * noise[0]
        values["tail_fraction"] = 0.3 + 0.01 * noise[1]
        posterior = xr.Dataset({name: (("chain", "draw"), value) for name, value in values.items()})
        statistics = xr.Dataset({"diverging": (("chain", "draw"), np.zeros((CHAINS, DRAWS), bool))})
        likelihood = {
            "loss": -1.0 + 0.1 * rng.standard_normal((CHAINS, DRAWS, search.regime.n_tail)),
            "in_regime": np.zeros((CHAINS, DRAWS, 1)),
        }
        return FittedTail(search, posterior, statistics, likelihood, {"gap": noise[0]})

    def fit_without(self, search, trial, seed):
        return self.fit(search, seed)


def searched(trials, fractions=None):
    fitter = Fitter()
    candidates = candidates_of(
        trials, Priors(), [SCALES["identity"]], fractions, threshold=None, resolution=0.0
    )
    return fit_search(candidates, fitter, np.random.SeedSequence(3)), fitter


def test_the_walk_goes_outward_while_the_tail_looks_like_the_law():
    # The quantiles of the law itself.
    _, many = simulate_losses(200_000, 1)
    score = np.quantile(many, (np.arange(200) + 0.5) / 200)
    averaged, fitter = searched(ll.from_scores(score, direction="minimize"))
    assert fitter.fitted[:8] == [20, 30, 40, 60, 80, 100, 120, 140]
    assert all(one.kept for one in averaged.candidates)
    assert sum(one.weight for one in averaged.candidates) == pytest.approx(1)
    assert all(np.isfinite(one.elpd) for one in averaged.candidates)


def test_the_walk_stops_where_the_law_does():
    # A quarter follows the law; the others crowd beyond it.
    rng = np.random.default_rng(4)
    _, many = simulate_losses(200_000, 1)
    inside = np.quantile(many[many < ALPHA + 0.5 * SPREAD], (np.arange(75) + 0.5) / 75)
    score = np.concatenate([inside, ALPHA + 0.5 * SPREAD + 0.02 * rng.random(225)])
    averaged, fitter = searched(ll.from_scores(score, direction="minimize"))
    last = averaged.candidates[-1]
    assert not last.kept
    assert last.weight == 0
    assert last.p_value < 0.01
    assert last.tail.search.regime.n_tail == fitter.fitted[len(averaged.candidates) - 1]
    assert 75 < last.tail.search.regime.n_tail <= 120
    assert all(one is not last for one in averaged.in_mixture)


def test_a_candidate_alone_is_taken_as_it_is():
    averaged, fitter = searched(make_trials(n=200), {0.3: 1.0})
    (one,) = averaged.candidates
    assert one.weight == 1
    assert np.isnan(one.elpd)
    assert len(fitter.fitted) == 1
    optimum = one.tail.posterior["optimum"].to_numpy()
    np.testing.assert_array_equal(averaged.pick([optimum]), optimum)


def test_draws_of_the_mixture_are_those_of_its_parts_in_proportion():
    averaged, _ = searched(make_trials(n=200, n_failed=0))
    shares = np.bincount(averaged.component.ravel(), minlength=len(averaged.candidates))
    weights = np.array([one.weight for one in averaged.candidates])
    assert np.abs(shares - weights * CHAINS * DRAWS).max() <= 1
    parts = [one.tail.posterior["optimum"].to_numpy() for one in averaged.candidates]
    mixed = averaged.pick(parts)
    for chain in range(CHAINS):
        for draw in range(DRAWS):
            part = parts[averaged.component[chain, draw]]
            assert mixed[chain, draw] == part[chain, averaged.place[chain, draw]]
    for chain in range(CHAINS):
        for number in np.unique(averaged.component[chain]):
            places = averaged.place[chain, averaged.component[chain] == number]
            assert (np.diff(places) > 0).all()


def test_prior_weights_count():
    trials = make_trials(n=200, n_failed=0)
    even, _ = searched(trials, {0.2: 1.0, 0.4: 1.0})
    skewed, _ = searched(trials, {0.2: 1.0, 0.4: 5.0})
    odds = [one.candidates[1].weight / one.candidates[0].weight for one in (even, skewed)]
    assert odds[1] / odds[0] == pytest.approx(5, rel=1e-6)


def test_same_seed_same_mixture():
    first, second = (searched(make_trials(n=200))[0] for _ in range(2))
    np.testing.assert_array_equal(first.component, second.component)
    np.testing.assert_array_equal(first.place, second.place)
    weights = [[one.weight for one in averaged.candidates] for averaged in (first, second)]
    assert weights[0] == weights[1]


def test_the_tree_of_a_mixture_speaks_of_the_deepest_tail():
    tree = make_averaged_tree(make_trials(), (0.2, 0.4, 0.6), weights=(0.2, 0.5, 0.3))
    candidates = tree["candidates"].dataset
    assert candidates["n_tail"].to_numpy().tolist() == [[24, 48, 72]]
    assert tree["observed_data"].sizes["tail_trial"] == 24
    assert tree["log_likelihood"].sizes["tail_trial"] == 24
    assert int(tree["constant_data"]["n_tail"][0]) == 24
    thresholds = candidates["threshold"].isel(search=0)
    of_draw = tree["posterior"]["candidate"].isel(search=0)
    np.testing.assert_array_equal(
        tree["posterior"]["threshold"].isel(search=0), thresholds[of_draw]
    )
    for number, weight in enumerate((0.2, 0.5, 0.3)):
        assert float((of_draw == number).mean()) == pytest.approx(weight, abs=0.01)


def test_answers_of_a_mixture_are_the_mixture_of_answers():
    trials = make_trials()
    tree = make_averaged_tree(trials, (0.2, 0.6), weights=(0.5, 0.5))
    alone = [
        make_averaged_tree(trials, (0.2, 0.6), weights=weights) for weights in ((1, 0), (0, 1))
    ]
    budgets = [1, 4, 50]
    for kind in ("measured", "expected"):
        mixed = ll.tuning_curve(tree, budgets, kind=kind)
        curves = [ll.tuning_curve(one, budgets, kind=kind) for one in alone]
        of_draw = tree["posterior"]["candidate"]
        assert 0.45 < float((of_draw == 0).mean()) < 0.55
        # The mixture at equal weights takes every second draw of each part.
        middle = sum(curve.mean(("chain", "draw")) for curve in curves) / 2
        np.testing.assert_allclose(mixed.mean(("chain", "draw")), middle, rtol=0.01)


def test_curves_on_another_scale_are_in_score_units():
    trials = make_trials(n=300, n_failed=0)
    on_log = make_averaged_tree(trials, (0.3,), weights=(1,), scale="log")
    assert "law_optimum" in on_log["posterior"]
    assert "law_optimum" not in make_averaged_tree(trials, (0.3,), weights=(1,))["posterior"]
    optimum = on_log["posterior"]["optimum"]
    law = on_log["posterior"]
    np.testing.assert_allclose(
        optimum, np.exp(law["law_optimum"] + law["law_noise_sd"] ** 2 / 2), rtol=1e-9
    )
    curve = ll.tuning_curve(on_log, [1, 3, 10, 1000])
    assert (np.diff(curve.mean(("chain", "draw")), axis=-1) < 0).all()
    best = ll.tuning_curve(on_log, [10, 10_000], quantile="mean", kind="expected")
    assert (best > optimum - 1e-3).all()
    # The best of many is next to the optimum.
    assert float((best.isel(budget=1) - optimum).mean()) < 0.02
