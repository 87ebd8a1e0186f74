"""The place of the optimum of a surface, and the hyperparameters that matter near it."""

import json
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from leadline.data.unit_cube import Axis
from leadline.errors import LeadlineError, format_value, pluralize
from leadline.stats.diagnostics import failed_searches
from leadline.stats.fitted_search import direction_sign
from leadline.stats.intervals import SAMPLE_DIMS, validate_interval
from leadline.stats.rounding import percent
from leadline.stats.surface_tree import (
    FUNCTIONS,
    NO_SURFACE,
    axes_of,
    calibration_of,
    is_surface,
    one_search,
    surface_groups,
)

Floats = npt.NDArray[np.float64]

_RARE = 5
"""With fewer configurations, the prior decides what a choice costs."""

_FEW = 8
"""The best value of a number is a tried one if at most so many were tried."""

_CLEARLY = 0.8
"""A choice that costs more than the noise with this probability is bad."""

_EDGE = 0.05
"""The share of a range that is an end of it."""

_PERHAPS = 0.6
"""As in comparisons of models, "perhaps" begins here."""

MAX_AT_EDGE = 0.8
"""Largest probability that the optimum is at an end of a range, and it matters, to say nothing."""


def best_setting(
    tree: xr.DataTree, search: str | None = None, *, ci_prob: float | None = None
) -> pd.DataFrame:
    """Return where the optimum of a surface is, and how much each hyperparameter matters near it.

    Parameters
    ----------
    tree : DataTree
        The result of ``leadline.fit(model="surface")``.
    search : str, optional
        The search; required if there are several.
    ci_prob : float, optional
        Probability of the equal-tailed intervals. Default: ``arviz.rcParams["stats.ci_prob"]``.

    Returns
    -------
    pandas.DataFrame
        Index `hyperparameter`, the largest gain of tuning first. Columns:

        - `value`, `lower`, `upper`: the posterior median of the best value and the ends of its
          interval; of a choice, the likeliest one, and no ends. Each is about one hyperparameter:
          to run a configuration, take `together`;
        - `probability`: of that choice, nan for numbers;
        - `together`: the value in the one configuration with the best posterior mean; these values
          belong together;
        - `best_trial`: the value in the trial that measured best, none if it was inactive;
        - `axis`: how values were drawn and the surface is laid: "log", "linear" or "choice";
        - `tuning_gain`, `tuning_gain_lower`, `tuning_gain_upper`: how much worse the expected score
          is, in score units, where this hyperparameter alone has a random value of its range and
          all others are at their best; the posterior median and the ends of its interval. The
          mean is over scores, of which those beyond the worst trial count as the worst;
        - `p_matters`: the probability that this is more than the noise sd of one run;
        - `p_worst`: the probability that the worst value of the range costs more than that, the
          others as in `together`; where it is low, any value is as good;
        - `tried`: of a number with 8 or fewer different values and no declared range, these; else
          empty. The best value of a number with so few is one of them, though the surface is
          smooth between them;
        - `at_edge`: "lower" or "upper" if the number matters and its best value is in the outer
          twentieth of the range with more than 80 %, as in the check "optimum at an edge", so that
          a wider range, where it can be wider, may hold better ones; else empty;
        - `relevance`: the posterior median of the inverse squared length scale, in units of the
          range that was searched: 1 means that the score changes much over the range, 0.01 that
          it hardly does;
        - `rarely`: the choices of a categorical hyperparameter that fewer than 5 configurations
          have, with their numbers, such as "32: 2 trials"; else empty;
        - `bad`: the choices that cost more than the noise sd of one run with 80 % or more, compared
          with the best one, the others as in `together`, such as "'none': 96 %"; else empty.

        A hyperparameter that is inactive in the best configuration has no value `together`; a draw
        in which it is inactive counts as a gain of 0, and not for the best value. ``attrs`` hold
        `calibration`, how often the intervals of the optimum of searches that learned covered the
        truth, `ci_prob`, and `together_score`, the expected score of the configuration
        `together`: its posterior mean and the ends of its interval; `together_gain`, its gain over
        the best trial re-run, and the `noise_sd` of one run; `keep_best`, whether the best trial,
        which may differ from the surface around it, is expected to be as good or better if re-run;
        `never_run`, whether no fitted trial has the values `together`; and `failed_checks`, the
        warnings among the checks that failed in this search. Printed, it is the table of
        `leadline summary`; ``table.T`` has all columns.

    Raises
    ------
    LeadlineError
        If `tree` has no surface, or the search is not named.

    Examples
    --------
    >>> import xarray
    >>> fit = xarray.open_datatree("surface.nc")
    >>> ll.best_setting(fit).loc["opt", "value"]
    'adam'
    """
    if not is_surface(tree):
        raise LeadlineError(NO_SURFACE)
    prob, _ = validate_interval(ci_prob, None)
    name = one_search(tree, search)
    posterior = tree["posterior"].dataset.sel(search=name)
    functions = surface_groups(tree, FUNCTIONS)[name]
    through = functions["through"]
    rows = {}
    group = surface_groups(tree)[name]
    run = np.ones(group.sizes["trial"], bool)
    points, lines = group.dataset["points"], functions.dataset["slice"]
    best = int(group.attrs["best"])
    for axis in axes_of(group):
        own = posterior.sel(hyperparameter=axis.name)
        unit = own["best_setting"].to_numpy().ravel()
        # What is inactive costs nothing.
        gain = own["tuning_gain"].fillna(0.0)
        chance = float((gain > own["noise_sd"]).mean())
        ends = [(1 - prob) / 2, 0.5, (1 + prob) / 2]
        lower, median, upper = gain.quantile(ends, SAMPLE_DIMS).to_numpy()
        own_points = points.sel(hyperparameter=axis.name).to_numpy()
        tried = _few_tried(axis, own_points)
        together = _nearest(tried, through.sel(hyperparameter=axis.name).to_numpy().reshape(1))
        unit = _nearest(tried, unit[~np.isnan(unit)])
        run &= np.isclose(own_points, together[0], rtol=0.0, atol=1e-6, equal_nan=True)
        # Beside a declared range, the tried values would be taken for it.
        listed = np.empty(0) if axis.declared else tried
        rows[axis.name] = _place(axis, unit, prob) | {
            "together": _values(axis, together)[0],
            "best_trial": _values(axis, own_points[[best]])[0],
            "axis": "choice" if axis.choices else "log" if axis.log else "linear",
            "tuning_gain": median,
            "tuning_gain_lower": lower,
            "tuning_gain_upper": upper,
            "p_matters": chance,
            "p_worst": _worst_matters(lines.sel(hyperparameter=axis.name), own["noise_sd"]),
            "tried": ", ".join(value_text(own) for own in _values(axis, listed)),
            "relevance": float(np.median(own["relevance"].to_numpy())),
            "rarely": _rarely_tried(axis, own_points),
            "bad": _bad_choices(
                axis, lines.sel(hyperparameter=axis.name), own["noise_sd"], direction_sign(tree)
            ),
            "at_edge": _at_edge(axis, own),
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("hyperparameter")
    table = _Settings(table.sort_values("tuning_gain", ascending=False, kind="stable"))
    score = together_score(tree, name)
    again = float(posterior["best_seen_expected"].mean())
    gain = float(direction_sign(tree) * (again - score.mean()))
    sides = np.quantile(score, [(1 - prob) / 2, (1 + prob) / 2])
    table.attrs.update(calibration=calibration_of(tree), ci_prob=prob, keep_best=gain <= 0.0)
    table.attrs.update(together_gain=gain, noise_sd=float(posterior["noise_sd"].mean()))
    table.attrs["never_run"] = not run.any()
    failed = json.loads(tree.attrs.get("failed_checks", "[]"))
    where = failed_searches(tree)
    table.attrs["failed_checks"] = [own for own in failed if name in where.get(own, ())]
    table.attrs["together_score"] = tuple(map(float, (score.mean(), *sides)))
    table.attrs["safer"] = _safer_trial(tree, name, (1 - prob) / 2)
    return table


def _safer_trial(
    tree: xr.DataTree, search: str, tail: float
) -> tuple[str, float, tuple[float, float, float]]:
    """Return the trial that is perhaps better, if re-run, than the one that measured best.

    It comes with the probability, and the mean and the interval of its expected score; its name is
    "" if there is none, or in fits of earlier versions.
    """
    functions = surface_groups(tree, FUNCTIONS)[search].to_dataset()
    if "safest" not in functions.attrs:
        return "", np.nan, (np.nan, np.nan, np.nan)
    expected = functions["safest_expected"]
    again = tree["posterior"].dataset["best_seen_expected"].sel(search=search)
    better = float((direction_sign(tree) * (again - expected) > 0.0).mean())
    name = str(functions.attrs["safest"]) if better >= _PERHAPS else ""
    ends = expected.quantile([tail, 1.0 - tail], SAMPLE_DIMS).to_numpy()
    return name, better, (float(expected.mean()), float(ends[0]), float(ends[1]))


class _Settings(pd.DataFrame):
    """A result of `best_setting`, which is too wide to be printed as it is."""

    def __repr__(self) -> str:
        from leadline.stats.setting_words import setting_cells

        try:
            cells = setting_cells(self)
        except KeyError:
            # Without all its columns it is another table.
            return super().__repr__()
        return str(cells.to_string(line_width=pd.get_option("display.width")))


def together_score(tree: xr.DataTree, search: str) -> Floats:
    """Return draws (sample) of the smooth part of the score where all hyperparameters are best.

    The functions of the tree are stored along lines through that configuration: on the line of a
    choice it is a point, on that of a number between two close ones.
    """
    functions = surface_groups(tree, FUNCTIONS)[search].to_dataset()
    through = functions["through"]
    active = [axis for axis in axes_of(surface_groups(tree)[search]) if _active(through, axis)]
    gain = tree["posterior"].dataset["tuning_gain"].sel(search=search).mean(SAMPLE_DIMS)
    # Where functions are flattest, the distance to the points of the line matters least.
    own = min(
        active, key=lambda axis: (not axis.choices, float(gain.sel(hyperparameter=axis.name)))
    )
    at = {"hyperparameter": own.name}
    units = functions["slice_unit"].sel(at).to_numpy()
    known = np.isfinite(units)
    lines = functions["slice"].sel(at).transpose(*SAMPLE_DIMS, "slice_point").to_numpy()
    values = lines[..., known].reshape(-1, known.sum())
    place = float(through.sel(at))
    return np.array([np.interp(place, units[known], line) for line in values])


def _active(through: xr.DataArray, axis: Axis) -> bool:
    return bool(np.isfinite(float(through.sel(hyperparameter=axis.name))))


def _rarely_tried(axis: Axis, codes: Floats) -> str:
    """Return the choices that few configurations have, "" of a number."""
    if not axis.choices:
        return ""
    counts = np.bincount(codes[np.isfinite(codes)].astype(int), minlength=len(axis.choices))
    few = [(name, int(own)) for name, own in zip(axis.choices, counts, strict=True)]
    return ", ".join(f"{name}: {pluralize(own, 'trial')}" for name, own in few if own < _RARE)


def _worst_matters(line: xr.DataArray, noise: xr.DataArray) -> float:
    """Return the probability that the worst value of a range costs more than the noise."""
    line = line.dropna("slice_point")
    if not line.sizes["slice_point"]:
        return 0.0
    # At fixed places: the extremes of each draw lie apart by chance.
    mean = line.mean(SAMPLE_DIMS).to_numpy()
    ends = line.isel(slice_point=[int(mean.argmin()), int(mean.argmax())])
    return float((ends.diff("slice_point") > noise).mean())


def _bad_choices(axis: Axis, line: xr.DataArray, noise: xr.DataArray, sign: float) -> str:
    """Return the choices that cost more than the noise, with the probabilities, "" of a number."""
    if not axis.choices:
        return ""
    # A choice that is not active has no score.
    cost = sign * line.isel(slice_point=slice(len(axis.choices)))
    best = int(np.nanargmin(cost.mean(SAMPLE_DIMS).fillna(np.inf)))
    chances = (cost - cost.isel(slice_point=best) > noise).mean(SAMPLE_DIMS).to_numpy()
    return ", ".join(
        f"{format_value(name)}: {percent(chance)}"
        for name, chance in zip(axis.choices, chances, strict=True)
        if chance >= _CLEARLY
    )


def _few_tried(axis: Axis, units: Floats) -> Floats:
    """Return the positions of the values that were tried of a number, none of many."""
    found = np.unique(units[np.isfinite(units)])
    return found if not axis.choices and len(found) <= _FEW else np.empty(0)


def edge_share(axis: Axis) -> float:
    """Return the share of the range of a number that is an end of it.

    The smallest value of an integer is an end, whatever its share of the range.
    """
    return max(_EDGE, 1.0 / axis.cells) if axis.cells else _EDGE


def edge_probabilities(axis: Axis, own: xr.Dataset) -> dict[str, float]:
    """Return the probabilities that the optimum is at an end of a range, and it matters.

    `own` is the posterior of one search and hyperparameter. A choice has no ends.
    """
    if axis.choices:
        return {}
    # The place of the optimum has no meaning along a hyperparameter that does not matter.
    matters, place = own["tuning_gain"] > own["noise_sd"], own["best_setting"]
    low, high = place < edge_share(axis), place > 1.0 - edge_share(axis)
    return {
        "lower": float((low & matters).mean()),
        "upper": float((high & matters).mean()),
    }


def _at_edge(axis: Axis, own: xr.Dataset) -> str:
    """Return the end of the range at which the optimum is, "" for none."""
    ends = edge_probabilities(axis, own)
    return next((end for end, chance in ends.items() if chance > MAX_AT_EDGE), "")


def _nearest(tried: Floats, units: Floats) -> Floats:
    """Return the tried positions nearest to others, these themselves where none are given."""
    if not len(tried):
        return units
    nearest = tried[np.abs(units[:, None] - tried).argmin(axis=1)]
    return np.where(np.isnan(units), np.nan, nearest)


def value_text(value: object) -> str:
    """Return the value of a hyperparameter as text, of an integer with all its digits."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e9:
        return f"{value:.0f}"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _values(axis: Axis, unit: Floats) -> list[Any]:
    """Return the values at positions on an axis, on that of an integer the nearest one."""
    values = axis.from_unit(unit)
    if not axis.integer or axis.choices:
        return values
    # The end of a log axis is half an integer beyond the last.
    first = math.ceil(math.exp(axis.low) if axis.log else axis.low)
    return [own if math.isnan(own) else float(max(round(own), first)) for own in values]


def _place(axis: Axis, unit: np.ndarray, prob: float) -> dict[str, object]:
    """Return the columns on the best value of one hyperparameter."""
    if not len(unit):
        return {"value": None, "lower": np.nan, "upper": np.nan, "probability": np.nan}
    if axis.choices:
        codes, counts = np.unique(unit.astype(int), return_counts=True)
        likeliest = int(counts.argmax())
        return {
            "value": axis.choices[codes[likeliest]],
            "lower": np.nan,
            "upper": np.nan,
            "probability": counts[likeliest] / counts.sum(),
        }
    # Values that were drawn, which an integer can have.
    ends = np.quantile(unit, [(1 - prob) / 2, 0.5, (1 + prob) / 2], method="nearest")
    lower, value, upper = _values(axis, ends)
    return {"value": value, "lower": lower, "upper": upper, "probability": np.nan}
