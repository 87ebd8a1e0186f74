"""Reported bests among the rows of a table: moved out of the trials, or refused."""

import logging

import numpy as np
import pandas as pd
import pytest

import leadline as ll
from leadline.data.trials import Trials
from leadline.errors import LeadlineError


def table(**changes):
    """Return trials of A, and B known from two reports; each change is (row from 0, value)."""
    columns = {
        "task": ["digits"] * 5,
        "model": [*"ABABA"],
        "loss": [0.30, 0.10, 0.20, 0.15, 0.40],
        "k": [np.nan, 50, 1, np.nan, np.nan],
        "status": ["ok", None, "ok", "reported", "failed"],
        "config": [1, np.nan, 2, np.nan, 3],
    }
    frame = pd.DataFrame(columns).astype(object)
    for column, (row, value) in changes.items():
        frame.loc[row, column] = value
    return frame


def read(frame):
    columns = {"score": "loss", "best_of": "k", "trial": "config", "task": "task"}
    return ll.read_table(frame, direction="minimize", **columns)


def test_reports_are_separated_from_trials():
    trials = read(table())
    assert str(trials) == "3 trials in 2 searches: 2 complete, 1 failed; 2 reported bests"
    assert trials.table["score"].tolist()[:2] == [0.3, 0.2]
    assert trials.table["trial"].tolist() == [1, 2, 3]
    assert list(trials.reports.columns) == ["task", "model", "score", "best_of", "space"]
    assert trials.reports["score"].tolist() == [0.10, 0.15]
    np.testing.assert_array_equal(trials.reports["best_of"], [50.0, np.nan])
    assert trials.counts()["trials"] == len(trials.per_trial()) == 3


def test_searches_without_trials_come_last_and_can_be_taken_alone():
    trials = read(table().iloc[[1, 0, 2, 3, 4]])
    assert trials.searches == [("digits", "A"), ("digits", "B")]
    assert trials.with_trials == [("digits", "A")]
    assert trials.only_reported == [("digits", "B")]
    alone = trials.search(model="B")
    assert (len(alone.table), len(alone.reports)) == (0, 2)
    assert trials.search(model="A").reports.empty
    # A search of reported bests has no draws to test.
    assert set(ll.check_random_search(trials)["search"]) == {"A"}


def test_only_the_rows_of_reports_need_a_status():
    frame = table()
    frame.loc[4, "loss"] = None
    values = ["ok", None, "", "reported", None]
    for status in (values, pd.Categorical(values)):
        assert str(read(frame.assign(status=status))) == str(read(table()))


def test_reports_may_be_given_apart_and_alone_are_refused_with_what_to_do():
    reports = pd.DataFrame({"model": ["B"], "score": [0.1], "best_of": [None]})
    trials = Trials(pd.DataFrame({"score": [0.3], "model": ["A"]}), "minimize", reports=reports)
    assert trials.searches == [("task", "A"), ("task", "B")]
    assert np.isnan(trials.reports["best_of"]).all()
    with pytest.raises(LeadlineError, match=r"2 reported bests.* random search .*best_of_k"):
        read(table().iloc[[1, 3]])


def test_a_column_of_that_name_needs_no_argument(tmp_path, caplog):
    file = tmp_path / "runs.csv"
    file.write_text("model,loss,best_of,space\nA,0.3,,s\nA,0.2,,s\nB,0.1,40,\nC,0.12,30,s\n")
    with caplog.at_level(logging.INFO):
        trials = ll.read_table(file, score="loss", direction="minimize")
    assert trials.reports["best_of"].tolist() == [40, 30]
    assert trials.reports["space"].tolist() == ["", "s"]
    assert "2 complete, 0 failed; 2 reported bests" in caplog.text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": (1, 0.5)}, r"'k', row 2.* 1 or more.* 0.5"),
        ({"k": (1, 0)}, r"'k', row 2.* 1 or more.* 0"),
        ({"k": (1, np.inf)}, r"'k', row 2.* 1 or more.* inf"),
        ({"k": (1, "many")}, r"'k', row 2.*'many'"),
        ({"status": (1, "failed")}, r"'status', row 2.* 50 .*'failed'"),
        ({"status": (1, "told")}, r"'told'.* reported"),
        ({"loss": (3, np.nan)}, r"'loss', row 4.* nan"),
        ({"loss": (3, "good")}, r"'loss', row 4.*'good'"),
        ({"model": (3, None)}, r"'model', row 4.*"),
        # Rows of trials have the numbers that they have in the table.
        ({"model": (4, None)}, r"'model', row 5.*"),
        ({"loss": (2, "x")}, r"'loss', row 3.*'x'"),
        ({"config": (4, 1)}, r"trial 1 appears twice.* row 5"),
    ],
)
def test_mistakes_are_named_with_their_row(changes, message):
    with pytest.raises(LeadlineError, match=message):
        read(table(**changes))
