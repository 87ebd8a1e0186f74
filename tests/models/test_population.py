"""The parameters that searches share: the evidence of draws of each search, and the model."""

import numpy as np
import pytensor.tensor as pt
import pytest
from helpers_models import PYTHON, SIZES, Evaluator, case, kernels_of_tails, make_tails
from scipy import stats

import leadline as ll
from leadline.models import population

COORDINATES = len(population.COORDINATES)
# `log_ratio` leaves the constants of normal densities out.
CONSTANT = 0.5 * np.log(2 * np.pi)

MEAN, SD = np.array([0.3, -0.5, 0.2]), np.array([0.6, 0.9, 0.5])


def log_evidence(z, mean, sd, variance=(0, 0, 0), log_base=0):
    """Return the evidence of one search; `z` is (draw, coordinate), each draw with a kernel."""
    draws = np.ones(len(z))
    log_weight = -log_base * draws - np.log(len(z))
    found = population._log_evidence(
        *(
            pt.as_tensor(np.array([own], dtype=float))
            for own in (z, mean, sd, np.outer(draws, variance), log_weight)
        )
    )
    (value,) = found.eval(mode=PYTHON)
    return value


def test_with_a_flat_prior_the_evidence_is_a_convolution_of_normals():
    rng = np.random.default_rng(1)
    center, width, bandwidth = np.array([0.5, 0.1, 0.0]), np.array([0.4, 0.3, 0.6]), [0.1, 0, 0.2]
    z = center + width * rng.standard_normal((100_000, COORDINATES))
    variance = width**2 + SD**2 + np.square(bandwidth)
    expected = stats.norm.logpdf(center, MEAN, np.sqrt(variance)).sum() + CONSTANT * COORDINATES
    # The mean ratio has a relative error of 0.003.
    assert log_evidence(z, MEAN, SD, np.square(bandwidth)) == pytest.approx(expected, abs=0.015)


def test_the_prior_of_the_search_alone_is_divided_out():
    rng = np.random.default_rng(2)
    seen, error, prior_sd = np.array([0.5, 0.1, -0.2]), 0.5, 1.5
    variance = 1 / (1 / error**2 + 1 / prior_sd**2)
    alone = variance / error**2 * seen
    z = alone + np.sqrt(variance) * rng.standard_normal((100_000, COORDINATES))
    log_prior = stats.norm.logpdf(z, 0, prior_sd).sum(axis=-1)
    expected = (
        stats.norm.logpdf(seen, MEAN, np.hypot(error, SD)).sum()
        - stats.norm.logpdf(seen, 0, np.hypot(error, prior_sd)).sum()
        + CONSTANT * COORDINATES
    )
    found = log_evidence(z, MEAN, SD, log_base=log_prior)
    assert found == pytest.approx(expected, abs=0.015)


def test_the_ratio_is_the_same_for_arrays_and_tensors():
    rng = np.random.default_rng(5)
    centre, variance = rng.standard_normal((4, 9, COORDINATES)), rng.random((4, 9, COORDINATES))
    log_weight, (mean, sd) = rng.standard_normal((4, 9)), rng.random((2, 4, COORDINATES))
    values = centre, mean, sd, variance, log_weight
    found = population.log_ratio(*values)
    assert found.shape == (4, 9)
    tensors = population.log_ratio(*(pt.as_tensor(value) for value in values), pt)
    np.testing.assert_allclose(tensors.eval(mode=PYTHON), found, rtol=1e-12)
    width = np.sqrt(sd[:, None] ** 2 + variance)
    expected = stats.norm.logpdf(centre, mean[:, None], width).sum(axis=-1)
    np.testing.assert_allclose(found, expected + log_weight + CONSTANT * COORDINATES, rtol=1e-10)


def built(kind, observe=True):
    how = {"repeat": True, "grid": 0.01, "spaces": 2} if kind == "hierarchical" else {}
    tails = make_tails(SIZES, **how)
    kernels = kernels_of_tails(tails)
    model = population.build(kernels, tails, ll.Priors(), kind, observe=observe)
    return Evaluator(model, population.data_of(kernels, tails, kind))


@pytest.mark.parametrize("kind", ["hierarchical", "crossed"])
def test_the_model_has_the_shared_variables_of_the_joint_model(kind):
    joint, shared = case(kind), built(kind)
    names = {own.name for own in shared.model.free_RVs}
    own = {"noise_ratio", "effective_dim_offset", "gap", "reach"}
    # The location of a task is a parameter here, and the mean of its optima there.
    location = {"task_depth"} if kind == "crossed" else set()
    assert names - location == {variable.name for variable in joint.model.free_RVs} - own
    assert {variable.name for variable in shared.model.observed_RVs} == {"draws_alone"}
    assert not built(kind, observe=False).model.observed_RVs

    point = joint.points(1)[0]
    values = joint.values(point)
    of_shared = {name: point.get(name, start) for name, start in shared.start.items()}
    of_shared = shared.values(of_shared)
    mean, sd = (of_shared[f"population_{name}"] for name in ("mean", "sd"))
    # The offset of a search takes its effective dimension from the mean of its population.
    upper = joint.data["max_effective_dim"] - 1
    excess = values["effective_dim"] - 1
    log_excess = np.log(excess) - np.log1p(-excess / upper)
    np.testing.assert_allclose(
        log_excess, mean[:, 0] + sd[:, 0] * values["effective_dim_offset"], rtol=1e-6
    )
    np.testing.assert_allclose(mean[:, 1], np.log(values["pooled_noise_ratio"]))
    np.testing.assert_allclose(sd[:, 1], values["noise_ratio_scatter"])
    if kind == "hierarchical":
        expected = np.log(values["pooled_gap"]), values["gap_scatter"]
    else:
        task, model = joint.data["search_task"], joint.data["search_model"]
        scale = values["task_scale"][task]
        expected = (
            joint.data["sign"] * of_shared["task_location"][task]
            + scale * values["model_effect"][model],
            scale * values["interaction_sd"],
        )
    np.testing.assert_allclose(mean[:, 2], expected[0])
    np.testing.assert_allclose(sd[:, 2], expected[1])


@pytest.mark.parametrize("kind", ["hierarchical", "crossed"])
def test_the_density_is_the_mean_ratio_of_the_draws(kind):
    shared = built(kind)
    point = shared.points(1)[0]
    values, data = shared.values(point), shared.data
    mean, sd = values["population_mean"], values["population_sd"]
    ratio = population.log_ratio(data["centre"], mean, sd, data["variance"], data["log_weight"])
    expected = np.log(np.exp(ratio).sum(axis=-1))
    np.testing.assert_allclose(shared.terms(point)["draws_alone"], expected, rtol=1e-8)
