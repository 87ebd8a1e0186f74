"""Draws of the improvement of one model over another, their probabilities, and ranks.

Losses have dims (item, sample, ...), with "model" or "task" for "item" and `sample` for the draws;
they are nan where an item is missing. Differences have dims (item, other_item, sample, ...), are
positive where the first item is better, and nan for pairs that were not compared. Contexts are the
tasks if models are compared, and the reverse.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import xarray as xr

from leadline.data.scale import SCALES
from leadline.stats.fitted_search import direction_sign
from leadline.stats.intervals import SAMPLE_DIMS
from leadline.stats.surface_tree import is_surface
from leadline.stats.tuning_curve import tuning_curve

# Fixed, so that one fit always gives the same interactions on a new task.
_SEED = 20241002


@dataclass(frozen=True)
class Improvements:
    """Draws of the improvement of each item over each other one."""

    loss: xr.DataArray
    """The compared losses in score units, dims (item, sample, context)."""
    scale: xr.DataArray
    """Unit of each context in score units, dims (context) or (sample, context)."""
    by_context: xr.DataArray
    """Improvement in score units, dims (item, other_item, sample, context)."""
    overall: xr.DataArray
    """Mean improvement over the contexts that both have, in their units."""
    new_task: xr.DataArray
    """Improvement on a new task, in task scales."""

    def summarize(self, rope: float, prob: float) -> xr.Dataset:
        """Return `summarize_differences` per context, overall and on a new task.

        The rope is in score units. `difference_in_scores` is the overall difference times the
        harmonic mean of the scales, so that it exceeds the rope where the overall difference does;
        `difference_in_scores_new_task` is that on a new task, and `p_ahead_overall` the result of
        `probability_ahead`.
        """
        overall_rope = rope * self._per_rope
        result = (
            summarize_differences(self.by_context, rope, prob)
            .assign(summarize_differences(self.overall, overall_rope, prob, "_overall"))
            .assign(
                summarize_differences(self.new_task, rope / self._mean_scale, prob, "_new_task")
            )
            .assign(p_ahead_overall=probability_ahead(self.overall, overall_rope))
        )
        in_scores = {
            "": self.overall / self._per_rope,
            "_new_task": self.new_task * self._mean_scale,
        }
        for suffix, gain in in_scores.items():
            own = summarize_differences(gain, rope, prob, f"_in_scores{suffix}")
            # Probabilities are the same in task scales.
            names = [name for name in own.data_vars if str(name).startswith("difference")]
            result = result.assign(own[names])
        return result

    def summarize_probabilities(self, ropes: Sequence[float]) -> xr.Dataset:
        """Return the probabilities of `summarize` for many ropes, along a first dim `rope`."""
        gains: dict[str, tuple[xr.DataArray, xr.DataArray | float]] = {
            "": (self.by_context, 1.0),
            "_overall": (self.overall, self._per_rope),
            "_new_task": (self.new_task, 1.0 / self._mean_scale),
        }
        result = xr.Dataset(coords={"rope": ropes})
        for suffix, (gain, per_rope) in gains.items():
            filled = gain.fillna(0.0)
            found = [xr.Dataset(_probabilities(filled, rope * per_rope, suffix)) for rope in ropes]
            result = result.assign(xr.concat(found, "rope").where(_compared(gain)))
        return result

    @cached_property
    def _mean_scale(self) -> xr.DataArray:
        """The harmonic mean of the scales of the contexts.

        With it, a rope is as many scales of a new task as it is on average of those at hand.
        """
        return 1.0 / (1.0 / self.scale).mean(str(self.scale.dims[-1]))

    @cached_property
    def _per_rope(self) -> xr.DataArray:
        """The mean of a rope of 1 in the scales of the contexts that both items have."""
        in_scales = (1.0 / self.scale).where(self.by_context.notnull())
        return in_scales.mean(str(self.scale.dims[-1]))


def find_improvements(
    tree: xr.DataTree, by: str, items: list[str], contexts: list[str], budget: float | None
) -> Improvements:
    """Return the improvements of each item over each other.

    `by` is "model" or "task", the kind of the items; without a `budget`, a number of trials,
    optima are compared.
    """
    if budget is None:
        values = tree["posterior"].dataset["optimum"]
    else:
        values = tuning_curve(tree, [budget], kind="expected").isel(budget=0, drop=True)
    loss = losses_by_item(tree, values, by, items, contexts)
    context = context_of(by)
    scale = _task_scales(tree, contexts) if by == "model" else xr.ones_like(loss[context], float)
    by_context = differences(loss)
    new_task = xr.full_like(by_context.isel({context: 0}, drop=True), np.nan)
    if by == "model" and "model_effect" in _pooled(tree):
        new_task = _on_new_task(_pooled(tree), items)
        if budget is not None:
            optimum = tree["posterior"].dataset["optimum"]
            excess = (loss - losses_by_item(tree, optimum, by, items, contexts)) / scale
            new_task = new_task + differences(_excess_on_new_task(excess))
    return Improvements(loss, scale, by_context, (by_context / scale).mean(context), new_task)


def losses_by_item(
    tree: xr.DataTree, values: xr.DataArray, by: str, items: list[str], contexts: list[str]
) -> xr.DataArray:
    """Return scores (chain, draw, search, ...) as losses, dims (item, sample, context, ...)."""
    context = context_of(by)
    loss = direction_sign(tree) * _by_sample(values).drop_vars("search")
    table = loss.set_index(search=[by, context]).unstack("search")
    return table.sel({by: items, context: contexts}).transpose(by, "sample", context, ...)


def _by_sample(values: xr.DataArray) -> xr.DataArray:
    """Return draws, chain after chain, along one dim `sample`."""
    stacked = values.stack(sample=SAMPLE_DIMS, create_index=False)
    return stacked.drop_vars(SAMPLE_DIMS, errors="ignore")


def _task_scales(tree: xr.DataTree, tasks: list[str]) -> xr.DataArray:
    """Return the scale of each task in score units, dims (task) or (sample, task).

    It is nan for a task whose searches all end in plateaus. Of surfaces it is the distance from the
    median trial to the best tenth.
    """
    if "task_scale" in _pooled(tree):
        return _by_sample(_pooled(tree)["task_scale"].reindex(task=tasks)).transpose(
            "sample", "task"
        )
    if is_surface(tree):
        log_scale = xr.ufuncs.log(tree["constant_data"].dataset["score_scale"])
        log_scale = log_scale.assign_coords(task=tree["posterior"].dataset["task"])
        return xr.ufuncs.exp(log_scale.groupby("task").mean()).sel(task=tasks)
    candidates = tree["candidates"].dataset
    candidates = candidates.isel(candidate=candidates["weight"].fillna(0).argmax("candidate"))
    pairs = zip(candidates["scale"].to_numpy(), candidates["threshold"].to_numpy(), strict=True)
    slopes = [float(SCALES[str(scale)].log_slope(np.float64(theta))) for scale, theta in pairs]
    log_scale = xr.ufuncs.log(candidates["tail_scale"]) - slopes
    return xr.ufuncs.exp(log_scale.groupby("task").mean()).sel(task=tasks)


def _pooled(tree: xr.DataTree) -> xr.Dataset:
    """Return the effects that searches share, an empty Dataset if they were fitted alone."""
    return tree["pooled"].dataset if "pooled" in tree.children else xr.Dataset()


def _on_new_task(pooled: xr.Dataset, models: list[str]) -> xr.DataArray:
    """Return improvements on a new task in task scales."""
    effect = _by_sample(pooled["model_effect"]).transpose("model", "sample")
    # Drawn for all models of the fit, so that a choice of them, or their order, changes nothing.
    noise = np.random.default_rng(_SEED).standard_normal(effect.shape)
    effect = effect + _by_sample(pooled["interaction_sd"]) * effect.copy(data=noise)
    # A model whose searches all end in plateaus has no effect.
    return differences(effect.reindex(model=models))


def _excess_on_new_task(excess: xr.DataArray) -> xr.DataArray:
    """Return by how much the best of k trials misses the optimum on a new task, (item, sample).

    `excess` (item, sample, context) is in task scales. In each draw the new task resembles one of
    those observed, chosen at random, the same for all items that have a search there. The
    excess is a sum of noise, effective dimension and threshold that no prior of new tasks
    describes; the observed tasks are a sample of it.
    """
    context = str(excess.dims[-1])
    keys = excess.isel({excess.dims[0]: 0}, drop=True)
    keys = keys.copy(data=np.random.default_rng(_SEED + 1).random(keys.shape))
    known = excess.notnull().all("sample")
    chosen = xr.where(known, keys, np.inf).transpose(*excess.dims).argmin(context)
    return excess.isel({context: chosen}).drop_vars(context, errors="ignore")


def context_of(by: str) -> str:
    """Return "task" for "model", and "model" for "task"."""
    return "task" if by == "model" else "model"


def differences(loss: xr.DataArray) -> xr.DataArray:
    """Return the improvement of each item over each other."""
    item = str(loss.dims[0])
    other = f"other_{item}"
    return (loss.rename({item: other}) - loss).transpose(item, other, *loss.dims[1:])


def summarize_differences(
    gain: xr.DataArray, rope: xr.DataArray | float, prob: float, suffix: str = ""
) -> xr.Dataset:
    """Return the probabilities of each pair, and the mean and the interval of the difference.

    `gain` is the result of `differences`; `rope` is the largest difference that counts as
    practically equal and broadcasts with it; `prob` is the probability of the equal-tailed
    interval. The suffix is that of the variables ``p_better``, ``p_equal``, ``p_worse`` and
    ``difference``, before ``_lower`` and ``_upper``.
    """
    filled = gain.fillna(0.0)
    lower, upper = filled.quantile(_ends(prob), "sample", skipna=False).drop_vars("quantile")
    figures = _probabilities(filled, rope, suffix) | {
        f"difference{suffix}": filled.mean("sample"),
        f"difference{suffix}_lower": lower,
        f"difference{suffix}_upper": upper,
    }
    return xr.Dataset(figures).where(_compared(gain))


def _compared(gain: xr.DataArray) -> xr.DataArray:
    """Return whether the items of a pair were compared."""
    item, other = gain.dims[:2]
    return gain.notnull().all("sample") & (gain[item] != gain[other])


def _probabilities(
    gain: xr.DataArray, rope: xr.DataArray | float, suffix: str
) -> dict[str, xr.DataArray]:
    """Return the probabilities of `summarize_differences` of differences without nan."""
    return {
        f"p_better{suffix}": (gain > rope).mean("sample"),
        # Counted, and not 1 − the others, so that the three add up to 1 without rounding.
        f"p_equal{suffix}": (abs(gain) <= rope).mean("sample"),
        f"p_worse{suffix}": (gain < -rope).mean("sample"),
    }


def summarize_ranks(loss: xr.DataArray, prob: float, suffix: str = "") -> xr.Dataset:
    """Return the mean rank of each item, 1 for the best, its interval, and P(best).

    The names are `rank`, `rank_lower`, `rank_upper` and `p_best`, followed by the suffix.
    """
    rank = ranks(loss)
    ends = rank.fillna(0.0).quantile(_ends(prob), "sample", method="nearest", skipna=False)
    lower, upper = ends.drop_vars("quantile")
    figures = {
        f"rank{suffix}": rank.fillna(0.0).mean("sample"),
        f"rank_lower{suffix}": lower,
        f"rank_upper{suffix}": upper,
        f"p_best{suffix}": (rank == rank.min(str(loss.dims[0]))).mean("sample"),
    }
    return xr.Dataset(figures).where(loss.notnull().all("sample"))


def summarize_mean_ranks(loss: xr.DataArray, prob: float) -> xr.Dataset:
    """Return the mean over contexts of the rank of each item, with its interval.

    `mean_rank`, `mean_rank_lower` and `mean_rank_upper` have the dim of the items.
    """
    mean = ranks(loss).mean(str(loss.dims[-1]))
    lower, upper = mean.quantile(_ends(prob), "sample").drop_vars("quantile")
    figures = {"mean_rank": mean.mean("sample"), "mean_rank_lower": lower, "mean_rank_upper": upper}
    return xr.Dataset(figures)


def ranks(loss: xr.DataArray) -> xr.DataArray:
    """Return the rank of each item in each draw; items with the same loss share the mean rank."""
    values = loss.to_numpy()
    # Half of those with the same loss, itself included, are ahead. With nan no comparison is true.
    ahead = sum((other < values) + 0.5 * (other == values) for other in values)
    return loss.copy(data=np.where(np.isnan(values), np.nan, ahead + 0.5))


def probability_ahead(gain: xr.DataArray, rope: xr.DataArray | float) -> xr.DataArray:
    """Return the probability that an item is ahead of every other by more than the rope.

    `gain` and `rope` are those of `summarize_differences`. It is at most P(better) of each pair,
    and nan for an item that was not compared with all others. Its sum over items is below 1 by
    the probability that none is ahead.
    """
    item, other = gain.dims[:2]
    itself = gain[item] == gain[other]
    compared = (gain.notnull().all("sample") | itself).all(str(other))
    return ((gain > rope) | itself).all(str(other)).mean("sample").where(compared)


def mean_deficit(gain: xr.DataArray) -> xr.DataArray:
    """Return the mean difference by which each item is worse than those compared with it."""
    item, other = gain.dims[:2]
    return -gain.where(gain[item] != gain[other]).mean(str(other))


def first_lasting(true: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Return the first index along the last axis from which all are true, −1 if there is none."""
    lasting = np.logical_and.accumulate(true[..., ::-1], axis=-1)[..., ::-1]
    return np.where(lasting[..., -1], lasting.argmax(axis=-1), -1)


def _ends(prob: float) -> list[float]:
    """Return the probabilities at the ends of an equal-tailed interval."""
    return [(1 - prob) / 2, (1 + prob) / 2]
