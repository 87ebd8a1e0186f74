"""Draws of shared parameters: resampled by all draws of searches, in order."""

import numpy as np
import xarray as xr
from scipy.stats import norm

import leadline as ll
from leadline.inference.draw_kernels import kernels_of
from leadline.inference.posterior import PosteriorSampler
from leadline.inference.sampler import Sampler
from leadline.inference.shared_draws import (
    log_weights,
    number_of_kernels,
    resampled,
    settings_of,
)
from leadline.models.population import COORDINATES

DIMS = ("chain", "draw")
SAMPLES = 40_000


def evidence_of(seed):
    """Return draws of a search fitted alone: two groups apart, under a prior that is not flat."""
    rng = np.random.default_rng(seed)
    z = 0.3 * rng.standard_normal((200, len(COORDINATES)))
    z[:60] += 2.0
    columns = {"z": (("draw", "coordinate"), z), "log_base": ("draw", z[:, 0])}
    columns["width"] = "coordinate", np.zeros(len(COORDINATES))
    return xr.Dataset(columns)


def log_evidence(own, means, sd):
    """Return the log of the mean ratio of all draws of a search, at each population."""
    z, log_base = own["z"].to_numpy(), own["log_base"].to_numpy()
    return np.array(
        [np.log(np.exp(norm.logpdf(z, mean, sd).sum(axis=-1) - log_base).mean()) for mean in means]
    )


def drawn_at(means, sd, searches):
    """Return draws (2, draw) of shared parameters: a population mean for all coordinates."""
    population = means.reshape(2, -1)[..., None, None] * np.ones((searches, len(COORDINATES)))
    dims = (*DIMS, "search", "coordinate")
    posterior = xr.Dataset(
        {
            "population_mean": (dims, population),
            "population_sd": (dims, np.full_like(population, sd)),
            "mean": (DIMS, population[..., 0, 0]),
        }
    )
    none = np.zeros(population.shape[:2], dtype=bool)
    statistics = xr.Dataset({"diverging": (DIMS, none)})
    return xr.DataTree.from_dict({"posterior": posterior, "sample_stats": statistics})


def test_all_draws_of_searches_decide_where_kernels_are_coarse():
    evidence = [evidence_of(1), evidence_of(2)]
    kernels, sd, grid = kernels_of(evidence, 1), 0.4, np.linspace(-1.5, 3.0, 40)
    exact = sum(log_evidence(own, grid, sd) for own in evidence)
    # Draws as the kernels have them, and what these say at each of them.
    coarse = exact - log_weights(drawn_at(grid, sd, 2), kernels, evidence)
    wanted, given = (np.exp(own - own.max()) for own in (exact, coarse))
    wanted, given = wanted / wanted.sum(), given / given.sum()
    assert np.abs(wanted - given).sum() > 0.3
    drawn = drawn_at(np.random.default_rng(3).choice(grid, SAMPLES, p=given), sd, 2)
    kept = resampled(drawn, log_weights(drawn, kernels, evidence), SAMPLES // 4)["posterior"][
        "mean"
    ].to_numpy()
    assert kept.size == SAMPLES // 2
    shares = [(np.abs(kept - own) < 1e-9).mean() for own in grid]
    assert np.abs(wanted - shares).sum() < 0.1


def test_directions_of_a_law_are_adapted_by_nutpie_unless_asked_otherwise():
    def adaptation(kind="scaling", **settings):
        sampler = PosteriorSampler(kind, ll.Priors(), "continuous", Sampler(**settings))
        return settings_of(sampler, 3).options.get("adaptation")

    assert adaptation() == "low_rank"
    assert adaptation(options={"adaptation": "diag"}) == "diag"
    assert adaptation(nuts_sampler="pymc") is None
    assert adaptation("hierarchical") is None


def test_few_searches_have_more_draws_to_choose_from():
    sampler = PosteriorSampler("hierarchical", ll.Priors(), "continuous", Sampler(draws=100))
    assert [settings_of(sampler, count).draws for count in (2, 149, 150)] == [200, 200, 100]


def test_more_searches_have_more_kernels_once_populations_are_known():
    own = evidence_of(1)
    known = own.assign(population_sd=("coordinate", np.ones(own.sizes["coordinate"])))
    assert [number_of_kernels([known] * count) for count in (2, 149, 150)] == [128, 128, 256]
    # Those of a short run are the same for all.
    assert number_of_kernels([known, own]) == number_of_kernels([own] * 150) == 64


def test_no_divergence_is_thinned_away():
    diverging = np.zeros((2, 6), dtype=bool)
    diverging[0, 2] = diverging[1, 5] = True
    dims = ("chain", "draw")
    drawn = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"x": (dims, np.arange(12.0).reshape(2, 6))}),
            "sample_stats": xr.Dataset({"diverging": (dims, diverging)}),
        }
    )
    kept = resampled(drawn, np.zeros(12), 3)
    np.testing.assert_array_equal(kept["posterior"]["x"], [[1, 3, 5], [7, 9, 11]])
    expected = [[False, True, False], [False, False, True]]
    np.testing.assert_array_equal(kept["sample_stats"]["diverging"], expected)
    # Nor resampled away, where no later draw is kept.
    weight = np.tile([0.0, 0.0, 0.0, 0.0, -np.inf, -np.inf], 2)
    kept = resampled(drawn, weight, 2)
    np.testing.assert_array_equal(kept["posterior"]["x"], [[1, 3], [7, 9]])
    np.testing.assert_array_equal(kept["sample_stats"]["diverging"], [[False, True], [False, True]])
