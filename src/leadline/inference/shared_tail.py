"""The log-likelihood of a mixture of thresholds: of the trials beyond all of them.

Posteriors at different thresholds explain different trials. What they have in common are the trials
beyond the deepest threshold of the mixture: their scores, given that they are beyond it, and their
number.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.stats import binom

from leadline.data.scale import SCALES
from leadline.data.tails import scores_of
from leadline.inference.posterior import groups_of, log_better, tail_of

Array = npt.NDArray[np.float64]


def shared_tail(parts: Sequence[xr.DataTree], search: int) -> tuple[npt.NDArray[np.intp], float]:
    """Return the trials of one search beyond the threshold of every fit, and the deepest threshold.

    Positions among the trials of the search, in order; the threshold in score units.
    """
    rows = np.sort(tail_of(parts[0], search)["row"].to_numpy())
    for part in parts[1:]:
        rows = np.intersect1d(rows, tail_of(part, search)["row"].to_numpy())
    sign = parts[0]["tails"].attrs["loss_sign"]
    edges = [scores_of(part["tails"].dataset, part["tails"]["threshold"])[search] for part in parts]
    return rows, float(min(edges, key=lambda edge: sign * edge))


def log_likelihood(
    part: xr.DataTree, shared: Sequence[tuple[npt.NDArray[np.intp], float]]
) -> xr.Dataset:
    """Return the log-likelihoods of the shared tails of all searches, in score units.

    Parameters
    ----------
    part : DataTree
        One fit.
    shared : sequence of (ndarray, float)
        What `shared_tail` returns for each search.

    Returns
    -------
    Dataset
        `score` (chain, draw, tail_trial), given that it is beyond the deepest threshold;
        `in_regime` (chain, draw, search), the number of such trials; `seed_variance` (chain, draw,
        repeated_trial) and `reported` (chain, draw, report) where there are any.
    """
    searches = [_of_search(part, *own, search) for search, own in enumerate(shared)]
    score, in_regime, seed_variance = (
        np.concatenate(arrays, axis=-1) for arrays in zip(*searches, strict=True)
    )
    draws = ("chain", "draw")
    result = xr.Dataset(
        {"score": ((*draws, "tail_trial"), score), "in_regime": ((*draws, "search"), in_regime)}
    )
    if seed_variance.shape[-1]:
        result["seed_variance"] = (*draws, "repeated_trial"), seed_variance
    if "reported" in part["log_likelihood"]:
        result["reported"] = (*draws, "report"), _reported(part)
    return result


def _of_search(
    part: xr.DataTree, rows: npt.NDArray[np.intp], edge: float, search: int
) -> tuple[Array, Array, Array]:
    """Return the log-likelihoods of scores, of their number, and of seed variances."""
    tails = part["tails"].dataset
    tail, groups = tail_of(part, search), groups_of(part, search)
    shape = tail["log_likelihood"].shape[:2]
    if tail.sizes["tail_trial"] == 0:
        nothing = np.zeros((*shape, 0))
        return nothing, np.zeros((*shape, 1)), nothing
    order = np.argsort(tail["row"].to_numpy())
    own = order[np.searchsorted(tail["row"].to_numpy(), rows, sorter=order)]
    tail = tail.isel(tail_trial=own)
    threshold = float(tails["threshold"][search])
    beyond_own = beyond = log_better(part, threshold, search)
    if edge != scores_of(tails, tails["threshold"])[search]:
        scale = SCALES[str(tails["scale"][search].item())]
        loss = tails.attrs["loss_sign"] * float(scale.forward(np.float64(edge)))
        beyond = log_better(part, loss, search)
    shift = (beyond_own - beyond)[:, tail["group"].to_numpy()].reshape(*shape, -1)
    score = (tail["log_likelihood"] + tail["log_slope"]).to_numpy() + shift
    inside = np.bincount(tail["group"].to_numpy(), minlength=groups.sizes["replicate_count"])
    counts = binom.logpmf(inside, groups["group_trials"].to_numpy(), np.exp(beyond)).sum(axis=1)
    repeated = tail["replicates"].to_numpy() > 1
    seeds = tail["seed_log_likelihood"].to_numpy()[..., repeated]
    return score, counts.reshape(*shape, 1), seeds


def _reported(part: xr.DataTree) -> Array:
    """Return the log-likelihood of each report, of its score in score units.

    A report that is not beyond the threshold has a probability, which has no units.
    """
    tails = part["tails"].dataset
    search = tails["report_search"].to_numpy()
    loss = tails["reported_loss"].to_numpy()
    beyond = loss < tails["threshold"].to_numpy()[search]
    slopes = []
    for scale, own in zip(tails["scale"].to_numpy()[search], loss, strict=True):
        of_scale = SCALES[str(scale)]
        score = of_scale.inverse(np.float64(tails.attrs["loss_sign"] * own))
        slopes.append(float(of_scale.log_slope(score)))
    return part["log_likelihood"]["reported"].to_numpy() + np.where(beyond, slopes, 0.0)
