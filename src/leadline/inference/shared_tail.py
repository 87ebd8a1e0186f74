"""The log-likelihood of a mixture of thresholds: that of the trials beyond all of them.

Posteriors at different thresholds have likelihoods of different trials. All of them include the
trials beyond the deepest threshold: their scores, given that they are beyond it, and their number.
"""

import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.stats import binom

from leadline.data.scale import SCALES
from leadline.data.tails import scores_of
from leadline.distributions.array_functions import log_density, log_survival
from leadline.inference.posterior import groups_of, log_better, tail_of

Array = npt.NDArray[np.float64]


def threshold_scores(part: xr.DataTree) -> Array:
    """Return the threshold of each search of a fit in score units, shape (search,)."""
    return scores_of(part["tails"].dataset, part["tails"]["threshold"])


def shared_tail(parts: Sequence[xr.DataTree], search: int) -> tuple[npt.NDArray[np.intp], float]:
    """Return the trials of one search beyond the threshold of every fit, and the deepest threshold.

    The trials are increasing positions among those of the search; the threshold is a score.
    """
    rows = [np.sort(tail_of(part, search)["row"].to_numpy()) for part in parts]
    sign = parts[0]["tails"].attrs["loss_sign"]
    edges = sign * np.array([threshold_scores(part)[search] for part in parts])
    return functools.reduce(np.intersect1d, rows), float(sign * edges.min())


def log_likelihood(
    part: xr.DataTree, shared: Sequence[tuple[npt.NDArray[np.intp], float]]
) -> xr.Dataset:
    """Return the log-likelihoods under one fit of the `shared_tail` of each search.

    `score` (chain, draw, tail_trial) is in score units, given that it is beyond the deepest
    threshold; `in_regime` (chain, draw, search) is that of the number of such trials. Where there
    are any, `seed_variance` (chain, draw, repeated_trial), `reported` (chain, draw, report), and
    `guided` (chain, draw, search), that of all guided trials of a search beyond its deepest
    threshold.
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
    if "guided" in part["log_likelihood"]:
        guided = [_guided(part, edge, search) for search, (_, edge) in enumerate(shared)]
        result["guided"] = (*draws, "search"), np.stack(guided, axis=-1)
    if "reported" in part["log_likelihood"]:
        result["reported"] = (*draws, "report"), _reported(part)
    return result


def _of_search(
    part: xr.DataTree, rows: npt.NDArray[np.intp], edge: float, search: int
) -> tuple[Array, Array, Array]:
    """Return the log-likelihoods of scores, of their number, and of variances over seeds.

    Shapes (chain, draw, tail_trial), (chain, draw, 1) and (chain, draw, repeated_trial).
    """
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
    if edge != threshold_scores(part)[search]:
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


def _guided(part: xr.DataTree, edge: float, search: int) -> Array:
    """Return the log-likelihood of the guided trials of one search, shape (chain, draw)."""
    tails, law = part["tails"].dataset, part["noisy_quadratic"].dataset.isel(search=search)
    scale = SCALES[str(tails["scale"][search].item())]
    deepest = tails.attrs["loss_sign"] * float(scale.forward(np.float64(edge)))
    loss, seeds, width = (
        tails[name].to_numpy()[tails["guided_search"].to_numpy() == search]
        for name in ("guided_loss", "guided_replicates", "guided_width")
    )
    inside = loss <= deepest
    alpha, beta, gamma, sigma = (
        law[name].to_numpy().reshape(-1, 1)
        for name in ("guided_alpha", "guided_beta", "guided_gamma", "sigma")
    )
    noise = np.sqrt(sigma**2 / seeds[inside] + width[inside] ** 2 / 12.0)
    found = (alpha, beta, gamma, noise)
    better = np.log(-np.expm1(log_survival(np.full_like(noise, deepest), found)))
    score = scale.inverse(tails.attrs["loss_sign"] * loss[inside])
    density = log_density(np.broadcast_to(loss[inside], noise.shape), found) - better
    total = (density + scale.log_slope(score)).sum(axis=-1)
    return np.asarray(total.reshape(law["sigma"].shape))


def _reported(part: xr.DataTree) -> Array:
    """Return the log-likelihood of each report, shape (chain, draw, report).

    It is a density in score units, or a probability if the report is not beyond the threshold.
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
