"""What the fit of one set of thresholds says in score units."""

import numpy as np
import xarray as xr

from leadline.joint_fitter import _tasks_in_score_units
from leadline.scale import SCALES


def test_tasks_are_told_in_score_units():
    dims = ("chain", "draw", "task")
    pooled = xr.Dataset(
        {
            "task_location": (dims, np.log([[[0.1, 0.5]]])),
            "task_scale": (dims, [[[0.2, 0.3]]]),
        }
    )
    got = _tasks_in_score_units(pooled, SCALES["log"])
    # A step in the logarithm is that share of the score.
    np.testing.assert_allclose(got["task_location"], [[[0.1, 0.5]]])
    np.testing.assert_allclose(got["task_scale"], [[[0.02, 0.15]]])
