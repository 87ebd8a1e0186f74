"""The expected score of the best guided trial, where guided trials are no evidence on the law.

Random trials alone tell alpha, sigma and gamma (a cut posterior). The trial that measured best may
be guided, and then no random draw of that law. Its expected loss has the density that all guided
trials of the search show, given the sigma of each draw:

    y_i ~ TailScore(start, edge, guided_dim, sigma / sqrt(m_i)),   edge = limit + 2 sigma

with start uniform within four noise sds of the best, and guided_dim as in `leadline.models.guided`.
The best of many trials is so corrected for its luck, also where the sampler is stuck. Start and
dimension of a draw come from a grid of them. No draw of the optimum is worse than the result: no
optimum is worse than a configuration that was tried.

A normal expected loss, truncated at the alpha of the draw, was tried and is worse: where the random
trials put alpha too high, so was the best guided trial (`benchmarks/guided_rerun.py`).
"""

import zlib

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy import special, stats

from leadline.distributions.array_functions import log_density, log_survival
from leadline.stats.best_seen import best_seen_expected
from leadline.stats.fitted_search import Array, FittedSearch, direction_sign, fitted_search
from leadline.stats.guided import guided_losses, has_guided

# Fixed, so that one fit always gives the same draws.
_SEED = 20261130

# The grid: sds of the noise per threshold, starts in these sds from the best, and dimensions.
_NOISES, _STARTS, _DIMS = 8, 17, 12
_REACH = 4.0
# The density of more trials takes seconds, and changes nothing near the best.
_MOST_TRIALS = 200
# Median and sd of the log of guided_dim, as in `leadline.models.priors`.
_LOG_DIM = (0.693, 1.0)
_NAMES = ("guided_alpha", "guided_beta", "guided_gamma")


def add_guided_law(tree: xr.DataTree) -> None:
    """Add the density of guided trials to `noisy_quadratic`, where one of them measured best."""
    if not has_guided(tree) or "noisy_quadratic" not in tree.children:
        return
    group = tree["noisy_quadratic"].to_dataset().transpose("chain", "draw", "search")
    shape = group["alpha"].shape
    found = {name: np.full(shape, np.nan) for name in _NAMES}
    for index, name in enumerate(group["search"].to_numpy().astype(str)):
        search = fitted_search(tree, name)
        if search.plateau or not search.guided_best:
            continue
        own = _draw_law(search, *guided_losses(tree, name, direction_sign(tree)))
        for parameter, values in zip(_NAMES, own, strict=True):
            found[parameter][..., index] = values.reshape(shape[:2])
    dims = group["alpha"].dims
    group = group.assign({parameter: (dims, values) for parameter, values in found.items()})
    tree["noisy_quadratic"] = xr.DataTree(group)


def lower_optimum(tree: xr.DataTree) -> None:
    """Put no draw of the optimum above the expected score of a guided trial that measured best."""
    if not has_guided(tree):
        return
    posterior, sign = tree["posterior"].to_dataset(), direction_sign(tree)
    again = (sign * best_seen_expected(tree)).reset_coords(drop=True)
    lower = sign * (sign * posterior["optimum"]).clip(max=again)
    guided = [fitted_search(tree, str(own)).guided_best for own in posterior["search"].to_numpy()]
    optimum = lower.where(xr.DataArray(guided, dims="search"), posterior["optimum"])
    tree["posterior"] = xr.DataTree(
        posterior.assign(optimum=optimum.transpose(*posterior["optimum"].dims))
    )


def _draw_law(search: FittedSearch, losses: Array, seeds: npt.NDArray[np.intp]) -> list[Array]:
    """Return draws of start, edge and dimension of guided trials, shape (draw,) each."""
    rng = np.random.default_rng([_SEED, zlib.crc32(search.name.encode())])
    start, edge, dimension = (np.empty(len(search.alpha)) for _ in range(3))
    best = np.argsort(losses, kind="stable")[:_MOST_TRIALS]
    losses, seeds = losses[best], seeds[best]
    threshold, sigma = search.threshold[:, 0], search.sigma[:, 0]
    kinds = np.unique(np.rec.fromarrays([search.scale, threshold]), return_inverse=True)[1]
    for kind in range(kinds.max() + 1):
        own = np.flatnonzero(kinds == kind)
        one = search.isel(own[:1])
        loss = one.on_scale(losses)[0]
        width = search.resolution / one.score_units_per_unit(loss[None])[0] / seeds
        limit = threshold[own[0]]
        if len(best) == _MOST_TRIALS:
            limit = min(limit, loss[-1])
        inside = loss <= limit
        nodes = np.unique(np.quantile(sigma[own], (np.arange(_NOISES) + 0.5) / _NOISES))
        nearest = np.abs(np.log(sigma[own, None] / nodes)).argmin(axis=1)
        for position, noise in enumerate(nodes):
            mine = own[nearest == position]
            measured = np.sqrt(noise**2 / seeds + width**2 / 12.0)[inside]
            away, dims, weight = _grid(loss[inside], measured, limit, noise)
            chosen = rng.choice(len(weight), size=len(mine), p=weight)
            edge[mine] = limit + 2.0 * sigma[mine]
            start[mine] = loss[0] + away[chosen] * sigma[mine]
            dimension[mine] = dims[chosen]
    # Not within rounding of the edge, where no density is left.
    return [np.minimum(start, edge - 1e-6 * sigma), edge, dimension]


def _grid(loss: Array, noise: Array, limit: float, sd: float) -> tuple[Array, Array, Array]:
    """Return starts in sds from the best loss, dimensions and probabilities, shape (node,).

    `loss` (trial,) is sorted, and `noise` (trial,) the sd of each. `sd` is that of one run.
    """
    centres = (np.arange(_DIMS) + 0.5) / _DIMS
    each = np.exp(_LOG_DIM[0] + _LOG_DIM[1] * stats.norm.ppf(centres))
    away, dims = (
        own.reshape(-1, 1) for own in np.meshgrid(np.linspace(-_REACH, _REACH, _STARTS), each)
    )
    edge = limit + 2.0 * sd
    start = loss[0] + away * sd
    kept = (start < edge - 1e-3 * sd)[:, 0]
    away, dims, start = away[kept], dims[kept], start[kept]
    law = (start, np.full_like(start, edge), dims, np.broadcast_to(noise, (len(start), len(noise))))
    worse = log_survival(np.full_like(law[3], limit), law)
    density = log_density(np.broadcast_to(loss, law[3].shape), law) - np.log(-np.expm1(worse))
    return away[:, 0], dims[:, 0], special.softmax(density.sum(axis=1))
