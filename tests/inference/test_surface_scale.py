"""The scale on which a surface predicts best."""

import numpy as np
import pytest
import xarray as xr
from scipy import optimize

from leadline.data.surface_scores import surface_scores
from leadline.distributions.surface_kernels import (
    own_correlation,
    squared_by_axis,
    squared_distances,
)
from leadline.inference.surface_scale import choose_scale, seeds_log_density

RNG = np.random.default_rng(1)
POINTS = RNG.random((80, 2))


def surface(scores, scale):
    own = surface_scores(scores, 1.0, scale, "s")
    return xr.Dataset(
        {
            "loss": ("trial", own.forward(scores)),
            "log_slope": ("trial", own.log_slope(scores)),
            "replicates": ("trial", np.ones(len(scores))),
            "squared_distance": (
                ("hyperparameter", "trial", "other_trial"),
                squared_by_axis(POINTS, np.arange(2), 2),
            ),
            "own_correlation": (
                ("trial", "other_trial"),
                own_correlation(squared_distances(POINTS, POINTS)),
            ),
        }
    )


def test_the_scale_of_the_noise_is_chosen():
    bowl = 3 * np.sum((POINTS - 0.5) ** 2, axis=1)
    noise = RNG.normal(size=80)
    added = 5.0 + bowl + 0.2 * noise
    multiplied = np.exp(6 * bowl + 0.3 * noise)
    for scores, best in ((added - added.min() + 0.01, "identity"), (multiplied, "log")):
        names = ["identity", "log"]
        chosen, found = choose_scale([surface(scores, name) for name in names])
        assert names[chosen] == best, found


def test_another_scale_must_be_clearly_better():
    noise = np.random.default_rng(19).normal(size=80)
    scores = 1.0 + np.sum((POINTS - 0.5) ** 2, axis=1) + 0.1 * noise
    chosen, (plain, log) = choose_scale([surface(scores, own) for own in ("identity", "log")])
    assert plain < log < plain + 3.0
    assert chosen == 0


def test_the_gradient_is_that_of_the_objective(monkeypatch):
    seen = []
    minimize = optimize.minimize

    def spy(objective, start, **options):
        seen.append((objective, start))
        return minimize(objective, start, **options)

    monkeypatch.setattr(optimize, "minimize", spy)
    choose_scale([surface(1 + POINTS[:, 0], "log")])
    objective, start = seen[0]
    theta = start + 0.3 * RNG.normal(size=len(start))
    numeric = optimize.approx_fprime(theta, lambda own: objective(own)[0], 1e-6)
    assert objective(theta)[1] == pytest.approx(numeric, rel=1e-3, abs=1e-3)


def repeated(scores, scale):
    """Return the surface of trials with the scores of their seeds (trial, seed)."""
    own = surface_scores(scores.ravel(), 1.0, scale, "s")
    losses, seeds = own.forward(scores), scores.shape[1]
    found = surface(scores.mean(axis=1), scale)
    return found.assign(
        loss=("trial", losses.mean(axis=1)),
        log_slope=("trial", own.log_slope(scores).mean(axis=1)),
        replicates=("trial", np.full(len(scores), float(seeds))),
        seed_trial=("repeated_trial", np.arange(len(scores))),
        seed_freedom=("repeated_trial", np.full(len(scores), seeds - 1)),
        seed_variance=("repeated_trial", own.uncompressed(scores).var(axis=1, ddof=1)),
    )


def test_seeds_prefer_the_scale_on_which_their_noise_is_the_same():
    noise = np.random.default_rng(2).normal(size=(80, 3))
    plane = 1.0 + 3.0 * POINTS[:, :1]
    names = ["identity", "log"]
    for scores, best in ((plane + 0.05 * noise, "identity"), (plane * np.exp(0.05 * noise), "log")):
        surfaces = [repeated(scores, name) for name in names]
        better = np.argsort(surfaces[0]["loss"].to_numpy(), kind="stable")[:40]
        found = [seeds_log_density(own, better) for own in surfaces]
        assert names[int(np.argmax(found))] == best


def test_the_evidence_of_seeds_is_added_to_that_of_trials():
    scores = 1.0 + POINTS[:, :1] + 0.05 * np.random.default_rng(2).normal(size=(80, 3))
    both = repeated(scores, "log")
    better = np.argsort(both["loss"].to_numpy(), kind="stable")[:40]
    alone = both.drop_dims("repeated_trial")
    difference = choose_scale([both])[1][0] - choose_scale([alone])[1][0]
    assert difference == pytest.approx(seeds_log_density(both, better))


def test_without_repeated_seeds_they_say_nothing():
    assert seeds_log_density(surface(1 + POINTS[:, 0], "log"), np.arange(80)) == 0.0
