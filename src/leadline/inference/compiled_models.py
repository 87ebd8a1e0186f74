"""Compiled models, kept for the life of the process: only the first fit of a structure compiles.

Compiling a model takes longer than sampling it, and a compiled model accepts other data of the same
structure.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import pymc as pm

from leadline.inference.pointwise_logp import PointwiseLogp
from leadline.inference.sampler import CompiledModel, Sampler

# The least recently used model is dropped first; an interactive session has three or four.
_CAPACITY = 16


class ReadyModel(NamedTuple):
    """A compiled model, and its pointwise log-densities."""

    compiled: CompiledModel
    pointwise_logp: PointwiseLogp


_CACHE: OrderedDict[Hashable, Any] = OrderedDict()


def ready_model(
    structure: Hashable, sampler: Sampler, build: Callable[[], tuple[pm.Model, pm.Model]]
) -> ReadyModel:
    """Return the compiled model of a structure, from an earlier call if there was one.

    `structure` is all that decides the graph: the model, its priors and the lengths of its
    parameters, but no data. `build` returns the model to sample, and the one whose log-densities
    are evaluated.
    """

    def make() -> ReadyModel:
        model, plain = build()
        return ReadyModel(sampler.compile(model), PointwiseLogp(plain))

    return _cached(structure, sampler, make)


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
