"""Models crossed with tasks: optima around their task and model, scales without best scores."""

import numpy as np
import pymc as pm
import pytest
from helpers_models import REWRITTEN, case, make_tails
from scipy import stats
from scipy.linalg import helmert

from leadline.models import crossed


@pytest.fixture(scope="module")
def built():
    return case("crossed")


def test_the_optima_of_a_task_have_a_mean_and_zero_sum_interactions(built):
    """The same density in other coordinates: the mean, and n − 1 orthonormal contrasts."""
    data, point = built.data, built.points(1)[0]
    values, terms = built.values(point), built.terms(point)
    assert values["model_effect"].sum() == pytest.approx(0, abs=1e-12)
    total, sigma = 0.0, values["noise_sd"]
    edge, depth_scale = data["threshold"] + 2 * sigma, data["tail_scale"] + sigma / 2
    for number, scale in enumerate(values["task_scale"]):
        own = data["search_task"] == number
        n, optima = own.sum(), values["optimum"][own]
        depth = (edge[own].mean() - optima.mean()) / data["task_unit"][number]
        prior = stats.lognorm(values["gap_scatter"], scale=values["pooled_gap"])
        total += prior.logpdf(depth) - np.log(data["task_unit"][number]) - 0.5 * np.log(n)
        contrasts = helmert(n) if n > 1 else np.empty((0, 1))
        effects = scale * values["model_effect"][data["search_model"][own]]
        total += stats.norm.logpdf(
            contrasts @ optima, contrasts @ effects, scale * values["interaction_sd"]
        ).sum()
        assert values["task_location"][number] == pytest.approx(optima.mean(), rel=1e-9)
    step = 1e-6
    up, down = (
        built.values(point | {"gap_softwall__": point["gap_softwall__"] + h})["gap"]
        for h in (step, -step)
    )
    # In gaps: the density of the optimum times the depth scale, and the slope of the coordinate.
    slope = np.log((up - down) / (2 * step))
    expected = total + np.log(depth_scale).sum() + slope.sum()
    assert terms["gap"] == pytest.approx(expected, abs=1e-5)


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
    name = "task_unit"
    np.testing.assert_array_equal(crossed.data_of(better)[name], crossed.data_of(tails)[name])


def test_depths_of_tasks_scatter_around_the_pooled_one(built):
    """The same story as that of the gaps of a hierarchy: log-normal, median `pooled_gap`."""
    names = ("pooled_gap", "gap_scatter", "task_location", "interaction_sd", "gap", "noise_sd")
    variables = [built.model[name] for name in (*names, "model_effect")]
    median, scatter, location, interaction_sd, gap, sigma, effect = pm.draw(
        variables, 400, random_seed=3, mode=REWRITTEN
    )
    data = built.data
    edge, depth_scale = data["threshold"] + 2 * sigma, data["tail_scale"] + sigma / 2
    depth = (edge @ data["task_share"].T - location) / data["task_unit"]
    z = np.log(depth / median[:, None]) / scatter[:, None]
    assert stats.kstest(z[:, 0], "norm").pvalue > 1e-3
    # Two models of one task: their difference has the variance of two interactions.
    optimum = edge - depth_scale * gap
    one, other = np.flatnonzero(data["search_task"] == 0)
    models = data["search_model"][[one, other]]
    apart = optimum[:, one] - optimum[:, other]
    expected = data["task_unit"][0] * (effect[:, models[0]] - effect[:, models[1]])
    z = (apart - expected) / (np.sqrt(2) * data["task_unit"][0] * interaction_sd)
    assert stats.kstest(z, "norm").pvalue > 1e-3
