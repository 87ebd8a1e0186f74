"""Rows that repeat a configuration are replicates, or asked about."""

import numpy as np
import pandas as pd
import pytest
from helpers_readers import refused

from leadline.io.table import read_table

N, SEEDS = 24, 3
PARAMS = ["lr", "layers"]


def read(frame, **options):
    return read_table(frame, **{"score": "loss", "direction": "minimize", **options})


def configurations(n=N):
    rng = np.random.default_rng(0)
    lr, layers = 10 ** rng.uniform(-4, -1, n), rng.integers(1, 9, n)
    return pd.DataFrame({"run": [f"r{k}" for k in range(n)], "lr": lr, "layers": layers})


def repeated():
    """Return three seeds of some configurations, in rows that follow each other, one of others."""
    rows = configurations()
    rng = np.random.default_rng(1)
    counts = np.where(np.arange(N) % 2, SEEDS, 1)
    rows = rows.loc[np.repeat(np.arange(N), counts)].reset_index(drop=True)
    seed = np.concatenate([np.arange(count) for count in counts])
    return rows.assign(seed=seed, loss=rows["lr"] + 0.1 * rng.random(len(rows)))


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


@pytest.mark.parametrize("name", ["seed", "Repeat", "random_state"])
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


def test_folds_are_no_replicates():
    frame = repeated().rename(columns={"seed": "fold"}).drop(columns="run")
    with refused("'fold'", "mean over the folds"):
        read(frame)
    assert "mean over the folds" in " ".join(read(frame, params=PARAMS).notes)
