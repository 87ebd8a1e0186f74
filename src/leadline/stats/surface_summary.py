"""The answers of a surface as tables: numbers per search, and where its optimum is."""

import json
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from leadline.data.trials import LOSS_SIGNS
from leadline.data.unit_cube import Axis
from leadline.errors import LeadlineError, format_value, join_values
from leadline.stats.diagnostics import MAX_RHAT, MIN_ESS
from leadline.stats.intervals import SAMPLE_DIMS, interval, interval_label, validate_interval

GROUP = "surfaces"

MEASURED = (
    "of 40 studies by TPE and CMA-ES (50 and 100 trials), 80 % intervals of surfaces covered the "
    "optimum in 0.82 and the expected score of the best trial in 0.72; lowest by kind of study, of "
    "four each: 0.50 and 0.25"
)
"""What `benchmarks/learned.py` found, in one sentence that goes wherever the numbers go."""

_ANSWERS = ("best_seen_expected", "optimum", "headroom", "noise_sd")


def is_surface(tree: object) -> bool:
    """Return whether a tree is the result of ``leadline.fit(model="surface")``."""
    return isinstance(tree, xr.DataTree) and GROUP in tree.children


def surface_groups(tree: xr.DataTree) -> dict[str, xr.DataTree]:
    """Return the group of each search, by its name."""
    return {str(own.attrs["search"]): own for own in tree[GROUP].children.values()}


def surface_summary(
    tree: xr.DataTree, *, ci_prob: float | None = None, ci_kind: str | None = None
) -> pd.DataFrame:
    """Return the answers of surfaces, one row per search.

    Columns are those of `leadline.summary` that a surface has: `trials`, `failed`, `best_seen`,
    then `best_seen_expected`, `optimum`, `headroom` and `noise_sd`, each followed by its sd and the
    ends of its interval; `best_within_noise`; `scale`, the scale of the score; `warning`. The
    attribute `calibration` holds how often such intervals covered the truth.
    """
    prob, kind = validate_interval(ci_prob, ci_kind)
    label = interval_label(prob, kind)
    posterior = tree["posterior"].dataset
    constant = tree["constant_data"].dataset
    sign = LOSS_SIGNS[tree.attrs["direction"]]
    headroom = (sign * (posterior["best_seen_expected"] - posterior["optimum"])).clip(min=0.0)
    draws = posterior.assign(headroom=headroom)
    owner = constant["trial_search"].to_numpy().astype(str)
    score = sign * constant["trial_score"].to_numpy()
    names = posterior["search"].to_numpy().astype(str).tolist()
    columns: dict[str, Any] = {
        "trials": constant["n_trials"].sel(search=names),
        "failed": (constant["n_trials"] - constant["n_complete"]).sel(search=names),
        "best_seen": [sign * np.nanmin(score[owner == name]) for name in names],
    }
    for name in _ANSWERS:
        columns[name] = draws[name].mean(SAMPLE_DIMS)
        columns[f"{name}_sd"] = draws[name].std(SAMPLE_DIMS, ddof=1)
        ends = interval(draws[name], prob, kind)
        columns[f"{name}_{label}_lb"], columns[f"{name}_{label}_ub"] = ends
    columns["best_within_noise"] = (headroom < posterior["noise_sd"]).mean(SAMPLE_DIMS)
    groups = surface_groups(tree)
    columns["scale"] = [json.loads(groups[name].attrs["scores"])["scale"] for name in names]
    columns["warning"] = [_warning(groups[name]) for name in names]
    values = {name: np.asarray(column) for name, column in columns.items()}
    table = pd.DataFrame(values, index=pd.Index(names, name="search"))
    table.attrs.update({name: tree.attrs.get(name) for name in ("direction", "metric", "source")})
    table.attrs["calibration"] = MEASURED
    return table


def best_setting(
    tree: xr.DataTree, search: str | None = None, *, ci_prob: float | None = None
) -> pd.DataFrame:
    """Return where the optimum of a surface is, and how much each hyperparameter matters.

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
        Index `hyperparameter`, the most relevant first. Columns:

        - `value`, `lower`, `upper`: the posterior median of the best value and the ends of its
          interval; of a choice, the likeliest one, and no ends;
        - `probability`: of that choice, nan for numbers;
        - `relevance`: the posterior median of the inverse squared length scale, in units of the
          range that was searched: 1 means that the score changes much over the range, 0.01 that
          it hardly does.

        ``attrs["calibration"]`` holds how often the intervals of the optimum covered the truth.

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
        raise LeadlineError("best_setting takes the tree of leadline.fit(model='surface')")
    prob, _ = validate_interval(ci_prob, None)
    groups = surface_groups(tree)
    if search is None and len(groups) > 1:
        raise LeadlineError(f"name one search of {join_values(groups)}")
    name = next(iter(groups)) if search is None else str(search)
    if name not in groups:
        raise LeadlineError(f"no search {format_value(name)}; there are {join_values(groups)}")
    axes = axes_of(groups[name])
    posterior = tree["posterior"].dataset.sel(search=name)
    rows = {}
    for axis in axes:
        own = posterior.sel(hyperparameter=axis.name)
        unit = own["best_setting"].to_numpy().ravel()
        row = _place(axis, unit[~np.isnan(unit)], prob)
        rows[axis.name] = row | {"relevance": float(np.median(own["relevance"].to_numpy()))}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("hyperparameter")
    table.attrs["calibration"] = MEASURED
    return table.sort_values("relevance", ascending=False, kind="stable")


def axes_of(group: xr.DataTree) -> tuple[Axis, ...]:
    """Return the axes of the space of one surface."""
    stored = json.loads(group.attrs["axes"])
    return tuple(Axis(**(own | {"choices": tuple(own["choices"])})) for own in stored)


def _place(axis: Axis, unit: np.ndarray, prob: float) -> dict[str, object]:
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
    ends = np.quantile(unit, [(1 - prob) / 2, 0.5, (1 + prob) / 2])
    lower, value, upper = axis.from_unit(ends)
    return {"value": value, "lower": lower, "upper": upper, "probability": np.nan}


def _warning(group: xr.DataTree) -> str:
    """Return the problems of sampling, "" if there are none."""
    attrs = group.attrs
    found = []
    if attrs["divergences"]:
        found.append(f"{attrs['divergences']} divergences")
    if not attrs["max_rhat"] <= MAX_RHAT:
        found.append(f"R-hat {attrs['max_rhat']:.3f} > {MAX_RHAT}")
    if not attrs["min_ess_bulk"] >= MIN_ESS:
        found.append(f"bulk ESS {attrs['min_ess_bulk']:.0f} < {MIN_ESS}")
    return ", ".join(found)
