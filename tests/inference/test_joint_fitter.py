"""What the fit of one set of thresholds says in score units."""

import numpy as np
import pytest
import xarray as xr

from leadline.data.scale import SCALES
from leadline.inference.joint_fitter import JointFitter, _tasks_in_score_units
from leadline.inference.sampling import Sampler
from leadline.models.priors import Priors


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


@pytest.mark.parametrize(
    ("searches", "sampler", "options"),
    [
        (15, Sampler(), {}),
        (16, Sampler(), {"extra_doublings": 1}),
        (16, Sampler(options={"extra_doublings": 0}), {"extra_doublings": 0}),
        # Other samplers know no such option.
        (16, Sampler(nuts_sampler="numpyro"), {}),
    ],
)
def test_many_searches_get_longer_trajectories(searches, sampler, options):
    labels = [("space", f"task{number}", "model") for number in range(searches)]
    assert JointFitter("hierarchical", labels, Priors(), sampler).sampler.options == options
