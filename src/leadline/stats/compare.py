"""`compare`: which model is better once tuned, on each task, on a new one, and overall."""

import json
from numbers import Real
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from leadline.errors import LeadlineError, format_value, join_values
from leadline.stats.convergence import convergence
from leadline.stats.fitted_search import validate_tree
from leadline.stats.improvements import by_item, context_of, gains_of
from leadline.stats.intervals import validate_interval
from leadline.stats.pairwise import (
    Verdicts,
    against_the_others,
    differences,
    first_lasting,
    ranks,
    verdicts,
)
from leadline.stats.reported import only_reported
from leadline.stats.tuning_curve import tuning_curve

Array = npt.NDArray[np.float64]

BUDGETS = np.unique(np.geomspace(1, 10_000, 25).round())
"""Where `better_from_budget` looks."""

CERTAIN = 0.95
"""What `better_from_budget` asks of P(better)."""

# A probability to two digits needs no more, and every budget costs as much as a tuning curve.
_BUDGET_DRAWS = 200


def compare(
    tree: xr.DataTree,
    *,
    by: Literal["model", "task"] = "model",
    budget: float | None = None,
    rope: float = 0.0,
    ci_prob: float | None = None,
) -> xr.Dataset:
    """Return which models are better once tuned, pair by pair, with probabilities.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    by : {"model", "task"}
        What is compared. Tasks are compared for each model, in score units, which makes sense
        when they have the same metric.
    budget : float, optional
        Compare after so many trials each: the expected score of the configuration that measured
        best (its median, see `leadline.tuning_curve`), so that luck does not count. Default: at
        the optimum.
    rope : float
        Region of practical equivalence, in score units: differences up to it do not matter.
    ci_prob : float, optional
        Probability of the equal-tailed intervals. Default: ``arviz.rcParams["stats.ci_prob"]``.

    Returns
    -------
    Dataset
        With `by` for the first dim, ``other_<by>`` for the second (below "model",
        "other_model" and, for the cells, "task"). A difference is positive where the first is
        better, whatever the direction of the scores.

        - `p_better`, `p_equal`, `p_worse` (model, other_model, task): three numbers that add up to
          1; nan where a model has no search on a task;
        - `difference`, `difference_lower`, `difference_upper` (the same dims), in score units;
        - the same with the suffix `_overall` (model, other_model): the mean over the tasks that
          both have, in task scales (in score units for tasks compared);
        - the same with the suffix `_new_task`: on another task like these, in task scales. Only
          from a crossed fit, at the optimum, else nan: effects and interactions are the model's;
        - `rank`, `rank_lower`, `rank_upper`, `p_best` (model, task), and with `_overall`
          (model): 1 is the best; overall a model is judged by its mean difference from the
          others;
        - `scale` (task): the mean task scale, in score units;
        - `better_from_budget` (model, other_model, task): the smallest budget of `BUDGETS` from
          which on the first is better with probability 0.95 or more, nan when there is none.

        The task scale is that of the crossed model; of other fits, the geometric mean of the
        tail scales of the task's searches. ``attrs`` hold `by`, `budget` (0: at the optimum),
        `rope`, `ci_prob`, `metric`, `direction`, `model`, `failed_checks`, `problems` of sampling,
        and in `not_checked` the searches without trials, whose law nothing could be held against.

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit, there is nothing to compare, or an option is wrong.
    """
    validate_tree(tree)
    items, contexts = validate_by(tree, by)
    validate_amounts(budget, rope)
    prob, _ = validate_interval(ci_prob, None)
    gains = gains_of(tree, by, items, contexts, budget)
    result = xr.Dataset(coords={by: items, f"other_{by}": items, context_of(by): contexts})
    pair, cell = (by, f"other_{by}"), (by, f"other_{by}", context_of(by))
    for suffix, found in gains.verdicts(rope, prob).items():
        _put(result, found, pair if suffix else cell, suffix)

    judged = (
        (ranks(gains.loss), gains.loss, (by, context_of(by)), ""),
        (ranks(each := against_the_others(gains.overall)), each, (by,), "_overall"),
    )
    for rank, values, dims, suffix in judged:
        missing = np.isnan(values).any(axis=1)
        best = (rank == np.nanmin(np.where(np.isnan(rank), np.inf, rank), axis=0)).mean(axis=1)
        low, high = np.quantile(
            np.nan_to_num(rank), [(1 - prob) / 2, (1 + prob) / 2], axis=1, method="nearest"
        )
        for name, figure in (
            ("rank", np.nan_to_num(rank).mean(axis=1)),
            ("rank_lower", low),
            ("rank_upper", high),
            ("p_best", best),
        ):
            result[name + suffix] = dims, np.where(missing, np.nan, figure)
    result["scale"] = (context_of(by),), gains.scale.mean(axis=0)
    result["better_from_budget"] = cell, _better_from(tree, by, items, contexts)
    result.attrs = {
        "by": by,
        "budget": 0.0 if budget is None else float(budget),
        "rope": float(rope),
        "ci_prob": prob,
        "metric": tree.attrs.get("metric", "score"),
        "direction": tree.attrs["direction"],
        "model": _fitted_model(tree),
        "failed_checks": tree.attrs.get("failed_checks", "[]"),
        "problems": ", ".join(convergence(tree).problems),
        "not_checked": ", ".join(only_reported(tree)),
    }
    return result


def validate_by(tree: xr.DataTree, by: str) -> tuple[list[str], list[str]]:
    """Return what is compared and on what, or raise `LeadlineError`."""
    if by not in ("model", "task"):
        raise LeadlineError(f"by must be 'model' or 'task', got {format_value(by)}")
    posterior = tree["posterior"].dataset
    items, contexts = (
        list(dict.fromkeys(posterior[name].to_numpy().astype(str).tolist()))
        for name in (by, context_of(by))
    )
    if len(items) < 2:
        other = context_of(by)
        hint = f"; by={other!r} compares {other}s" if len(contexts) > 1 else ""
        raise LeadlineError(
            f"there is one {by} in this fit, {join_values(items)}: nothing to compare{hint}. Fit a "
            f"table with a column of the {by}"
        )
    return items, contexts


def validate_amounts(budget: object, rope: object) -> None:
    """Raise `LeadlineError` unless both are numbers in their range."""
    if isinstance(rope, bool) or not isinstance(rope, Real) or not 0 <= float(rope) < np.inf:
        raise LeadlineError(f"rope must be 0 or more, in score units; got {format_value(rope)}")
    if budget is not None and (
        isinstance(budget, bool) or not isinstance(budget, Real) or not 1 <= float(budget) < np.inf
    ):
        raise LeadlineError(
            f"budget must be a number of trials, at least 1; got {format_value(budget)}"
        )


def _fitted_model(tree: xr.DataTree) -> str:
    return str(json.loads(tree.attrs.get("settings", "{}")).get("model", "single"))


def _put(result: xr.Dataset, found: Verdicts, dims: tuple[str, ...], suffix: str) -> None:
    names = {
        "p_better": found.p_better,
        "p_equal": found.p_equal,
        "p_worse": found.p_worse,
        "difference": found.difference,
        "difference_lower": found.lower,
        "difference_upper": found.upper,
    }
    for name, values in names.items():
        head, _, tail = name.partition("_")
        label = f"{name}{suffix}" if head == "p" or not tail else f"{head}{suffix}_{tail}"
        result[label] = dims, values


def _better_from(tree: xr.DataTree, by: str, items: list[str], contexts: list[str]) -> Array:
    """Return the smallest budget from which the first is better, (item, item, context)."""
    posterior = tree["posterior"].dataset
    step = max(1, posterior.sizes["chain"] * posterior.sizes["draw"] // _BUDGET_DRAWS)
    groups: dict[str, Any] = {name: node.dataset for name, node in tree.children.items()}
    groups["posterior"] = posterior.isel(draw=slice(None, None, step))
    thinned = xr.DataTree.from_dict(groups)
    thinned.attrs.update(tree.attrs)
    curves = tuning_curve(thinned, BUDGETS, kind="expected")
    better = []
    for place in range(len(BUDGETS)):
        values = curves.isel(budget=place).transpose("search", "chain", "draw")
        gain = differences(by_item(tree, by, items, contexts, values))
        better.append(verdicts(gain, 0.0, 0.5).p_better)
    # Comparisons with nan are false.
    first = first_lasting(np.stack(better, axis=-1) >= CERTAIN)
    return np.where(first < 0, np.nan, BUDGETS[first])
