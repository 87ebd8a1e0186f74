"""Tables with one row per epoch are refused, or reduced to one row per trial."""

import numpy as np
import pandas as pd
import pytest
from helpers_readers import refused

from leadline.io.table import read_table

N, EPOCHS = 24, 8
PARAMS = ["lr", "layers"]


def read(frame, **options):
    return read_table(frame, **{"score": "loss", "direction": "minimize", **options})


def configurations(n=N):
    rng = np.random.default_rng(0)
    lr, layers = 10 ** rng.uniform(-4, -1, n), rng.integers(1, 9, n)
    return pd.DataFrame({"run": [f"r{k}" for k in range(n)], "lr": lr, "layers": layers})


def per_epoch(counter="epoch", first=1):
    """Return a row per epoch: the loss falls, and rises again in the last epoch."""
    rows = configurations().loc[np.repeat(np.arange(N), EPOCHS)].reset_index(drop=True)
    epoch = np.tile(np.arange(EPOCHS), N)
    loss = 0.3 + rows["lr"] + 0.1 * np.abs(epoch - EPOCHS + 2)
    return rows.assign(loss=loss).assign(**{counter: epoch + first})


@pytest.mark.parametrize("counter", ["epoch", "_step", "n_iter"])
@pytest.mark.parametrize("options", [{}, {"params": PARAMS}])
def test_rows_per_epoch_are_refused_with_the_ways_out(counter, options):
    for first in (0, 1):
        frame = per_epoch(counter, first)
        words = f"trial='run' and budget='{counter}'", "of='best'", f"replicate='{counter}'"
        with refused("'lr', 'layers'", *words):
            read(frame, **options)
        with refused(f"budget='{counter}'", f"replicate='{counter}'"):
            read(frame.drop(columns="run"), **options)
    # The rows of runs that went on side by side.
    with refused(f"budget='{counter}'"):
        read(frame.sort_values([counter, "run"]), params=PARAMS)


def test_a_grid_in_nested_loops_is_asked_for_its_hyperparameters():
    lr, depth = np.repeat([0.1, 0.2, 0.3, 0.4], 5), np.tile(range(1, 6), 4)
    grid = pd.DataFrame({"lr": lr, "depth": depth, "loss": lr * depth})
    with refused("'depth'", "hyperparameter", "params"):
        read(grid)
    assert read(grid, params=["lr", "depth"]).counts()["trials"] == 20


def test_one_row_per_trial_is_taken_by_the_budget():
    frame = per_epoch()
    shuffled = frame.sample(frac=1, random_state=0)
    for table in (frame, shuffled):
        last = read(table, params=PARAMS, trial="run", budget="epoch").table.sort_values("trial")
        best = read(table, params=PARAMS, trial="run", budget="epoch", of="best").table
        assert len(last) == len(best) == N
        assert set(last["budget"]) == set(best["budget"]) == {EPOCHS}
        np.testing.assert_allclose(last["score"], 0.4 + last["param:lr"])
        np.testing.assert_allclose(best["score"], 0.3 + best["param:lr"])
    trials = read(frame, params=PARAMS, budget="epoch")
    assert trials.counts()["trials"] == N
    assert "of='best'" in trials.notes[0]
    with refused("name the column of the trial"):
        read(shuffled, params=PARAMS, budget="epoch")
    upwards = frame.assign(loss=-frame["loss"])
    best = read(upwards, direction="maximize", params=PARAMS, budget="epoch", of="best").table
    np.testing.assert_allclose(best["score"], -0.3 - best["param:lr"])


def test_the_status_of_the_last_epoch_counts():
    frame = per_epoch().assign(state="ok")
    frame.loc[EPOCHS - 1, ["state", "loss"]] = ["crashed", 0.01]
    frame.loc[2 * EPOCHS - 1, "loss"] = np.nan
    options = {"params": PARAMS, "trial": "run", "budget": "epoch", "status": "state"}
    last, best = (read(frame, **options, of=of).table for of in ("last", "best"))
    assert last["status"].tolist()[:3] == ["failed", "failed", "complete"]
    assert best["status"].tolist()[:3] == ["failed", "complete", "complete"]


def test_trials_that_ended_early_are_refused_or_given_a_status():
    frame = per_epoch().drop(index=[3, 4, 5, 6, 7])
    options = {"params": PARAMS, "trial": "run", "budget": "epoch"}
    for of in ("last", "best"):
        with refused("1 trial of 24", "'epoch' 8", "early_stopped='pruned'"):
            read(frame, **options, of=of)
        for status in ("pruned", "complete"):
            table = read(frame, **options, of=of, early_stopped=status).table
            assert table["status"].tolist()[:2] == [status, "complete"]
            assert table["budget"].tolist()[:2] == [3, 8]
    # A crash ends a trial early too.
    crashed = frame.assign(state=np.where(frame["run"] == "r0", "failed", "ok"))
    assert read(crashed, **options, status="state").counts()["failed"] == 1
    with refused("'x'", "early_stopped"):
        read(frame, **options, early_stopped="x")


def test_a_table_without_repeated_rows_is_left_alone():
    frame = configurations().assign(loss=np.arange(N), epoch=EPOCHS)
    assert read(frame, params=PARAMS, budget="epoch").notes == ()
    # Counters of trials within each data set are no epochs.
    sets = frame.assign(task=np.repeat(["a", "b", "c"], N // 3), index=np.tile(range(N // 3), 3))
    assert len(read(sets, params=PARAMS).searches) == 3
    rng = np.random.default_rng(0)
    for _ in range(50):
        table = pd.DataFrame(rng.integers(0, 4, (40, 4)), columns=["loss", "a", "b", "c"])
        assert len(read(table).table) == 40
    with refused("'x'", "of"):
        read(frame, budget="epoch", of="x")
    with refused("budget='epoch'"):
        read(frame, of="best")


def test_a_trial_that_repeats_is_asked_about():
    with refused("budget='epoch'"):
        read(per_epoch(), trial="run")
