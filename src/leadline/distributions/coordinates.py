"""The coordinate in which the depth of the optimum is easy to sample.

With noise sd s (in units of the tail scale) and r scores past the threshold, the optimum lies
below the best score by about r^(−2/gamma) when there is little noise, and anywhere within a few s
of the best score when there is much. A logarithm of the distance suits the first case and has a
wall, s wide, at the best score in the second: in plain coordinates NUTS hits that wall.
"""

from typing import Any

import pytensor.tensor as pt
from pymc.logprob.transforms import Transform
from pytensor.tensor.variable import TensorVariable

_SOFTNESS = 0.25  # Of the wall's height: at the wall itself the logarithm bends g by 2 % only.
_NEWTON_STEPS = 12  # From the starting points below, 8 suffice for double precision.


class SoftWall(Transform):
    r"""Coordinate x of a gap g > 0: logarithmic in the open, linear behind a soft wall.

    .. math::

        g = m \log(1 + e^{z / m}), \qquad
        z = g_\min + h\,e^x + s\,(x - \log(s / h)), \qquad m = g_\min / 4

    Far above the wall at :math:`g_\min`, x is :math:`\log((g - g_\min)/h)`; at the wall and
    below it, x moves g by s a unit, until the logarithm keeps g positive. The map takes the real
    line onto the positive numbers for every s > 0. Only the coordinate, never the prior, depends
    on the best score.

    The variable that it transforms has, besides its own parameters, the inputs `wall`
    (:math:`g_\min`), `width` (s) and `unit` (h), in the places given to the constructor.

    Parameters
    ----------
    wall, width, unit : int
        Places of these inputs among the inputs of the random variable.
    """

    name = "softwall"

    def __init__(self, wall: int, width: int, unit: int) -> None:
        self.places = (wall, width, unit)

    def _inputs(self, inputs: tuple[Any, ...]) -> tuple[TensorVariable, ...]:
        return tuple(inputs[place] for place in self.places)

    def _unbounded(self, value: TensorVariable, inputs: tuple[Any, ...]) -> TensorVariable:
        wall, width, unit = self._inputs(inputs)
        return wall + unit * pt.exp(value) + width * (value - pt.log(width / unit))

    def backward(self, value: TensorVariable, *inputs: Any) -> TensorVariable:
        """Return the gap at coordinate `value`."""
        soft = _SOFTNESS * self._inputs(inputs)[0]
        return soft * pt.softplus(self._unbounded(value, inputs) / soft)

    def forward(self, value: TensorVariable, *inputs: Any) -> TensorVariable:
        """Return the coordinate of the gap `value`, by Newton's method on t + exp(t) = c."""
        wall, width, unit = self._inputs(inputs)
        scaled = value / (_SOFTNESS * wall)
        unbounded = value + _SOFTNESS * wall * pt.log(-pt.expm1(-scaled))
        target = (unbounded - wall) / width
        # Starting above the root, where the function is convex, Newton steps cannot overshoot.
        t = pt.switch(pt.gt(target, 1), pt.log(pt.maximum(target, 1)), target)
        for _ in range(_NEWTON_STEPS):
            t = t - (t + pt.exp(t) - target) / (1 + pt.exp(t))
        return t + pt.log(width / unit)

    def log_jac_det(self, value: TensorVariable, *inputs: Any) -> TensorVariable:
        """Return the log of the derivative of `backward`."""
        wall, width, unit = self._inputs(inputs)
        steepness = pt.log(unit * pt.exp(value) + width)
        return steepness - pt.softplus(-self._unbounded(value, inputs) / (_SOFTNESS * wall))


class PartlyCentred(Transform):
    r"""Coordinate of a log-normal variable: its departure from the median, or its logarithm.

    With inputs :math:`\mu`, :math:`\sigma` and c,

    .. math:: x = (\log v - (1 - c) \mu) / \sigma^{1 - c}

    is the standardised departure for c = 0, which suits a variable of which the data say
    little, and :math:`\log v` for c = 1, which suits one that they determine: Papaspiliopoulos,
    Roberts and Sköld (2007, doi:10.1214/088342307000000014). The first three inputs of the
    variable are these.
    """

    name = "partlycentred"

    def backward(self, value: TensorVariable, *inputs: Any) -> TensorVariable:
        """Return the variable at coordinate `value`."""
        mu, sigma, known = inputs[1:4]
        return pt.exp((1 - known) * mu + sigma ** (1 - known) * value)

    def forward(self, value: TensorVariable, *inputs: Any) -> TensorVariable:
        """Return the coordinate of the variable."""
        mu, sigma, known = inputs[1:4]
        return (pt.log(value) - (1 - known) * mu) / sigma ** (1 - known)

    def log_jac_det(self, value: TensorVariable, *inputs: Any) -> TensorVariable:
        """Return the log of the derivative of `backward`."""
        mu, sigma, known = inputs[1:4]
        return (1 - known) * (mu + pt.log(sigma)) + sigma ** (1 - known) * value
