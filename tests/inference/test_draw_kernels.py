"""Draws as normal kernels: groups of neighbours, with their weight, mean and variance."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from scipy.special import logsumexp

from leadline.inference.draw_kernels import kernels_of, split
from leadline.inference.draw_ratios import log_ratios
from leadline.models.population import COORDINATES, log_ratio


def draws_of(z, log_base, width=0.0):
    columns = {"z": (("draw", "coordinate"), z), "log_base": ("draw", log_base)}
    return xr.Dataset(columns | {"width": ("coordinate", np.full(len(COORDINATES), width))})


def normal(seed, n=2000):
    rng = np.random.default_rng(seed)
    return draws_of(rng.standard_normal((n, len(COORDINATES))), rng.standard_normal(n))


def test_groups_hold_every_draw_once_and_are_narrow():
    points = normal(1)["z"].to_numpy()
    groups = split(points, np.ones(len(points)), 32)
    assert len(groups) == 32
    assert sorted(np.concatenate(groups).tolist()) == list(range(len(points)))
    within = sum(len(own) * points[own].var(axis=0).sum() for own in groups) / len(points)
    assert within < 0.35 * len(COORDINATES)


@pytest.mark.parametrize("distinct", [1, 3])
def test_equal_draws_are_not_split(distinct):
    points = np.repeat(np.arange(distinct) + 0.1, 40)[:, None] * np.ones(len(COORDINATES))
    assert len(split(points, np.ones(len(points)), 8)) == distinct
    found = kernels_of([draws_of(points, np.zeros(len(points)))], 8)
    weight = np.exp(found["log_weight"].to_numpy()[0])
    np.testing.assert_allclose(np.sort(weight), [0] * (8 - distinct) + [1 / distinct] * distinct)


def test_kernels_have_the_moments_of_the_weighted_draws():
    own = normal(2)
    z, share = own["z"].to_numpy(), np.exp(-own["log_base"].to_numpy()) / own.sizes["draw"]
    found = kernels_of([own], 16).isel(search=0)
    weight, centre = np.exp(found["log_weight"].to_numpy()), found["centre"].to_numpy()
    np.testing.assert_allclose(weight.sum(), share.sum())
    np.testing.assert_allclose(weight @ centre, share @ z)
    squares = found["variance"].to_numpy() + centre**2
    np.testing.assert_allclose(weight @ squares, share @ z**2)
    noise = z[:, COORDINATES.index("log_noise")]
    assert found["noise_ratio"].item() == pytest.approx(np.exp(noise).mean())


def test_equal_draws_have_a_kernel_with_their_width():
    points = np.repeat(np.arange(3.0), 40)[:, None] * np.ones(len(COORDINATES))
    found = kernels_of([draws_of(points, np.zeros(len(points)), 0.1)], 8).isel(search=0)
    used = np.isfinite(found["log_weight"].to_numpy())
    np.testing.assert_allclose(found["variance"].to_numpy()[used], 0.01)


def test_the_mean_ratio_of_kernels_is_that_of_all_draws():
    own = normal(3, n=8000)
    z, log_base = own["z"].to_numpy(), own["log_base"].to_numpy()
    mean, sd = np.array([0.5, -0.4, 0.2]), np.array([0.5, 0.6, 0.7])
    constant = 0.5 * len(COORDINATES) * np.log(2 * np.pi)
    density = stats.norm.logpdf(z, mean, sd).sum(axis=-1) - log_base + constant
    kernels = kernels_of([own], 64).isel(search=0)
    values = (kernels[name].to_numpy() for name in ("centre", "variance", "log_weight"))
    centre, variance, log_weight = values
    found = np.exp(log_ratio(centre, mean, sd, variance, log_weight)).sum()
    # Kernels leave the correlation within a group out.
    assert found == pytest.approx(np.exp(density).mean(), rel=0.03)


def test_kernels_are_narrow_where_a_narrow_population_is():
    own = normal(4, n=8000).assign(width=("coordinate", np.full(len(COORDINATES), 0.05)))
    # Skewed along the coordinate in which the population is narrow.
    own["z"][:, 0] = np.exp(own["z"][:, 0])
    sd = np.array([0.1, 1.0, 1.0])

    def error(mean, draws):
        places = mean + np.linspace(-0.2, 0.2, 9)[:, None] * np.array([1.0, 0.0, 0.0])
        sds = np.tile(sd, (9, 1))
        exact = logsumexp(log_ratios(own, places, sds), axis=-1)
        kernels = kernels_of([draws], 24).isel(search=0)
        values = (kernels[name].to_numpy() for name in ("centre", "variance", "log_weight"))
        centre, variance, log_weight = values
        found = log_ratio(centre, places, sds, variance, log_weight)
        return np.ptp(logsumexp(found, axis=-1) - exact)

    with_population, without = 0.0, 0.0
    for middle in (0.5, 1.0, 1.5, 2.5):
        mean = np.array([middle, 0.0, 0.0])
        known = {"population_mean": mean, "population_sd": sd}
        near = own.assign({name: ("coordinate", values) for name, values in known.items()})
        with_population += error(mean, near)
        without += error(mean, own)
    assert with_population < without / 3


def test_draws_far_from_the_population_share_a_kernel():
    own = normal(5)
    mean, sd = np.full(len(COORDINATES), 30.0), np.ones(len(COORDINATES))
    z = own["z"].to_numpy().copy()
    z[1000:] += 30.0
    near = own.assign(
        z=(("draw", "coordinate"), z),
        population_mean=("coordinate", mean),
        population_sd=("coordinate", sd),
    )
    centre = kernels_of([near], 64)["centre"].to_numpy()[0]
    assert (centre[:, 0] > 15.0).sum() > 5 * (centre[:, 0] < 15.0).sum()
