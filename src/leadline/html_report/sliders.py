"""Values of the report's sliders and the numbers for each of them."""

import itertools
import math
from typing import Any

import numpy as np
import xarray as xr

from leadline.stats.compare import compare, comparison_columns, equivalence
from leadline.stats.comparison_sentences import comparison_sentences, conditions, superlative
from leadline.stats.forecast import forecast

_LARGEST = 10_000
_STEPS = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)

BUDGETS = [
    *range(1, 10),
    *(round(step * 10**power) for power in (1, 2, 3) for step in _STEPS),
    _LARGEST,
]
"""Numbers of trials: all up to 10, then ten per decade, up to 10,000."""

# A forecast solves an equation per number and draw, so that this grid is coarser.
FURTHER = [*(step * 10**power for power in range(4) for step in (1, 2, 3, 5, 7)), _LARGEST]
"""Numbers of further trials, from 1 to 10,000."""

DEFAULT_BUDGET = DEFAULT_FURTHER = 50
"""Initial values of the sliders, and those of a page without JavaScript."""

_CHANCES = ("p_better", "p_equal", "p_worse")
_ROPE_STEPS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)
# The smallest difference, in units of the smallest task scale.
_SMALLEST = 0.01
_MOST_DECADES = 6


def rope_grid(scales: np.ndarray, differences: np.ndarray) -> list[float]:
    """Return practically equal differences, from 0 to beyond the largest difference found.

    All are in score units: `scales` of the tasks, and `differences`, posterior means of all pairs,
    nan where there is none.
    """
    largest = np.abs(differences[np.isfinite(differences)]).max(initial=0.0)
    # A task whose searches all end in plateaus has no scale.
    known = scales[np.isfinite(scales)] if np.isfinite(scales).any() else np.array([largest or 1.0])
    first = math.floor(math.log10(_SMALLEST * float(known.min())))
    last = math.ceil(math.log10(max(float(largest), float(known.max()))))
    first = max(first, last - _MOST_DECADES)
    # Parsed from text, to get the floats that a person would type.
    ropes = [float(f"{step}e{power}") for power in range(first, last) for step in _ROPE_STEPS]
    return [0.0, *ropes, float(f"1e{last}")]


def curve_data(numbers: xr.Dataset) -> dict[str, Any]:
    """Return the expected score of the best of k trials, for the budgets of the slider.

    The arrays `mean`, `lower` and `upper` (search, budget) are those of `curve_numbers`, nan where
    the median best of k is a failed trial in some posterior draws.
    """
    names = {"mean": "curve", "lower": "lower", "upper": "upper"}
    parts = {key: numbers[name].transpose("search", "budget") for key, name in names.items()}
    return {"budgets": BUDGETS, **{key: part.to_numpy() for key, part in parts.items()}}


def forecast_data(tree: xr.DataTree) -> dict[str, Any]:
    """Return the outcome of further trials: `trials`, the numbers of the slider, and arrays.

    They are variables of `leadline.forecast`, dims (search, trials).
    """
    found = forecast(tree, FURTHER).transpose("search", "trials", ...)
    names = ("p_gain", "expected_gain_mean", "cost")
    return {"trials": FURTHER, **{name: found[name].to_numpy() for name in names}}


def comparison_data(
    tree: xr.DataTree, budget: float | None = None, rope: float = 0.0
) -> dict[str, Any] | None:
    """Return the comparison of the models of a fit by `compare`, None if there is one model.

    `p_best` is the probability of each of the `models` to be `best`, in words, overall; `ropes` are
    practically equal differences in score units, and `rope_place` is that of `rope`. Each of the
    `pairs` has `first`, `second` and `columns`, one per task, then "overall" and "new_task" where
    they exist. A column has its `label`, and `p_better`, `p_equal` and `p_worse`, lists over the
    ropes.
    """
    if len(set(tree["posterior"].dataset["model"].to_numpy().astype(str))) < 2:
        return None
    found = compare(tree, budget=budget, rope=rope)
    models = found["model"].to_numpy().astype(str).tolist()
    grid = rope_grid(found["scale"].to_numpy(), found["difference"].to_numpy())
    ropes = sorted({*grid, float(rope)})
    chances = equivalence(tree, ropes, budget=budget)
    pairs = []
    for first, second in itertools.combinations(models, 2):
        pair = chances.sel(model=first, other_model=second)
        columns = [
            {"label": head}
            | {name: pair[name + suffix].sel(selected).to_numpy() for name in _CHANCES}
            for head, suffix, selected in comparison_columns(found)
        ]
        pairs.append({"first": first, "second": second, "columns": columns})
    return {
        "models": models,
        "p_best": found["p_ahead_overall"].to_numpy(),
        "sentences": comparison_sentences(found),
        "conditions": conditions(found),
        # Without the rope, which a slider changes.
        "when": conditions(found.assign_attrs(rope=0.0)),
        "best": superlative(found),
        "ropes": ropes,
        "rope_place": ropes.index(float(rope)),
        "pairs": pairs,
    }
