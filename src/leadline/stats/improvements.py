"""The improvement of one model over another, for every draw of a fit: what `compare` counts."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from leadline.data.scale import SCALES
from leadline.stats.fitted_search import direction_sign
from leadline.stats.intervals import SAMPLE_DIMS
from leadline.stats.pairwise import differences, summarize_differences
from leadline.stats.tuning_curve import tuning_curve

# Fixed, so that one fit always gives the same interactions on a new task.
_SEED = 20241002


@dataclass(frozen=True)
class Improvements:
    """Draws of the improvement of each item over each other one; nan where not compared.

    Items are models and contexts are tasks, or the reverse.

    Attributes
    ----------
    loss : DataArray, dims (item, sample, context)
        What is compared, in score units; nan where an item is missing.
    scale : DataArray, dims (context) or (sample, context)
        Unit of each context, in score units.
    by_context : DataArray, dims (item, other_item, sample, context)
        In score units.
    overall : DataArray, dims (item, other_item, sample)
        Mean over the contexts that both have, in their units.
    new_task : DataArray, dims (item, other_item, sample)
        Improvement on a new task, in task scales.
    """

    loss: xr.DataArray
    scale: xr.DataArray
    by_context: xr.DataArray
    overall: xr.DataArray
    new_task: xr.DataArray

    def summarize(self, rope: float, prob: float) -> xr.Dataset:
        """Return probabilities and differences per context, overall and on a new task.

        Arguments and names are those of `summarize_differences`; the rope is in score units.
        """
        context = str(self.scale.dims[-1])
        in_scales = rope / self.scale
        overall_rope = in_scales.where(self.by_context.notnull()).mean(context)
        new_rope = rope / xr.ufuncs.exp(xr.ufuncs.log(self.scale).mean(context))
        return (
            summarize_differences(self.by_context, rope, prob)
            .assign(summarize_differences(self.overall, overall_rope, prob, "_overall"))
            .assign(summarize_differences(self.new_task, new_rope, prob, "_new_task"))
        )


def find_improvements(
    tree: xr.DataTree, by: str, items: list[str], contexts: list[str], budget: float | None
) -> Improvements:
    """Return the improvements of each item over each other.

    `by` is "model" or "task", the kind of the items; `budget` is the number of trials each, or
    None for the optimum.
    """
    if budget is None:
        values = tree["posterior"].dataset["optimum"]
    else:
        values = tuning_curve(tree, [budget], kind="expected").isel(budget=0, drop=True)
    loss = losses_by_item(tree, values, by, items, contexts)
    context = context_of(by)
    ones = xr.DataArray(np.ones(len(contexts)), {context: contexts}, dims=context)
    scale = _task_scales(tree, contexts) if by == "model" else ones
    by_context = differences(loss)
    new_task = _on_new_task(tree, items) if by == "model" and budget is None else None
    if new_task is None:
        new_task = xr.full_like(by_context.isel({context: 0}, drop=True), np.nan)
    return Improvements(loss, scale, by_context, (by_context / scale).mean(context), new_task)


def losses_by_item(
    tree: xr.DataTree, values: xr.DataArray, by: str, items: list[str], contexts: list[str]
) -> xr.DataArray:
    """Return scores, dims (chain, draw, search), as losses, dims (item, sample, context)."""
    context = context_of(by)
    loss = direction_sign(tree) * _by_sample(values).drop_vars("search")
    table = loss.set_index(search=[by, context]).unstack("search")
    return table.sel({by: items, context: contexts}).transpose(by, "sample", context)


def _by_sample(values: xr.DataArray) -> xr.DataArray:
    """Return draws, chain after chain, along one dim `sample`."""
    stacked = values.stack(sample=SAMPLE_DIMS, create_index=False)
    return stacked.drop_vars(SAMPLE_DIMS, errors="ignore")


def _task_scales(tree: xr.DataTree, tasks: list[str]) -> xr.DataArray:
    """Return the scale of each task in score units, dims (task) or (sample, task)."""
    if "pooled" in tree.children and "task_scale" in tree["pooled"].data_vars:
        scale = _by_sample(tree["pooled"].dataset["task_scale"].sel(task=tasks))
        return scale.transpose("sample", "task")
    candidates = tree["candidates"].dataset
    candidates = candidates.isel(candidate=candidates["weight"].fillna(0).argmax("candidate"))
    pairs = zip(candidates["scale"].to_numpy(), candidates["threshold"].to_numpy(), strict=True)
    slopes = [float(SCALES[str(scale)].log_slope(np.float64(theta))) for scale, theta in pairs]
    log_scale = xr.ufuncs.log(candidates["tail_scale"]) - slopes
    return xr.ufuncs.exp(log_scale.groupby("task").mean()).sel(task=tasks)


def _on_new_task(tree: xr.DataTree, models: list[str]) -> xr.DataArray | None:
    """Return improvements on a new task in task scales; None if the fit has no model effects."""
    if "pooled" not in tree.children or "model_effect" not in tree["pooled"].data_vars:
        return None
    pooled = tree["pooled"].dataset
    effect = _by_sample(pooled["model_effect"].sel(model=models)).transpose("model", "sample")
    noise = np.random.default_rng(_SEED).standard_normal(effect.shape)
    return differences(effect + _by_sample(pooled["interaction_sd"]) * effect.copy(data=noise))


def context_of(by: str) -> str:
    """Return "task" for "model", and "model" for "task"."""
    return "task" if by == "model" else "model"
