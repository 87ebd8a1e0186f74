"""A model's data as one array, so that nutpie compiles the model sooner.

nutpie unpacks each `pm.Data` by code of its own, which numba compiles again in every process, for
the log-probability and for the deterministics: with the ten of a single search that took longer
than all else together. A model names its data one by one, for its readers; the sampler is given
a copy in which all of them are parts of one array.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor
from pymc.model.fgraph import fgraph_from_model, model_from_fgraph
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.replace import clone_replace
from pytensor.tensor.variable import TensorVariable

PACKED = "packed_data"


@dataclasses.dataclass(frozen=True)
class PackedModel:
    """A copy of a model whose data are one `pm.Data`, called `PACKED`.

    Attributes
    ----------
    model : pymc.Model
        The copy.
    scalars, vectors : tuple of str
        Names of the data in `PACKED`: first come the scalars, then the lengths of the vectors,
        then their entries. Data with more dimensions stay what they are.
    """

    model: pm.Model
    scalars: tuple[str, ...] = ()
    vectors: tuple[str, ...] = ()

    def pack(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return the data of the copy.

        Parameters
        ----------
        data : mapping of str to array
            A value for each `pm.Data` of the original.
        """
        names = (*self.scalars, *self.vectors)
        packed = {name: value for name, value in data.items() if name not in names}
        if names:
            packed[PACKED] = _flat(
                [data[name] for name in self.scalars], [data[name] for name in self.vectors]
            )
        return packed


def pack_model(model: pm.Model) -> PackedModel:
    """Return a copy of `model` whose scalars and vectors of data are one array."""
    shared = [variable for variable in model.data_vars if isinstance(variable, SharedVariable)]
    scalars = [variable for variable in shared if variable.ndim == 0]
    vectors = [variable for variable in shared if variable.ndim == 1]
    if not scalars and not vectors:
        return PackedModel(model)
    values = [[variable.get_value() for variable in group] for group in (scalars, vectors)]
    packed = pytensor.shared(_flat(*values), name=PACKED, shape=(None,))
    # PyMC's own way of changing a model (`freeze_dims_and_data`): the data variables stand in
    # the graph behind markers.
    graph, copies = fgraph_from_model(model)
    parts = dict(zip([*scalars, *vectors], _parts(packed, scalars, vectors), strict=True))
    outputs = clone_replace(
        graph.outputs,
        replace={copies[old].owner.inputs[0]: new for old, new in parts.items()},
        rebuild_strict=False,
    )
    changed: Any = FunctionGraph(outputs=outputs, clone=False)
    before: Any = graph
    changed._coords, changed._dim_lengths = before._coords, before._dim_lengths
    copy = model_from_fgraph(changed, mutate_fgraph=True)
    copy.register_data_var(packed)
    # The graph has them in another order, and the draws would depend on it.
    for ours, theirs in (
        (copy.free_RVs, model.free_RVs),
        (copy.observed_RVs, model.observed_RVs),
        (copy.deterministics, model.deterministics),
    ):
        order = {variable.name: place for place, variable in enumerate(theirs)}
        ours.sort(key=lambda variable, order=order: order[variable.name])
    return PackedModel(copy, _names(scalars), _names(vectors))


def _names(variables: list[Any]) -> tuple[str, ...]:
    return tuple(str(variable.name) for variable in variables)


def _flat(scalars: list[Any], vectors: list[Any]) -> np.ndarray:
    """Return the entries of `PACKED`; PyMC keeps integers in 32 bits, which a float can hold."""
    head = [*scalars, *(len(vector) for vector in vectors)]
    return np.concatenate([np.array(head, dtype=float), *vectors], dtype=float)


def _parts(packed: Any, scalars: list[Any], vectors: list[Any]) -> list[TensorVariable]:
    """Return each of the data variables as an expression of `packed`."""
    parts = [packed[place].astype(variable.dtype) for place, variable in enumerate(scalars)]
    start: Any = len(scalars) + len(vectors)
    for place, variable in enumerate(vectors, start=len(scalars)):
        stop = start + packed[place].astype("int64")
        parts.append(packed[start:stop].astype(variable.dtype))
        start = stop
    return parts
