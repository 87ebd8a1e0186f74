"""Trials that were stored with a fit are those that were fitted."""

import io

import numpy as np
import pandas as pd
import xarray as xr

from leadline.data.stored_trials import trials_group, trials_of_group
from leadline.data.trials import Trials


def test_trials_come_back_from_a_file():
    table = pd.DataFrame(
        {
            "task": "t",
            "model": "m",
            "trial": ["a", "a", "b", "c", "d"],
            "replicate": [1, 2, 1, 1, 1],
            "score": [0.5, 0.25, np.nan, 0.125, 0.75],
            "status": ["complete", "complete", "failed", "complete", "pruned"],
            "cost": [1.0, 2.0, np.nan, 3.0, 4.0],
            "param:lr": [0.1, 0.1, 0.2, None, 0.3],
            "param:kind": ["x", "x", 3, None, True],
        }
    )
    trials = Trials(
        table,
        "maximize",
        metric="auc",
        source="runs",
        sampler="random",
        notes=("one",),
        cost_unit="s",
    )
    content = bytes(trials_group(trials).to_netcdf(engine="h5netcdf"))
    with xr.open_dataset(io.BytesIO(content), engine="h5netcdf") as group:
        again = trials_of_group(group.load())
    pd.testing.assert_frame_equal(again.table, trials.table)
    for name in ("direction", "metric", "source", "sampler", "notes", "cost_unit"):
        assert getattr(again, name) == getattr(trials, name)
    pd.testing.assert_frame_equal(again.per_trial(), trials.per_trial())
