"""What k trials give, and m further ones: the numbers behind two of the report's sliders."""

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from leadline.html_report.grids import BUDGETS, FURTHER
from leadline.stats.forecast import forecast
from leadline.stats.intervals import SAMPLE_DIMS, interval, validate_interval
from leadline.stats.tuning_curve import tuning_curve


def curve_data(tree: xr.DataTree) -> dict[str, Any]:
    """Return the expected score of the best of k trials, for the budgets of the slider.

    It is ``leadline.tuning_curve(tree, budgets, kind="expected")``, the median over searches of k
    trials, once for each posterior draw.

    Parameters
    ----------
    tree : DataTree
        The result of a fit.

    Returns
    -------
    dict
        `budgets`, and `mean`, `lower`, `upper`, arrays of shape (search, budget): over the
        posterior draws; nan where the median best of k is a failed trial in some of them.
    """
    prob, kind = validate_interval(None, None)
    curve = tuning_curve(tree, BUDGETS, kind="expected")
    curve = curve.where((abs(curve) < np.inf).all(SAMPLE_DIMS))
    lower, upper = interval(curve, prob, kind)
    parts = {"mean": curve.mean(SAMPLE_DIMS), "lower": lower, "upper": upper}
    return {
        "budgets": BUDGETS,
        **{name: part.transpose("search", "budget").to_numpy() for name, part in parts.items()},
    }


_FORECAST = ("p_gain", "gain_mean", "expected_gain_mean", "cost")


def forecast_data(tree: xr.DataTree) -> dict[str, Any]:
    """Return what further trials would bring, for the numbers of the slider.

    Parameters
    ----------
    tree : DataTree
        The result of a fit.

    Returns
    -------
    dict
        `trials`, the numbers, and `p_gain`, `gain_mean`,
        `expected_gain_mean` and `cost` of `leadline.forecast`, arrays of shape
        (search, trials).
    """
    found = forecast(tree, FURTHER)
    parts: dict[str, npt.NDArray[np.float64]] = {
        name: found[name].transpose("search", "trials").to_numpy() for name in _FORECAST
    }
    return {
        "trials": FURTHER,
        **parts,
    }
