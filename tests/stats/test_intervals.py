"""Intervals are those of ArviZ, to the last digit."""

import arviz as az
import numpy as np
import pytest
import xarray as xr

from leadline.errors import LeadlineError
from leadline.stats.intervals import interval, interval_label, validate_interval


@pytest.mark.parametrize("kind", ["eti", "hdi"])
@pytest.mark.parametrize("prob", [0.5, 0.89, 0.999])
def test_ends_equal_those_of_arviz(kind, prob):
    values = np.random.default_rng(3).standard_normal((4, 101, 2))
    values[0, 0, 1] = np.nan
    draws = xr.DataArray(values, dims=("chain", "draw", "search"), name="optimum")
    expected = getattr(az, kind)(draws, prob=prob, dim=["chain", "draw"])
    lower, upper = interval(draws, prob, kind)
    assert lower.dims == upper.dims == ("search",)
    np.testing.assert_array_equal(lower, expected.sel(ci_bound="lower"))
    np.testing.assert_array_equal(upper, expected.sel(ci_bound="upper"))


def test_defaults_are_the_settings_of_arviz():
    with az.rc_context({"stats.ci_prob": 0.7, "stats.ci_kind": "hdi"}):
        assert validate_interval(None, None) == (0.7, "hdi")
        assert validate_interval(0.5, "eti") == (0.5, "eti")
    assert interval_label(0.7, "hdi") == "hdi70"
    with pytest.raises(LeadlineError, match="ci_kind"):
        validate_interval(0.5, "mode")
