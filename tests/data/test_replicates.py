"""One row per trial: how replicates are combined."""

import math
import statistics

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.data.trials import Trials


def per_trial_of(**columns: list) -> pd.DataFrame:
    return Trials(pd.DataFrame(columns), "minimize").per_trial()


def test_replicates_become_mean_count_and_sum_of_squares():
    rows = per_trial_of(
        trial=["b", "a", "b", "b"],
        replicate=[1, 1, 2, 3],
        score=[1.0, 5.0, 2.0, 6.0],
        cost=[1, 2, 3, 4],
        order=[7, 8, 9, 10],
        **{"param:lr": [0.1, 0.2, 0.1, 0.1]},
    )
    assert rows.to_dict("list") == {
        "task": ["task"] * 2,
        "model": ["model"] * 2,
        "trial": ["b", "a"],
        "score": [3.0, 5.0],
        "replicates": [3, 1],
        "sum_of_squares": [14.0, 0.0],
        "status": ["complete"] * 2,
        "cost": [8.0, 2.0],
        "order": [7, 8],
        "param:lr": [0.1, 0.2],
    }
    # A trial has an unknown cost when one of its replicates has.
    rows = per_trial_of(trial=[1, 1], replicate=[1, 2], score=[1.0, 2.0], cost=[3.0, np.nan])
    assert rows["cost"].isna().all()


def test_equal_scores_have_their_own_mean_and_no_spread():
    # 0.1 + 0.1 + 0.1 is not 0.3.
    rows = per_trial_of(trial=[1] * 3, replicate=[1, 2, 3], score=[0.1] * 3)
    assert rows["score"].tolist() == [0.1]
    assert rows["sum_of_squares"].tolist() == [0.0]


def test_many_hyperparameters_raise_no_warning():
    columns = {f"param:{number}": [1, 2] for number in range(200)}
    assert per_trial_of(score=[0.1, 0.2], **columns).shape == (2, 207)


SCORES = st.floats(min_value=-1e6, max_value=1e6) | st.sampled_from([math.nan, math.inf, None])
STATUSES = st.sampled_from(["complete"] * 6 + ["failed", "pruned", "running"])
ROW = st.tuples(st.sampled_from(["x", "y"]), st.integers(1, 6), SCORES, STATUSES)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=40))
def test_per_trial_agrees_with_a_plain_loop(rows):
    table = pd.DataFrame(rows, columns=["task", "trial", "score", "status"])
    table["replicate"] = np.arange(len(table))
    trials = Trials(table, "minimize")
    found = trials.per_trial()

    expected: dict[tuple[str, int], list[tuple[str, float]]] = {}
    for task, trial, score, status in rows:
        finite = score is not None and math.isfinite(score)
        status = "failed" if status == "complete" and not finite else status
        if status != "running":
            expected.setdefault((task, trial), []).append((status, score))

    assert list(zip(found["task"], found["trial"], strict=True)) == list(expected)
    for row, evaluations in zip(found.itertuples(), expected.values(), strict=True):
        statuses = [status for status, _ in evaluations]
        worst = next(s for s in ("failed", "pruned", "complete") if s in statuses)
        assert (row.status, row.replicates) == (worst, len(evaluations))
        if worst == "complete":
            scores = [score for _, score in evaluations]
            squares = statistics.pvariance(scores) * len(scores)
            # Rounding of scores up to 1e6: 1e-9 in a mean, 1e-3 in a square.
            assert row.score == pytest.approx(statistics.fmean(scores), rel=1e-12, abs=1e-9)
            assert row.sum_of_squares == pytest.approx(squares, rel=1e-9, abs=1e-3)
        else:
            assert math.isnan(row.score)
            assert math.isnan(row.sum_of_squares)

    n_trials, *by_status, evaluations = trials.counts().values()
    assert n_trials == sum(by_status) == len({row[:2] for row in rows})
    assert evaluations == len(rows)
