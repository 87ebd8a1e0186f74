"""Compile a model once and sample it again for each search."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor
import xarray as xr

from leadline.inference.flatten_data import FlatModel, flatten_data

# The wall at the best score is steep for small noise; smaller steps avoid divergences there.
TARGET_ACCEPT = 0.95

# `target_accept` of the rerun after divergences; steps shrink to about a third.
_CAREFUL = 0.99


@dataclasses.dataclass(frozen=True)
class Sampler:
    """Settings of the sampler, the same for all fits of one call.

    Attributes
    ----------
    draws, tune, chains : int
        Draws kept and draws to adapt for each chain, and the number of chains.
    progressbar : bool
        Whether to show progress.
    nuts_sampler : str
        ``"nutpie"``, or another sampler that `pymc.sample` knows.
    options : mapping
        Further arguments of ``nutpie.sample`` or `pymc.sample`.
    target_accept : float
        Of the first run; one among the options replaces it.
    """

    draws: int = 1000
    tune: int = 1000
    chains: int = 4
    progressbar: bool = True
    nuts_sampler: str = "nutpie"
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    target_accept: float = TARGET_ACCEPT

    def compile(self, model: pm.Model) -> "CompiledModel":
        """Return `model`, ready to be sampled."""
        if self.nuts_sampler != "nutpie":
            return CompiledModel(self, FlatModel(model), None)
        import nutpie

        flat = flatten_data(model)

        # Fast math lets the compiler reorder sums, differently for functions in numba's cache on
        # disk: a second process would draw other numbers.
        with pytensor.config.change_flags(numba__fastmath=False):
            return CompiledModel(self, flat, nutpie.compile_pymc_model(flat.model))


@dataclasses.dataclass(frozen=True)
class CompiledModel:
    """A model that can be given other data of the same structure without compiling again."""

    sampler: Sampler
    flat: FlatModel
    compiled: Any

    def with_sampler(self, sampler: Sampler) -> "CompiledModel":
        """Return the same model, sampled with other settings."""
        return dataclasses.replace(self, sampler=sampler)

    def with_data(self, data: Mapping[str, Any]) -> "CompiledModel":
        """Return the same model on other data.

        Parameters
        ----------
        data : mapping of str to array
            A value for each of the model's `pm.Data`.
        """
        values = self.flat.flatten(data)
        set_data(self.flat.model, values)
        if self.compiled is None:
            return self
        # nutpie has only the data that the log-probability or a deterministic uses.
        used = {variable.name for variable in self.compiled.shared_var_keys}
        known = {name: value for name, value in values.items() if name in used}
        return dataclasses.replace(self, compiled=self.compiled.with_data(**known))

    def sample(self, seed: int) -> xr.DataTree:
        """Return draws from the posterior, with sampler statistics.

        Parameters
        ----------
        seed : int
            Same seed, same draws.
        """
        sampler = self.sampler
        if self.compiled is None:
            return pm.sample(
                model=self.flat.model,
                draws=sampler.draws,
                tune=sampler.tune,
                chains=sampler.chains,
                nuts_sampler=sampler.nuts_sampler,
                progressbar=sampler.progressbar,
                random_seed=seed,
                **{"target_accept": sampler.target_accept, **sampler.options},
            )
        import nutpie

        return nutpie.sample(
            self.compiled,
            draws=sampler.draws,
            tune=sampler.tune,
            chains=sampler.chains,
            seed=seed,
            progress_bar=sampler.progressbar,
            save_warmup=False,
            **{"target_accept": sampler.target_accept, **sampler.options},
        )

    def sample_carefully(self, seed: int, second_seed: int) -> xr.DataTree:
        """Return draws; a run with divergences is repeated once with smaller steps.

        Parameters
        ----------
        seed, second_seed : int
            Of the two runs. Same seeds, same draws.
        """
        drawn = self.sample(seed)
        if not drawn["sample_stats"]["diverging"].any() or "target_accept" in self.sampler.options:
            return drawn
        options = {**self.sampler.options, "target_accept": _CAREFUL}
        careful = dataclasses.replace(self.sampler, options=options)
        again = self.with_sampler(careful).sample(second_seed)
        first, second = (int(one["sample_stats"]["diverging"].sum()) for one in (drawn, again))
        return again if second < first else drawn


def set_data(model: pm.Model, data: Mapping[str, Any]) -> None:
    """Give the `pm.Data` of `model` other values, whose shapes may differ."""
    for name, value in data.items():
        model[name].set_value(np.asarray(value, dtype=model[name].dtype))
