"""The scale on which a surface predicts well, from plug-in fits that take a second each.

On each scale the covariance is set to its mode, and each trial is predicted from all others, in
closed form (Rasmussen and Williams 2006, section 5.4.2). Scales are compared by the log-densities
of the better half of the trials, in score units. Repeated seeds count too: on the right scale their
noise is the same at all scores. The usual scale is kept unless another is clearly better.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy import optimize

from leadline.distributions.surface_kernels import JITTER

Floats = npt.NDArray[np.float64]

# The plug-in fit has a fixed share of deviations; it only serves to compare scales.
_OWN_SHARE = 0.25
_MOST_STEPS = 60

# A scale that is better by chance changes the noise near the optimum by up to half. It happens to
# one search of 80 trials in three whose noise is the same at all scores (benchmarks/README.md).
_CLEARLY = 3.0


def predictive_log_density(surface: xr.Dataset) -> Floats:
    """Return the log-density of each standardised loss given all others, (trial,)."""
    squared = surface["squared_distance"].to_numpy()
    axes, n = squared.shape[:2]
    own = _OWN_SHARE * surface["own_correlation"].to_numpy()
    own += np.diag((1.0 - _OWN_SHARE) / surface["replicates"].to_numpy())
    loss = surface["loss"].to_numpy()

    def covariance(theta: Floats) -> tuple[Floats, Floats, Floats]:
        relevance, variance, residual = np.exp(theta[:axes]), np.exp(theta[-2]), np.exp(theta[-1])
        r = np.sqrt(5.0 * np.tensordot(relevance, squared, axes=1) + 1e-12)
        decay = variance * np.exp(-r)
        smooth = decay * (1.0 + r + r * r / 3.0)
        # The derivative by a relevance is this times the squared distance.
        slope = -(5.0 / 6.0) * decay * (1.0 + r)
        return smooth, slope, smooth + residual**2 * own + JITTER * np.eye(n)

    def objective(theta: Floats) -> tuple[float, Floats]:
        smooth, slope, total = covariance(theta)
        factor = np.linalg.cholesky(total)
        inverse = np.linalg.inv(total)
        weights = inverse @ loss
        value = 0.5 * loss @ weights + np.log(np.diag(factor)).sum()
        inner = 0.5 * (inverse - np.outer(weights, weights))
        relevance, residual = np.exp(theta[:axes]), np.exp(theta[-1])
        gradient = np.empty_like(theta)
        gradient[:axes] = relevance * np.tensordot(squared, inner * slope, axes=2)
        gradient[-2] = (inner * smooth).sum()
        gradient[-1] = 2.0 * residual**2 * (inner * own).sum()
        # Log-normal priors of the same location as those of the model.
        centre = np.append(np.full(axes, np.log(0.1)), [0.0, -1.5])
        width = np.append(np.full(axes, 2.0), [1.0, 1.0])
        away = (theta - centre) / width
        return float(value + 0.5 * away @ away), gradient + away / width

    start = np.append(np.full(axes, np.log(0.5)), [0.0, -1.0])
    bounds = [*[(-9.0, 6.0)] * axes, (-5.0, 5.0), (-6.0, 2.0)]
    found = optimize.minimize(
        objective,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": _MOST_STEPS},
    )
    inverse = np.linalg.inv(covariance(found.x)[2])
    variance = 1.0 / np.diag(inverse)
    error = variance * (inverse @ loss)
    return np.asarray(-0.5 * (np.log(2.0 * np.pi * variance) + error**2 / variance))


def choose_scale(surfaces: Sequence[xr.Dataset]) -> tuple[int, list[float]]:
    """Return the position of the surface to take, and the log-density of each.

    `surfaces` are one search on several scales, with `log_slope` (trial), the mean over the seeds
    of the log-derivative of the standardised loss by the score. The first one is taken unless the
    best log-density is greater by more than 3, a likelihood ratio of 20.
    """
    order = np.argsort(surfaces[0]["loss"].to_numpy(), kind="stable")
    better = order[: (len(order) + 1) // 2]
    found = []
    for surface in surfaces:
        density = predictive_log_density(surface) + surface["log_slope"].to_numpy()
        found.append(float(density[better].sum()) + seeds_log_density(surface, better))
    best = int(np.argmax(found))
    return best if found[best] > found[0] + _CLEARLY else 0, found


def seeds_log_density(surface: xr.Dataset, trials: npt.NDArray[np.intp]) -> float:
    """Return the log-density of the deviations of seeds from their means, in score units.

    It is that of some `trials`, by position, at the noise sd that makes it largest, up to a
    constant that is the same on all scales. Without repeated seeds it is 0.
    """
    if "seed_variance" not in surface:
        return 0.0
    repeated = surface["seed_trial"].to_numpy()
    own = np.isin(repeated, trials)
    freedom = surface["seed_freedom"].to_numpy()[own]
    if not len(freedom):
        return 0.0
    squares = freedom * surface["seed_variance"].to_numpy()[own]
    log_volume = freedom @ surface["log_slope"].to_numpy()[repeated[own]]
    return float(log_volume - 0.5 * freedom.sum() * np.log(squares.sum() / freedom.sum()))
