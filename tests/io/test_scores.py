"""`from_scores`: one search from an array."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from leadline.errors import LeadlineError
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
    ("scores", "message"),
    [
        ([], "scores is empty; at least one trial"),
        (np.array([]), "scores is empty"),
        ([[1.0], []], "trial 2 has no replicates"),
        ([np.nan, np.inf], "no trial has a score"),
        (np.zeros((2, 2, 2)), "more than two levels in trial 1"),
        ([1.0, "x"], "scores, trial 2: must be a number.* got 'x'"),
        ([[1.0], [2.0, "x"]], "scores, trial 2, replicate 2: must be a number.* got 'x'"),
        ([1.0, True], "trial 2: must be a number.* got True"),
        (np.array([True, False]), "trial 1: must be a number"),
        (np.array([1j]), "trial 1: must be a number"),
        (np.array(["2020-01-01"], dtype="M8[ns]"), "trial 1: must be a number.*datetime64"),
        (pd.Series(pd.to_datetime(["2020-01-01"])), "trial 1: must be a number"),
        ([b"1"], "trial 1: must be a number"),
    ],
)
def test_bad_scores_are_one_clear_line(scores, message):
    with pytest.raises(LeadlineError, match=message) as caught:
        from_scores(scores, direction="minimize")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (0.5, "scores must be an array or a list of numbers, got 0.5"),
        (np.float64(0.5), "scores must be an array"),
        (np.array(0.5), "scores must be an array of numbers, got one"),
        (None, "got None"),
        ("0.5", "got '0.5'; for files and frames use read_table"),
        (b"12", "got b'12'"),
        ({"a": 1.0}, "scores must be an array"),
        ({0.1, 0.2}, "scores must be an array"),
        (pd.DataFrame({"a": [1.0]}), "got a DataFrame; use read_table"),
        (pl.DataFrame({"a": [1.0]}), "got a DataFrame; use read_table"),
        (np.ma.array([1.0, 2.0], mask=[0, 1]), r"masked array; use \.filled\(np\.nan\)"),
    ],
)
def test_what_is_no_array(scores, message):
    with pytest.raises(TypeError, match=message):
        from_scores(scores, direction="minimize")


def test_direction_is_never_guessed():
    with pytest.raises(LeadlineError, match="never guessed, got 'min'"):
        from_scores([0.5], direction="min")
    with pytest.raises(TypeError, match="direction"):
        from_scores([0.5])
