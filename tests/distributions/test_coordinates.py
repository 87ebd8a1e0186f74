"""The transforms: smooth one-to-one maps of the line that leave the prior unchanged."""

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from scipy import stats

from leadline.distributions.coordinates import PartlyCentred, SoftWall

WALLS = (0.05, 0.5, 1.0, 2.0, 20.0)
WIDTHS = (1e-6, 1e-3, 0.05, 0.3, 3.0)
UNITS = (1e-6, 0.01, 0.3, 1.0)
SETTINGS = np.array(
    [(wall, width, unit) for wall in WALLS for width in WIDTHS for unit in UNITS if unit >= width]
)


@pytest.fixture(scope="module")
def soft_wall():
    """Return a function that evaluates a method of `SoftWall`, shape (setting, value)."""
    value, *inputs = pt.dmatrix(), *(pt.tensor(shape=(None, 1), dtype="float64") for _ in range(3))
    transform = SoftWall(wall=0, width=1, unit=2)
    functions = {
        name: pytensor.function(
            [value, *inputs], getattr(transform, name)(value, *inputs), mode="FAST_COMPILE"
        )
        for name in ("forward", "backward", "log_jac_det")
    }

    def evaluate(name, values, settings=SETTINGS):
        return functions[name](np.atleast_2d(values), *np.atleast_2d(settings).T[:, :, None])

    return evaluate


def coordinates(count):
    """Return coordinates from far behind the wall to a depth of about 1000 units and walls."""
    wall, width, unit = SETTINGS.T
    deep = np.log(width / unit) - 5 * wall / width
    return np.linspace(deep, np.log(1000 * np.maximum(unit, wall) / unit), count, axis=1)


def test_backward_undoes_forward(soft_wall):
    gaps = np.geomspace(1e-3 * SETTINGS[:, 0], 1e3 * SETTINGS[:, 0], 200, axis=1)
    x = soft_wall("forward", gaps)
    assert np.isfinite(x).all()
    back = soft_wall("backward", x)
    # Far from the wall in coordinates, the rounding error of x is wall/width · eps.
    rtol = 1e-12 + 1e-15 * (SETTINGS[:, 0] / SETTINGS[:, 1])[:, None]
    assert (np.abs(back / gaps - 1) < 100 * rtol).all()


def test_forward_undoes_backward(soft_wall):
    x = coordinates(200)
    gaps = soft_wall("backward", x)
    assert (gaps > 0).all()
    assert np.isfinite(gaps).all()
    again = soft_wall("forward", gaps)
    # Near the wall a depth determines x to wall · eps / slope, and the slope is at least a width.
    atol = 1e-9 + 1e-14 * SETTINGS[:, 0] / SETTINGS[:, 1]
    assert (np.abs(again - x) < atol[:, None] + 1e-9 * np.abs(x)).all()


def test_monotone(soft_wall):
    assert (np.diff(soft_wall("backward", coordinates(2000)), axis=1) > 0).all()


def test_log_jac_det_is_the_log_of_the_slope(soft_wall):
    centre = coordinates(101)
    # Fourth-order central differences. The slope changes on the scale 1 in x behind the wall, and
    # on the scale softness over slope at the wall itself.
    wall, width, unit = SETTINGS.T[:, :, None]
    slope_limit = unit * np.exp(centre) + width
    step = 1e-3 * np.minimum(1, wall / 4 / slope_limit)
    shifted = {k: soft_wall("backward", centre + k * step) for k in (-2, -1, 1, 2)}
    slope = (8 * (shifted[1] - shifted[-1]) - (shifted[2] - shifted[-2])) / (12 * step)
    gaps = soft_wall("backward", centre)
    log_jac = soft_wall("log_jac_det", centre)
    assert np.isfinite(log_jac).all()
    # Differences of depths and of coordinates are known down to their rounding errors.
    known = np.abs(slope) * step > 1e7 * 2.3e-16 * np.maximum(gaps, np.abs(slope * centre))
    assert known.mean() > 0.3
    assert known.any(axis=1)[SETTINGS[:, 1] > 1e-4].all()
    np.testing.assert_allclose(np.exp(log_jac)[known], slope[known], rtol=1e-6)


def test_logarithmic_in_the_open_and_linear_behind_the_wall(soft_wall):
    wall, width, unit = 2.0, 0.01, 0.1
    x = np.array([3.0, 5.0])
    gap = soft_wall("backward", x, (wall, width, unit))[0]
    np.testing.assert_allclose(np.log((gap - wall) / unit), x, atol=0.15)
    # One unit of x moves the gap by the width, a few widths behind the wall.
    x = np.log(width / unit) - np.array([6.0, 7.0])
    gap = soft_wall("backward", x, (wall, width, unit))[0]
    assert gap[0] - gap[1] == pytest.approx(width, rel=0.03)


@pytest.mark.parametrize(
    ("wall", "width", "unit"), [(1.0, 0.05, 0.3), (0.3, 1e-3, 0.01), (5.0, 0.5, 0.6), (0.1, 3, 4)]
)
def test_the_transform_leaves_the_prior_unchanged(wall, width, unit):
    prior = stats.lognorm(1.0, scale=np.exp(0.693))
    with pm.Model() as model:
        pm.CustomDist(
            "gap",
            *(wall, width, unit),
            dist=lambda wall, width, unit, size: pm.LogNormal.dist(0.693, 1.0, size=size),
            logp=lambda value, *_: pm.logp(pm.LogNormal.dist(0.693, 1.0), value),
            transform=SoftWall(wall=1, width=2, unit=3),
        )
        (x,) = model.value_vars
        (logp,) = model.logp(sum=False)
        transform = model.rvs_to_transforms[model["gap"]]
        backward, forward = (
            function(x, *model["gap"].owner.inputs)
            for function in (transform.backward, transform.forward)
        )
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        density = pytensor.function([x], [pt.exp(logp), backward])
        coordinate = pytensor.function([x], forward)
    # Panels over gaps from e^-8 to e^8, 7 sd of the prior on the short side.
    edges = np.array([coordinate(gap) for gap in np.geomspace(np.exp(-8), np.exp(8), 150)])
    nodes, weights = np.polynomial.legendre.leggauss(8)
    points = edges[:-1, None] + np.diff(edges)[:, None] * (nodes + 1) / 2
    values, gaps = np.array([density(point) for point in points.ravel()]).T
    mass = (values.reshape(points.shape) * weights / 2).sum(axis=1) * np.diff(edges)
    # Not only the total: every part of the mass is where the prior has it.
    inside = prior.cdf(np.geomspace(np.exp(-8), np.exp(8), 150))
    np.testing.assert_allclose(np.cumsum(mass), inside[1:] - inside[0], atol=1e-7)
    assert mass.sum() == pytest.approx(1, abs=1e-7)
    np.testing.assert_allclose(gaps, np.sort(gaps))


@pytest.mark.parametrize("share", [1e-6, 0.3, 0.9, 1.0])
def test_a_limit_is_never_reached_and_far_from_it_changes_nothing(share):
    wall, width, unit = SETTINGS.T[:, :, None]
    limit = wall / share
    value, *inputs = pt.dmatrix(), *(pt.tensor(shape=(None, 1), dtype="float64") for _ in range(4))
    transform = SoftWall(wall=0, width=1, unit=2, limit=3)
    outputs = [getattr(transform, name)(value, *inputs) for name in ("backward", "log_jac_det")]
    backward = pytensor.function([value, *inputs], outputs, mode="FAST_COMPILE")
    forward = pytensor.function(
        [value, *inputs], transform.forward(value, *inputs), mode="FAST_COMPILE"
    )
    depth = limit * np.append(np.geomspace(1e-3, 0.99, 80), 1 - np.geomspace(9e-3, 1e-9, 40))
    x = forward(depth, wall, width, unit, limit)
    assert np.isfinite(x).all()
    assert (np.diff(x, axis=1) > 0).all()
    back, _ = backward(x, wall, width, unit, limit)
    # Far behind the wall, the rounding error of x is wall/width · eps.
    rtol = 1e-10 + 1e-13 * limit / width
    assert (np.abs(back / depth - 1) < rtol).all()
    # The slopes add up to the differences, wherever these are not lost to rounding.
    fine = np.linspace(x[:, 60], x[:, 70], 4001, axis=1)
    depths, log_slopes = backward(fine, wall, width, unit, limit)
    slopes = np.exp(log_slopes)
    steps = np.diff(fine, axis=1)
    area = ((slopes[:, 1:] + slopes[:, :-1]) / 2 * steps).sum(axis=1)
    smooth = (width > 0.02 * wall)[:, 0]
    np.testing.assert_allclose(area[smooth], (depths[:, -1] - depths[:, 0])[smooth], rtol=1e-3)
    beyond, _ = backward(x[:, -1:] + np.linspace(0.1, 50, 20), wall, width, unit, limit)
    assert (beyond <= limit).all()
    if share == 1e-6:
        free = SoftWall(wall=0, width=1, unit=2)
        without = pytensor.function(
            [value, *inputs[:3]], free.backward(value, *inputs[:3]), mode="FAST_COMPILE"
        )
        near = depth < 1e-2 * limit
        np.testing.assert_allclose(back[near], without(x, wall, width, unit)[near], rtol=3e-9)


@pytest.mark.parametrize("centring", [0.0, 0.3, 1.0])
def test_partly_centred(centring):
    value, mu, sigma = pt.vector("value"), pt.scalar("mu"), pt.scalar("sigma")
    inputs = (None, mu, sigma, pt.constant(centring))
    transform = PartlyCentred()
    outputs = [
        getattr(transform, name)(value, *inputs) for name in ("forward", "backward", "log_jac_det")
    ]
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        evaluate = pytensor.function([value, mu, sigma], outputs, on_unused_input="ignore")
    x, mean, sd = np.linspace(-3, 3, 41), -1.3, 0.4
    _, variable, log_slope = evaluate(x, mean, sd)
    np.testing.assert_allclose(evaluate(variable, mean, sd)[0], x, atol=1e-13)
    step = 1e-6
    slope = (evaluate(x + step, mean, sd)[1] - evaluate(x - step, mean, sd)[1]) / (2 * step)
    # Central differences: rounding over the step.
    np.testing.assert_allclose(log_slope, np.log(slope), atol=1e-8)
    if centring == 0:
        np.testing.assert_allclose(variable, np.exp(mean + sd * x), rtol=1e-14)
    if centring == 1:
        np.testing.assert_allclose(variable, np.exp(x), rtol=1e-14)
