"""`compare`: which model is better once tuned, on each task, on a new one, and overall."""

import json
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr

from leadline.errors import LeadlineError, format_value, join_values
from leadline.stats.diagnostics import convergence
from leadline.stats.fitted_search import validate_tree
from leadline.stats.improvements import (
    context_of,
    differences,
    find_improvements,
    first_lasting,
    losses_by_item,
    mean_deficit,
    summarize_mean_ranks,
    summarize_ranks,
)
from leadline.stats.intervals import validate_interval
from leadline.stats.leaning import far_beyond, leaning
from leadline.stats.options import validate_amount, validate_budget
from leadline.stats.reported import only_reported
from leadline.stats.surface_beside_law import comparison_beside_law
from leadline.stats.surface_tree import is_surface
from leadline.stats.tuning_curve import tuning_curve

BUDGETS = np.unique(np.geomspace(1, 10_000, 25).round())
"""The budgets that `better_from_budget` considers."""

CERTAIN = 0.95
"""The P(better) that `better_from_budget` requires."""

UNNAMED_MODEL = "model"
"""The name of a model that no column names."""

# Enough for a probability to two digits; every budget costs as much as a tuning curve.
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
        The compared items. Tasks are compared per model, in score units, which makes sense if
        they have the same metric.
    budget : float, optional
        Compare the expected scores of the configurations that measure best of so many trials
        (medians, see `leadline.tuning_curve`). Default: compare the optima.
    rope : float
        Region of practical equivalence, in score units: differences up to it do not matter.
    ci_prob : float, optional
        Probability of the equal-tailed intervals. Default: ``arviz.rcParams["stats.ci_prob"]``.

    Returns
    -------
    Dataset
        The dims below are those for models; for tasks they are (task, other_task, model). A
        difference is positive where the first is better, whatever the direction of the scores.

        - `p_better`, `p_equal`, `p_worse` (model, other_model, task): three numbers that add up to
          1; nan where a model has no search on a task;
        - `difference`, `difference_lower`, `difference_upper` (the same dims), in score units;
        - the same with the suffix `_overall` (model, other_model): the mean over the tasks that
          both have, in task scales (in score units for tasks compared);
        - `difference_in_scores` (model, other_model), with `_lower` and `_upper`: the overall one
          in score units, times the harmonic mean of the task scales, by which the rope is divided
          too; `difference_in_scores_new_task` is the same on a new task;
        - the same with the suffix `_new_task`: on another task like these, in task scales. nan
          unless models are compared and the fit is crossed; ``attrs["no_new_task"]`` is why. At a
          budget, the new task has a new interaction, and its best of k misses the optimum by as
          much as on one of the tasks, drawn at random;
        - `rank`, `rank_lower`, `rank_upper` (model, task), and with `_overall` (model): 1 is the
          best; the overall rank is by the mean difference from the others; `p_best` (model, task)
          is the probability of rank 1. No rope is used;
        - `mean_rank`, `mean_rank_lower`, `mean_rank_upper` (model): the mean of the ranks on the
          tasks where the model has a search, its posterior mean and interval;
        - `p_ahead_overall` (model): the probability to be better than every other by more than
          the rope, overall; nan where two have no task in common;
        - `scale` (task): the mean task scale, in score units;
        - `better_from_budget` (model, other_model, task): the smallest budget of `BUDGETS` from
          which on the first is better with probability 0.95 or more, nan when there is none.

        The task scale is that of the crossed model; of other fits, the geometric mean of the
        tail scales of the task's searches, and of surfaces the distance from the median trial to
        the best tenth. It measures the spread of good scores. ``attrs`` hold `by`, `budget` (0: at
        the optimum), `rope`, `ci_prob`, `metric`, `direction`, `model`, `failed_checks`, `problems`
        of sampling, in `not_checked` the searches without trials, whose fit could not be checked,
        `no_new_task`, in `leans_on` sentences if a search of fewer than 100 trials has fewer than
        30 beyond its threshold, or a surface has fewer than 100, in `far_beyond` a clause if
        the budget is more than 2.5 times the trials of a search, and in `beside_law` a sentence
        on surfaces that have a law beside them.

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit, there is nothing to compare, or an option is wrong.

    Examples
    --------
    >>> import xarray
    >>> fit = xarray.open_datatree("fit.nc")
    >>> found = ll.compare(fit, rope=0.01)
    >>> pair = found.sel(model="mlp", other_model="forest", task="digits")
    >>> round(float(pair["p_better"] + pair["p_equal"] + pair["p_worse"]), 9)
    1.0
    """
    result = compare_once(tree, by=by, budget=budget, rope=rope, ci_prob=ci_prob)
    items, contexts = _validate(tree, by, budget)
    if is_surface(tree):
        # A surface has no tuning curve: it is not known how fast a sampler that learns gets there.
        return result.assign(better_from_budget=xr.full_like(result["p_better"], np.nan))
    return result.assign(better_from_budget=_better_from_budget(tree, by, items, contexts))


def compare_once(
    tree: xr.DataTree,
    *,
    by: Literal["model", "task"] = "model",
    budget: float | None = None,
    rope: float = 0.0,
    ci_prob: float | None = None,
) -> xr.Dataset:
    """Return the result of `compare` without `better_from_budget`.

    That variable compares at many budgets, which takes longer than all others together.
    """
    items, contexts = _validate(tree, by, budget)
    rope = validate_amount(rope, "rope")
    prob, _ = validate_interval(ci_prob, None)
    improvements = find_improvements(tree, by, items, contexts, budget)
    scale = improvements.scale
    result = (
        improvements.summarize(rope, prob)
        .assign(summarize_ranks(improvements.loss, prob))
        .assign(summarize_ranks(mean_deficit(improvements.overall), prob, "_overall"))
        .drop_vars("p_best_overall")
        .assign(summarize_mean_ranks(improvements.loss, prob))
    )
    result["scale"] = scale.mean("sample") if "sample" in scale.dims else scale
    settings = json.loads(tree.attrs.get("settings", "{}"))
    crossed = "pooled" in tree.children and "model_effect" in tree["pooled"].dataset
    no_new_task = _no_new_task(result, by, crossed=crossed)
    if is_surface(tree):
        no_new_task = "each surface is fitted by itself"
    result.attrs = {
        "by": by,
        "budget": float(budget or 0.0),
        "rope": rope,
        "ci_prob": prob,
        "metric": tree.attrs.get("metric", "score"),
        "direction": tree.attrs["direction"],
        "model": str(settings.get("model", "single")),
        "failed_checks": tree.attrs.get("failed_checks", "[]"),
        "problems": ", ".join(convergence(tree).problems),
        "not_checked": ", ".join(only_reported(tree)),
        "no_new_task": no_new_task,
        "leans_on": leaning(tree, budget),
        "far_beyond": far_beyond(tree, budget),
        "beside_law": comparison_beside_law(tree),
    }
    return result


def _no_new_task(result: xr.Dataset, by: str, *, crossed: bool) -> str:
    """Return why there is no answer for a new task, empty if there is one."""
    if by != "model":
        return "it is for the comparison of models"
    if result["p_better_new_task"].notnull().any():
        return ""
    if result.sizes["task"] < 2:
        return "one task does not show how much models differ from task to task"
    if not crossed:
        return (
            "the searches were not fitted as models crossed with tasks; fit again with "
            "model='crossed'"
        )
    return "some searches end in a plateau, or the best of so few trials may be a failed one"


def equivalence(
    tree: xr.DataTree,
    ropes: Sequence[float],
    *,
    by: Literal["model", "task"] = "model",
    budget: float | None = None,
) -> xr.Dataset:
    """Return the probabilities of `compare` for many ropes, in less time.

    Arguments and errors are those of `compare`. The variables are `p_better`, `p_equal` and
    `p_worse`, alone and with the suffixes `_overall` and `_new_task`; their first dim is `rope`.
    """
    items, contexts = _validate(tree, by, budget)
    amounts = [validate_amount(rope, "rope") for rope in ropes]
    return find_improvements(tree, by, items, contexts, budget).summarize_probabilities(amounts)


class Column(NamedTuple):
    """A column of a table of pairs."""

    head: str
    suffix: str
    """Suffix of its variables in a comparison."""
    selected: dict[str, str]
    """The selection by which a column is found."""


def comparison_columns(found: xr.Dataset) -> list[Column]:
    """Return the columns of a comparison: contexts, overall for several, a new one if answered."""
    context = context_of(found.attrs["by"])
    names = found[context].to_numpy().astype(str).tolist()
    columns = [Column(name, "", {context: name}) for name in names]
    if len(names) > 1:
        columns.append(Column("overall", "_overall", {}))
    if found["p_better_new_task"].notnull().any():
        columns.append(Column("a new task", "_new_task", {}))
    return columns


def _validate(tree: xr.DataTree, by: str, budget: object) -> tuple[list[str], list[str]]:
    """Return the compared items and their contexts, or raise `LeadlineError`."""
    # A budget needs the law: optima alone can be had from a surface.
    validate_tree(tree, surface=budget is None, asked="`budget`")
    if budget is not None:
        validate_budget(budget)
    if by not in ("model", "task"):
        raise LeadlineError(f"by must be 'model' or 'task', got {format_value(by)}")
    posterior = tree["posterior"].dataset
    other = context_of(by)
    items, contexts = (
        list(dict.fromkeys(posterior[name].to_numpy().astype(str).tolist())) for name in (by, other)
    )
    if len(items) < 2:
        if by == "model" and items == [UNNAMED_MODEL]:
            raise LeadlineError(
                "this fit has one model: nothing to compare. If a column of the table names the "
                "model of each trial, read the table with model='COLUMN' and fit it again"
            )
        hint = f"; by={other!r} compares {other}s" if len(contexts) > 1 else ""
        raise LeadlineError(
            f"there is one {by} in this fit, {join_values(items)}: nothing to compare{hint}. Fit a "
            f"table with a column of the {by}"
        )
    return items, contexts


def _better_from_budget(
    tree: xr.DataTree, by: str, items: list[str], contexts: list[str]
) -> xr.DataArray:
    """Return the smallest budget from which on the first is better, dims (item, item, context)."""
    sizes = tree["posterior"].sizes
    step = max(1, sizes["chain"] * sizes["draw"] // _BUDGET_DRAWS)
    thinned = tree.isel(draw=slice(None, None, step))
    curves = tuning_curve(thinned, BUDGETS, kind="expected")
    losses = losses_by_item(tree, curves, by, items, contexts)
    p_better = []
    # One budget at a time: the differences of all would need much memory.
    for number in range(len(BUDGETS)):
        gain = differences(losses.isel(budget=number, drop=True))
        p_better.append((gain > 0.0).mean("sample"))
    # Comparisons with nan are false, so pairs that do not meet are never better.
    first = first_lasting(np.stack(p_better, axis=-1) >= CERTAIN)
    return p_better[0].copy(data=np.where(first < 0, np.nan, BUDGETS[first]))
