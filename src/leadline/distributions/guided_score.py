"""Scores of guided trials: an exponentially modified normal, truncated at a threshold."""

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorVariable

from leadline.distributions.kernels import guided_score


class GuidedScore:
    r"""Distribution of the loss of a guided trial beyond the threshold (small is good).

    The expected loss is `start` plus an exponential excess, and noise is normal:

    .. math::

        Y = \text{start} + E + \sigma \varepsilon, \quad E \sim \text{Exponential}(\text{scale}),
        \quad Y \le \theta .

    ========  ================================
    Support   :math:`y \le \theta`
    ========  ================================

    Parameters
    ----------
    start : tensor_like of float
        Smallest expected loss of a guided trial.
    sigma : tensor_like of float
        Sd of the noise, positive.
    scale : tensor_like of float
        Mean of the excess, positive.
    threshold : tensor_like of float
        Largest loss of the tail.

    Notes
    -----
    It is ``pm.Truncated(pm.ExGaussian.dist(start, sigma, scale), upper=threshold)``, whose
    difference of logarithms loses all digits where the start is far beyond the threshold.

    Examples
    --------
    >>> import pymc as pm
    >>> from leadline.distributions.guided_score import GuidedScore
    >>> score = GuidedScore.dist(start=0.1, sigma=0.02, scale=0.05, threshold=0.3)
    >>> pm.logp(score, 0.12).eval().round(2)
    np.float64(2.56)
    """

    def __new__(cls, name: str, *params: Any, **kwargs: Any) -> TensorVariable:
        """Add a variable to the active model; see the class for the parameters."""
        return pm.CustomDist(name, *params, dist=_draws, logp=_logp, **kwargs)

    @classmethod
    def dist(cls, start: Any, sigma: Any, scale: Any, threshold: Any, **kwargs: Any) -> Any:
        """Return an unnamed variable."""
        params = (start, sigma, scale, threshold)
        return pm.CustomDist.dist(*params, dist=_draws, logp=_logp, **kwargs)


def _logp(value: Any, *params: Any) -> TensorVariable:
    *inner, threshold = params
    density = guided_score.logpdf(value, *inner) - guided_score.logcdf(threshold, *inner)
    return pt.switch(value <= threshold, density, -np.inf)


def _draws(start: Any, sigma: Any, scale: Any, threshold: Any, size: Any) -> TensorVariable:
    whole = pm.ExGaussian.dist(start, sigma, nu=scale)
    return pm.Truncated.dist(whole, upper=threshold, size=size)
