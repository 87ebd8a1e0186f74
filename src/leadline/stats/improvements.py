"""How much better one model is than another, for every draw of a fit: what `compare` counts."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from leadline.data.scale import SCALES
from leadline.stats.fitted_search import direction_sign, search_names
from leadline.stats.pairwise import Verdicts, differences, verdicts
from leadline.stats.tuning_curve import tuning_curve

Array = npt.NDArray[np.float64]

_SEED = 20241002


@dataclass(frozen=True)
class Gains:
    """Draws of how much better the first of each pair is; nan where a pair was not compared.

    Attributes
    ----------
    loss : ndarray, shape (item, draw, context)
        What is compared, in score units, small is good; nan where an item is missing.
    scale : ndarray, shape (draw or 1, context)
        The unit of each context, in score units.
    cell : ndarray, shape (item, item, draw, context)
        In score units.
    overall, new_task : ndarray, shape (item, item, draw)
        The mean over the contexts that both have, and the gain on a new one, in units.
    """

    loss: Array
    scale: Array
    cell: Array
    overall: Array
    new_task: Array

    def verdicts(self, rope: float, prob: float) -> dict[str, Verdicts]:
        """Return what the draws say by suffix: "" for the cells, "_overall" and "_new_task".

        Parameters
        ----------
        rope : float
            Differences up to it are practically none, in score units.
        prob : float
            Of the equal-tailed interval.
        """
        known = ~np.isnan(self.cell)
        count = known.sum(axis=-1)
        ropes = np.where(known, rope / self.scale, 0.0).sum(axis=-1) / np.where(count, count, 1)
        new_rope = rope / np.exp(np.log(self.scale).mean(axis=-1))
        return {
            "": verdicts(self.cell, rope, prob),
            "_overall": verdicts(self.overall, ropes, prob),
            "_new_task": verdicts(self.new_task, new_rope, prob),
        }


def gains_of(
    tree: xr.DataTree, by: str, items: list[str], contexts: list[str], budget: float | None
) -> Gains:
    """Return the gains of each item over each other.

    Parameters
    ----------
    tree : DataTree
        The result of a fit.
    by : {"model", "task"}
        What is compared; the other is the context.
    items, contexts : list of str
        Their names.
    budget : float, optional
        Number of trials each, None at the optimum.
    """
    loss = _losses(tree, by, items, contexts, budget)
    scale = _task_scales(tree, contexts) if by == "model" else np.ones((1, len(contexts)))
    cell = differences(loss)
    known = ~np.isnan(cell)
    count = known.sum(axis=-1)
    with np.errstate(invalid="ignore"):
        overall = np.where(known, cell / scale, 0.0).sum(axis=-1) / np.where(count, count, np.nan)
    return Gains(loss, scale, cell, overall, _new_task(tree, by, items, budget, cell.shape[:3]))


def _losses(
    tree: xr.DataTree, by: str, items: list[str], contexts: list[str], budget: float | None
) -> Array:
    """Return what is compared, small is good, shape (item, draw, context); nan where missing."""
    if budget is None:
        values = tree["posterior"].dataset["optimum"]
    else:
        values = tuning_curve(tree, [budget], kind="expected").isel(budget=0)
    return by_item(tree, by, items, contexts, values.transpose("search", "chain", "draw"))


def by_item(
    tree: xr.DataTree, by: str, items: list[str], contexts: list[str], values: xr.DataArray
) -> Array:
    """Return values, dims (search, chain, draw), as losses, shape (item, draw, context)."""
    flat = direction_sign(tree) * values.to_numpy().reshape(values.sizes["search"], -1)
    result = np.full((len(items), flat.shape[1], len(contexts)), np.nan)
    posterior = tree["posterior"].dataset
    for number in range(len(search_names(tree))):
        one = items.index(str(posterior[by].to_numpy()[number]))
        where = contexts.index(str(posterior[context_of(by)].to_numpy()[number]))
        result[one, :, where] = flat[number]
    return result


def _task_scales(tree: xr.DataTree, tasks: list[str]) -> Array:
    """Return the scale of each task, shape (draw or 1, task)."""
    if "pooled" in tree.children and "task_scale" in tree["pooled"].data_vars:
        scale = tree["pooled"].dataset["task_scale"].sel(task=tasks)
        return scale.transpose("chain", "draw", "task").to_numpy().reshape(-1, len(tasks))
    candidates = tree["candidates"].dataset
    candidates = candidates.isel(candidate=candidates["weight"].fillna(0).argmax("candidate"))
    log_scale = np.log(candidates["tail_scale"].to_numpy())
    places = zip(candidates["scale"].to_numpy(), candidates["threshold"].to_numpy(), strict=True)
    log_scale -= [float(SCALES[str(scale)].log_slope(np.float64(place))) for scale, place in places]
    task = tree["posterior"].dataset["task"].to_numpy().astype(str)
    return np.array([[np.exp(log_scale[task == one].mean()) for one in tasks]])


def _new_task(
    tree: xr.DataTree, by: str, items: list[str], budget: float | None, shape: tuple[int, ...]
) -> Array:
    """Return gains on a new task in task scales, shape (item, item, draw)."""
    pooled = tree["pooled"].dataset if "pooled" in tree.children else {}
    if by != "model" or budget is not None or "model_effect" not in pooled:
        return np.full(shape, np.nan)
    assert isinstance(pooled, xr.Dataset)
    effect = pooled["model_effect"].sel(model=items).transpose("model", "chain", "draw")
    sd = pooled["interaction_sd"].transpose("chain", "draw").to_numpy().reshape(-1)
    flat = effect.to_numpy().reshape(len(items), -1)
    interaction = sd * np.random.default_rng(_SEED).standard_normal(flat.shape)
    return differences(flat + interaction)


def context_of(by: str) -> str:
    """Return what the compared items are compared on."""
    return "task" if by == "model" else "model"
