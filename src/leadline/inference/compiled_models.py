"""Compiled models, kept as long as the process: only the first fit of a structure waits for one.

To compile a model takes longer than to sample from it, and data of the same structure can be given
to one that is compiled.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import NamedTuple

import pymc as pm

from leadline.inference.densities import Densities
from leadline.inference.sampling import CompiledModel, Sampler

# The oldest goes; a session of somebody at work has three or four.
_MOST = 16


class ReadyModel(NamedTuple):
    """A compiled model, and its densities at draws."""

    compiled: CompiledModel
    densities: Densities


_KEPT: OrderedDict[Hashable, ReadyModel] = OrderedDict()


def ready_model(
    structure: Hashable, sampler: Sampler, build: Callable[[], tuple[pm.Model, pm.Model]]
) -> ReadyModel:
    """Return the compiled model of a structure, from an earlier call if there was one.

    Parameters
    ----------
    structure : hashable
        All that decides the graph: priors and the lengths of parameters, but no data.
    sampler : Sampler
        Only what it is called, `nuts_sampler`, makes a difference.
    build : callable
        Returns the model to sample from, and the one whose densities are asked for.
    """
    # Data are set in the model itself, so that each thread needs its own.
    key = threading.get_ident(), sampler.nuts_sampler, structure
    kept = _KEPT.pop(key, None)
    if kept is None:
        model, plain = build()
        kept = ReadyModel(sampler.compile(model), Densities(plain))
    _KEPT[key] = kept  # behind all others
    while len(_KEPT) > _MOST:
        _KEPT.popitem(last=False)
    return kept
