"""`comparison_numbers`: the numbers behind `plot_comparison`."""

import itertools
from typing import Literal

import numpy as np
import xarray as xr

from leadline.stats.compare import compare
from leadline.stats.rounding import percent

OVERALL, NEW_TASK = "overall", "a new task"
_SUFFIXES = {OVERALL: "_overall", NEW_TASK: "_new_task"}
_SOURCES = {
    "difference": "difference{}",
    "lower": "difference{}_lower",
    "upper": "difference{}_upper",
    "p_better": "p_better{}",
    "p_equal": "p_equal{}",
}


def comparison_numbers(
    tree: xr.DataTree,
    *,
    by: Literal["model", "task"] = "model",
    budget: float | None = None,
    rope: float = 0.0,
    ci_prob: float | None = None,
) -> xr.Dataset:
    """Return what `leadline.plot_comparison` shows.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    by, budget, rope, ci_prob
        As in `leadline.compare`.

    Returns
    -------
    Dataset
        Dims (pair, row): `difference`, `lower` and `upper`, positive where the first of the pair
        is better; `p_better`, `p_equal`; and `label`, the row's name with P(better). `first` and
        `second` (pair). Rows are the tasks, overall and a new task; those without a figure for
        any pair are left out. ``attrs`` hold `ci_prob` and `unit`.

    Raises
    ------
    LeadlineError
        As `leadline.compare`.
    """
    comparison = compare(tree, by=by, budget=budget, rope=rope, ci_prob=ci_prob)
    context = "task" if by == "model" else "model"
    items = comparison[by].to_numpy().astype(str)
    names = comparison[context].to_numpy().astype(str)
    scale = comparison["scale"].to_numpy()
    pairs = list(itertools.combinations(items, 2))
    rows = [*names, *([OVERALL] if len(names) > 1 else []), NEW_TASK]
    figures = {name: np.full((len(pairs), len(rows)), np.nan) for name in _SOURCES}
    labels = np.full((len(pairs), len(rows)), "", dtype=object)
    for i, (first, second) in enumerate(pairs):
        pair = comparison.sel({by: first, f"other_{by}": second})
        for j, row in enumerate(rows):
            # A task may be called "overall".
            suffix = "" if j < len(names) else _SUFFIXES[row]
            part = pair if suffix else pair.isel({context: j})
            for name, source in _SOURCES.items():
                in_scores = not suffix and not name.startswith("p_")
                unit = scale[j] if in_scores else 1.0
                figures[name][i, j] = float(part[source.format(suffix)]) / unit
            labels[i, j] = _label(row, figures["p_better"][i, j], figures["p_equal"][i, j], rope)
    result = xr.Dataset(
        {
            **{name: (("pair", "row"), values) for name, values in figures.items()},
            "label": (("pair", "row"), labels.astype(str)),
            "first": ("pair", [first for first, _ in pairs]),
            "second": ("pair", [second for _, second in pairs]),
        },
        {"pair": [f"{first} better than {second}" for first, second in pairs], "row": rows},
        attrs={
            "ci_prob": comparison.attrs["ci_prob"],
            "unit": "difference in task scales" if by == "model" else "difference in score units",
        },
    )
    known = np.isfinite(figures["difference"]).any(axis=0)
    return result.isel(row=np.flatnonzero(known))


def _label(row: str, better: float, equal: float, rope: float) -> str:
    if not np.isfinite(better):
        return row
    return f"{row}  {percent(better)}" + (f" (equal {percent(equal)})" if rope > 0 else "")
