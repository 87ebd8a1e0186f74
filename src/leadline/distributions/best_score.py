"""The best score of a number of random-search trials."""

from typing import Any

import pytensor.tensor as pt
from pymc.distributions.continuous import Continuous
from pytensor.tensor.variable import TensorVariable

from leadline.distributions.kernels import best_score
from leadline.distributions.oriented import OrientedRV, register_kernel


class BestScoreRV(OrientedRV):
    """Random variable of `BestScore`."""

    name = "best_score"
    extended_signature = "[rng],[size],(),(),(),(),()->[rng],()"
    _print_name = ("BestScore", "\\operatorname{BestScore}")
    kernel = best_score


register_kernel(BestScoreRV)


class BestScore(Continuous):
    r"""Distribution of the best score of `trials` random-search trials.

    The minimum (convex form) or maximum (concave form) of :math:`k` independent
    `NoisyQuadratic` scores. With their density :math:`f` and distribution function :math:`F`,
    in the convex form

    .. math::

        P(Y > y) = (1 - F(y))^k, \qquad f_k(y) = k\, f(y)\, (1 - F(y))^{k-1} .

    ========  ======================================
    Support   :math:`y \in \mathbb{R}`
    ========  ======================================

    The moments have no closed form.

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
        Sd of the noise of one trial, in score units, ``sigma > 0``.
    trials : tensor_like of int or float
        Number of trials that the score is the best of, ``trials >= 1``; it may differ by
        observation. One trial gives `NoisyQuadratic`.
    convex : bool, default True
        If True, small scores are good and the best is the minimum.

    Notes
    -----
    The distribution suits published results that only state "the best of k trials was y". One such
    number carries little information about `gamma`: pool several, or use an informative prior.

    References
    ----------
    Lourie, He and Cho (2025), arXiv:2510.02721.

    Examples
    --------
    Minimised: the log-density of a best loss of 0.15 among 50 trials.

    >>> import leadline as ll
    >>> import pymc as pm
    >>> best = ll.BestScore.dist(alpha=0.1, beta=0.9, gamma=2, sigma=0.02, trials=50)
    >>> pm.logp(best, 0.15).eval().round(3)
    np.float64(0.964)

    Maximised: the log-probability that the best accuracy of 50 trials is at most 0.85.

    >>> best = ll.BestScore.dist(alpha=0.1, beta=0.9, gamma=2, sigma=0.02, trials=50, convex=False)
    >>> pm.logcdf(best, 0.85).eval().round(3)
    np.float64(-3.23)
    """

    rv_type = BestScoreRV
    rv_op = BestScoreRV.rv_op

    @classmethod
    def dist(
        cls,
        alpha: Any,
        beta: Any,
        gamma: Any,
        sigma: Any,
        trials: Any,
        *,
        convex: bool = True,
        **kwargs: Any,
    ) -> TensorVariable:
        """Return an unnamed variable; see the class for the parameters."""
        params = [pt.as_tensor_variable(param) for param in (alpha, beta, gamma, sigma, trials)]
        return super().dist(params, convex=convex, **kwargs)
