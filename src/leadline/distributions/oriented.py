"""The link between a kernel module and a PyMC distribution with a direction.

Every distribution has a convex form (small scores are good, the optimum is `alpha`) and a concave
form (large scores are good, the optimum is `beta`). The form is an attribute of the random-variable
Op, not a parameter, so that a graph holds the code of its own form only. PyMC's `Distribution`
metaclass passes the parameters to its methods but not the Op. `register_kernel` therefore registers
the functions of a kernel module on the Op's type.
"""

import operator
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pymc.distributions.dist_math import check_icdf_value, check_parameters
from pymc.distributions.distribution import SymbolicRandomVariable, _support_point
from pymc.distributions.shape_utils import implicit_size_from_params, maybe_resize, rv_size_is_none
from pymc.logprob.abstract import _icdf, _logccdf, _logcdf, _logprob
from pymc.logprob.utils import ParameterValueError
from pymc.pytensorf import normalize_rng_param
from pytensor.graph.basic import Variable
from pytensor.tensor.random.utils import normalize_size_param
from pytensor.tensor.variable import TensorVariable


class ScoreRV(SymbolicRandomVariable):
    """A random variable whose subclass returns the next random generator and draws."""

    draw: Callable[..., tuple[Variable, Variable]]

    @classmethod
    def rv_op(
        cls, *params: Any, size: Any = None, rng: Variable | None = None, **form: Any
    ) -> TensorVariable:
        """Return draws of shape `size`, or of the broadcast shape of the parameters."""
        tensors = [pt.as_tensor(param) for param in params]
        rng = normalize_rng_param(rng)
        size = normalize_size_param(size)
        shape = size
        if rv_size_is_none(size):
            shape = implicit_size_from_params(*tensors, ndims_params=cls.ndims_params)
        inputs = [rng, size, *tensors]
        outputs = cls.draw(*tensors, size=shape, rng=rng, **form)
        return cls(inputs=inputs, outputs=list(outputs), **form)(*inputs)


class OrientedRV(ScoreRV):
    """A random variable drawn by the `rvs` of a kernel module, convex or concave."""

    kernel: ModuleType
    """Module with `logpdf`, `logcdf`, `logsf`, `ppf`, `rvs` and `mean`."""

    def __init__(self, *args: Any, convex: bool, **kwargs: Any) -> None:
        self.convex = convex
        super().__init__(*args, **kwargs)

    @classmethod
    def draw(cls, *params: Variable, **options: Any) -> tuple[Variable, Variable]:
        """Return the next random generator and draws."""
        return cls.kernel.rvs(*params, **options)

    def rebuild_rv(self, *args: Any, **kwargs: Any) -> TensorVariable:
        """Rebuild the variable with other inputs and the same form, for PyMC's change of sizes."""
        return self.rv_op(*args, convex=self.convex, **kwargs)


def _conditions(
    alpha: Any, beta: Any, gamma: Any, sigma: Any = None, trials: Any = None
) -> dict[str, tuple[Callable[..., Any], tuple[Any, ...]]]:
    """Return the conditions on parameters by their text: a comparison and what it compares."""
    required = {
        "alpha < beta": (operator.lt, (alpha, beta)),
        "gamma > 0": (operator.gt, (gamma, 0)),
    }
    if sigma is not None:
        required["sigma > 0"] = operator.gt, (sigma, 0)
    if trials is not None:
        required["trials >= 1"] = operator.ge, (trials, 1)
    return required


def require_valid(result: TensorVariable, *params: Any) -> TensorVariable:
    """Return `result`, which raises `ParameterValueError` if a parameter is outside its domain.

    `params` are alpha, beta, gamma and, if the distribution has them, sigma and trials.
    """
    required = _conditions(*params)
    holds = [compare(*sides) for compare, sides in required.values()]
    return check_parameters(result, *holds, msg=", ".join(required))


def validate_numbers(*params: Any) -> None:
    """Raise `ParameterValueError` if parameters that are numbers are outside their domain.

    `params` are those of `require_valid`. In a model PyMC replaces the check of a parameter by a
    log-density of −inf, which suits a sampler, but hides a number that was mistyped.
    """
    for text, (compare, sides) in _conditions(*params).items():
        if any(isinstance(side, Variable) for side in sides):
            continue
        if not np.all(compare(*(np.asarray(side, dtype=float) for side in sides))):
            raise ParameterValueError(text)


def register_kernel(rv_type: type[OrientedRV]) -> type[OrientedRV]:
    """Register the density, distribution functions, quantiles and mean of `rv_type` with PyMC."""
    kernel = rv_type.kernel

    def evaluate(function, op, value, rng, size, *params, **kwargs):  # type: ignore[no-untyped-def]
        result = function(value, *params, convex=op.convex)
        return maybe_resize(require_valid(result, *params), size)

    _logcdf.register(rv_type)(partial(evaluate, kernel.logcdf))
    _logccdf.register(rv_type)(partial(evaluate, kernel.logsf))

    @_logprob.register(rv_type)
    def logp(op, values, *inputs, **kwargs):  # type: ignore[no-untyped-def]
        return evaluate(kernel.logpdf, op, *values, *inputs)

    @_icdf.register(rv_type)
    def icdf(op, value, *inputs, **kwargs):  # type: ignore[no-untyped-def]
        return check_icdf_value(evaluate(kernel.ppf, op, value, *inputs), value)

    @_support_point.register(rv_type)
    def support_point(op, rv, rng, size, *params):  # type: ignore[no-untyped-def]
        return pt.broadcast_to(kernel.mean(*params, convex=op.convex), rv.shape)

    return rv_type
