"""Scaling laws: the optimum of a tuned model falls with its size and with its data.

The story of each search is `leadline.models.likelihood`; effective dimensions and noise are pooled
as in `leadline.models.hierarchical`. The optimum of search j, in losses, falls with its
size N_j and its data D_j:

    alpha_j = law(N_j, D_j) + smooth_j + own_j
    law(N, D) = irreducible + reducible (s (N / N0)^(−a) + (1 − s) (D / D0)^(−b))^c
    smooth ~ GaussianProcess(0, 0.9 misfit², Matern of order 3/2 of log N and log D)
    own_j ~ Normal(0, sqrt(0.1) misfit)

N0 and D0 are the geometric means over searches. ``s reducible`` is `size_part`, and the rest is
`data_part`: losses there, which the scores inform better than the coefficients at N = D = 1. Size
or data may be missing, and so is its part; c is 1 then.

With the outer exponent c = 1 it is the law of Hoffmann et al. (2022, arXiv:2203.15556); without an
irreducible loss that of Kaplan et al. (2020, arXiv:2001.08361), where c is 0.1; Busbridge et al.
(2025, arXiv:2502.08606) found 0.45. With c = 1, more data helps a large model no more than a small
one. It does in most published families, and c below 1 predicts them better
(`benchmarks/README.md`).

The irreducible loss is ``middle − size_part − data_part``, where `middle` is the law at N0 and D0.
The middle is known well, and the irreducible loss hardly ever. Where scores have a bound, the parts
are truncated so that the irreducible loss is not beyond it.

The priors of `leadline.models.priors` are on numbers without units. The unit is the spread of the
good scores of all searches (`leadline.models.crossed.spread_of_tails`), and the middle is measured
from a typical optimum. Neither depends on a best score (docs/theory.md, Traps).

No law of this form is exact. Where it is wrong, it is wrong in the same way for like sizes and data
(Kennedy and O'Hagan 2001, doi:10.1111/1467-9868.00294), so that the misfit is smooth for the most
part. With independent misfits, intervals beyond the searches are those of a law that holds: they
covered 0.56 where 0.8 was asked (`benchmarks/README.md`). Lengths are in sds of the logs of size
and of data. A tenth of the variance is each search's own, which also keeps it from zero: the
likelihoods of all searches would else be aligned.

An optimum lies beyond its edge and within the bounds of its score: the prior of everything is
conditioned on that, as in `leadline.models.crossed`.
"""

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from pytensor.tensor.variable import TensorVariable

from leadline.data.validate import COVARIATES
from leadline.distributions.smooth_paths import SMOOTH_SHARE, covariance, distances
from leadline.models.crossed import spread_of_tails
from leadline.models.effective_dims import effective_dims
from leadline.models.hierarchical import pooled_noise
from leadline.models.likelihood import Data, coords_of, declare_data, has_limit, observe_tails
from leadline.models.likelihood import data_of as tail_data
from leadline.models.priors import Prior, Priors
from leadline.models.scaled_depth import NORMAL, edge_and_scale

LARGEST_EXPONENT = 2.0

LAW_VARIABLES = ("smooth_misfit",)
"""Variables (search) that belong to the law, not to the searches."""

# In the law with two effective hyperparameters an optimum is two tail scales beyond its threshold.
_TYPICAL_DEPTH = 2.0


def build(tails: xr.Dataset, priors: Priors, effective_dim: str = "continuous") -> pm.Model:
    """Return the model of searches of known size or data (`size` and `data` of the tails).

    The variables are those of `leadline.models.hierarchical.build`, without its pooled depths, and
    those of `optimum_population`.
    """
    with pm.Model(coords=coords_of(tails)) as model:
        data = declare_data(data_of(tails))
        dims = effective_dims(effective_dim, data, priors, tails)
        sigma = pooled_noise(data, priors)
        edge, scale = edge_and_scale(data, sigma)
        expected, sd = optimum_population(data, priors)
        depth = dims.scaled_depth(*NORMAL, ((edge - expected) / scale, sd / scale), sigma)
        reach = priors.reach.variable("reach", dims="search")
        observe_tails(data, depth, sigma, reach, dims, priors)
    return model


def optimum_population(data: Data, priors: Priors) -> tuple[TensorVariable, TensorVariable]:
    """Return the mean, shape (search,), and the sd, shape (), of the optimum of each search.

    Both are losses: the law with the smooth misfit, and the sd of the rest. Adds the parameters of
    the law to the active model, of shape () unless noted: `middle` and `irreducible`, scores;
    `size_part`, `data_part`, `misfit` and `smooth_misfit` (search), distances between scores;
    `size_exponent` and `data_exponent`, with both also `outer_exponent`; and `misfit_length`, in
    sds of logs.
    """
    typical, unit = data["law_typical"], data["law_unit"]
    least = (data["law_least"] - typical) / unit if "law_least" in data else None
    middle = _truncated("scaled_middle", priors.law_middle, least, None)
    left = None if least is None else middle - least
    parts, changes = [], []
    for name in COVARIATES:
        if f"law_log_{name}" not in data:
            continue
        lower = None if left is None else pt.constant(0.0)
        part = _truncated(f"scaled_{name}_part", priors.law_part, lower, left)
        left = None if left is None else left - part
        half = priors.law_exponent.variable(f"half_{name}_exponent")
        exponent = pm.Deterministic(f"{name}_exponent", LARGEST_EXPONENT * half)
        pm.Deterministic(f"{name}_part", unit * part)
        parts.append(part)
        # expm1 keeps the difference that a small exponent makes.
        changes.append(part * pt.expm1(-exponent * data[f"law_log_{name}"]))
    reducible, change = sum(parts), sum(changes)
    if len(parts) > 1:
        outer = priors.law_outer_exponent.variable("outer_exponent")
        change = reducible * pt.expm1(outer * pt.log1p(change / reducible))
    law = middle + change
    for name, value in (("middle", middle), ("irreducible", middle - reducible)):
        pm.Deterministic(name, data["sign"] * (typical + unit * value))
    misfit = pm.Deterministic("misfit", unit * priors.law_misfit.variable("scaled_misfit"))
    smooth = np.sqrt(SMOOTH_SHARE) * misfit * _smooth_path(data, priors)
    pm.Deterministic("smooth_misfit", data["sign"] * smooth, dims="search")
    return typical + unit * law + smooth, np.sqrt(1.0 - SMOOTH_SHARE) * misfit


def _smooth_path(data: Data, priors: Priors) -> TensorVariable:
    """Return a smooth function of size and data at the searches, of variance 1, shape (search,)."""
    length = priors.law_misfit_length.variable("misfit_length")
    root = pt.linalg.cholesky(covariance(data["law_distance"] / length, pt))
    return pt.dot(root, pm.Normal("smooth_misfit_offset", dims="search"))


def _truncated(
    name: str, prior: Prior, lower: TensorVariable | None, upper: TensorVariable | None
) -> TensorVariable:
    if lower is None and upper is None:
        return prior.variable(name)
    return pm.Truncated(name, prior.dist(), lower=lower, upper=upper)


def data_of(tails: xr.Dataset) -> dict[str, Any]:
    """Return what the model takes from the tails, by the names of its `pm.Data`."""
    return tail_data(tails) | law_data(tails)


def law_data(tails: xr.Dataset) -> dict[str, Any]:
    """Return what `optimum_population` takes from the tails, by the names of its `pm.Data`."""
    threshold, tail_scale = tails["threshold"].to_numpy(), tails["tail_scale"].to_numpy()
    data = {
        "sign": tails.attrs["loss_sign"],
        "law_typical": float((threshold - _TYPICAL_DEPTH * tail_scale).mean()),
        "law_unit": spread_of_tails(threshold, tail_scale),
    }
    if has_limit(tails):
        # Scores of one metric have one bound.
        data["law_least"] = float(tails["least_loss"].max())
    for name in COVARIATES:
        if name in tails:
            logs = np.log(tails[name].to_numpy())
            data[f"law_log_{name}"] = logs - logs.mean()
    logs = np.stack([data[f"law_log_{name}"] for name in COVARIATES if name in tails], axis=-1)
    scaled = logs / logs.std(axis=0)
    data["law_distance"] = distances(scaled, scaled)
    return data
