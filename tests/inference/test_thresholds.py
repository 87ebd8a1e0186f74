"""Candidates are fitted outwards, weighed and mixed as they should be; no sampling here."""

import numpy as np
import pytest
import xarray as xr
from helpers import (
    ALPHA,
    GAMMA,
    SIGMA,
    SPREAD,
    make_averaged_tree,
    make_part,
    make_trials,
    simulate_losses,
)

import leadline as ll
from leadline.inference.candidates import candidates_of
from leadline.inference.progress import Progress
from leadline.inference.thresholds import MIN_P_VALUE, fit_candidates
from leadline.models.priors import Priors

DIMS = ("chain", "draw", "search")


class FakeSampler:
    """Returns draws around the true law, and stores the sizes of the tails that it gets."""

    def __init__(self):
        self.fitted = []
        self.progress = Progress()

    def sample(self, tails, seed):
        self.fitted.append(tails.sizes["tail_trial"])
        noise = np.random.default_rng(seed).standard_normal((3, 2, 300, 1))
        draws = {
            "optimum": tails.attrs["loss_sign"] * ALPHA + 0.004 * noise[0],
            "spread": SPREAD * np.exp(0.05 * noise[1]),
            "noise_sd": SIGMA * np.exp(0.1 * noise[2]),
            "effective_dim": GAMMA + 0.1 * noise[0],
            "gap": np.exp(noise[0]),
        }
        if tails["scale"][0] == "log":
            relative = {name: draws[name] / draws["optimum"] for name in ("spread", "noise_sd")}
            draws |= {"optimum": np.log(draws["optimum"]), "noise_sd": relative["noise_sd"]}
            draws["spread"] = np.log1p(relative["spread"])
        posterior = xr.Dataset({name: (DIMS, values) for name, values in draws.items()})
        return make_part(tails, posterior, informative=False)

    def sample_without(self, tails, trial, seed):
        return self.sample(tails, seed)


def fitted(trials, fractions=None):
    sampler = FakeSampler()
    candidates = candidates_of(
        trials, trials.searches[0], Priors(), fractions=fractions, resolution=0.0
    )
    fits, evidence = fit_candidates(candidates, sampler, np.random.SeedSequence(3))
    assert len(fits) == len(evidence)
    return fits, evidence, sampler


def test_candidates_are_fitted_outwards_while_the_tail_looks_like_the_law():
    # The quantiles of the law itself.
    _, many = simulate_losses(200_000, 1)
    score = np.quantile(many, (np.arange(200) + 0.5) / 200)
    fits, evidence, sampler = fitted(ll.from_scores(score, direction="minimize"))
    assert sampler.fitted[:5] == [20, 40, 60, 90, 140]
    assert evidence["candidate"].tolist() == list(range(5))
    assert evidence["kept"].all()
    assert evidence["weight"].sum() == pytest.approx(1)
    assert np.isfinite(evidence["elpd"]).all()
    assert [fit["tails"].sizes["tail_trial"] for fit in fits] == sampler.fitted[:5]


def test_the_first_that_is_hopeless_is_the_last():
    # A quarter follows the law; the others crowd beyond it.
    rng = np.random.default_rng(4)
    _, many = simulate_losses(200_000, 1)
    inside = np.quantile(many[many < ALPHA + 0.5 * SPREAD], (np.arange(75) + 0.5) / 75)
    score = np.concatenate([inside, ALPHA + 0.5 * SPREAD + 0.02 * rng.random(225)])
    fits, evidence, sampler = fitted(ll.from_scores(score, direction="minimize"))
    *others, last = evidence.itertuples()
    assert all(row.kept and row.weight > 0 for row in others)
    assert not last.kept
    assert (last.weight, last.refitted) == (0, 0)
    assert np.isnan(last.elpd)
    assert last.p_value < 0.01 < MIN_P_VALUE
    assert 75 < fits[-1]["tails"].sizes["tail_trial"] == sampler.fitted[len(fits) - 1] <= 120


def test_a_misfit_within_a_tail_that_fits_is_kept(monkeypatch):
    p_values = iter([0.2, 0.5, 0.1, 0.3, 0.05, 0.29])
    monkeypatch.setattr("leadline.inference.thresholds.p_value_of", lambda *_: next(p_values))
    trials = make_trials(n=300, n_failed=0)
    fractions = dict.fromkeys([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 1.0)
    _, evidence, sampler = fitted(trials, fractions)
    assert evidence["kept"].tolist() == [True, True, True, True, False, False]
    assert len(sampler.fitted) >= 6


def test_the_deepest_is_kept_where_none_fits(monkeypatch):
    monkeypatch.setattr("leadline.inference.thresholds.p_value_of", lambda *_: 0.02)
    _, evidence, _ = fitted(make_trials(n=300, n_failed=0), {0.2: 1.0, 0.4: 1.0})
    assert evidence["kept"].tolist() == [True, False]


def test_a_candidate_alone_is_taken_as_it_is():
    _, evidence, sampler = fitted(make_trials(n=200), {0.3: 1.0})
    assert evidence["weight"].tolist() == [1]
    assert evidence["elpd"].isna().all()
    assert len(sampler.fitted) == 1


def test_prior_weights_count():
    trials = make_trials(n=200, n_failed=0)
    even, skewed = (
        fitted(trials, fractions)[1]["weight"]
        for fractions in ({0.2: 1.0, 0.4: 1.0}, {0.2: 1.0, 0.4: 5.0})
    )
    assert skewed[1] / skewed[0] == pytest.approx(5 * even[1] / even[0], rel=1e-6)


def test_scales_are_weighed_together():
    trials = make_trials(n=100, n_failed=0)
    pair = trials.searches[0]
    candidates = [
        tail
        for scale in ("identity", "log")
        for tail in candidates_of(
            trials, pair, Priors(), scale=scale, fractions={0.2: 1, 0.4: 1}, resolution=0.0
        )
    ]
    fits, evidence = fit_candidates(candidates, FakeSampler(), np.random.SeedSequence(3))
    deepest = evidence[evidence["candidate"].isin([0, 2])]
    # The deepest of each scale is kept; all predict the same trials.
    assert deepest["kept"].tolist() == [True, True]
    assert deepest["elpd"].diff().abs().max() < 20
    assert evidence["weight"].sum() == pytest.approx(1)
    assert [str(fit["tails"]["scale"][0].item()) for fit in fits][-1] == "log"


def test_the_tree_of_a_mixture_holds_the_deepest_tail():
    tree = make_averaged_tree(make_trials(), (0.2, 0.4, 0.6), weights=(0.2, 0.5, 0.3))
    candidates = tree["candidates"].dataset
    assert candidates["n_tail"].to_numpy().tolist() == [[24, 48, 72]]
    assert tree["observed_data"].sizes["tail_trial"] == 24
    assert tree["log_likelihood"].sizes["tail_trial"] == 24
    assert int(tree["constant_data"]["n_tail"][0]) == 24
    thresholds = candidates["threshold"].isel(search=0)
    own = tree["posterior"]["candidate"].isel(search=0)
    np.testing.assert_array_equal(tree["posterior"]["threshold"].isel(search=0), thresholds[own])
    for number, weight in enumerate((0.2, 0.5, 0.3)):
        assert float((own == number).mean()) == pytest.approx(weight, abs=0.01)


def test_answers_of_a_mixture_are_the_mixture_of_answers():
    trials = make_trials()
    tree, *alone = (
        make_averaged_tree(trials, (0.2, 0.6), weights=weights)
        for weights in ((0.5, 0.5), (1, 0), (0, 1))
    )
    assert 0.45 < float((tree["posterior"]["candidate"] == 0).mean()) < 0.55
    for kind in ("measured", "expected"):
        mixed, *curves = (
            ll.tuning_curve(one, [1, 4, 50], kind=kind).mean(("chain", "draw"))
            for one in (tree, *alone)
        )
        np.testing.assert_allclose(mixed, sum(curves) / 2, rtol=0.01)


def test_curves_on_another_scale_are_in_score_units():
    trials = make_trials(n=300, n_failed=0)
    tree = make_averaged_tree(trials, (0.3,), weights=(1,), scale="log")
    optimum, law = tree["posterior"]["optimum"], tree["noisy_quadratic"]
    np.testing.assert_allclose(optimum, np.exp(law["alpha"] + law["sigma"] ** 2 / 2), rtol=1e-9)
    curve = ll.tuning_curve(tree, [1, 3, 10, 1000])
    assert (np.diff(curve.mean(("chain", "draw")), axis=-1) < 0).all()
    best = ll.tuning_curve(tree, [10, 10_000], quantile="mean", kind="expected")
    assert (best > optimum - 1e-3).all()
    # The best of many is next to the optimum.
    assert float((best.isel(budget=1) - optimum).mean()) < 0.02
