"""`from_scores`: one search from an array."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from helpers_readers import refused

from leadline.io.scores import from_scores


@pytest.mark.parametrize(
    "scores",
    [
        [0.5, float("nan"), 0.25],
        (0.5, None, 0.25),
        ["0.5", "Infinity", "0.25"],
        np.array([0.5, np.inf, 0.25]),
        np.array([0.5, -np.inf, 0.25], dtype=np.float32),
        np.array([0.5, None, 0.25], dtype=object),
        pd.Series([0.5, None, 0.25], index=[3, 3, 3]),
        pd.Series([0.5, None, 0.25], dtype="Float64"),
        pl.Series([0.5, None, 0.25]),
        (score for score in [0.5, np.nan, 0.25]),
    ],
)
def test_one_trial_a_score(scores):
    trials = from_scores(scores, direction="maximize")
    assert str(trials) == "3 trials: 2 complete, 1 failed"
    assert trials.table["score"].fillna(-1).tolist() == [0.5, -1, 0.25]
    assert trials.searches == [("task", "model")]
    assert (trials.direction, trials.source, trials.n_params) == ("maximize", "scores", 0)


def test_rows_of_a_matrix_are_trials_and_nan_is_a_failed_replicate():
    trials = from_scores(np.array([[1.0, 3.0], [2.0, np.nan], [np.nan] * 2]), direction="minimize")
    assert str(trials) == "3 trials (6 evaluations): 1 complete, 2 failed"
    rows = trials.per_trial()
    assert rows["score"].iloc[0] == 2.0
    assert rows["sum_of_squares"].iloc[0] == 2.0
    assert rows["replicates"].tolist() == [2, 2, 2]


def test_trials_may_have_different_numbers_of_replicates():
    trials = from_scores([[1.0, 3.0], [2.0], 4.0, np.array([5.0])], direction="minimize")
    assert trials.per_trial()["replicates"].tolist() == [2, 1, 1, 1]
    assert trials.per_trial()["score"].tolist() == [2.0, 2.0, 4.0, 5.0]


@pytest.mark.parametrize(
    ("scores", "named"),
    [
        ([], "empty"),
        (np.array([]), "empty"),
        ([[1.0], []], "trial 2"),
        ([np.nan, np.inf], "2 trials: 0 complete"),
        (np.zeros((2, 2, 2)), "(trial, replicate)"),
        ([1.0, "x"], "trial 2: "),
        ([[1.0], [2.0, "x"]], "trial 2, replicate 2: "),
        ([1.0, True], "trial 2: "),
        (np.array([True, False]), "trial 1: "),
        (np.array([1j]), "trial 1: "),
        (np.array(["2020-01-01"], dtype="M8[ns]"), "trial 1: "),
        (pd.Series(pd.to_datetime(["2020-01-01"])), "trial 1: "),
        ([b"1"], "trial 1: "),
    ],
)
def test_bad_scores_are_refused(scores, named):
    with refused("scores", named):
        from_scores(scores, direction="minimize")


@pytest.mark.parametrize(
    ("scores", "named"),
    [
        (0.5, "0.5"),
        (np.float64(0.5), "0.5"),
        (np.array(0.5), "0.5"),
        (None, "None"),
        ("0.5", "read_table"),
        (b"12", "b'12'"),
        ({"a": 1.0}, "{'a': 1.0}"),
        ({0.1}, "{0.1}"),
        (pd.DataFrame({"a": [1.0]}), "read_table"),
        (pl.DataFrame({"a": [1.0]}), "read_table"),
        (np.ma.array([1.0, 2.0], mask=[0, 1]), ".filled(np.nan)"),
    ],
)
def test_other_types_are_refused(scores, named):
    with refused("scores", named, error=TypeError):
        from_scores(scores, direction="minimize")


def test_direction_is_never_guessed():
    with refused("direction", "'min'", "'minimize'", "'maximize'"):
        from_scores([0.5], direction="min")
    with pytest.raises(TypeError, match="direction"):
        from_scores([0.5])
