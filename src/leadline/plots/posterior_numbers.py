"""The numbers behind a row of a forest: mean, intervals and density of a quantity."""

import numpy as np
import xarray as xr

from leadline.stats.intervals import SAMPLE_DIMS, interval, validate_interval

# A density is drawn where it holds this much, so that a long tail does not squeeze the rest.
_SHOWN = 0.995
_POINTS = 200


def posterior_numbers(
    draws: xr.DataArray, ci_prob: float | None, ci_kind: str | None
) -> xr.Dataset:
    """Return what a forest shows of a quantity.

    Parameters
    ----------
    draws : DataArray
        Dims (chain, draw, search).
    ci_prob, ci_kind : optional
        Probability and kind of the interval. Default: those of ``arviz.rcParams``.

    Returns
    -------
    Dataset
        `mean`, `lower`, `upper`, and the interval of half the draws, `inner_lower` and
        `inner_upper` (search). ``attrs`` hold `ci_prob`, `ci_kind` and `inner_prob`.
    """
    prob, kind = validate_interval(ci_prob, ci_kind)
    inner = 0.5 if prob > 0.5 else 0.5 * prob
    lower, upper = interval(draws, prob, kind)
    inner_lower, inner_upper = interval(draws, inner, kind)
    figures = {
        "mean": draws.mean(SAMPLE_DIMS),
        "lower": lower,
        "upper": upper,
        "inner_lower": inner_lower,
        "inner_upper": inner_upper,
    }
    attrs = {"ci_prob": prob, "ci_kind": kind, "inner_prob": inner}
    return xr.Dataset(figures, attrs=attrs)


def density_numbers(draws: xr.DataArray) -> xr.Dataset:
    """Return a kernel density estimate, at most 1.

    Parameters
    ----------
    draws : DataArray
        Dims (chain, draw, search).

    Returns
    -------
    Dataset
        `value` and `density` (search, point), from the middle 99.5 % of the draws.
    """
    estimate = draws.azstats.kde(dim=list(SAMPLE_DIMS))
    low, high = interval(draws, _SHOWN, "eti")
    values, heights = [], []
    for name in draws["search"].to_numpy():
        x, y = (estimate.sel(search=name, plot_axis=axis).to_numpy() for axis in ("x", "y"))
        points = np.linspace(float(low.sel(search=name)), float(high.sel(search=name)), _POINTS)
        values.append(points)
        heights.append(np.interp(points, x, y) / y.max())
    dims = ("search", "point")
    return xr.Dataset(
        {"value": (dims, np.stack(values)), "density": (dims, np.stack(heights))},
        {"search": draws["search"]},
    )
