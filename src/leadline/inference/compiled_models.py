"""Compiled models, kept for the life of the process: only the first fit of a structure compiles.

Compiling a model takes longer than sampling it, and a compiled model accepts other data of the same
structure.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import cached_property
from typing import Any

import pymc as pm

from leadline.inference.pointwise_logp import PointwiseLogp
from leadline.inference.sampler import CompiledModel, Sampler
from leadline.inference.unconstrained import UnconstrainedModel

# The least recently used model is dropped first; an interactive session has three or four.
_CAPACITY = 16


class ReadyModel:
    """A model whose compiled forms are made when they are first asked for."""

    def __init__(self, models: tuple[pm.Model, pm.Model], sampler: Sampler) -> None:
        self._model, self._plain = models
        self.sampler = sampler

    @cached_property
    def compiled(self) -> CompiledModel:
        """The model, ready to be sampled by NUTS."""
        with self.sampler.progress.compiling():
            return self.sampler.compile(self._model)

    @cached_property
    def unconstrained(self) -> UnconstrainedModel:
        """The model at many points of the unconstrained space."""
        with self.sampler.progress.compiling():
            return UnconstrainedModel(self._model)

    @cached_property
    def pointwise_logp(self) -> PointwiseLogp:
        """The log-densities of the model whose densities are evaluated."""
        with self.sampler.progress.compiling():
            return PointwiseLogp(self._plain)


_CACHE: OrderedDict[Hashable, Any] = OrderedDict()


def ready_model(
    structure: Hashable, sampler: Sampler, build: Callable[[], tuple[pm.Model, pm.Model]]
) -> ReadyModel:
    """Return the model of a structure, with what an earlier call has compiled.

    `structure` is all that decides the graph: the model, its priors and the lengths of its
    parameters, but no data. `build` returns the model to sample, and the one whose log-densities
    are evaluated.
    """
    ready: ReadyModel = _cached(structure, sampler, lambda: ReadyModel(build(), sampler))
    # Compiling is shown by this call, not by the one that built the model.
    ready.sampler = sampler
    return ready


def compiled_model(
    structure: Hashable, sampler: Sampler, build: Callable[[], pm.Model]
) -> CompiledModel:
    """Return a compiled model as `ready_model` does, without its log-densities."""
    return _cached(structure, sampler, lambda: sampler.compile(build()))


def _cached(structure: Hashable, sampler: Sampler, make: Callable[[], Any]) -> Any:
    # Data are set in the model itself, so that each thread needs its own.
    key = threading.get_ident(), sampler.nuts_sampler, structure
    ready = _CACHE.pop(key, None)
    if ready is None:
        with sampler.progress.compiling():
            ready = make()
    _CACHE[key] = ready
    while len(_CACHE) > _CAPACITY:
        _CACHE.popitem(last=False)
    return ready
