"""The quadratic distribution: the noiseless scores of a random search near the optimum."""

from typing import Any

import pytensor.tensor as pt
from pymc.distributions.continuous import Continuous, bounded_cont_transform
from pymc.distributions.transforms import _default_transform
from pytensor.tensor.variable import TensorVariable

from leadline.distributions.kernels import quadratic
from leadline.distributions.oriented import OrientedRV, register_kernel


class QuadraticRV(OrientedRV):
    """Random variable of `Quadratic`."""

    name = "quadratic"
    extended_signature = "[rng],[size],(),(),()->[rng],()"
    _print_name = ("Quadratic", "\\operatorname{Quadratic}")
    kernel = quadratic


register_kernel(QuadraticRV)


@_default_transform.register(QuadraticRV)
def _interval_transform(op: QuadraticRV, rv: TensorVariable) -> Any:
    return bounded_cont_transform(op, rv, bound_args_indices=(2, 3))


class Quadratic(Continuous):
    r"""Quadratic distribution: the expected score of one random-search trial.

    Random search draws uniformly near the optimum of a smooth loss, so that in the convex form
    (small scores are good)

    .. math::

        Q = \alpha + (\beta - \alpha)\, U^{2/\gamma}, \qquad
        P(Q \le y) = \left(\frac{y-\alpha}{\beta-\alpha}\right)^{\gamma/2}, \qquad
        f(y) = \frac{\gamma}{2(\beta-\alpha)}
               \left(\frac{y-\alpha}{\beta-\alpha}\right)^{\gamma/2-1} .

    In the concave form (large scores are good) :math:`-Q` is convex with
    :math:`(-\beta, -\alpha)`: the optimum is then :math:`\beta`.

    ========  =========================================================================
    Support   :math:`y \in [\alpha, \beta]`
    Mean      :math:`\alpha + (\beta-\alpha)\,\gamma/(\gamma+2)` (convex)
    Variance  :math:`4\gamma(\beta-\alpha)^2 / ((\gamma+2)^2(\gamma+4))`
    ========  =========================================================================

    Parameters
    ----------
    alpha : tensor_like of float
        Lower end of the scores, in score units; the optimum when `convex`.
    beta : tensor_like of float
        Upper end of the scores, in score units, ``beta > alpha``; the optimum when not `convex`.
    gamma : tensor_like of float
        Effective number of hyperparameters (effective dimension), ``gamma > 0``.
    convex : bool, default True
        If True, small scores are good.

    Notes
    -----
    For ``gamma < 2`` the density is infinite at the optimum, and the likelihood of a sample is
    unbounded there (Cheng and Traylor 1995, doi:10.1111/j.2517-6161.1995.tb02024.x): prefer
    `NoisyQuadratic` with a prior on its noise that avoids 0.

    References
    ----------
    Lourie, He and Cho (2025), arXiv:2510.02721.

    Examples
    --------
    Minimised: the probability that the expected loss of one trial is at most 0.2.

    >>> import leadline as ll
    >>> import numpy as np
    >>> import pymc as pm
    >>> loss = ll.Quadratic.dist(alpha=0.1, beta=0.9, gamma=2)
    >>> np.exp(pm.logcdf(loss, 0.2).eval()).round(3)
    np.float64(0.125)

    Maximised: the median of the expected accuracy of one trial.

    >>> accuracy = ll.Quadratic.dist(alpha=0.5, beta=0.9, gamma=2, convex=False)
    >>> pm.icdf(accuracy, 0.5).eval().round(3)
    np.float64(0.7)
    """

    rv_type = QuadraticRV
    rv_op = QuadraticRV.rv_op

    @classmethod
    def dist(
        cls, alpha: Any, beta: Any, gamma: Any, *, convex: bool = True, **kwargs: Any
    ) -> TensorVariable:
        """Return an unnamed variable; see the class for the parameters."""
        params = [pt.as_tensor_variable(param) for param in (alpha, beta, gamma)]
        return super().dist(params, convex=convex, **kwargs)
