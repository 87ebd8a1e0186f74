"""The data of a model as one array, so that nutpie compiles the model sooner.

nutpie unpacks each `pm.Data` by separate code, which numba compiles in every process, for the
log-probability and again for the deterministics. For the ten `pm.Data` of a single search this took
longer than all other steps together. Models keep separate names for their readers; the sampler gets
a copy in which all data are parts of one array.
"""

import dataclasses
import math
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

FLAT_DATA = "flat_data"


@dataclasses.dataclass(frozen=True)
class FlatModel:
    """A copy of a model whose data are one `pm.Data` with the name `FLAT_DATA`.

    It holds the data called `scalars`, then the shapes of those called `arrays`, then the entries
    of these.
    """

    model: pm.Model
    scalars: tuple[str, ...] = ()
    arrays: tuple[str, ...] = ()

    def flatten(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return the data of the copy, from a value for each `pm.Data` of the original."""
        names = (*self.scalars, *self.arrays)
        flat = {name: value for name, value in data.items() if name not in names}
        if names:
            flat[FLAT_DATA] = _flat(
                [data[name] for name in self.scalars], [data[name] for name in self.arrays]
            )
        return flat


def flatten_data(model: pm.Model) -> FlatModel:
    """Return a copy of `model` whose data are one array."""
    shared = [variable for variable in model.data_vars if isinstance(variable, SharedVariable)]
    scalars = [variable for variable in shared if variable.ndim == 0]
    arrays = [variable for variable in shared if variable.ndim > 0]
    if not shared:
        return FlatModel(model)
    values = [[variable.get_value() for variable in group] for group in (scalars, arrays)]
    flat = pytensor.shared(_flat(*values), name=FLAT_DATA, shape=(None,))
    # As in PyMC's `freeze_dims_and_data`: markers wrap the data variables in the graph.
    graph, copies = fgraph_from_model(model)
    parts = dict(zip([*scalars, *arrays], _parts(flat, scalars, arrays), strict=True))
    outputs = clone_replace(
        graph.outputs,
        replace={copies[old].owner.inputs[0]: new for old, new in parts.items()},
        rebuild_strict=False,
    )
    changed: Any = FunctionGraph(outputs=outputs, clone=False)
    for labels in ("_coords", "_dim_lengths"):
        setattr(changed, labels, getattr(graph, labels))
    copy = model_from_fgraph(changed, mutate_fgraph=True)
    copy.register_data_var(flat)
    # The copy lists its variables in another order, on which the draws would depend.
    for ours, theirs in (
        (copy.free_RVs, model.free_RVs),
        (copy.observed_RVs, model.observed_RVs),
        (copy.deterministics, model.deterministics),
    ):
        order = {variable.name: place for place, variable in enumerate(theirs)}
        ours.sort(key=lambda variable, order=order: order[variable.name])
    names = (tuple(str(variable.name) for variable in group) for group in (scalars, arrays))
    return FlatModel(copy, *names)


def _flat(scalars: list[Any], arrays: list[Any]) -> np.ndarray:
    """Return the entries of `FLAT_DATA`; PyMC's integers have 32 bits, which a float can hold."""
    arrays = [np.asarray(array) for array in arrays]
    head = [*scalars, *(length for array in arrays for length in array.shape)]
    return np.concatenate(
        [np.array(head, dtype=float), *(array.ravel() for array in arrays)], dtype=float
    )


def _parts(flat: Any, scalars: list[Any], arrays: list[Any]) -> list[TensorVariable]:
    """Return each of the data variables as an expression of `flat`."""
    parts = [flat[place].astype(variable.dtype) for place, variable in enumerate(scalars)]
    place = len(scalars)
    start: Any = place + sum(variable.ndim for variable in arrays)
    for variable in arrays:
        shape = [flat[place + axis].astype("int64") for axis in range(variable.ndim)]
        place += variable.ndim
        stop = start + math.prod(shape)
        part = flat[start:stop].astype(variable.dtype)
        parts.append(part if variable.ndim == 1 else part.reshape(shape, ndim=variable.ndim))
        start = stop
    return parts
