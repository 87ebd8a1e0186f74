"""Vectors whose entries share an unknown component: a discrete variable summed out.

PyMC's `Mixture` sums over univariate components entry by entry. Here all entries of a group come
from the same component, whose index is unknown: an integer effective dimension of several searches.
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
    group: TensorVariable,
    **kwargs: Any,
) -> TensorVariable:
    r"""Return the model variable with probability :math:`\prod_g \sum_j w_{gj} \prod_i p_j(y_i)`.

    The last product is over the entries i of group g. `component` is a univariate distribution with
    `params`: those that differ by component, at least one, are (component, 1) or
    (component, entry), the others have no or one axis. `log_weight` (group, component) holds the
    logs of the weights, up to a constant of each group, and `group` (entry,) the group of each
    entry. `kwargs` are those of the variable, such as `observed` and `dims`.
    """
    tensors = [pt.as_tensor_variable(param) for param in params]

    def logp(
        value: TensorVariable, log_weight: TensorVariable, group: TensorVariable, *params: Any
    ) -> TensorVariable:
        each = component_logp(component, params, value, group, log_weight.shape[0])
        return pt.logsumexp(pt.special.log_softmax(log_weight, axis=-1) + each, axis=-1).sum()

    def draws(log_weight: TensorVariable, group: TensorVariable, *rest: Any) -> TensorVariable:
        *inner, _ = rest
        # Constants stay what they are: TailScore builds another graph for a resolution of 0.
        params = [
            outside if isinstance(outside, TensorConstant) else inside
            for outside, inside in zip(tensors, inner, strict=True)
        ]
        chosen = pm.Categorical.dist(p=pt.special.softmax(log_weight, axis=-1))[group]
        shape = (log_weight.shape[1], group.shape[0])
        entry_params = [
            pt.broadcast_to(param, shape)[chosen, pt.arange(shape[1])] if param.ndim == 2 else param
            for param in params
        ]
        return component.dist(*entry_params, shape=shape[1:])

    return pm.CustomDist(
        name,
        log_weight,
        group,
        *tensors,
        logp=logp,
        dist=draws,
        ndim_supp=1,
        ndims_params=[2, 1, *(tensor.ndim for tensor in tensors)],
        **kwargs,
    )


def component_logp(
    component: type[pm.Distribution],
    params: Sequence[Any],
    value: TensorVariable,
    group: TensorVariable,
    groups: Any,
) -> TensorVariable:
    """Return the log-probability of the entries of a group under each component.

    The shape is (group, component), with `groups` groups; `value` (entry,) holds the entries, and
    the other arguments are those of `joint_mixture`.
    """
    return sum_by_group(pm.logp(component.dist(*params), value, warn_rvs=False), group, groups)


def sum_by_group(each: TensorVariable, group: TensorVariable, groups: Any) -> TensorVariable:
    """Return sums over entries, shape (group, component), of values (component, entry)."""
    return pt.zeros((groups, each.shape[0]))[group].inc(each.T)
