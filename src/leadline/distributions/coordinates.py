"""Transforms to coordinates in which NUTS samples the depth of the optimum well.

Let the noise sd be s (in units of the tail scale) and the number of scores beyond the threshold r.
With little noise the optimum lies below the best score by about r^(−2/gamma), and with much noise
anywhere within a few s of it. The logarithm of the distance suits the first case. In the second
case it has a boundary, s wide, at the best score, where NUTS diverges.
"""

from typing import Any

import pytensor.tensor as pt
from pymc.logprob.transforms import Transform
from pytensor.tensor.variable import TensorVariable

# Softness as a fraction of the wall: at the wall itself the logarithm bends g by only 2 %.
_SOFTNESS = 0.25
# Sharpness of the bend at a limit. Near a limit the coordinate is that many times the logarithm of
# the distance; a sharper bend moves less of what lies far from the limit.
_BEND = 4.0
_NEWTON_STEPS = 12  # From the starting points below, 8 suffice for double precision.


class SoftWall(Transform):
    r"""Coordinate x of a depth g > 0: logarithmic far above a soft wall, linear behind it.

    .. math::

        g = m \log(1 + e^{z / m}), \qquad
        z = g_\min + h\,e^x + s\,(x - \log(s / h)), \qquad m = g_\min / 4

    Far above the wall at :math:`g_\min`, x is :math:`\log((g - g_\min)/h)`. At the wall and
    below it, g changes by s per unit of x, until the logarithm keeps g positive. The map takes the
    real line onto the positive numbers for every s > 0. The best score enters the coordinate only,
    never the prior. The random variable has :math:`g_\min`, s and h as inputs besides its own
    parameters, at the positions `wall`, `width` and `unit`. With `ndim_supp=1` it is a vector that
    has one density.

    With an input L at the position `limit`, the depth is below L: it is
    :math:`g / (1 + (g / L)^4)^{1/4}`, which is g far from L. The wall is moved, and the widths are
    stretched, so that depths near the wall have the same coordinate as without a limit.
    """

    name = "softwall"

    def __init__(
        self, wall: int, width: int, unit: int, *, limit: int | None = None, ndim_supp: int = 0
    ) -> None:
        self.positions = (wall, width, unit)
        self.limit = limit
        self.ndim_supp = ndim_supp

    def _inputs(self, inputs: tuple[Any, ...]) -> tuple[TensorVariable, ...]:
        wall, width, unit = (inputs[position] for position in self.positions)
        if self.limit is None:
            return wall, width, unit
        # Below 1 also where the best score is at the limit: the optimum is then within the noise.
        share = wall / (inputs[self.limit] + 2.0 * width)
        stretch = (1.0 - share**_BEND) ** (-1.0 / _BEND)
        slope = stretch ** (_BEND + 1.0)
        return stretch * wall, slope * width, slope * unit

    def _unbounded(self, value: TensorVariable, inputs: tuple[Any, ...]) -> TensorVariable:
        wall, width, unit = self._inputs(inputs)
        return wall + unit * pt.exp(value) + width * (value - pt.log(width / unit))

    def backward(self, value: TensorVariable, *inputs: Any) -> TensorVariable:
        """Return the depth at coordinate `value`."""
        depth = self._positive(value, inputs)
        if self.limit is None:
            return depth
        limit = inputs[self.limit]
        # Rounding would take the deepest ones beyond.
        return pt.minimum(depth * pt.exp(-pt.softplus(_bend(depth, limit)) / _BEND), limit)

    def _positive(self, value: TensorVariable, inputs: tuple[Any, ...]) -> TensorVariable:
        """Return the depth as it is without a limit."""
        soft = _SOFTNESS * self._inputs(inputs)[0]
        return soft * pt.softplus(self._unbounded(value, inputs) / soft)

    def forward(self, value: TensorVariable, *inputs: Any) -> TensorVariable:
        """Return the coordinate of the depth `value`, by Newton steps on t + exp(t) = c."""
        wall, width, unit = self._inputs(inputs)
        if self.limit is not None:
            value = value * pt.exp(-pt.log1mexp(_bend(value, inputs[self.limit])) / _BEND)
        scaled = value / (_SOFTNESS * wall)
        unbounded = value + _SOFTNESS * wall * pt.log(-pt.expm1(-scaled))
        target = (unbounded - wall) / width
        # The function is convex and the start above the root, so that no step overshoots.
        t = pt.switch(pt.gt(target, 1), pt.log(pt.maximum(target, 1)), target)
        for _ in range(_NEWTON_STEPS):
            t = t - (t + pt.exp(t) - target) / (1 + pt.exp(t))
        return t + pt.log(width / unit)

    def log_jac_det(self, value: TensorVariable, *inputs: Any) -> TensorVariable:
        """Return the log of the derivative of `backward`."""
        wall, width, unit = self._inputs(inputs)
        steepness = pt.log(unit * pt.exp(value) + width)
        slope = steepness - pt.softplus(-self._unbounded(value, inputs) / (_SOFTNESS * wall))
        if self.limit is not None:
            bend = _bend(self._positive(value, inputs), inputs[self.limit])
            slope = slope - (1.0 + 1.0 / _BEND) * pt.softplus(bend)
        return slope.sum(axis=-1) if self.ndim_supp else slope


def _bend(depth: TensorVariable, limit: TensorVariable) -> TensorVariable:
    """Return log((depth / limit) ** _BEND)."""
    return _BEND * (pt.log(depth) - pt.log(limit))


class PartlyCentred(Transform):
    r"""Coordinate of a log-normal variable between its offset from the median and its logarithm.

    With inputs :math:`\mu`, :math:`\sigma` and c,

    .. math:: x = (\log v - (1 - c) \mu) / \sigma^{1 - c} .

    For c = 0 this is the standardised offset (non-centred), which suits a variable that the data
    barely determine. For c = 1 it is :math:`\log v` (centred), which suits a variable that they
    determine well: Papaspiliopoulos, Roberts and Sköld (2007, doi:10.1214/088342307000000014). The
    first three inputs of the variable must be :math:`\mu`, :math:`\sigma` and c.
    """

    name = "partlycentred"

    def backward(self, value: TensorVariable, *inputs: Any) -> TensorVariable:
        """Return the variable at coordinate `value`."""
        mu, sigma, centring = inputs[1:4]
        return pt.exp((1 - centring) * mu + sigma ** (1 - centring) * value)

    def forward(self, value: TensorVariable, *inputs: Any) -> TensorVariable:
        """Return the coordinate of the variable."""
        mu, sigma, centring = inputs[1:4]
        return (pt.log(value) - (1 - centring) * mu) / sigma ** (1 - centring)

    def log_jac_det(self, value: TensorVariable, *inputs: Any) -> TensorVariable:
        """Return the log of the derivative of `backward`."""
        mu, sigma, centring = inputs[1:4]
        return (1 - centring) * (mu + pt.log(sigma)) + sigma ** (1 - centring) * value
