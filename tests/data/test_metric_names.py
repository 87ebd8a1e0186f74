"""The direction that is usual for a metric, by its name."""

import logging

import pytest

import leadline as ll
from leadline.data.metric_names import direction_doubt, usual_direction
from leadline.errors import LeadlineError


@pytest.mark.parametrize(
    ("metric", "usual"),
    [
        *((name, "minimize") for name in ("val_loss", "error", "testRMSE", "log_loss", "nll")),
        *((name, "maximize") for name in ("accuracy", "val_auc", "F1", "macroF1", "R2", "top5")),
        # Turned, derived, of both kinds, or not known.
        *((name, "") for name in ("neg_log_loss", "1 - accuracy", "error_reduction", "dice_loss")),
        *((name, "") for name in ("score", "value", "latency", "f1_error", "glossary", "aucs")),
    ],
)
def test_the_usual_direction(metric, usual):
    assert usual_direction(metric) == usual


def trials(metric, direction, sign=1.0):
    table = {"score": [sign * 0.3, sign * 0.2, sign * 0.25]}
    return ll.Trials(ll.from_scores(table["score"], direction=direction).table, direction, metric)


@pytest.mark.parametrize(("metric", "usual"), [("val_loss", "minimize"), ("auc", "maximize")])
def test_only_the_other_direction_is_doubted(metric, usual):
    other = "maximize" if usual == "minimize" else "minimize"
    assert direction_doubt(trials(metric, usual)) == ""
    doubt = direction_doubt(trials(metric, other))
    for word in (metric, f"direction='{other}'", f"{usual}d"):
        assert word in doubt
    # Scores whose sign was turned.
    assert direction_doubt(trials(metric, other, sign=-1.0)) == ""


def test_a_fit_warns_before_any_work(caplog):
    with caplog.at_level(logging.WARNING), pytest.raises(LeadlineError):
        ll.fit(trials("val_loss", "maximize"), random_seed=1, progressbar=False)
    assert direction_doubt(trials("val_loss", "maximize")) in caplog.text


@pytest.mark.parametrize(("metric", "doubted"), [("minutes", True), ("time_error", False)])
def test_a_score_that_sounds_like_a_cost_is_doubted(metric, doubted):
    assert ("cost=" in direction_doubt(trials(metric, "minimize"))) == doubted
