"""Which model is better: the numbers behind the report's practical-equivalence slider."""

import itertools
from typing import Any

import numpy as np
import xarray as xr

from leadline.html_report.grids import rope_grid
from leadline.stats.compare import compare, equivalence
from leadline.stats.comparison_sentences import comparison_sentences

_SUFFIXES = {"overall": "_overall", "new_task": "_new_task"}


def comparison_data(tree: xr.DataTree) -> dict[str, Any] | None:
    """Return how the models of a fit compare when fully tuned, None when there is one only.

    Parameters
    ----------
    tree : DataTree
        The result of a fit.

    Returns
    -------
    dict
        `models`; `p_best`, for each the probability of being the best overall; `sentences`;
        `ropes`, differences that may not matter, in score units; `pairs`, each with `first`,
        `second` and its `columns`, one a task, then "overall" and "new_task" where there are such:
        `kind`, `label`, `difference` with `lower` and `upper` (in task scales), `p_better`,
        `p_equal`, `p_worse`, lists over the ropes, and on a task `better_from_budget`.
    """
    if len(set(tree["posterior"].dataset["model"].to_numpy().astype(str))) < 2:
        return None
    found = compare(tree)
    models, tasks = (found[name].to_numpy().astype(str).tolist() for name in ("model", "task"))
    ropes = rope_grid(found["scale"].to_numpy(), found["difference"].to_numpy())
    chances = equivalence(tree, ropes)
    return {
        "models": models,
        "tasks": tasks,
        "p_best": found["p_best_overall"].to_numpy(),
        "sentences": comparison_sentences(found),
        "ropes": ropes,
        "pairs": [
            {
                "first": first,
                "second": second,
                "columns": _columns(
                    found.sel(model=first, other_model=second),
                    chances.sel(model=first, other_model=second),
                    tasks,
                ),
            }
            for first, second in itertools.combinations(models, 2)
        ],
    }


def _columns(found: xr.Dataset, chances: xr.Dataset, tasks: list[str]) -> list[dict[str, Any]]:
    """Return what is known of a pair on each task, overall and on a new task."""
    places: list[tuple[str, str, dict[str, str]]] = [
        ("task", task, {"task": task}) for task in tasks
    ]
    if len(tasks) > 1:
        places.append(("overall", "overall", {}))
    if np.isfinite(found["p_better_new_task"]):
        places.append(("new_task", "a new task", {}))
    columns = []
    for kind, label, place in places:
        suffix = _SUFFIXES.get(kind, "")
        one, chance = (part.sel(place) if place else part for part in (found, chances))
        unit = float(one["scale"]) if kind == "task" else 1.0
        figures = ("difference", "difference_lower", "difference_upper")
        names = [
            f"difference{suffix}{name.removeprefix('difference')}" if suffix else name
            for name in figures
        ]
        columns.append(
            {
                "kind": kind,
                "label": label,
                **{
                    figure.removeprefix("difference_"): float(one[name]) / unit
                    for figure, name in zip(figures, names, strict=True)
                },
                **{
                    name: chance[name + suffix].to_numpy()
                    for name in ("p_better", "p_equal", "p_worse")
                },
                "better_from_budget": float(one["better_from_budget"]) if kind == "task" else None,
            }
        )
    return columns
