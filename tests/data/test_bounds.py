"""Bounds of scores: given or known by the metric's name, and refused where a score is outside."""

import numpy as np
import pytest

import leadline as ll
from leadline.data.bounds import NO_BOUNDS, bounds_of, known_bounds

SHARE, PERCENT = [0.4, 0.99], [40.0, 99.5]


@pytest.mark.parametrize(
    ("metric", "scores", "expected"),
    [
        ("val_accuracy", SHARE, (0, 1)),
        ("valAccuracy", [0.2, 1.0], (0, 1)),
        ("metrics.eval/acc", PERCENT, (0, 100)),
        ("test AUC", SHARE, (0, 1)),
        ("roc_auc_score", SHARE, (0, 1)),
        ("F1", PERCENT, (0, 100)),
        ("r2", [-3.0, 0.7], (-np.inf, 1)),
        ("R2Score", [-3.0, 0.7], (-np.inf, 1)),
        ("matthews_corrcoef", [-0.1, 0.7], (-1, 1)),
        ("error", [0.1, 0.5], (0, np.inf)),
        ("val_rmse", [12.0, 30.0], (0, np.inf)),
        ("neg_mean_squared_error", [-12.0, -30.0], (-np.inf, 0)),
        # Scores outside, other words, words within words, and what is derived from a metric.
        ("accuracy", [0.4, 140.0], NO_BOUNDS),
        ("error", [-0.1, 0.5], NO_BOUNDS),
        ("loss", SHARE, NO_BOUNDS),
        ("score", SHARE, NO_BOUNDS),
        ("vaccine", SHARE, NO_BOUNDS),
        ("terror", SHARE, NO_BOUNDS),
        ("accuracy_drop", SHARE, NO_BOUNDS),
        ("log_error", SHARE, NO_BOUNDS),
        ("", SHARE, NO_BOUNDS),
    ],
)
def test_bounds_are_known_by_the_words_of_the_name(metric, scores, expected):
    found, reason = known_bounds(metric, np.array(scores))
    assert found == expected
    assert (reason == "none known") == (expected == NO_BOUNDS)


def trials(*scores):
    return ll.from_scores(scores, direction="maximize")


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ((0, 100), (0.0, 100.0)),
        ([None, 100], (-np.inf, 100.0)),
        ((0, None), (0.0, np.inf)),
        (np.array([0, 99.5]), (0.0, 99.5)),
        ((-np.inf, np.inf), NO_BOUNDS),
        (None, NO_BOUNDS),
        ("auto", NO_BOUNDS),
    ],
)
def test_bounds_are_normalised(bounds, expected):
    # Failed trials have no score that could be outside.
    assert bounds_of(bounds, trials(40.0, 99.5, np.nan, -np.inf))[0] == expected


def test_scores_outside_are_refused_with_bounds_that_would_hold_them():
    with pytest.raises(ll.LeadlineError, match=r"bounds=\[0, 1\].*1 of 2.*40.*0 to 100") as error:
        bounds_of((0, 1), trials(0.5, 40.0))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "bounds", [(1, 0), (1, 1), (0,), (0, 1, 2), 1.0, "0 1", ("0", 1), (np.nan, 1), (True, 3), {}]
)
def test_what_is_no_pair_of_bounds_is_refused(bounds):
    with pytest.raises(ll.LeadlineError, match="bounds must be"):
        bounds_of(bounds, trials(0.5, 0.6))
