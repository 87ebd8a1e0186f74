"""The cost of a random value of a hyperparameter, for functions that are known."""

import numpy as np
import pytest
from helpers_surface import make_surface_tree

from leadline.data.scale import SCALES
from leadline.data.surface_scores import SurfaceScores
from leadline.data.unit_cube import Axis, UnitCube
from leadline.inference.surface_answers import _best_mean, _rise
from leadline.stats.surface_tree import FUNCTIONS, surface_groups

LOW, HEIGHT, DECAY, BEST = 0.31, 0.4, 11.2, 0.5
CUBE = UnitCube((Axis("x"), Axis("y")), np.empty((0, 2)))


def truth(points):
    """Return scores (point,) that are flat far from the best x, and the same for all y."""
    return LOW + HEIGHT * (1 - np.exp(-DECAY * (points[:, 0] - BEST) ** 2))


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("scale", ["identity", "logit"])
def test_a_random_value_costs_the_mean_over_its_axis(scale, sign):
    x = (np.arange(4000) + 0.5) / 4000
    points = np.column_stack([x, x])
    # Accuracies in place of errors.
    score = truth if sign > 0 else lambda at: 1 - truth(at)
    bare = SurfaceScores(SCALES[scale], sign, 0.0, np.inf, 1.0, 0.0, 1.0)
    knee, good = np.quantile(bare.forward(score(points)), [0.3, 0.1])
    # Most of the axis is compressed.
    scores = SurfaceScores(SCALES[scale], sign, 0.0, float(knee), float(knee - good), -0.4, 0.3)
    best = np.array([[BEST, 0.5]])
    lowest = scores.forward(score(best))

    def rise(worst):
        functions = [lambda at: scores.forward(score(at))]
        return sign * _rise(functions, CUBE, best, scores, lowest, np.zeros(1), worst)[0]

    found = rise(float(scores.forward(score(points)).max()))
    cost = (truth(points) - LOW).mean()
    np.testing.assert_allclose(found, [cost, 0.0], rtol=0.01, atol=1e-9)
    # An extrapolation beyond the worst trial counts as the worst.
    limit = scores.forward(score(np.array([[BEST + 0.2, 0.5]])))
    reached = truth(np.array([[BEST + 0.2, 0.5]]))[0]
    expected = (np.minimum(truth(points), reached) - LOW).mean()
    np.testing.assert_allclose(rise(float(limit[0])), [expected, 0.0], rtol=0.01, atol=1e-9)


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_the_cost_in_the_table_is_that_of_the_curve_in_the_picture(direction):
    tree = make_surface_tree(direction=direction)
    sign = 1.0 if direction == "minimize" else -1.0
    functions = surface_groups(tree, FUNCTIONS)["digits / mlp"].dataset
    posterior = tree["posterior"].dataset.isel(search=0)
    for name in ("lr", "opt"):
        own = sign * functions["slice"].sel(hyperparameter=name)
        curve = (own.mean("slice_point") - own.min("slice_point")).median()
        table = posterior["tuning_gain"].sel(hyperparameter=name).median()
        # Apart from what is extrapolated beyond the worst trial.
        assert float(table) == pytest.approx(float(curve), rel=0.1)


def test_the_best_setting_is_searched_for_between_the_minima_of_functions():
    def bowl(best):
        return lambda at: ((at - best) ** 2).sum(axis=1)

    start = np.array([[0.2, 0.3], [0.6, 0.7]])
    cube = UnitCube((Axis("x"), Axis("y")), start)
    found = _best_mean([bowl(own) for own in start], cube, start, np.random.default_rng(1))
    assert found == pytest.approx([0.4, 0.5], abs=0.05)
