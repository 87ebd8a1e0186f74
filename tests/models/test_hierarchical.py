"""Searches that are pooled: effective dimensions and noise ratios lie around those of all."""

import numpy as np
import pytest
from helpers_models import case
from scipy import stats


@pytest.fixture(scope="module")
def built():
    return case("hierarchical")


def test_effective_dims_keep_their_bounds_and_their_pool(built):
    upper = built.tails["max_effective_dim"].to_numpy()
    (dims,) = built.model.replace_rvs_by_values([built.model["effective_dim"]])
    dims_at = built.compile(dims)
    for scale in (1.0, 8.0):
        for point in built.points(10):
            wild = {name: scale * value for name, value in point.items()}
            gamma = dims_at(wild)
            assert ((gamma >= 1) & (gamma <= upper)).all()
    # Without offsets all searches of a space, with one bound, have its effective dimension.
    point = built.points(1)[0]
    values = built.values(
        {name: value * (not name.endswith("_offset")) for name, value in point.items()}
    )
    space = built.data["search_space"]
    largest = np.array([upper[space == number].max() for number in (0, 1)])[space]
    pooled = values["pooled_effective_dim"][space]
    excess = 1 / (1 / (pooled - 1) - 1 / (largest - 1))
    np.testing.assert_allclose(
        values["effective_dim"], 1 + 1 / (1 / excess + 1 / (upper - 1)), rtol=1e-9
    )


def test_depths_and_noise_ratios_are_log_normal_around_the_pooled_ones(built):
    point = built.points(1)[0]
    values = built.values(point)
    for name, scatter in (("gap", "gap_scatter"), ("noise_ratio", "noise_ratio_scatter")):
        (coordinate,) = (
            key for key in point if key.startswith(f"{name}_") and "scatter" not in key
        )
        step = 1e-6
        up, down = (
            built.values(point | {coordinate: point[coordinate] + h})[name] for h in (step, -step)
        )
        # The density of the coordinate is that of the value, times the slope of the value.
        prior = stats.lognorm(s=values[scatter], scale=values[f"pooled_{name}"])
        expected = prior.logpdf(values[name]) + np.log((up - down) / (2 * step))
        np.testing.assert_allclose(built.terms(point)[name], expected, atol=1e-6)
