"""The parameters that searches share: the evidence of draws of each search, and the model."""

import numpy as np
import pytensor.tensor as pt
import pytest
import xarray as xr
from helpers_models import PYTHON, SIZES, Evaluator, case, make_tails
from scipy import stats

import leadline as ll
from leadline.models import population

COORDINATES = len(population.COORDINATES)
# `log_ratio` leaves the constants of normal densities out.
CONSTANT = 0.5 * np.log(2 * np.pi)

MEAN, SD = np.array([0.3, -0.5, 0.2]), np.array([0.6, 0.9, 0.5])


def log_evidence(
    z, mean, sd, bandwidth=(0, 0, 0), log_base=0, candidate=0, thresholds=None, least=None
):
    """Return the evidence of one search; `z` is (draw, coordinate)."""
    draws = np.ones(len(z))
    found = population._log_evidence(
        *(pt.as_tensor(np.array([own], dtype=float)) for own in (z, mean, sd, bandwidth)),
        pt.as_tensor((log_base * draws)[None]),
        pt.as_tensor((candidate * draws)[None]),
        pt.as_tensor(np.array([[0] if thresholds is None else thresholds], dtype=float)),
        None if least is None else pt.as_tensor(np.array([least])),
        truncated=thresholds is not None,
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
    assert log_evidence(z, MEAN, SD, bandwidth) == pytest.approx(expected, abs=0.015)


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


@pytest.mark.parametrize("least", [None, -1e12, -0.3])
def test_each_threshold_truncates_the_population_of_its_own_draws(least):
    rng = np.random.default_rng(3)
    thresholds, center, width, bandwidth = np.array([0.1, 0.6]), 0.0, 0.2, 0.05
    mean, sd = 0.3, 0.25
    candidate = np.repeat([0, 1], 50_000)
    low = -np.inf if least is None else least
    alone = stats.truncnorm(
        (low - center) / width, (thresholds - center) / width, loc=center, scale=width
    )
    z = np.zeros((len(candidate), COORDINATES))
    z[:, -1] = alone.rvs((50_000, 2), random_state=rng).T.ravel()
    found = log_evidence(
        *(z, [0, 0, mean], [1, 1, sd], [0, 0, bandwidth]),
        candidate=candidate,
        thresholds=thresholds,
        least=least,
    )
    wide = np.hypot(sd, bandwidth)
    expected = []
    for threshold in thresholds:
        grid = np.linspace(max(-2, low), threshold, 20_001)
        own, shared = (
            stats.truncnorm((low - at) / by, (threshold - at) / by, loc=at, scale=by)
            for at, by in ((center, width), (mean, wide))
        )
        expected.append(np.trapezoid(own.pdf(grid) * shared.pdf(grid), grid))
    assert found - CONSTANT == pytest.approx(np.log(np.mean(expected)), abs=0.015)


@pytest.mark.parametrize("interaction", [0.3, 1e-2, 1e-4, 1e-8])
@pytest.mark.parametrize("beyond", [0.01, 1, 30, 1000])
def test_a_population_beyond_the_threshold_gains_nothing_from_a_small_interaction(
    interaction, beyond
):
    """A truncated density rises up to the threshold: at z, it is at most 1 / (threshold − z)."""
    threshold = 0.5
    z = np.zeros((1000, COORDINATES))
    z[:, -1] = np.random.default_rng(4).uniform(0.0, 0.45, len(z))
    found = log_evidence(
        z,
        [0, 0, threshold + beyond],
        [1, 1, interaction],
        [0, 0, population.BANDWIDTH * z[:, -1].std()],
        thresholds=[threshold],
    )
    # A normaliser without the kernel diverged here, to +350,000.
    assert found - CONSTANT <= np.log(np.mean(1 / (threshold - z[:, -1])))


def test_the_ratio_is_the_same_for_arrays_and_tensors():
    rng = np.random.default_rng(5)
    z, log_base = rng.standard_normal((4, 9, COORDINATES)), rng.standard_normal((4, 9))
    mean, sd, bandwidth = rng.random((3, 4, COORDINATES))
    values = z, mean, sd, bandwidth, log_base
    found = population.log_ratio(*values)
    assert found.shape == (4, 9)
    tensors = population.log_ratio(*(pt.as_tensor(value) for value in values), pt)
    np.testing.assert_allclose(tensors.eval(mode=PYTHON), found, rtol=1e-12)
    expected = stats.norm.logpdf(z, mean[:, None], np.hypot(sd, bandwidth)[:, None]).sum(axis=-1)
    np.testing.assert_allclose(found, expected - log_base + CONSTANT * COORDINATES, rtol=1e-10)


def draws_of(tails, candidates=2, draws=7):
    """Return draws of each search, in place of those of fits."""
    rng = np.random.default_rng(6)
    searches = tails.sizes["search"]
    threshold = tails["threshold"].to_numpy()[:, None] + 0.1 * np.arange(candidates)
    candidate = rng.integers(candidates, size=(searches, draws))
    z = rng.standard_normal((searches, draws, COORDINATES))
    z[..., -1] = np.take_along_axis(threshold, candidate, axis=1) - rng.random((searches, draws))
    dims = ("search", "draw")
    return xr.Dataset(
        {
            "z": ((*dims, "coordinate"), z),
            "log_base": (dims, rng.standard_normal((searches, draws))),
            "candidate": (dims, candidate),
            "candidate_threshold": (("search", "candidate_number"), threshold),
        }
    )


def built(kind, observe=True, bounded=False):
    how = {"repeat": True, "grid": 0.01, "spaces": 2} if kind == "hierarchical" else {}
    tails = make_tails(SIZES, **how)
    if bounded:
        # The last search has no bound.
        least = tails["best_loss"].to_numpy() - [0.0, 0.1, 0.1, 0.1, np.inf]
        tails = tails.assign(least_loss=("search", least))
    draws = draws_of(tails)
    model = population.build(draws, tails, ll.Priors(), kind, observe=observe)
    return Evaluator(model, population.data_of(draws, tails, kind))


@pytest.mark.parametrize("kind", ["hierarchical", "crossed"])
def test_the_model_has_the_shared_variables_of_the_joint_model(kind):
    joint, shared = case(kind), built(kind)
    names = {own.name for own in shared.model.free_RVs}
    own = {"noise_ratio", "effective_dim_offset", "gap", "reach"}
    assert names == {variable.name for variable in joint.model.free_RVs} - own
    assert {variable.name for variable in shared.model.observed_RVs} == {"draws_alone"}
    assert not built(kind, observe=False).model.observed_RVs

    point = joint.points(1)[0]
    values = joint.values(point)
    of_shared = {name: point[name] for name in shared.start}
    mean, sd = (shared.values(of_shared)[f"population_{name}"] for name in ("mean", "sd"))
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
            joint.data["sign"] * values["task_location"][task]
            + scale * values["model_effect"][model],
            scale * values["interaction_sd"],
        )
    np.testing.assert_allclose(mean[:, 2], expected[0])
    np.testing.assert_allclose(sd[:, 2], expected[1])


@pytest.mark.parametrize(
    ("kind", "bounded"), [("hierarchical", False), ("crossed", False), ("crossed", True)]
)
def test_the_density_is_the_mean_ratio_of_the_draws(kind, bounded):
    shared = built(kind, bounded=bounded)
    point = shared.points(1)[0]
    values, data = shared.values(point), shared.data
    mean, sd = values["population_mean"], values["population_sd"]
    ratio = population.log_ratio(data["z"], mean, sd, data["bandwidth"], data["log_base"])
    if kind == "crossed":
        threshold = np.take_along_axis(data["candidate_threshold"], data["candidate"], axis=1)
        width = np.hypot(sd[:, 2], data["bandwidth"][:, 2])[:, None]
        inside = stats.norm.cdf(threshold, mean[:, [2]], width)
        if bounded:
            inside -= stats.norm.cdf(data["least_loss"][:, None], mean[:, [2]], width)
        ratio -= np.log(inside)
    expected = np.log(np.exp(ratio).mean(axis=-1))
    np.testing.assert_allclose(shared.terms(point)["draws_alone"], expected, rtol=1e-8)
