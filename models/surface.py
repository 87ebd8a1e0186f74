"""A surface: the score as a function of the hyperparameters, for searches that learned.

Given its hyperparameters, the score of a trial does not depend on how they were chosen. A
regression of the score on the hyperparameters therefore takes any sampler, where the quadratic law
needs random draws. The answer rests on the surface being as the model has it.

The standardised loss (`leadline.data.surface_scores`) of configuration x is

    loss = f(x) + d(x) + noise,

averaged over the seeds of the trial:

* f is a Gaussian process with mean `level`, variance `surface_variance` and the Matérn 5/2
  covariance. Its inverse length scales have the sparse axis-aligned prior of Eriksson and Jankowiak
  (2021, arXiv:2103.00349): most hyperparameters matter little, and the half-Cauchy tails let some
  matter much. Their squares are the `relevance`. Put on the squares, as in the paper, the prior
  leaves each of many useless hyperparameters a small effect; a minimum adds them all up, and was
  too low by a noise sd in eight dimensions of which two matter.
* d(x) is what training repeats but f is too smooth for. Without it the expected score of the best
  trial is far too certain: f averages over a neighbourhood. Neighbours within a short distance
  share it.
* noise differs between the seeds of a configuration.

d and the noise have the total sd `residual_sd`; d has the share `own_share` of its square, which
only repeated or neighbouring configurations inform.

The optimum is the minimum of f over the space: d of a configuration that was never tried is unknown
and 0 on average.

Two random variables are observed: `loss` (trial), a multivariate normal, and `seed_variance`
(repeated_trial), the sample variance over the seeds of a configuration:
``(m − 1) s² / noise² ~ chi²(m − 1)``.
"""

from dataclasses import dataclass, field, fields
from typing import Any

import pymc as pm
import pytensor.tensor as pt
import xarray as xr

from leadline.distributions.surface_kernels import JITTER, matern52
from leadline.models.priors import Prior


@dataclass(frozen=True)
class SurfacePriors:
    """The priors of a surface, on standardised losses over the unit cube.

    Parameters
    ----------
    shrinkage : Prior
        Scale of the half-Cauchy prior of each inverse length scale, in units of the cube.
    surface_variance : Prior
        Variance of f, in variances of the losses.
    residual_sd : Prior
        Sd of deviation and noise together. The median of 0.2 leaves 0.03 to 1.6 likely.
    own_share : Prior
        Share of the deviation in the residual variance. Two configurations next to each other
        mostly score alike, so that small shares are likelier.
    level : Prior
        Mean of f.
    """

    shrinkage: Prior = field(default=Prior("HalfCauchy", beta=0.1))
    surface_variance: Prior = field(default=Prior("LogNormal", mu=0.0, sigma=1.0))
    residual_sd: Prior = field(default=Prior("LogNormal", mu=-1.5, sigma=1.0))
    own_share: Prior = field(default=Prior("Beta", alpha=1.0, beta=5.0))
    level: Prior = field(default=Prior("Normal", mu=0.0, sigma=1.0))

    def to_dict(self) -> dict[str, str | float | None]:
        """Return the priors as plain text, for provenance."""
        return {entry.name: repr(getattr(self, entry.name)) for entry in fields(self)}


def data_of(surface: xr.Dataset) -> dict[str, Any]:
    """Return what the model takes from the data of a surface, by the names of its `pm.Data`.

    `surface` has `loss` and `replicates` (trial), `squared_distance` (hyperparameter, trial,
    other_trial) and `own_correlation` (trial, other_trial); with repeated trials also
    `seed_freedom` and `seed_variance` (repeated_trial).
    """
    axes = surface.sizes["hyperparameter"]
    values = {
        "observed_loss": surface["loss"].to_numpy(),
        "replicates": surface["replicates"].to_numpy().astype(float),
        "squared_distance": surface["squared_distance"].to_numpy().reshape(axes, -1),
        "own_correlation": surface["own_correlation"].to_numpy().reshape(-1),
    }
    if "seed_variance" in surface:
        values["seed_freedom"] = surface["seed_freedom"].to_numpy().astype(float)
        values["observed_seed_variance"] = surface["seed_variance"].to_numpy()
    return values


def structure(surface: xr.Dataset) -> tuple[object, ...]:
    """Return all that decides the graph: surfaces that share it share a compiled model."""
    return surface.sizes["hyperparameter"], "seed_variance" in surface


def build(surface: xr.Dataset, priors: SurfacePriors) -> pm.Model:
    """Return the model of one surface; `data_of` documents its data."""
    coords = {"hyperparameter": surface["hyperparameter"].to_numpy()}
    with pm.Model(coords=coords) as model:
        data = {name: pm.Data(name, value) for name, value in data_of(surface).items()}
        shrinkage = priors.shrinkage.variable("shrinkage")
        variance = priors.surface_variance.variable("surface_variance")
        # Trials inform the curvature of f, variance / length⁴, more than its factors. Steps along
        # these coordinates keep it: a third as many are needed (benchmarks/README.md).
        unit = variance**0.25
        curvature = pm.HalfCauchy("root_curvature", beta=shrinkage * unit, dims="hyperparameter")
        relevance = pm.Deterministic("relevance", (curvature / unit) ** 2, dims="hyperparameter")
        residual = priors.residual_sd.variable("residual_sd")
        share = priors.own_share.variable("own_share")
        level = priors.level.variable("level")
        noise = pm.Deterministic("noise_ratio", residual * pt.sqrt(1.0 - share))
        n = data["observed_loss"].shape[0]
        # One matrix product over all pairs is several times faster than a sum of matrices.
        smooth = variance * matern52(pt.dot(relevance, data["squared_distance"]), pt)
        own = share * residual**2 * data["own_correlation"]
        covariance = (smooth + own).reshape((n, n))
        covariance += pt.diag(noise**2 / data["replicates"] + JITTER)
        if "seed_freedom" in data:
            half = 0.5 * data["seed_freedom"]
            pm.Gamma(
                "seed_variance",
                alpha=half,
                beta=half / noise**2,
                observed=data["observed_seed_variance"],
            )
        pm.MvNormal(
            "loss",
            mu=level * pt.ones_like(data["observed_loss"]),
            # With `chol`, the gradient takes 2.3 times as long (300 trials).
            cov=covariance,
            observed=data["observed_loss"],
        )
    return model
