"""The noisy quadratic: the scores of a random search near the optimum, with training noise."""

from typing import Any

import pytensor.tensor as pt
from pymc.distributions.continuous import Continuous
from pytensor.tensor.variable import TensorVariable

from leadline.distributions.kernels import noisy_quadratic
from leadline.distributions.oriented import OrientedRV, register_kernel


class NoisyQuadraticRV(OrientedRV):
    """Random variable of `NoisyQuadratic`."""

    name = "noisy_quadratic"
    extended_signature = "[rng],[size],(),(),(),()->[rng],()"
    _print_name = ("NoisyQuadratic", "\\operatorname{NoisyQuadratic}")
    kernel = noisy_quadratic


register_kernel(NoisyQuadraticRV)


class NoisyQuadratic(Continuous):
    r"""Noisy quadratic distribution: the score of one random-search trial, seed noise included.

    In its convex form (small scores are good)

    .. math::

        Y = \alpha + (\beta - \alpha)\, U^{2/\gamma} + \sigma\,\varepsilon, \qquad
        U \sim \operatorname{Uniform}(0, 1),\ \varepsilon \sim \operatorname{Normal}(0, 1)

    with density, for :math:`w = (y - \alpha)/\sigma` and :math:`\lambda = (\beta-\alpha)/\sigma`,

    .. math::

        f(y) = \frac{\gamma}{2\sigma}\,\lambda^{-\gamma/2}
               \int_0^\lambda t^{\gamma/2 - 1}\,\varphi(w - t)\,dt .

    In the concave form (large scores are good) :math:`-Y` is convex with
    :math:`(-\beta, -\alpha)`: the optimum is then :math:`\beta`.

    ========  ==========================================================================
    Support   :math:`y \in \mathbb{R}`
    Mean      :math:`\alpha + (\beta-\alpha)\,\gamma/(\gamma+2)` (convex)
    Variance  :math:`\sigma^2 + 4\gamma(\beta-\alpha)^2 / ((\gamma+2)^2(\gamma+4))`
    ========  ==========================================================================

    Parameters
    ----------
    alpha : tensor_like of float
        Lower end of the noiseless scores, in score units; the optimum when `convex`.
    beta : tensor_like of float
        Upper end of the noiseless scores, in score units, ``beta > alpha``; the optimum when
        not `convex`.
    gamma : tensor_like of float
        Effective number of hyperparameters (effective dimension), ``gamma > 0``.
    sigma : tensor_like of float
        Sd of the noise, in score units, ``sigma > 0``. For noiseless scores use `Quadratic`.
    convex : bool, default True
        If True, small scores are good.

    Notes
    -----
    The distribution describes the good scores of a search only. `leadline.fit` fits it to the
    scores beyond a threshold, with `TailScore` and a binomial count of the rest; ``pm.Truncated``
    can replace `TailScore`. Choose a prior on `sigma` that avoids 0: for ``gamma < 2`` the
    noiseless density is infinite at the optimum. The posterior of `alpha` and `gamma` is strongly
    correlated, so that a prior with ``gamma >= 1`` matters.

    References
    ----------
    Lourie, He and Cho (2025), arXiv:2510.02721.

    Examples
    --------
    Minimised: the probability that one trial measures a loss below 0.1, the optimum itself.

    >>> import leadline as ll
    >>> import numpy as np
    >>> import pymc as pm
    >>> loss = ll.NoisyQuadratic.dist(alpha=0.1, beta=0.9, gamma=2, sigma=0.02)
    >>> np.exp(pm.logcdf(loss, 0.1).eval()).round(3)
    np.float64(0.01)

    Maximised: the accuracy that one trial in ten exceeds.

    >>> accuracy = ll.NoisyQuadratic.dist(0.5, 0.9, gamma=2, sigma=0.01, convex=False)
    >>> pm.icdf(accuracy, 0.9).eval().round(3)
    np.float64(0.86)

    In a model:

    >>> with pm.Model():
    ...     optimum = pm.Normal("optimum", 0.3, 0.1)
    ...     score = ll.NoisyQuadratic("score", optimum, optimum + 0.4, gamma=2, sigma=0.01)
    """

    rv_type = NoisyQuadraticRV
    rv_op = NoisyQuadraticRV.rv_op

    @classmethod
    def dist(
        cls, alpha: Any, beta: Any, gamma: Any, sigma: Any, *, convex: bool = True, **kwargs: Any
    ) -> TensorVariable:
        """Return an unnamed variable; see the class for the parameters."""
        params = [pt.as_tensor_variable(param) for param in (alpha, beta, gamma, sigma)]
        return super().dist(params, convex=convex, **kwargs)
