"""Draws of a search fitted alone, in the coordinates of populations, with the density of its prior.

They are the proposals of the second stage (`leadline.models.population` names the coordinates).
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pymc as pm
import xarray as xr

from leadline.inference.compiled_models import ready_model
from leadline.inference.draw_ratios import SMOOTHING
from leadline.inference.sampler import Sampler
from leadline.models import independent
from leadline.models.priors import Priors
from leadline.models.scaled_depth import edge_and_scale

Groups = dict[str, xr.Dataset]


def draws_of(own: Groups, tail: xr.Dataset, kind: str, priors: Priors) -> xr.Dataset:
    """Return the draws of a search fitted alone: `z` (draw, coordinate) and `log_base` (draw).

    They are all draws, chain by chain, each with the number of its `candidate` (draw). `width`
    (coordinate) is the sd of the normal that a draw stands for. `log_base` is the log-density of z
    under the priors of the single search, also where the draws are of a fit that was given a
    population. `tail` is that of the search at one of its thresholds.
    """
    values = {
        str(name): group[name].to_numpy()[..., 0].reshape(-1)
        for group in (own["posterior"], own["noisy_quadratic"])
        for name in ("effective_dim", "noise_ratio", "gap", "alpha", "threshold", "sigma")
        if name in group
    }
    max_dim = float(tail["max_effective_dim"][0])
    upper = max_dim - 1.0
    # Draws within rounding of a bound count as just inside.
    excess = np.clip(values["effective_dim"] - 1.0, 1e-9 * upper, (1.0 - 1e-9) * upper)
    values["effective_dim"] = 1.0 + excess
    depth = np.log(values["gap"]) if kind == "hierarchical" else values["alpha"]
    noise = np.log(values["noise_ratio"])
    # The slopes of the parameters of the priors by the coordinates.
    log_slope = noise + np.log(excess) + np.log1p(-excess / upper)
    if kind == "hierarchical":
        log_slope = log_slope + depth
    else:
        of_draws = {"threshold": values["threshold"], "tail_scale": 0.0}
        edge, _ = edge_and_scale(of_draws, values["sigma"])
        log_slope = log_slope - np.log((edge - values["alpha"]) / values["gap"])
    z = np.stack([np.log(excess) - np.log1p(-excess / upper), noise, depth], axis=-1)
    log_base = _log_prior_alone(values, max_dim, priors) + log_slope
    columns = {"z": (("draw", "coordinate"), z), "log_base": ("draw", log_base)}
    columns["width"] = "coordinate", SMOOTHING * z.std(axis=0)
    # A fit at one threshold has no numbers of candidates.
    number = own["posterior"].get("candidate", xr.zeros_like(own["posterior"]["effective_dim"]))
    columns["candidate"] = "draw", number.to_numpy().astype(int).ravel()
    return xr.Dataset(columns)


def _log_prior_alone(
    values: Mapping[str, npt.NDArray[np.float64]], max_dim: float, priors: Priors
) -> npt.NDArray[np.float64]:
    """Return the log-density of parameters (draw,) under the priors of a single search."""

    def build() -> tuple[pm.Model, pm.Model]:
        model = independent.build_priors(priors)
        return model, model

    ready = ready_model(("priors", priors), Sampler(), build)
    names = ready.pointwise_logp.free
    draws = xr.Dataset({name: (("chain", "draw"), values[name][None]) for name in names})
    _, found = ready.pointwise_logp(draws, {"max_effective_dim": max_dim})
    return np.asarray(np.sum(list(found.values()), axis=0)[0])
