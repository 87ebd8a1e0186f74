"""Guided trials: only those beyond the threshold, on its scale, and the rest as it was."""

import numpy as np
import pymc as pm
import pytest
from helpers_models import PYTHON, Evaluator, make_tails

import leadline as ll
from leadline.data.tails import join_tails
from leadline.distributions.tail_score import TailScore
from leadline.models import hierarchical, independent
from leadline.models.guided import guided_start
from leadline.models.likelihood import structure


def with_losses(tails, losses, search=0, width=0.0):
    losses = np.asarray(losses, dtype=float)
    return tails.assign(
        guided_loss=("guided_trial", losses),
        guided_replicates=("guided_trial", np.arange(1, len(losses) + 1)),
        guided_width=("guided_trial", np.full(len(losses), width)),
        guided_search=("guided_trial", np.full(len(losses), search)),
    )


def built(tails, module=independent, effective_dim="continuous"):
    model = module.build(tails, ll.Priors(), effective_dim)
    return Evaluator(model, module.data_of(tails))


@pytest.mark.parametrize("width", [0.0, 0.05])
def test_each_has_its_density_with_the_noise_of_its_seeds_and_of_rounding(width):
    tails = make_tails((30,))
    edge = float(tails["threshold"][0])
    losses = np.array([edge - 0.4, edge - 0.1, edge + 0.1])
    evaluator = built(with_losses(tails, losses, width=width))
    assert evaluator.model.potentials == []
    assert {variable.name for variable in evaluator.model.data_vars} == set(evaluator.data)
    for point in evaluator.points(3):
        found, values = evaluator.terms(point)["guided"], evaluator.values(point)
        # The third is not beyond the threshold.
        assert found.shape == (2,)
        gamma, end = values["guided_dim"][0], edge + 2 * values["noise_sd"][0]
        start = guided_start(values["optimum"][0], end, gamma, values["guided_root"][0])
        for place in range(2):
            noise = np.hypot(values["noise_sd"][0] / np.sqrt(place + 1), width / np.sqrt(12))
            score = TailScore.dist(start, end, gamma, noise, edge)
            expected = pm.logp(score, losses[place]).eval(mode=PYTHON)
            assert found[place] == pytest.approx(float(expected), rel=1e-9)


def test_other_terms_stay_as_they_are():
    tails = make_tails((30,))
    plain = built(tails)
    evaluator = built(with_losses(tails, [float(tails["best_loss"][0]) + 0.01]))
    point = evaluator.start
    assert set(evaluator.terms(point)) - set(plain.terms(plain.start)) == {
        "guided",
        "guided_dim",
        "guided_root",
    }
    shared = {name: point[name] for name in plain.start}
    for name in ("loss", "in_regime", "gap", "reach", "noise_ratio"):
        np.testing.assert_allclose(evaluator.terms(point)[name], plain.terms(shared)[name])


@pytest.mark.parametrize("losses", [[0.1, 0.2], [5.0]])
def test_integer_dimensions_are_a_mixture_of_their_terms(losses):
    tails = with_losses(make_tails((30,)), losses)
    evaluator = built(tails, effective_dim="integer")
    for point in evaluator.points(2):
        assert all(np.isfinite(term).all() for term in evaluator.terms(point).values())
        probability = evaluator.values(point)["effective_dim_probability"]
        assert probability.sum() == pytest.approx(1.0)


def test_a_guided_trial_belongs_to_its_search():
    first, second = make_tails((24,)), make_tails((24,), seed=1)
    second = second.assign_coords(model=("search", ["y"]))
    joined = join_tails([first, with_losses(second, [0.1])])
    assert joined["guided_search"].to_numpy().tolist() == [1]
    evaluator = built(joined, hierarchical)
    values = evaluator.values(evaluator.start)
    noise, edge = values["noise_sd"][1], float(joined["threshold"][1])
    gamma, end = values["guided_dim"][1], edge + 2 * noise
    start = guided_start(values["optimum"][1], end, gamma, values["guided_root"][1])
    score = TailScore.dist(start, end, gamma, noise, edge)
    expected = float(pm.logp(score, 0.1).eval(mode=PYTHON))
    assert evaluator.terms(evaluator.start)["guided"][0] == pytest.approx(expected, rel=1e-9)


def test_a_model_is_compiled_again_only_for_the_first_guided_trial():
    tails = make_tails((30,))
    few, many = with_losses(tails, [1.0]), with_losses(tails, np.linspace(0.9, 1.2, 7))
    assert structure(few) == structure(many) != structure(tails)


@pytest.mark.parametrize("gamma", [0.2, 2.0, 8.0])
def test_guided_trials_start_between_the_optimum_and_the_edge(gamma):
    roots = np.array([0.0, 0.3, 1.0, 6.0])
    start = guided_start(1.0, 3.0, gamma, roots)
    assert start[0] == 1.0
    assert (np.diff(start) > 0).all()
    assert start[-1] < 3.0
    # A small distance is in units of the mean excess, that of U^(2/gamma).
    mean = 2.0 * gamma / (gamma + 2.0)
    assert guided_start(1.0, 3.0, gamma, 0.01) - 1.0 == pytest.approx(1e-4 * mean, rel=1e-3)
