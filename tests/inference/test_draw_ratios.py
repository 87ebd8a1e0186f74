"""Ratios of populations to priors at draws: blocks, and populations narrower than gaps of draws."""

import numpy as np
import pytest
import xarray as xr
from scipy.special import logsumexp
from scipy.stats import norm

from leadline.inference.draw_ratios import SMOOTHING, log_ratios, of_each_search, ratio_blocks
from leadline.models.population import COORDINATES

DIMS = len(COORDINATES)


def draws_of(count, seed, smoothing=SMOOTHING):
    """Return draws of a standard normal posterior under a flat prior."""
    z = np.random.default_rng(seed).standard_normal((count, DIMS))
    columns = {"z": (("draw", "coordinate"), z), "log_base": ("draw", np.zeros(count))}
    return xr.Dataset(columns | {"width": ("coordinate", smoothing * z.std(axis=0))})


def test_blocks_are_the_ratios_of_all_populations():
    rng = np.random.default_rng(1)
    own, mean, sd = draws_of(50, 2), rng.standard_normal((100, DIMS)), rng.random((100, DIMS)) + 0.1
    expected = norm.logpdf(
        own["z"].to_numpy(), mean[:, None], np.hypot(sd, own["width"].to_numpy())[:, None]
    ).sum(axis=-1)
    found = log_ratios(own, mean, sd)
    # Up to one constant.
    np.testing.assert_allclose(found - found[0, 0], expected - expected[0, 0], rtol=1e-9)
    blocks = list(ratio_blocks(own, mean, sd))
    assert len(blocks) > 1
    assert [number for block, *_ in blocks for number in range(*block.indices(100))] == [
        *range(100)
    ]
    ratio, log_mean = (np.concatenate(part) for part in list(zip(*blocks, strict=True))[1:])
    np.testing.assert_allclose(ratio, np.exp(found - found.max(axis=1, keepdims=True)), atol=1e-6)
    np.testing.assert_allclose(log_mean, logsumexp(found, axis=1) - np.log(50), rtol=1e-5)


def test_a_narrow_population_does_not_lose_evidence_to_gaps_between_draws():
    middle = np.zeros((1, DIMS))

    def lost(sd, smoothing):
        """Return the log-evidence that draws leave out, on average over searches."""
        sds = np.full((1, DIMS), sd)
        constant = 0.5 * DIMS * np.log(2.0 * np.pi)
        found = [
            logsumexp(log_ratios(draws_of(2000, seed, smoothing), middle, sds)) - np.log(2000)
            for seed in range(40)
        ]
        return DIMS * norm.logpdf(0.0, 0.0, np.hypot(1.0, sd)) - (np.mean(found) - constant)

    assert lost(0.02, 0.0) > 0.5
    assert lost(0.02, SMOOTHING) == pytest.approx(0.0, abs=0.1)
    assert lost(0.3, SMOOTHING) == pytest.approx(0.0, abs=0.03)


def test_searches_come_back_in_order():
    assert of_each_search(lambda search: search**2, 5) == [0, 1, 4, 9, 16]
