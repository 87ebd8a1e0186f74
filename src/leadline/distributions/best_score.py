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


def _conditions(
    alpha: TensorVariable,
    beta: TensorVariable,
    gamma: TensorVariable,
    sigma: TensorVariable,
    trials: TensorVariable,
) -> dict[str, TensorVariable]:
    return {
        "alpha < beta": alpha < beta,
        "gamma > 0": gamma > 0,
        "sigma > 0": sigma > 0,
        "trials >= 1": trials >= 1,
    }


register_kernel(BestScoreRV, _conditions)


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
        Effective number of hyperparameters, ``gamma > 0``.
    sigma : tensor_like of float
        Sd of the noise of one trial, in score units, ``sigma > 0``.
    trials : tensor_like of int or float
        Number of trials of which this is the best, ``trials >= 1``; may differ by observation.
        One trial gives `NoisyQuadratic`.
    convex : bool, default True
        Whether small scores are good, so that the best is the minimum.

    Notes
    -----
    Use it for published results of which only "the best of k trials was y" is known. One such
    number says little about `gamma`: pool several, or give an informative prior.

    References
    ----------
    Lourie, He and Cho (2025), arXiv:2510.02721.
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
