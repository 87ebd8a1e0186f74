"""One search: how low the loss can go, how many hyperparameters matter, how large the noise is.

The story. Of n trials, failures included, some are past the threshold theta, where the law of
arXiv:2510.02721 holds: a trial's expected loss is ``alpha + (beta − alpha) U^(2/gamma)``, and
its measured loss has normal noise on top. All that is used of the others is that they are not
past the threshold. So a search is two observed variables, and a third where trials were repeated:

* ``in_regime ~ Binomial(n, F(theta))``, one count for each number of seeds a trial had;
* ``loss ~ TailScore``, the noisy quadratic given that it is past the threshold; the mean of m
  seeds has noise ``sigma / sqrt(m)``;
* ``seed_variance ~ Gamma``, the sample variance of the seeds of a trial:
  ``(m − 1) s² / sigma² ~ chi²(m − 1)``.

The parameters are what the priors speak of (`leadline.models.priors`), none of them with units:

* ``effective_dim``, gamma, between 1 and the number of hyperparameters;
* ``gap = (theta − alpha) / tail scale``, the depth of the optimum;
* ``noise_ratio = sigma / tail scale``;
* ``reach = ((theta − alpha) / (beta − alpha))^(gamma/2)``, the probability that a trial's
  expected loss is past the threshold. It stands for beta, which says only how much mass lies in
  the regime.

The tail scale is the threshold minus the median of the losses past it, never anything that
depends on the smallest one. The best loss enters a coordinate (`SoftWall`), which changes how
NUTS moves and not what is believed.

With ``effective_dim="integer"`` gamma is one of 1..d and is summed out exactly: the counts are a
mixture over gamma with the prior weights, and the losses a mixture with the weights that the
counts leave. That is the same joint probability, and still generative.
"""

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from leadline.models.joint_mixture import component_logp, joint_mixture
from leadline.models.priors import Prior, Priors
from pymc.logprob.transforms import IntervalTransform
from pytensor.tensor.variable import TensorVariable

from leadline.data.regime import Regime
from leadline.distributions.coordinates import SoftWall
from leadline.distributions.kernels import noisy_quadratic
from leadline.distributions.tail_score import TailScore

# The coordinate of the gap needs one effective dimension, also where all are summed over.
_TYPICAL_DIM = 2.0


def build(
    regime: Regime,
    max_effective_dim: float,
    sign: float,
    priors: Priors,
    effective_dim: str = "continuous",
) -> pm.Model:
    """Return the model of one search.

    Parameters
    ----------
    regime : Regime
        The scores past the threshold, as losses.
    max_effective_dim : float
        Upper bound of the effective dimension, above 1.
    sign : float
        1 when scores are losses, −1 when they are maximised: `optimum` is reported in scores.
    priors : Priors
        The priors; see `leadline.models.priors` for the defaults and their reasons.
    effective_dim : {"continuous", "integer"}
        Whether gamma is real in [1, max_effective_dim], or one of the integers of that range and
        summed out.

    Returns
    -------
    pymc.Model
        Observed `loss` (tail_trial), `in_regime` (replicate_count) and, where trials were repeated,
        `seed_variance` (repeated_trial); deterministic `optimum`, `noise_sd`, `tail_fraction` and
        `spread` in score units. When gamma is summed out the last two have one entry per
        `dimension`, and so has `effective_dim_probability`. All that comes from the data is
        `pm.Data`.
    """
    with pm.Model() as model:
        data = _declare_data(regime, max_effective_dim, sign)
        if effective_dim == "continuous":
            gamma = bounded_dim("effective_dim", priors.effective_dim, data["max_effective_dim"])
            alpha, sigma, reach = _depth_and_noise(priors, data, gamma)
            _observe(data, alpha, sigma, reach, gamma)
        else:
            dimensions = np.arange(1, int(max_effective_dim) + 1)
            model.add_coord("dimension", dimensions)
            alpha, sigma, reach = _depth_and_noise(priors, data, pt.constant(_TYPICAL_DIM))
            _observe_summed_out(data, alpha, sigma, reach, dimensions, priors.effective_dim)
        if regime.replicated:
            _observe_seed_variance(data, sigma)
    return model


def data_of(regime: Regime, max_effective_dim: float, sign: float) -> dict[str, Any]:
    """Return everything the model takes from the data, by the names of its `pm.Data`.

    A compiled model is refitted to another search with these values.
    """
    repeated = regime.replicates > 1
    freedom = regime.replicates[repeated] - 1.0
    data = {
        "observed_loss": regime.loss,
        "threshold": regime.threshold,
        "tail_scale": regime.tail_scale,
        "gap_of_best": (regime.threshold - regime.best) / regime.tail_scale,
        "n_tail": float(regime.n_tail),
        "group_replicates": regime.group_replicates.astype(float),
        "group_trials": regime.group_trials,
        "observed_in_regime": regime.group_in_regime,
        "max_effective_dim": float(max_effective_dim),
        "sign": sign,
    }
    if regime.replicated:
        data["tail_replicates"] = regime.replicates.astype(float)
        data["seed_freedom"] = freedom
        data["observed_seed_variance"] = regime.sum_of_squares[repeated] / freedom
    if regime.resolution > 0:
        data["resolution"] = regime.cell
    return data


_DIMS = {
    "observed_loss": "tail_trial",
    "tail_replicates": "tail_trial",
    "resolution": "tail_trial",
    "group_replicates": "replicate_count",
    "group_trials": "replicate_count",
    "observed_in_regime": "replicate_count",
    "seed_freedom": "repeated_trial",
    "observed_seed_variance": "repeated_trial",
}


def _declare_data(
    regime: Regime, max_effective_dim: float, sign: float
) -> dict[str, TensorVariable]:
    return {
        name: pm.Data(name, value, dims=_DIMS.get(name))
        for name, value in data_of(regime, max_effective_dim, sign).items()
    }


def bounded_dim(
    name: str, prior: Prior, upper: TensorVariable, dims: str | None = None
) -> TensorVariable:
    """Return a gamma of the model: 1 plus a variable with `prior` cut off at ``upper − 1``.

    Of shape () or (dims,), as `upper`.
    """

    def excess(upper: TensorVariable, size: Any = None) -> TensorVariable:
        return pm.Truncated.dist(prior.dist(), lower=0.0, upper=upper - 1.0, size=size)

    return pm.CustomDist(
        name,
        upper,
        dist=lambda upper, size: 1.0 + excess(upper, size),
        logp=lambda value, upper: pm.logp(excess(upper), value - 1.0),
        # Inside the bounds: chains cannot start at the mean of a prior that lies beyond them.
        support_point=lambda rv, size, upper: pt.minimum(2.0, (1.0 + upper) / 2.0),
        transform=IntervalTransform(lambda *inputs: (pt.constant(1.0), inputs[1])),
        dims=dims,
    )


def _depth_and_noise(
    priors: Priors, data: dict[str, TensorVariable], typical_dim: TensorVariable
) -> tuple[TensorVariable, TensorVariable, TensorVariable]:
    """Return alpha and sigma in losses, and the reach of the law."""
    noise_ratio = from_prior("noise_ratio", priors.noise_ratio)
    gap = pm.CustomDist(
        "gap",
        data["gap_of_best"],
        noise_ratio,
        data["n_tail"] ** (-2.0 / typical_dim) + noise_ratio,
        dist=lambda wall, width, unit, size: priors.gap.dist(size=size),
        # Given, because PyMC inlines a derived one, and the transform then sees other inputs.
        logp=lambda value, wall, width, unit: pm.logp(priors.gap.dist(), value),
        transform=SoftWall(wall=1, width=2, unit=3),
    )
    reach = from_prior("reach", priors.reach)
    alpha = data["threshold"] - data["tail_scale"] * gap
    sigma = data["tail_scale"] * noise_ratio
    pm.Deterministic("optimum", data["sign"] * alpha)
    pm.Deterministic("noise_sd", sigma)
    return alpha, sigma, reach


def from_prior(name: str, prior: Prior) -> TensorVariable:
    """Return a variable of the model with `prior`."""
    return prior.family()(name, **prior.arguments())


def _upper_end(
    data: dict[str, TensorVariable],
    alpha: TensorVariable,
    reach: TensorVariable,
    gamma: TensorVariable,
) -> TensorVariable:
    """Return beta, given that a fraction `reach` of the expected losses is past the threshold."""
    return alpha + (data["threshold"] - alpha) * reach ** (-2.0 / gamma)


def _tail_fraction(data: dict[str, TensorVariable], *law: TensorVariable) -> TensorVariable:
    """Return F(theta)."""
    return pt.exp(noisy_quadratic.logcdf(data["threshold"], *law))


def _tail_loss(data: dict[str, TensorVariable], *law: TensorVariable) -> tuple[Any, ...]:
    """Return the parameters of `TailScore`; a mean over seeds has less noise and a finer grid."""
    alpha, beta, gamma, sigma = law
    if "tail_replicates" in data:
        sigma = sigma / pt.sqrt(data["tail_replicates"])
    return alpha, beta, gamma, sigma, data["threshold"], data.get("resolution", 0.0)


def _observe(
    data: dict[str, TensorVariable],
    alpha: TensorVariable,
    sigma: TensorVariable,
    reach: TensorVariable,
    gamma: TensorVariable,
) -> None:
    """Declare what was observed when gamma is a number."""
    beta = _upper_end(data, alpha, reach, gamma)
    pm.Deterministic("spread", beta - alpha)
    pm.Deterministic("tail_fraction", _tail_fraction(data, alpha, beta, gamma, sigma))
    group_sigma = sigma / pt.sqrt(data["group_replicates"])
    pm.Binomial(
        "in_regime",
        data["group_trials"],
        _tail_fraction(data, alpha, beta, gamma, group_sigma),
        observed=data["observed_in_regime"],
        dims="replicate_count",
    )
    TailScore(
        "loss",
        *_tail_loss(data, alpha, beta, gamma, sigma),
        observed=data["observed_loss"],
        dims="tail_trial",
    )


def _observe_summed_out(
    data: dict[str, TensorVariable],
    alpha: TensorVariable,
    sigma: TensorVariable,
    reach: TensorVariable,
    dimensions: np.ndarray,
    prior: Prior,
) -> None:
    """Declare what was observed when gamma is one of `dimensions`, each with its prior weight."""
    gamma = pt.constant(dimensions.astype(float))[:, None]
    log_weight = pt.special.log_softmax(pm.logp(prior.dist(), gamma[:, 0] - 1.0))[None, :]
    beta = _upper_end(data, alpha, reach, gamma)
    pm.Deterministic("spread", (beta - alpha)[:, 0], dims="dimension")
    tail_fraction = _tail_fraction(data, alpha, beta, gamma, sigma)
    pm.Deterministic("tail_fraction", tail_fraction[:, 0], dims="dimension")
    group_sigma = sigma / pt.sqrt(data["group_replicates"])
    counts = [data["group_trials"], _tail_fraction(data, alpha, beta, gamma, group_sigma)]
    losses = _tail_loss(data, alpha, beta, gamma, sigma)
    # One group: all counts and losses are of one gamma.
    of_count = pt.zeros_like(data["group_trials"], dtype="int64")
    of_loss = pt.zeros_like(data["observed_loss"], dtype="int64")
    in_regime = joint_mixture(
        "in_regime",
        pm.Binomial,
        log_weight,
        counts,
        of_count,
        observed=data["observed_in_regime"],
        dims="replicate_count",
    )
    given_counts = log_weight + component_logp(pm.Binomial, counts, in_regime, of_count, 1)
    joint_mixture(
        "loss",
        TailScore,
        given_counts,
        losses,
        of_loss,
        observed=data["observed_loss"],
        dims="tail_trial",
    )
    posterior = given_counts + component_logp(TailScore, losses, data["observed_loss"], of_loss, 1)
    pm.Deterministic(
        "effective_dim_probability", pt.special.softmax(posterior, axis=-1)[0], dims="dimension"
    )


def _observe_seed_variance(data: dict[str, TensorVariable], sigma: TensorVariable) -> None:
    """Declare the sample variances of the seeds, which do not depend on gamma."""
    freedom = data["seed_freedom"]
    pm.Gamma(
        "seed_variance",
        alpha=freedom / 2.0,
        beta=freedom / (2.0 * sigma**2),
        observed=data["observed_seed_variance"],
        dims="repeated_trial",
    )
