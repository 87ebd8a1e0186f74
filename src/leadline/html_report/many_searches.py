"""The report of many searches: one picture of all, and numbers with fewer digits."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from leadline.html_report.pictures import Drawing, draw_rank_picture

MOST_SEARCHES = 40
"""A report of more searches has tables to filter and to sort, and no picture per search."""

# Digits of numbers in the data of the page; tables show at most five.
_DIGITS = 5

_CHANCES = ("p_better", "p_equal", "p_worse")


def is_many(data: Mapping[str, Any]) -> bool:
    """Return whether a report has more searches than can be shown one by one."""
    return len(data["searches"]) > MOST_SEARCHES


def page_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data that the page embeds: what its script uses, of many searches rounded."""
    comparison = data["comparison"]
    used: dict[str, Any] = {
        "curves": data["curves"],
        "forecast": data["forecast"],
        "searches": [
            {"name": own["name"], "optimum": {"decimals": own["optimum"]["decimals"]}}
            for own in data["searches"]
        ],
        "comparison": comparison
        and {
            **{name: comparison[name] for name in ("ropes", "rope_place")},
            "pairs": [
                {"columns": [{name: own[name] for name in _CHANCES} for own in pair["columns"]]}
                for pair in comparison["pairs"]
            ],
        },
    }
    result: dict[str, Any] = _rounded(used) if is_many(data) else used
    return result


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, Mapping):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    return value


def draw_ranks_of(
    tree: xr.DataTree, data: Mapping[str, Any], budget: float | None = None, rope: float = 0.0
) -> list[Drawing]:
    """Return the picture of mean ranks, in a list; none without several models and tasks."""
    posterior = tree["posterior"].dataset
    several = all(len(np.unique(posterior[name].to_numpy())) > 1 for name in ("model", "task"))
    return [draw_rank_picture(tree, budget, rope)] if several and is_many(data) else []
