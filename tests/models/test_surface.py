"""The model of a surface: its density, and that it observes what it says."""

import numpy as np
import pymc as pm
import pytest
import xarray as xr
from scipy import stats

from leadline.distributions.surface_kernels import (
    JITTER,
    matern52,
    own_correlation,
    squared_by_axis,
    squared_distances,
)
from leadline.models import surface
from leadline.models.surface import SurfacePriors

RNG = np.random.default_rng(3)


def data(repeated=True, n=7):
    points = RNG.random((n, 2))
    found = xr.Dataset(
        {
            "loss": ("trial", RNG.normal(size=n)),
            "replicates": ("trial", np.array([2, 3, *[1] * (n - 2)])),
            "squared_distance": (
                ("hyperparameter", "trial", "other_trial"),
                squared_by_axis(points, np.array([0, 1]), 2),
            ),
            "own_correlation": (
                ("trial", "other_trial"),
                own_correlation(squared_distances(points, points)),
            ),
        },
        {"hyperparameter": ["lr", "width"]},
    )
    if repeated:
        found["seed_freedom"] = "repeated_trial", np.array([1, 2])
        found["seed_variance"] = "repeated_trial", np.array([0.04, 0.02])
    return found


POINT = {
    "shrinkage": 0.3,
    "root_curvature": np.array([0.6, 0.03]) * 1.5**0.25,
    "surface_variance": 1.5,
    "residual_sd": 0.4,
    "own_share": 0.3,
    "level": 0.2,
}


@pytest.mark.parametrize("repeated", [True, False])
def test_the_density_is_that_of_the_docstring(repeated):
    own = data(repeated)
    model = surface.build(own, SurfacePriors())
    logp = model.compile_fn(
        model.logp(vars=model.observed_RVs, jacobian=False),
        inputs=model.value_vars,
        on_unused_input="ignore",
    )
    with model:
        start = {
            model.rvs_to_values[rv].name: (
                model.rvs_to_transforms[rv].forward(POINT[rv.name], *rv.owner.inputs).eval()
                if model.rvs_to_transforms[rv] is not None
                else POINT[rv.name]
            )
            for rv in model.free_RVs
        }
    relevance = np.array([0.6, 0.03]) ** 2
    squared = np.tensordot(relevance, own["squared_distance"].to_numpy(), axes=1)
    noise = 0.7 * 0.4**2
    covariance = 1.5 * matern52(squared) + 0.3 * 0.4**2 * own["own_correlation"].to_numpy()
    covariance += np.diag(noise / own["replicates"].to_numpy() + JITTER)
    mean = np.full(7, 0.2)
    expected = stats.multivariate_normal(mean, covariance).logpdf(own["loss"].to_numpy())
    if repeated:
        freedom, variance = own["seed_freedom"].to_numpy(), own["seed_variance"].to_numpy()
        scale = noise / freedom
        expected += (stats.chi2(freedom).logpdf(variance / scale) - np.log(scale)).sum()
    assert logp(start) == pytest.approx(expected)


def test_the_prior_of_the_lengths_does_not_depend_on_the_variance():
    model = surface.build(data(), SurfacePriors())
    curvature, relevance = model["root_curvature"], model["relevance"]
    at, unit, variance = POINT["root_curvature"], 1.5**0.25, {model["surface_variance"]: 1.5}
    logp = pm.logp(curvature, at).eval(variance | {model["shrinkage"]: 0.3})
    length = stats.halfcauchy(scale=0.3)
    np.testing.assert_allclose(logp, length.logpdf(at / unit) - np.log(unit))
    np.testing.assert_allclose(relevance.eval(variance | {curvature: at}), (at / unit) ** 2)


def test_surfaces_of_one_structure_differ_in_data_alone():
    own, other = data(), data(n=9)
    assert surface.structure(own) == surface.structure(other)
    assert surface.structure(own) != surface.structure(data(repeated=False))
    model = surface.build(own, SurfacePriors())
    assert {variable.name for variable in model.data_vars} == set(surface.data_of(other))


def test_priors_are_text():
    assert SurfacePriors().to_dict()["own_share"] == "Beta(alpha=1.0, beta=5.0)"
