"""The scales of a score, and what becomes of noise on them."""

import numpy as np
import pytest

import leadline as ll
from leadline.data.scale import SCALES, scales_to_fit, validate_scale
from leadline.errors import LeadlineError

SCORES = np.array([0.02, 0.3, 0.97])


@pytest.mark.parametrize("name", SCALES)
def test_a_scale_is_an_increasing_map_with_its_inverse_and_slope(name):
    scale = SCALES[name]
    place = scale.forward(SCORES)
    assert (np.diff(place) > 0).all()
    np.testing.assert_allclose(scale.inverse(place), SCORES, rtol=1e-12)
    step = 1e-6
    slope = (scale.forward(SCORES + step) - scale.forward(SCORES - step)) / (2 * step)
    np.testing.assert_allclose(scale.log_slope(SCORES), np.log(slope), atol=1e-6)


def test_noise_on_the_log_scale_is_log_normal():
    place, noise = np.array([[-2.0], [0.5]]), np.array([[0.05], [0.6]])
    mean = np.exp(place + noise**2 / 2)
    np.testing.assert_allclose(SCALES["log"].expected_score(place, noise), mean, rtol=1e-12)
    sd = mean * np.sqrt(np.expm1(noise**2))
    np.testing.assert_allclose(SCALES["log"].score_sd(place, noise), sd, rtol=1e-9)


def test_noise_on_the_logit_scale_is_that_of_simulated_runs():
    place, noise = np.array([1.2]), np.array([0.8])
    runs = SCALES["logit"].inverse(place + noise * np.random.default_rng(0).normal(size=400_000))
    expected = SCALES["logit"].expected_score(place, noise)
    # Four standard errors of the mean of the runs.
    assert expected[0] == pytest.approx(runs.mean(), abs=4 * runs.std() / np.sqrt(400_000))
    assert SCALES["logit"].score_sd(place, noise)[0] == pytest.approx(runs.std(), rel=0.01)
    # Noise on the score itself is left alone.
    assert SCALES["identity"].expected_score(place, noise) == place
    assert SCALES["identity"].score_sd(place, noise) == noise


def test_auto_takes_the_scales_that_take_every_score():
    for other, count in ((0.4, 3), (1.0, 2), (0.0, 1)):
        found = scales_to_fit("auto", np.array([0.2, other]), "search")
        assert [scale.name for scale in found] == ["identity", "log", "logit"][:count]


def test_a_score_off_the_scale_is_an_error_that_names_it():
    with pytest.raises(LeadlineError, match=r"'log' takes positive scores.* 1 of 2 .* -0.5 "):
        scales_to_fit("log", np.array([0.3, -0.5]), "search")
    with pytest.raises(LeadlineError, match=r"'logit' .* 0 and 1, .* 2 of 3 .* 0 "):
        scales_to_fit("logit", np.array([0.3, 0.0, 1.0]), "search")
    with pytest.raises(LeadlineError, match="'sqrt'"):
        validate_scale("sqrt")
    # Refused before any work.
    trials = ll.from_scores([0.5 + 0.1 * i for i in range(30)], direction="maximize")
    with pytest.raises(LeadlineError, match="scale='logit'"):
        ll.fit(trials, scale="logit")
