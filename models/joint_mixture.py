"""Observed vectors whose entries all share one unknown component: a discrete variable summed out.

PyMC's `Mixture` sums over components entry by entry when they are univariate. Here all entries
come from the same component, whose index is unknown: an integer effective dimension.
"""

from collections.abc import Sequence
from typing import Any

import pymc as pm
import pytensor.tensor as pt
from pytensor.tensor.variable import TensorConstant, TensorVariable


def joint_mixture(
    name: str,
    component: type[pm.Distribution],
    log_weight: TensorVariable,
    params: Sequence[Any],
    length: Any,
    **kwargs: Any,
) -> TensorVariable:
    r"""Return the model variable with probability :math:`\sum_j w_j \prod_i p_j(y_i)`.

    Parameters
    ----------
    name : str
        Name of the variable.
    component : type of Distribution
        A univariate distribution.
    log_weight : TensorVariable, shape (component,)
        Logs of the weights, up to a constant.
    params : sequence of tensor_like
        Parameters of `component`; those that differ by component have shape
        (component, 1) or (component, entry), the others no or one axis.
    length : tensor_like of int
        Number of entries, which the parameters need not show.
    **kwargs
        Passed on, `observed` and `dims` among them.
    """
    tensors = [pt.as_tensor_variable(param) for param in params]

    def logp(
        value: TensorVariable, log_weight: TensorVariable, _: Any, *params: Any
    ) -> TensorVariable:
        weighted = pt.special.log_softmax(log_weight) + component_logp(component, params, value)
        return pt.logsumexp(weighted)

    def draws(log_weight: TensorVariable, length: TensorVariable, *rest: Any) -> TensorVariable:
        *inner, _ = rest
        # Constants stay what they are: TailScore builds another graph for a resolution of 0.
        params = [
            outside if isinstance(outside, TensorConstant) else inside
            for outside, inside in zip(tensors, inner, strict=True)
        ]
        chosen = pm.Categorical.dist(p=pt.special.softmax(log_weight))
        entry_params = [param[chosen] if param.ndim == 2 else param for param in params]
        return component.dist(*entry_params, shape=(length,))

    return pm.CustomDist(
        name,
        log_weight,
        length,
        *tensors,
        logp=logp,
        dist=draws,
        ndim_supp=1,
        ndims_params=[1, 0, *(tensor.ndim for tensor in tensors)],
        **kwargs,
    )


def component_logp(
    component: type[pm.Distribution], params: Sequence[Any], value: TensorVariable
) -> TensorVariable:
    """Return the log-probability of all entries under each component, shape (component,)."""
    return pm.logp(component.dist(*params), value, warn_rvs=False).sum(axis=-1)
