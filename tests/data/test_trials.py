"""The `Trials` table: defaults, statuses, keys, searches, counts."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from leadline.data.trials import PRUNED_NOTE, Trials, validate_any_complete, validate_direction
from leadline.errors import LeadlineError


def trials_of(direction: str = "minimize", **columns: list) -> Trials:
    return Trials(pd.DataFrame(columns), direction)


def test_scores_alone_make_one_search():
    trials = trials_of(score=[0.3, 0.2, 0.4])
    assert list(trials.table.columns) == ["task", "model", "trial", "replicate", "score", "status"]
    assert trials.table["trial"].tolist() == [1, 2, 3]
    assert trials.table["replicate"].tolist() == [1, 1, 1]
    assert trials.searches == [("task", "model")]
    assert (trials.metric, trials.sampler, trials.n_params) == ("score", None, 0)


@pytest.mark.parametrize(
    "score", [np.nan, None, np.inf, -np.inf, "", " ", "nan", "NaN", "inf", "-inf", "Infinity", "NA"]
)
def test_a_row_without_a_finite_score_is_a_failed_trial(score):
    trials = trials_of(score=[0.3, score])
    assert trials.table["status"].tolist() == ["complete", "failed"]
    assert np.isnan(trials.table["score"].iloc[1])
    assert str(trials) == "2 trials: 1 complete, 1 failed"


def test_an_overflow_counts_as_infinite():
    # MLflow stores inf as the largest float.
    assert trials_of(score=[0.3, 1.797693e308, -1e151, 10**400]).counts()["failed"] == 3


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("complete", "complete"),
        ("COMPLETED", "complete"),
        ("finished", "complete"),
        ("Success", "complete"),
        ("ok", "complete"),
        ("TERMINATED", "complete"),
        ("fail", "failed"),
        (" Failed ", "failed"),
        ("ERROR", "failed"),
        ("crashed", "failed"),
        ("diverged", "failed"),
        ("pruned", "pruned"),
        ("stopped", "pruned"),
        ("running", "running"),
        ("Waiting", "running"),
        ("queued", "running"),
    ],
)
def test_other_words_for_a_status(word, status):
    trials = trials_of(score=[0.3, 0.2], status=["complete", word])
    assert trials.table["status"].tolist() == ["complete", status]
    assert np.isfinite(trials.table["score"].iloc[1]) == (status == "complete")


def test_only_the_scores_of_complete_rows_are_read():
    trials = trials_of(
        score=[0.3, "exploded", True, "?"], status=["complete", "failed", "pruned", "running"]
    )
    assert trials.table["score"].isna().tolist() == [False, True, True, True]
    assert trials.notes == (PRUNED_NOTE,)


def test_the_report_line_counts_every_trial():
    status = ["complete"] * 103 + ["failed"] * 9 + ["pruned"] * 6 + ["running"] * 2
    trials = trials_of(score=[0.5] * 120, status=status)
    assert str(trials) == "120 trials: 103 complete, 9 failed, 6 pruned, 2 running"
    assert repr(trials) == f"<Trials table, minimize score, {trials}>"
    assert len(trials.per_trial()) == 118


def test_the_report_line_counts_trials_not_rows():
    trials = trials_of(
        task=["a", "a", "a", "b", "b"],
        trial=[1, 1, 2, 1, 2],
        replicate=[1, 2, 1, 1, 1],
        score=[0.1, np.nan, 0.2, 0.3, 0.4],
        status=["ok", "ok", "ok", "ok", "running"],
    )
    line = "4 trials (5 evaluations) in 2 searches: 2 complete, 1 failed, 1 running"
    assert str(trials) == line
    assert trials.counts() == {
        "trials": 4,
        "complete": 2,
        "failed": 1,
        "pruned": 0,
        "running": 1,
        "evaluations": 5,
    }
    assert str(trials_of(score=[1.0])) == "1 trial: 1 complete, 0 failed"


def test_searches_come_in_order_of_appearance_and_can_be_taken_alone():
    trials = trials_of(
        task=["b", "a", "b", "b"], model=["m", "m", "n", "m"], score=[1.0, 2.0, 3.0, 4.0]
    )
    assert trials.searches == [("b", "m"), ("a", "m"), ("b", "n")]
    assert trials.search("b", "m").table["score"].tolist() == [1.0, 4.0]
    assert trials.search("b", "m").table["trial"].tolist() == [1, 4]
    assert trials.search("a").searches == [("a", "m")]
    assert trials.search(model="n").searches == [("b", "n")]
    assert trials.search("a").direction == "minimize"


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({}, r"3 searches match in table: say which .*\('b', 'm'\), \('a', 'm'\), \('b', 'n'\)"),
        ({"task": "b"}, r"2 searches match in table"),
        ({"task": "B"}, r"no task 'B' in table; there are 'b', 'a'. Did you mean 'b'\?"),
        ({"model": "x"}, r"no model 'x' in table; there are 'm', 'n'"),
        ({"task": "a", "model": "n"}, r"no search has task 'a' and model 'n' .*\('a', 'm'\)"),
    ],
)
def test_a_search_that_is_not_there_is_an_error_with_the_names_that_are(wanted, message):
    trials = trials_of(task=["b", "a", "b"], model=["m", "m", "n"], score=[1.0, 2.0, 3.0])
    with pytest.raises(LeadlineError, match=message):
        trials.search(**wanted)


def test_names_are_strings_whatever_their_type():
    trials = trials_of(task=[3, 7.0], model=[" m ", "m"], score=[1.0, 2.0])
    assert trials.searches == [("3", "m"), ("7", "m")]
    assert trials.search(3).table["score"].tolist() == [1.0]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["1", "2", "10"], [1, 2, 10]),
        (["007", "7", "8"], ["007", "7", "8"]),
        ([1.0, 2.0, 3.0], [1, 2, 3]),
        (["a1", "a2", "3"], ["a1", "a2", "3"]),
        ([2**70, 1, 2], [str(2**70), "1", "2"]),
    ],
)
def test_trial_ids_are_integers_or_strings(ids, expected):
    assert trials_of(trial=ids, score=[0.1, 0.2, 0.3]).table["trial"].tolist() == expected


def test_params_are_counted_where_they_have_values():
    trials = Trials(
        pd.DataFrame(
            {
                "task": ["a", "b"],
                "score": [0.1, 0.2],
                "param:lr": ["1e-3", "1e-2"],
                "param:depth": ["", "4"],
                "param:unused": [None, None],
                "param:augmentation": ["none", "cutmix"],
                "other": [1, 2],
            }
        ),
        "maximize",
    )
    assert trials.params == ["param:lr", "param:depth", "param:augmentation"]
    assert trials.n_params == 3
    assert trials.search("a").n_params == 2
    assert trials.table["param:lr"].tolist() == [1e-3, 1e-2]
    assert "other" not in trials.table


def test_hyperparameters_may_have_a_missing_value_that_is_a_level():
    table = pd.DataFrame({"score": [0.1, 0.2], "param:augmentation": ["none", "none"]})
    assert Trials(table, "minimize").n_params == 1


@pytest.mark.parametrize(
    "values",
    [
        [1j, 1j],
        [True, True],
        [[1], [1]],
        [{"a": 1}, {"a": 1}],
        [1, None],
        ["x", None],
        pd.to_timedelta([1, 1]),
        pd.to_datetime(["2020", "2020"], utc=True),
        pd.Categorical(["a", "a"]),
        pd.array([1, None], dtype="Int64"),
        pd.array([0, 0], dtype=pd.SparseDtype(int)),
    ],
)
def test_hyperparameters_of_any_type_pass_through(values):
    table = {"score": [0.1, 0.2], "trial": [1, 1], "replicate": [1, 2], "param:x": values}
    trials = Trials(pd.DataFrame(table), "minimize")
    assert trials.n_params == 1
    assert trials.per_trial()["param:x"].tolist() == [values[0]]


def test_optional_columns_are_numbers_and_space_is_a_name():
    trials = trials_of(
        score=[0.1, 0.2], cost=["3", ""], order=[2, 1], budget=[10, np.inf], space=[1, 1]
    )
    assert trials.table["cost"].iloc[0] == 3.0
    assert np.isnan(trials.table["cost"].iloc[1])
    assert trials.table["order"].tolist() == [2, 1]
    assert np.isnan(trials.table["budget"].iloc[1])
    assert trials.table["space"].tolist() == ["1", "1"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"loss": [1.0]}, "no column 'score'; there are 'loss'"),
        ({"score": []}, "no rows; at least one trial is needed"),
        ({"score": [0.1, "abc"]}, "column 'score', row 2: must be a number.*got 'abc'"),
        ({"score": [0.1, "0,5"]}, "got '0,5'; write a decimal comma as a point"),
        ({"score": [0.1, True]}, "row 2: must be a number.*got True"),
        ({"score": [1j]}, "row 1: must be a number.*got 1j"),
        ({"score": [0.1, b"1"]}, "row 2: must be a number.*got b'1'"),
        ({"score": pd.to_datetime(["2020-01-01"])}, "row 1: must be a number.*Timestamp"),
        ({"score": [0.1, 0.2], "task": ["a", None]}, "column 'task', row 2: must be a name"),
        ({"score": [0.1, 0.2], "trial": [1, np.nan]}, "column 'trial', row 2: must be a name"),
        ({"score": [0.1], "cost": ["cheap"]}, "column 'cost', row 1: must be a number"),
        ({"score": [0.1], "status": ["lost"]}, "unknown status 'lost'; allowed are complete, .*"),
        ({"score": [0.1], "status": [None]}, "unknown status None; allowed are"),
        (
            {"score": [0.1, 0.2, 0.3], "trial": [1, 2, 1]},
            "trial 1, replicate 1 of task 'task', model 'model' appears twice, again in row 3; "
            "name .* replicate='seed'",
        ),
        (
            {"score": [0.1, 0.2], "space": ["wide", "narrow"]},
            "task 'task', model 'model' has a second space 'narrow' in row 2",
        ),
        (
            {"score": [0.1, 0.2], "trial": [1, 1], "replicate": [1, 2], "param:lr": [0.1, 0.2]},
            "column 'param:lr', row 2: trial 1 of .* has replicates with different values",
        ),
    ],
)
def test_a_bad_table_is_one_clear_line(columns, message):
    with pytest.raises(LeadlineError, match=f"^table: .*{message}") as caught:
        Trials(pd.DataFrame(columns), "minimize")
    assert len(str(caught.value).splitlines()) == 1


def test_messages_call_the_score_by_the_metric():
    with pytest.raises(LeadlineError, match="column 'val_loss', row 1"):
        Trials(pd.DataFrame({"score": ["x"]}), "minimize", metric="val_loss")


def test_a_message_with_line_breaks_becomes_one_line():
    table = pd.DataFrame({"score": ["a\nb\u2028c"]})
    with pytest.raises(LeadlineError) as caught:
        Trials(table, "minimize", source="two\nlines.csv")
    assert len(str(caught.value).splitlines()) == 1


def test_two_columns_of_one_name_and_names_that_are_not_text_are_refused():
    twice = pd.DataFrame([[1.0, 2.0]], columns=["score", "score"])
    with pytest.raises(LeadlineError, match="two columns are named 'score'"):
        Trials(twice, "minimize")
    with pytest.raises(LeadlineError, match=re.escape("frame.columns.astype(str)")):
        Trials(pd.DataFrame({"score": [1.0], 0: [1]}), "minimize")
    with pytest.raises(TypeError, match=r"table must be a pandas.DataFrame, got dict"):
        Trials({"score": [1.0]}, "minimize")


@pytest.mark.parametrize("direction", ["min", "Minimize", "", None, 1, ["minimize"]])
def test_direction_is_never_guessed(direction):
    with pytest.raises(LeadlineError, match=r"'minimize' .* or 'maximize' .*never guessed, got"):
        validate_direction(direction)


def test_a_table_with_no_score_at_all_is_valid_until_a_reader_asks():
    trials = trials_of(score=[np.nan, np.inf])
    with pytest.raises(LeadlineError, match=r"no trial has a score in 'score' \(2 trials: 0"):
        validate_any_complete(trials)
    assert validate_any_complete(trials_of(score=[0.1])).counts()["complete"] == 1


def test_validation_is_idempotent_and_leaves_the_input_alone():
    given = pd.DataFrame({"score": ["0.5", ""], "param:lr": ["1", "2"]})
    before = given.copy()
    trials = Trials(given, "minimize")
    pd.testing.assert_frame_equal(given, before)
    again = dataclasses.replace(trials, metric="loss")
    pd.testing.assert_frame_equal(again.table, trials.table)
