"""A model at many points of the unconstrained space: its log-density, variables and densities."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pymc as pm
import pytensor
import pytensor.tensor as pt
import xarray as xr
from pymc.initial_point import make_initial_point_fn
from pytensor.graph.replace import vectorize_graph

from leadline.distributions.tail_score import without_gradient
from leadline.inference.sampler import set_data

Array = npt.NDArray[np.float64]

# Numbers of all observations at all points that are evaluated at once: this bounds the memory.
_BLOCK = 2_000_000


class UnconstrainedModel:
    """The log-density of a model, and its variables and their densities, at any number of points.

    They are one compiled function: compiling takes longer than evaluating.
    """

    def __init__(self, model: pm.Model) -> None:
        self.model = model
        values = [model.rvs_to_values[variable] for variable in model.free_RVs]
        draws = [value.type.clone(shape=(None, *value.type.shape))(value.name) for value in values]
        variables = model.unobserved_value_vars
        with without_gradient():
            terms = model.logp(vars=model.basic_RVs, sum=False)
        priors = model.logp(vars=model.free_RVs, sum=False, jacobian=False)
        own = dict(zip(model.basic_RVs, terms, strict=True))
        likelihoods = [own[variable] for variable in model.observed_RVs]
        total = pt.sum([pt.sum(term) for term in terms])
        outputs = vectorize_graph(
            [total, *variables, *likelihoods, *priors], dict(zip(values, draws, strict=True))
        )
        # As in `leadline.inference.sampler`: the same numbers in every process.
        with pytensor.config.change_flags(numba__fastmath=False):
            self._evaluate: Callable[..., list[np.ndarray]] = model.compile_fn(
                outputs, inputs=draws, point_fn=False
            )
        self._names = [variable.name for variable in variables]
        # Without the values of transformed variables.
        self._kept = [variable.name for variable in model.unobserved_RVs]
        self._observed = [variable.name for variable in model.observed_RVs]
        self._free = [variable.name for variable in model.free_RVs]
        self._dims = {name: model.named_vars_to_dims.get(name, ()) for name in self._kept}
        self._initial_point = make_initial_point_fn(model=model)
        self._points = [value.name for value in values]
        point = self._initial_point(0)
        self._shapes = [np.shape(point[name]) for name in self._points]

    @property
    def start(self) -> Array:
        """A point (coordinate,) near the middle, which depends on the data at hand."""
        point = self._initial_point(0)
        return np.concatenate([np.ravel(point[name]) for name in self._points])

    def set_data(self, data: Mapping[str, Any]) -> None:
        """Give the model other data of the same structure, a value for each of its `pm.Data`."""
        set_data(self.model, data)

    def log_density(self, points: Array, observations: int) -> Array:
        """Return the log-density of points (point, coordinate), shape (point,).

        `observations` is the number of observations of the model.
        """
        block = max(1, _BLOCK // max(observations, 1))
        parts = [points[start : start + block] for start in range(0, len(points), block)]
        return np.concatenate([self._log_densities(part) for part in parts])

    def _log_densities(self, points: Array) -> Array:
        values = self._evaluate(*self._inputs(points))[0]
        if len(points) == 1 or np.isfinite(values).any():
            return values
        # A parameter that rounding takes out of its domain at one point fails all: halve them.
        halves = np.array_split(points, 2)
        return np.concatenate([self._log_densities(half) for half in halves])

    def evaluate(
        self, points: Array, chains: int, observations: int
    ) -> tuple[xr.Dataset, dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Return the model at points: variables, log-likelihoods and log-priors, chain by chain.

        Variables have dims (chain, draw, ...). The others are dicts of arrays (chain, draw, ...) by
        variable, as `leadline.inference.pointwise_logp.PointwiseLogp` returns them.
        """
        block = max(1, _BLOCK // max(observations, 1))
        parts = [
            self._evaluate(*self._inputs(points[start : start + block]))[1:]
            for start in range(0, len(points), block)
        ]
        stacked = [
            # With its number of draws: an observed variable may be empty in this tail.
            values.reshape(chains, len(points) // chains, *values.shape[1:])
            for values in map(np.concatenate, zip(*parts, strict=True))
        ]
        variables, densities = stacked[: len(self._names)], iter(stacked[len(self._names) :])
        values = dict(zip(self._names, variables, strict=True))
        columns = {
            name: (("chain", "draw", *self._dims[name]), values[name]) for name in self._kept
        }
        used = {dim for name in self._kept for dim in self._dims[name]}
        coords = {dim: list(self.model.coords[dim]) for dim in used}
        draws = {"chain": range(chains), "draw": range(len(points) // chains)}
        log_likelihood = {name: next(densities) for name in self._observed}
        log_prior = {name: next(densities) for name in self._free}
        return xr.Dataset(columns, coords=draws | coords), log_likelihood, log_prior

    def _inputs(self, points: Array) -> list[Array]:
        ends = np.cumsum([int(np.prod(shape)) for shape in self._shapes])
        return [
            part.reshape(len(points), *shape)
            for part, shape in zip(np.split(points, ends[:-1], axis=1), self._shapes, strict=True)
        ]
