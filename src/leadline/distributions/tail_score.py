"""Scores beyond a threshold: the noisy quadratic truncated there, recorded exactly or rounded."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pymc.distributions.continuous import Continuous
from pytensor.tensor.variable import TensorConstant, TensorVariable

from leadline.distributions.kernels import noisy_quadratic
from leadline.distributions.oriented import ScoreRV, require_valid

# Upper bound of log F(y − h/2) − log F(y + h/2): a bin has a finite density even where rounding
# makes the probabilities at its two ends equal.
_NOT_EMPTY = -float(np.finfo(np.float64).eps)

_WITHOUT_GRADIENT = ContextVar("_WITHOUT_GRADIENT", default=False)


@contextmanager
def without_gradient() -> Iterator[None]:
    """Build densities that have no gradient, and cost less where bins are narrow."""
    token = _WITHOUT_GRADIENT.set(True)
    try:
        yield
    finally:
        _WITHOUT_GRADIENT.reset(token)


class TailScoreRV(ScoreRV):
    """Random variable of `TailScore`, drawn by inversion."""

    name = "tail_score"
    extended_signature = "[rng],[size],(),(),(),(),(),(),()->[rng],()"
    _print_name = ("TailScore", "\\operatorname{TailScore}")

    @staticmethod
    def draw(*params: Any, size: Any, rng: Any) -> tuple[TensorVariable, TensorVariable]:
        """Return the next random generator and draws."""
        *noisy_params, threshold, bin_width, log_tail_fraction = params
        next_rng, u = pt.random.uniform(size=size, rng=rng, return_next_rng=True)
        draws = noisy_quadratic.ppf(u * pt.exp(log_tail_fraction), *noisy_params)
        if not _is_zero(bin_width):
            # Bins are counted from the threshold, which is the edge of one.
            draws = threshold - (pt.floor((threshold - draws) / bin_width) + 0.5) * bin_width
        return next_rng, draws


class TailScore(Continuous):
    r"""Distribution of one score beyond the threshold, in the convex form (small is good).

    A `NoisyQuadratic` given that it is at most `threshold`. With a `resolution` h > 0 the score
    is recorded at the nearest point of a grid, and its density is the mean over that bin,

    .. math::

        \frac{F(y + h/2) - F(y - h/2)}{h\, F(\theta)} ,

    which tends to :math:`f(y)/F(\theta)` as h tends to 0.

    ========  ================================
    Support   :math:`y \le \theta`
    ========  ================================

    Parameters
    ----------
    alpha, beta, gamma, sigma : tensor_like of float
        Parameters of `NoisyQuadratic`.
    threshold : tensor_like of float
        Largest score of the tail, in score units; an edge of a bin if scores are rounded.
    resolution : tensor_like of float
        Spacing of the grid on which scores are recorded, in score units. The constant 0 stands for
        exact scores; other values must be positive.
    log_tail_fraction : tensor_like of float, optional
        The logarithm of F(threshold), computed from the other parameters by default. If the
        parameters have one entry per observation but few distinct values, compute it once per
        distinct value and pass it indexed: it costs as much as the density itself.

    Notes
    -----
    ``pm.Truncated(NoisyQuadratic.dist(...), upper=threshold)`` is the same distribution for exact
    scores, but evaluates F(threshold) once per observation instead of once per model.

    Examples
    --------
    >>> import pymc as pm
    >>> from leadline.distributions.tail_score import TailScore
    >>> score = TailScore.dist(alpha=0.1, beta=0.9, gamma=2, sigma=0.02, threshold=0.3)
    >>> pm.logp(score, 0.2).eval().round(3)
    np.float64(1.609)
    """

    rv_type = TailScoreRV
    rv_op = TailScoreRV.rv_op

    @classmethod
    def dist(
        cls,
        alpha: Any,
        beta: Any,
        gamma: Any,
        sigma: Any,
        threshold: Any,
        resolution: Any = 0.0,
        log_tail_fraction: Any = None,
        **kwargs: Any,
    ) -> TensorVariable:
        """Return an unnamed variable; see the class for the parameters."""
        if log_tail_fraction is None:
            log_tail_fraction = noisy_quadratic.logcdf(threshold, alpha, beta, gamma, sigma)
        params = (alpha, beta, gamma, sigma, threshold, resolution, log_tail_fraction)
        return super().dist(params, **kwargs)

    def support_point(rv, size, alpha, beta, gamma, sigma, threshold, resolution, _):  # type: ignore[no-untyped-def] # noqa: N805
        """Return the middle of the last bin below the threshold, or the threshold itself."""
        return pt.broadcast_to(threshold - resolution / 2, rv.shape)

    def logp(value, alpha, beta, gamma, sigma, threshold, resolution, log_tail_fraction):  # type: ignore[no-untyped-def] # noqa: N805
        """Return the log-density, or the log of its mean over the bin."""
        noisy_params = (alpha, beta, gamma, sigma)
        if _is_zero(resolution):
            result = noisy_quadratic.logpdf(value, *noisy_params)
        elif _WITHOUT_GRADIENT.get():
            result = noisy_quadratic.log_mean_density(value, resolution, *noisy_params)
        else:
            # The last bin ends at the threshold, not a rounding error beyond it. In the tail the
            # lower probability is the small one, so that a difference of two keeps its digits.
            edge = pt.minimum(value + resolution / 2, threshold)
            upper = noisy_quadratic.logcdf(edge, *noisy_params)
            lower = noisy_quadratic.logcdf(value - resolution / 2, *noisy_params)
            result = upper + pt.log1mexp(pt.minimum(lower - upper, _NOT_EMPTY))
            result = result - pt.log(resolution)
        result = pt.where(value <= threshold, result - log_tail_fraction, -pt.inf)
        return require_valid(result, *noisy_params)


def _is_zero(bin_width: TensorVariable) -> bool:
    """Return whether the bin width is the constant 0, for which rounding needs no code."""
    return isinstance(bin_width, TensorConstant) and not np.any(bin_width.data)
