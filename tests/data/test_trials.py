"""The `Trials` table: defaults, statuses, keys, searches, counts."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from leadline.data.trials import (
    PRUNED_NOTE,
    RANDOM_SHARE,
    Trials,
    drawn_at_random,
    drawn_by_sampler,
    guided_trials,
    search_labels,
    validate_any_complete,
)
from leadline.errors import LeadlineError

TWO = {"score": [0.1, 0.2]}


def trials_of(direction: str = "minimize", **columns: list) -> Trials:
    return Trials(pd.DataFrame(columns), direction)


def test_scores_alone_make_one_search():
    trials = trials_of(score=[0.3, 0.2, 0.4])
    assert list(trials.table.columns) == ["task", "model", "trial", "replicate", "score", "status"]
    assert trials.table["trial"].tolist() == [1, 2, 3]
    assert trials.table["replicate"].tolist() == [1, 1, 1]
    assert trials.searches == [("task", "model")]
    assert (trials.metric, trials.sampler, trials.n_params) == ("score", None, 0)


BLANKS = [np.nan, None, np.inf, -np.inf, "", " ", "NaN", "inf", "-inf", "Infinity", "NA"]
# MLflow stores inf as the largest float.
OVERFLOWS = [1.797693e308, -1e151, 10**400]


@pytest.mark.parametrize("score", BLANKS + OVERFLOWS)
def test_a_row_without_a_finite_score_is_a_failed_trial(score):
    # An array of objects: pandas 2.2 cannot make a column of the list with the large integer.
    trials = trials_of(score=np.array([0.3, score], dtype=object))
    assert trials.table["status"].tolist() == ["complete", "failed"]
    assert np.isnan(trials.table["score"].iloc[1])
    assert str(trials) == "2 trials: 1 complete, 1 failed"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("complete", ["complete", "COMPLETED", "finished", "Success", "ok", "TERMINATED"]),
        ("failed", ["fail", " Failed ", "ERROR", "crashed", "diverged"]),
        ("pruned", ["pruned", "stopped"]),
        ("running", ["running", "Waiting", "queued"]),
    ],
)
def test_other_words_for_a_status(status, words):
    trials = trials_of(score=[0.2] * len(words), status=words)
    assert set(trials.table["status"]) == {status}
    assert (np.isfinite(trials.table["score"]) == (status == "complete")).all()


def test_only_the_scores_of_complete_rows_are_read():
    status = ["complete", "failed", "pruned", "running"]
    trials = trials_of(score=[0.3, "exploded", True, "?"], status=status)
    assert trials.table["score"].isna().tolist() == [False, True, True, True]
    assert trials.notes == (PRUNED_NOTE,)
    # A surface uses no threshold.
    assert "the law counts" in PRUNED_NOTE
    assert "a surface leaves it out" in PRUNED_NOTE


def test_the_summary_line_counts_trials_not_rows():
    trials = trials_of(
        task=[*"aaabbb"],
        trial=[1, 1, 2, 1, 2, 3],
        replicate=[1, 2, 1, 1, 1, 1],
        score=[0.1, np.nan, 0.2, 0.3, 0.4, 0.5],
        status=["ok", "ok", "ok", "ok", "running", "pruned"],
    )
    line = "5 trials (6 evaluations) in 2 searches: 2 complete, 1 failed, 1 pruned, 1 running"
    assert str(trials) == line
    assert repr(trials) == f"<Trials table, minimize score, {trials}>"
    assert list(trials.counts().values()) == [5, 2, 1, 1, 1, 6]
    assert len(trials.per_trial()) == 4
    assert str(trials_of(score=[1.0])) == "1 trial: 1 complete, 0 failed"


def test_searches_come_in_order_of_appearance_and_can_be_taken_alone():
    trials = trials_of(task=[*"babb"], model=[*"mmnm"], score=[1.0, 2.0, 3.0, 4.0])
    assert trials.searches == [("b", "m"), ("a", "m"), ("b", "n")]
    assert trials.search("b", "m").table["score"].tolist() == [1.0, 4.0]
    assert trials.search("b", "m").table["trial"].tolist() == [1, 4]
    assert trials.search("a").searches == [("a", "m")]
    assert trials.search(model="n").searches == [("b", "n")]
    assert trials.search("a").direction == "minimize"
    # Names are strings, whatever their type.
    trials = trials_of(task=[3, 7.0], model=[" m ", "m"], score=[1.0, 2.0])
    assert trials.searches == [("3", "m"), ("7", "m")]
    assert trials.search(3).table["score"].tolist() == [1.0]


def test_a_search_taken_alone_is_what_its_rows_alone_would_be():
    table = pd.DataFrame(
        {
            "model": ["a", "a", "b", "b", "b"],
            "trial": ["x", "y", "3", "1", "2"],
            "score": [1.0, 2.0, 3.0, None, 5.0],
            "param:layers": ["auto", "x", 1, 2, "3"],
            "space": ["u", "u", 1, 1, 1],
            "status": ["ok", "pruned", "ok", "failed", "running"],
        }
    )
    trials, before = Trials(table, "minimize"), Trials(table, "minimize")
    for model, rows in table.groupby("model"):
        alone = Trials(rows, "minimize", notes=trials.notes)
        pd.testing.assert_frame_equal(trials.search(model=model).table, alone.table)
    pd.testing.assert_frame_equal(trials.table, before.table)


@pytest.mark.parametrize(
    ("wanted", "parts"),
    [
        ({}, ["3 searches", "('b', 'm'), ('a', 'm'), ('b', 'n')"]),
        ({"task": "b"}, ["2 searches", "('b', 'm'), ('b', 'n')"]),
        ({"task": "B"}, ["task 'B'", "'b', 'a'", "Did you mean 'b'?"]),
        ({"model": "x"}, ["model 'x'", "'m', 'n'"]),
        ({"task": "a", "model": "n"}, ["'a'", "'n'", "('a', 'm')"]),
    ],
)
def test_a_search_that_is_not_there_is_an_error_with_the_names_that_are(wanted, parts):
    trials = trials_of(task=["b", "a", "b"], model=["m", "m", "n"], score=[1.0, 2.0, 3.0])
    with pytest.raises(LeadlineError) as error:
        trials.search(**wanted)
    assert not [part for part in ["table", *parts] if part not in str(error.value)]


def test_labels_leave_out_what_all_searches_share():
    assert search_labels([("a", "model"), ("b", "model")]) == ["a", "b"]
    assert search_labels([("a", "m"), ("a", "n")]) == ["m", "n"]
    assert search_labels([("a", "m")]) == ["a / m"]
    assert search_labels([("a", "m"), ("b", "n")]) == ["a / m", "b / n"]


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
    assert trials_of(trial=ids, score=[0.1] * 3).table["trial"].tolist() == expected


def test_params_are_counted_where_they_have_values():
    params = {"param:lr": ["1e-3", "1e-2"], "param:depth": ["", "4"]}
    params |= {"param:unused": [None, None], "param:augmentation": ["none", "none"]}
    trials = trials_of("maximize", task=["a", "b"], other=[1, 2], **TWO, **params)
    assert trials.params == ["param:lr", "param:depth", "param:augmentation"]
    assert trials.n_params == 3
    assert trials.search("a").n_params == 2
    assert trials.table["param:lr"].tolist() == [1e-3, 1e-2]
    assert "other" not in trials.table


OBJECTS = [[1j] * 2, [True] * 2, [[1]] * 2, [{"a": 1}] * 2, [1, None], ["x", None]]
TIMES = [pd.to_timedelta([1, 1]), pd.to_datetime(["2020", "2020"], utc=True)]
ARRAYS = [pd.array([1, None], dtype="Int64"), pd.array([0, 0], dtype=pd.SparseDtype(int))]


@pytest.mark.parametrize("values", [*OBJECTS, *TIMES, *ARRAYS, pd.Categorical(["a", "a"])])
def test_hyperparameters_of_any_type_pass_through(values):
    trials = trials_of(**TWO, trial=[1, 1], replicate=[1, 2], **{"param:x": values})
    assert trials.n_params == 1
    assert trials.per_trial()["param:x"].tolist() == [values[0]]


def test_optional_columns_are_numbers_and_space_is_a_name():
    columns = {"cost": ["3", ""], "order": [2, 1], "budget": [10, np.inf], "space": [1, 1]}
    table = trials_of(**TWO, **columns).table
    np.testing.assert_array_equal(table["cost"], [3.0, np.nan])
    assert table["order"].tolist() == [2, 1]
    np.testing.assert_array_equal(table["budget"], [10.0, np.nan])
    assert table["space"].tolist() == ["1", "1"]


@pytest.mark.parametrize(
    ("columns", "parts"),
    [
        ({"loss": [1.0]}, ["'score'", "'loss'"]),
        ({"score": []}, ["no rows"]),
        ({"score": [0.1, "abc"]}, ["'score', row 2", "number", "'abc'"]),
        ({"score": [0.1, "0,5"]}, ["'score', row 2", "'0,5'", "decimal comma"]),
        ({"score": [0.1, True]}, ["row 2", "number", "True"]),
        ({"score": [1j]}, ["row 1", "number", "1j"]),
        ({"score": [0.1, b"1"]}, ["row 2", "number", "b'1'"]),
        ({"score": pd.to_datetime(["2020-01-01"])}, ["row 1", "number", "Timestamp"]),
        (TWO | {"task": ["a", None]}, ["'task', row 2", "name"]),
        (TWO | {"trial": [1, np.nan]}, ["'trial', row 2", "name"]),
        (TWO | {"cost": [1, "cheap"]}, ["'cost', row 2", "number", "'cheap'"]),
        (TWO | {"status": ["ok", "lost"]}, ["'status'", "'lost'", "complete", "failed"]),
        ({"score": [0.1], "status": [None]}, ["'status'", "None"]),
        (TWO | {"trial": [1, 1]}, ["trial 1", "task=", "model=", "row 2", "replicate="]),
        (TWO | {"space": ["wide", "narrow"]}, ["'narrow'", "row 2"]),
        (
            TWO | {"trial": [1, 1], "replicate": [1, 2], "param:lr": [0.1, 0.2]},
            ["'lr', row 2", "trial 1", "replicates"],
        ),
        (TWO | {0: [1, 2]}, ["0", "frame.columns.astype(str)"]),
        ({"score": ["a\nb\u2028c"]}, ["'score', row 1"]),
    ],
)
def test_a_bad_table_is_one_line_with_column_and_row(columns, parts):
    with pytest.raises(LeadlineError, match=r"^two lines.csv: ") as error:
        Trials(pd.DataFrame(columns), "minimize", source="two\nlines.csv")
    assert len(str(error.value).splitlines()) == 1
    assert not [part for part in parts if part not in str(error.value)]


def test_a_table_is_a_frame_with_unique_columns_and_messages_name_the_metric():
    with pytest.raises(LeadlineError, match="'val_loss', row 1"):
        Trials(pd.DataFrame({"score": ["x"]}), "minimize", metric="val_loss")
    with pytest.raises(LeadlineError, match="'score'"):
        Trials(pd.DataFrame([[1.0, 2.0]], columns=["score", "score"]), "minimize")
    with pytest.raises(TypeError, match="dict"):
        Trials({"score": [1.0]}, "minimize")


@pytest.mark.parametrize("direction", ["min", "Minimize", "", None, 1, ["minimize"]])
def test_direction_is_never_guessed(direction):
    with pytest.raises(LeadlineError, match=r"'minimize' .* or 'maximize'"):
        trials_of(direction, score=[0.1])


def test_a_table_with_no_score_at_all_is_valid_until_a_reader_asks():
    with pytest.raises(LeadlineError, match=r"'score' \(2 trials: 0"):
        validate_any_complete(trials_of(score=[np.nan, np.inf]))
    assert validate_any_complete(trials_of(score=[0.1])).counts()["complete"] == 1


def test_trials_that_all_lack_a_replicate_may_be_swapped():
    swapped = trials_of(score=[0.1, np.nan, 0.2], trial=[0, 0, 0], replicate=["a", "b", "c"])
    with pytest.raises(LeadlineError, match=r"2 evaluations have a score.*swapped"):
        validate_any_complete(swapped)


def test_validation_is_idempotent_and_leaves_the_input_alone():
    given = pd.DataFrame({"score": ["0.5", ""], "param:lr": ["1", "2"]})
    before = given.copy()
    trials = Trials(given, "minimize")
    pd.testing.assert_frame_equal(given, before)
    again = dataclasses.replace(trials, metric="loss")
    pd.testing.assert_frame_equal(again.table, trials.table)


def drawn_table(drawn):
    return pd.DataFrame({"score": np.arange(len(drawn), dtype=float), "drawn": drawn})


def test_drawn_says_which_trials_are_random():
    trials = Trials(drawn_table(["Random", "guided", "random"]), "minimize")
    assert trials.per_trial()["drawn"].tolist() == ["random", "guided", "random"]
    assert guided_trials(trials) == 1
    random = drawn_at_random(trials)
    assert random.table["trial"].tolist() == [1, 3]
    assert random.sampler == RANDOM_SHARE
    # Without guided trials nothing changes.
    assert drawn_at_random(random) is random
    assert drawn_by_sampler(random) is None
    assert drawn_by_sampler(trials).table["trial"].tolist() == [2]


def test_a_trial_is_drawn_as_its_first_evaluation_is():
    table = drawn_table(["random", "guided", "guided"]).assign(trial=[1, 1, 2], replicate=[1, 2, 1])
    random = drawn_at_random(Trials(table, "minimize"))
    assert random.table["replicate"].tolist() == [1, 2]


@pytest.mark.parametrize("cell", ["tpe", None, 1])
def test_drawn_takes_two_words(cell):
    with pytest.raises(LeadlineError, match="row 2"):
        Trials(drawn_table(["random", cell]), "minimize")


def test_a_search_without_a_random_trial_has_no_random_part():
    table = drawn_table(["random", "guided"]).assign(task=["a", "b"])
    with pytest.raises(LeadlineError, match="'b'"):
        drawn_at_random(Trials(table, "minimize"))
