"""Rows that are no trials: one per epoch, or repeated evaluations of a configuration."""

import numpy as np
import pandas as pd
import pytest
from helpers_readers import refused

from leadline.io.table import read_table

N, EPOCHS, SEEDS = 24, 8, 3
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


def repeated():
    """Return three seeds of some configurations, in rows that follow each other, one of others."""
    rows = configurations()
    rng = np.random.default_rng(1)
    counts = np.where(np.arange(N) % 2, SEEDS, 1)
    rows = rows.loc[np.repeat(np.arange(N), counts)].reset_index(drop=True)
    seed = np.concatenate([np.arange(count) for count in counts])
    return rows.assign(seed=seed, loss=rows["lr"] + 0.1 * rng.random(len(rows)))


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


def test_trials_that_ended_early_are_counted():
    frame = per_epoch().drop(index=[3, 4, 5, 6, 7])
    trials = read(frame, params=PARAMS, trial="run", budget="epoch")
    assert "1 trial of 24 ended before 'epoch' 8" in trials.notes[1]
    assert trials.table["budget"].tolist()[:2] == [3, 8]


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


def test_rows_with_equal_hyperparameters_are_replicates():
    frame = repeated()
    trials = read(frame, params=PARAMS)
    assert trials.counts()["trials"] == N
    assert "24 evaluations with the hyperparameters of another trial: replicates of it" in (
        trials.notes
    )
    named = read(frame, params=PARAMS, replicate="seed")
    assert named.counts()["trials"] == N
    assert set(named.table["replicate"]) == {0, 1, 2}
    expected = read(frame, params=PARAMS, trial="run", replicate="seed").per_trial()
    for found in (trials, named):
        np.testing.assert_allclose(found.per_trial()["score"], expected["score"])
    # The number of the first row names the trial.
    assert trials.table["trial"].tolist()[:5] == [1, 2, 2, 2, 5]


def test_searches_do_not_share_trials():
    both = pd.concat([repeated().assign(task=task) for task in ("a", "b")])
    assert read(both, params=PARAMS).counts() == {
        **read(repeated(), params=PARAMS).counts(),
        "trials": 2 * N,
        "complete": 2 * N,
        "evaluations": 2 * len(repeated()),
    }


def test_chance_may_repeat_one_of_few_combinations():
    frame = pd.DataFrame({"loss": np.arange(20.0), "layers": np.arange(20) % 4})
    trials = read(frame, params=["layers"])
    assert trials.counts()["trials"] == 20
    assert "replicate" in trials.notes[0]


@pytest.mark.parametrize("name", ["seed", "fold", "Repeat", "random_state"])
def test_without_hyperparameters_a_column_of_seeds_is_asked_about(name):
    frame = repeated().rename(columns={"seed": name}).drop(columns="run")
    with refused(f"replicate={name!r}", "params", "trial"):
        read(frame)
    assert read(frame, params=["lr", name]).counts()["trials"] == len(frame)
    with refused(f"{name!r}", "params=['lr']", "trial='config'"):
        read(frame, replicate=name)
    # One seed for all, or one for each row, tells nothing apart.
    for seeds in (1, np.arange(len(frame))):
        assert read(frame.assign(**{name: seeds})).counts()["trials"] == len(frame)


def test_a_trial_that_repeats_is_asked_about():
    with refused("replicate='seed'", "budget='epoch'"):
        read(per_epoch(), trial="run")
