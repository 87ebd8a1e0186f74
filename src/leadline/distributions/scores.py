"""The PyMC distributions of scores near the optimum: noiseless, noisy, and the best of several."""

from typing import Any

from pymc.distributions.continuous import Continuous, bounded_cont_transform
from pymc.distributions.transforms import _default_transform
from pytensor.tensor.variable import TensorVariable

from leadline.distributions.kernels import best_score, noisy_quadratic, quadratic
from leadline.distributions.oriented import OrientedRV, register_kernel, validate_numbers


@register_kernel
class QuadraticRV(OrientedRV):
    """Random variable of `Quadratic`."""

    name = "quadratic"
    extended_signature = "[rng],[size],(),(),()->[rng],()"
    _print_name = ("Quadratic", "\\operatorname{Quadratic}")
    kernel = quadratic


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
        """Return an unnamed variable; see the class for the parameters.

        Numbers outside their domain raise PyMC's `ParameterValueError`.
        """
        validate_numbers(alpha, beta, gamma)
        return super().dist([alpha, beta, gamma], convex=convex, **kwargs)


@register_kernel
class NoisyQuadraticRV(OrientedRV):
    """Random variable of `NoisyQuadratic`."""

    name = "noisy_quadratic"
    extended_signature = "[rng],[size],(),(),(),()->[rng],()"
    _print_name = ("NoisyQuadratic", "\\operatorname{NoisyQuadratic}")
    kernel = noisy_quadratic


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
        """Return an unnamed variable; see the class for the parameters.

        Numbers outside their domain raise PyMC's `ParameterValueError`.
        """
        validate_numbers(alpha, beta, gamma, sigma)
        return super().dist([alpha, beta, gamma, sigma], convex=convex, **kwargs)


@register_kernel
class BestScoreRV(OrientedRV):
    """Random variable of `BestScore`."""

    name = "best_score"
    extended_signature = "[rng],[size],(),(),(),(),()->[rng],()"
    _print_name = ("BestScore", "\\operatorname{BestScore}")
    kernel = best_score


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
    alpha, beta, gamma, sigma : tensor_like of float
        Parameters of the score of one trial, as of `NoisyQuadratic`.
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
        """Return an unnamed variable; see the class for the parameters.

        Numbers outside their domain raise PyMC's `ParameterValueError`.
        """
        validate_numbers(alpha, beta, gamma, sigma, trials)
        return super().dist([alpha, beta, gamma, sigma, trials], convex=convex, **kwargs)
