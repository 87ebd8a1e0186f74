"""The scores past a threshold: the noisy quadratic cut off there, recorded exactly or on a grid."""

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pymc.distributions.continuous import Continuous
from pymc.distributions.dist_math import check_parameters
from pymc.distributions.distribution import SymbolicRandomVariable
from pymc.distributions.shape_utils import implicit_size_from_params, rv_size_is_none
from pymc.pytensorf import normalize_rng_param
from pytensor.tensor.random.utils import normalize_size_param
from pytensor.tensor.variable import TensorConstant, TensorVariable

from leadline.distributions.kernels import noisy_quadratic

# Where rounding makes the two ends of a cell equally probable it still has a finite density.
_NOT_EMPTY = -float(np.finfo(np.float64).eps)


class TailScoreRV(SymbolicRandomVariable):
    """Random variable of `TailScore`, drawn by inversion."""

    name = "tail_score"
    extended_signature = "[rng],[size],(),(),(),(),(),()->[rng],()"
    _print_name = ("TailScore", "\\operatorname{TailScore}")

    @classmethod
    def rv_op(cls, *params: Any, size: Any = None, rng: Any = None) -> TensorVariable:
        """Return draws of shape `size`, or of the broadcast shape of the parameters."""
        tensors = [pt.as_tensor(param) for param in params]
        alpha, beta, gamma, sigma, threshold, resolution = tensors
        rng = normalize_rng_param(rng)
        size = normalize_size_param(size)
        shape = size
        if rv_size_is_none(size):
            shape = implicit_size_from_params(*tensors, ndims_params=cls.ndims_params)
        next_rng, u = pt.random.uniform(size=shape, rng=rng, return_next_rng=True)
        law = (alpha, beta, gamma, sigma)
        exact = noisy_quadratic.ppf(u * pt.exp(noisy_quadratic.logcdf(threshold, *law)), *law)
        # Cells are counted from the threshold, which is the edge of one.
        draws = exact
        if not _is_zero(resolution):
            draws = threshold - (pt.floor((threshold - exact) / resolution) + 0.5) * resolution
        inputs = [rng, size, *tensors]
        return cls(inputs=inputs, outputs=[next_rng, draws])(*inputs)


class TailScore(Continuous):
    r"""Distribution of one score past the threshold, in the convex form (small is good).

    A `NoisyQuadratic` given that it is at most `threshold`. With a `resolution` h > 0 the score
    is known to the nearest point of a grid only, and its density is the mean over the cell,

    .. math::

        \frac{F(y + h/2) - F(y - h/2)}{h\, F(\theta)} ,

    which tends to :math:`f(y)/F(\theta)` as h becomes small.

    ========  ================================
    Support   :math:`y \le \theta`
    ========  ================================

    Parameters
    ----------
    alpha, beta, gamma, sigma : tensor_like of float
        As in `NoisyQuadratic`.
    threshold : tensor_like of float
        Where the regime starts, in score units; the edge of a cell when there is a grid.
    resolution : tensor_like of float
        Spacing of the grid on which scores are recorded, in score units: the constant 0 for
        none, otherwise positive.

    Notes
    -----
    ``pm.Truncated(NoisyQuadratic.dist(...), upper=threshold)`` is the same without a grid, but
    evaluates the distribution function at the threshold once an observation, not once a model.
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
        **kwargs: Any,
    ) -> TensorVariable:
        """Return an unnamed variable; see the class for the parameters."""
        params = (alpha, beta, gamma, sigma, threshold, resolution)
        return super().dist([pt.as_tensor_variable(param) for param in params], **kwargs)

    def support_point(rv, size, alpha, beta, gamma, sigma, threshold, resolution):  # type: ignore[no-untyped-def] # noqa: N805
        """Return the threshold less one cell, or less nothing."""
        return pt.broadcast_to(threshold - resolution / 2, rv.shape)

    def logp(value, alpha, beta, gamma, sigma, threshold, resolution):  # type: ignore[no-untyped-def] # noqa: N805
        """Return the log-density, or the log of its mean over the cell."""
        law = (alpha, beta, gamma, sigma)
        if _is_zero(resolution):
            result = noisy_quadratic.logpdf(value, *law)
        else:
            # The last cell ends at the threshold, not a rounding error beyond it. Past the
            # threshold the lower tail is the small one, so that the difference of two of its
            # probabilities keeps its digits, at a third of the cost of `loginterval`.
            upper = noisy_quadratic.logcdf(pt.minimum(value + resolution / 2, threshold), *law)
            lower = noisy_quadratic.logcdf(value - resolution / 2, *law)
            result = upper + pt.log1mexp(pt.minimum(lower - upper, _NOT_EMPTY))
            result = result - pt.log(resolution)
        result = result - noisy_quadratic.logcdf(threshold, *law)
        result = pt.where(value <= threshold, result, -pt.inf)
        return check_parameters(
            result, alpha < beta, gamma > 0, sigma > 0, msg="alpha < beta, gamma > 0, sigma > 0"
        )


def _is_zero(resolution: TensorVariable) -> bool:
    """Whether there is no grid for certain: then its branch would only cost time."""
    return isinstance(resolution, TensorConstant) and not np.any(resolution.data)
