"""The trials that a surface is fitted to."""

import numpy as np
import pandas as pd
import pytest

from leadline.data.surface_trials import MOST_CONFIGURATIONS, surface_trials
from leadline.data.trials import Trials
from leadline.errors import LeadlineError


def search(n=30, direction="minimize", **columns):
    x = np.random.default_rng(0).random(n)
    table = pd.DataFrame({"trial": np.arange(n), "score": x, "param:x": x})
    return Trials(table.assign(**columns), direction)


def taken(trials, seed=0):
    return surface_trials(trials, np.random.default_rng(seed))


def test_equal_hyperparameters_are_one_configuration():
    trials = search(40)
    again = trials.table.head(5).assign(trial=[100, 101, 102, 103, 104], score=5.0)
    found = taken(Trials(pd.concat([trials.table, again]), "minimize"))
    assert len(found.cube.seen) == 40
    assert found.replicates.tolist() == [2] * 5 + [1] * 35
    assert found.scores[found.configuration == 0].tolist() == [trials.table["score"][0], 5.0]


def test_failed_trials_are_left_out_with_a_note():
    table = search(30).table
    table.loc[3, "score"] = np.nan
    found = taken(Trials(table, "minimize"))
    assert len(found.cube.seen) == 29
    assert len(found.notes) == 1


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_the_best_trial_is_known(direction):
    trials = search(direction=direction)
    found = taken(trials)
    best = trials.table["score"].agg("min" if direction == "minimize" else "max")
    assert found.scores[found.configuration == found.best].tolist() == [best]


def test_of_many_configurations_the_best_and_some_others_are_kept():
    trials = search(500)
    found = taken(trials)
    assert len(found.cube.seen) == MOST_CONFIGURATIONS
    kept = np.sort(found.scores)
    assert (kept[:200] == np.sort(trials.table["score"])[:200]).all()
    assert kept[-1] > 0.9
    assert found.configuration.max() == MOST_CONFIGURATIONS - 1
    assert found.scores[found.configuration == found.best].item() == kept[0]
    assert (taken(trials).scores == found.scores).all()


def test_few_configurations_are_refused():
    with pytest.raises(LeadlineError, match="20"):
        taken(search(19))
