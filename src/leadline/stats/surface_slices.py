"""A surface along each hyperparameter, the others at their best: the numbers of its picture."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from leadline.data.unit_cube import Axis
from leadline.stats.intervals import interval, validate_interval
from leadline.stats.surface_settings import best_setting
from leadline.stats.surface_tree import FUNCTIONS, axes_of, one_search, scores_of, surface_groups

Floats = npt.NDArray[np.float64]


def surface_slices(
    tree: xr.DataTree, search: str | None, ci_prob: float | None, ci_kind: str | None
) -> xr.Dataset:
    """Return the numbers of `leadline.plot_surface` for one search, see there."""
    prob, kind = validate_interval(ci_prob, ci_kind)
    name = one_search(tree, search)
    group, functions = surface_groups(tree)[name], surface_groups(tree, FUNCTIONS)[name]
    axes = {axis.name: axis for axis in axes_of(group)}
    settings = best_setting(tree, name, ci_prob=prob)
    order = [str(own) for own in settings.index]
    slices = functions["slice"].astype(float).rename(slice_point="point").sel(hyperparameter=order)
    lower, upper = interval(slices.fillna(0.0), prob, kind)
    known = slices.notnull().all(("chain", "draw"))  # noqa: PD004  (xarray)
    units = functions["slice_unit"].sel(hyperparameter=order).to_numpy()
    points = group["points"].sel(hyperparameter=order).transpose("hyperparameter", "trial")
    positions = [_positions(axes[own], unit) for own, unit in zip(order, units, strict=True)]
    trials = [
        _positions(axes[own], unit) for own, unit in zip(order, points.to_numpy(), strict=True)
    ]
    scores = scores_of(group)
    trial_score = scores.expected_score(group["loss"].to_numpy(), np.zeros(()))
    numbers = xr.Dataset(
        {
            "expected": slices.median(("chain", "draw")),
            "lower": lower.where(known),
            "upper": upper.where(known),
            "position": (("hyperparameter", "point"), np.stack(positions)),
            "trial_position": (("hyperparameter", "trial"), np.stack(trials)),
            "trial_score": ("trial", trial_score),
            "together": ("hyperparameter", _place(settings["together"], axes)),
            "best_trial": ("hyperparameter", [own[int(group.attrs["best"])] for own in trials]),
            "best_lower": ("hyperparameter", _place(settings["lower"], axes)),
            "best_upper": ("hyperparameter", _place(settings["upper"], axes)),
            "tuning_gain": ("hyperparameter", settings["tuning_gain"].to_numpy()),
            "p_matters": ("hyperparameter", settings["p_matters"].to_numpy()),
            "log": ("hyperparameter", [axes[own].log for own in order]),
            "choices": ("hyperparameter", ["\n".join(axes[own].choices) for own in order]),
        }
    )
    attrs = {"search": name, "ci_prob": prob, "ci_kind": kind}
    attrs["keep_best"] = settings.attrs["keep_best"]
    return numbers.transpose("hyperparameter", ...).assign_attrs(attrs)


def _positions(axis: Axis, unit: Floats) -> Floats:
    """Return where positions of the unit cube are drawn: values, logarithms, or choices."""
    if axis.choices:
        return unit
    values = np.array(axis.from_unit(unit), dtype=float)
    return np.log10(values) if axis.log else values


def _place(values: pd.Series, axes: dict[str, Axis]) -> Floats:
    """Return where values are drawn, nan for what has no place."""
    found = []
    for name, value in values.items():
        axis = axes[str(name)]
        if value is None or (isinstance(value, float) and np.isnan(value)):
            found.append(np.nan)
        elif axis.choices:
            found.append(float(axis.choices.index(value)))
        else:
            found.append(float(np.log10(value) if axis.log else value))
    return np.array(found)
