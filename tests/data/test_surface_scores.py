"""Scores as a surface is fitted to them."""

import numpy as np
import pytest

from leadline.data.surface_scores import (
    SurfaceScores,
    mean_by_trial,
    surface_scales,
    surface_scores,
)
from leadline.errors import LeadlineError

RNG = np.random.default_rng(0)
SCORES = {
    "identity": RNG.normal(size=60),
    "log": np.exp(RNG.normal(size=60)),
    "logit": RNG.beta(5, 2, size=60),
}


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("scale", SCORES)
def test_losses_are_standardised_in_the_order_of_the_scores(scale, sign):
    scores = SCORES[scale]
    losses = surface_scores(scores, sign, scale, "s").forward(scores)
    assert losses.mean() == pytest.approx(0.0, abs=1e-9)
    assert losses.std() == pytest.approx(1.0)
    assert (np.argsort(losses) == np.argsort(sign * scores)).all()


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("scale", SCORES)
def test_without_noise_the_expected_score_is_the_score(scale, sign):
    scores = SCORES[scale]
    own = surface_scores(scores, sign, scale, "s")
    again = own.expected_score(own.forward(scores), np.zeros(60))
    np.testing.assert_allclose(again, scores, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("scale", SCORES)
def test_log_slope_is_the_derivative(scale):
    scores, step = SCORES[scale], 1e-6
    own = surface_scores(scores, 1.0, scale, "s")
    slope = (own.forward(scores + step) - own.forward(scores - step)) / (2 * step)
    np.testing.assert_allclose(own.log_slope(scores), np.log(slope), atol=1e-5)


def test_bad_scores_are_compressed_and_good_ones_are_not():
    scores = np.append(np.linspace(0, 1, 50), [1e3, 1e6])
    own = surface_scores(scores, 1.0, "identity", "s")
    losses = own.forward(scores)
    assert losses[-1] < 10
    good = np.diff(losses[:20])
    np.testing.assert_allclose(good, good[0])


def test_scores_at_the_ends_of_the_domain_fit_and_stay_inside():
    scores = np.array([0.5, 0.9, 0.95, 0.99, 1.0, 1.0])
    own = surface_scores(scores, -1.0, "logit", "s")
    losses = own.forward(scores)
    assert np.isfinite(losses).all()
    expected = own.expected_score(np.array([losses.min() - 5, losses.min()]), np.full(2, 0.1))
    assert ((expected > 0.9) & (expected <= 1.0)).all()


def test_noise_is_in_score_units():
    scores = SCORES["log"]
    own = surface_scores(scores, 1.0, "log", "s")
    best = own.forward(np.array([scores.min()]))
    # On the log scale the sd is a share of the score.
    expected = scores.min() * own.spread * 0.01
    np.testing.assert_allclose(own.noise_sd(best, np.array([0.01])), expected, rtol=0.01)


def test_scales_are_those_that_take_the_scores():
    share = np.array([0.0, 0.5, 1.0])
    for scores, sign, names in (
        (SCORES["identity"], -1.0, ["identity"]),
        (SCORES["log"], -1.0, ["identity", "log"]),
        (share, 1.0, ["identity", "logit"]),
        (share, -1.0, ["logit", "identity"]),
        (SCORES["logit"], -1.0, ["logit", "identity", "log"]),
    ):
        assert surface_scales(scores, sign, "auto", "s") == names
    assert surface_scales(SCORES["log"], 1.0, "identity", "s") == ["identity"]
    with pytest.raises(LeadlineError, match="identity"):
        surface_scales(SCORES["identity"], 1.0, "log", "s")


def test_equal_scores_are_refused():
    with pytest.raises(LeadlineError, match="equal"):
        surface_scores(np.full(30, 0.5), 1.0, "identity", "s")


def test_mean_by_trial():
    assert mean_by_trial(np.array([1.0, 3.0, 5.0]), [0, 0, 1]).tolist() == [2.0, 5.0]


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("scale", SCORES)
def test_the_map_survives_as_text(scale, sign):
    own = surface_scores(SCORES[scale], sign, scale, "s")
    assert SurfaceScores.from_json(own.to_json()) == own


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("scale", SCORES)
def test_any_score_has_a_loss(scale, sign):
    scores = SCORES[scale]
    own = surface_scores(scores, sign, scale, "s")
    assert own.loss_of(float(scores[3])) == pytest.approx(own.forward(scores)[3])
    if scale != "identity":
        assert own.loss_of(-1.0) == -sign * np.inf
    if scale == "logit":
        assert own.loss_of(2.0) == sign * np.inf


def test_uncompressed_losses_agree_up_to_the_knee():
    scores = np.random.default_rng(1).lognormal(size=60)
    own = surface_scores(scores, 1.0, "identity", "s")
    good = scores <= own.knee
    compressed, plain = own.forward(scores), own.uncompressed(scores)
    np.testing.assert_allclose(plain[good], compressed[good])
    assert (plain[~good] > compressed[~good]).all()
