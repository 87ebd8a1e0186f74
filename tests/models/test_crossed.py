"""Models crossed with tasks: optima around their task and model, scales without best scores."""

import numpy as np
import pymc as pm
import pytest
from helpers_models import PYTHON, case, make_tails
from scipy import stats

from leadline.models import crossed


@pytest.fixture(scope="module")
def built():
    return case("crossed")


def test_an_optimum_is_normal_around_its_task_and_model(built):
    data, point = built.data, built.points(1)[0]
    values, terms = built.values(point), built.terms(point)
    assert values["model_effect"].sum() == pytest.approx(0, abs=1e-12)
    task, model = data["search_task"], data["search_model"]
    scale = values["task_scale"][task]
    expected = values["task_location"][task] + scale * values["model_effect"][model]
    sd = scale * values["interaction_sd"]
    below = (data["threshold"] - expected) / sd
    prior = stats.truncnorm(-np.inf, below, loc=expected, scale=sd)
    step = 1e-6
    up, down = (
        built.values(point | {"gap_softwall__": point["gap_softwall__"] + h})["gap"]
        for h in (step, -step)
    )
    # In gaps: the density of the optimum times the tail scale, and the slope of the coordinate.
    slope = (up - down) / (2 * step)
    expected = prior.logpdf(values["optimum"]) + np.log(data["tail_scale"]) + np.log(slope)
    np.testing.assert_allclose(terms["gap"], expected, atol=1e-6)


def test_the_scale_of_a_task_includes_the_distance_between_its_models():
    tails = make_tails((20, 20, 20, 20, 20))
    far = tails.assign(threshold=tails["threshold"] + 10.0 * (np.arange(5) == 1))
    unit = crossed.data_of(far)["task_unit"]
    assert unit[0] > 4
    assert unit[2] == pytest.approx(float(tails["tail_scale"][4]))
    np.testing.assert_array_equal(unit[1:], crossed.data_of(tails)["task_unit"][1:])


def test_no_best_score_enters_the_scale_of_a_task():
    tails = make_tails((20, 20, 20, 20, 20))
    better = tails.assign(best_loss=tails["best_loss"] - 3.0)
    for name in ("task_anchor", "task_unit"):
        np.testing.assert_array_equal(crossed.data_of(better)[name], crossed.data_of(tails)[name])


def test_depths_of_tasks_scatter_around_the_pooled_one(built):
    """The same story as that of the gaps of a hierarchy: log-normal, median `pooled_gap`."""
    names = ("task_depth", "pooled_gap", "gap_scatter", "task_location")
    variables = [built.model[name] for name in names]
    depth, median, scatter, location = pm.draw(variables, 400, random_seed=3, mode=PYTHON)
    z = np.log(depth / median[:, None]) / scatter[:, None]
    assert stats.kstest(z[:, 0], "norm").pvalue > 1e-3
    expected = built.data["task_anchor"] - built.data["task_unit"] * depth
    np.testing.assert_allclose(location, expected)
