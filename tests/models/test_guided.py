"""Guided trials: only those beyond the threshold, on its scale, and the rest as it was."""

import numpy as np
import pymc as pm
import pytest
from helpers_models import PYTHON, Evaluator, make_tails

import leadline as ll
from leadline.data.tails import join_tails
from leadline.distributions.guided_score import GuidedScore
from leadline.models import hierarchical, independent
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
        scale = float(tails["noise_scale"][0] * values["guided_spread"][0])
        start = values["optimum"][0] + scale * values["guided_root"][0] ** 2
        for place in range(2):
            noise = np.hypot(values["noise_sd"][0] / np.sqrt(place + 1), width / np.sqrt(12))
            score = GuidedScore.dist(start, noise, scale, edge)
            expected = pm.logp(score, losses[place]).eval(mode=PYTHON)
            assert found[place] == pytest.approx(float(expected), rel=1e-9)


def test_other_terms_stay_as_they_are():
    tails = make_tails((30,))
    plain = built(tails)
    evaluator = built(with_losses(tails, [float(tails["best_loss"][0]) + 0.01]))
    point = evaluator.start
    assert set(evaluator.terms(point)) - set(plain.terms(plain.start)) == {
        "guided",
        "guided_spread",
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
    scale = float(joined["noise_scale"][1] * values["guided_spread"][1])
    start = values["optimum"][1] + scale * values["guided_root"][1] ** 2
    score = GuidedScore.dist(start, values["noise_sd"][1], scale, float(joined["threshold"][1]))
    expected = float(pm.logp(score, 0.1).eval(mode=PYTHON))
    assert evaluator.terms(evaluator.start)["guided"][0] == pytest.approx(expected, rel=1e-9)


def test_a_model_is_compiled_again_only_for_the_first_guided_trial():
    tails = make_tails((30,))
    few, many = with_losses(tails, [1.0]), with_losses(tails, np.linspace(0.9, 1.2, 7))
    assert structure(few) == structure(many) != structure(tails)
