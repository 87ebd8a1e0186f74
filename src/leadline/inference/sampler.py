"""Compile a model once and sample it again for each search."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor
import xarray as xr

from leadline.inference.flatten_data import FlatModel, flatten_data
from leadline.inference.import_nutpie import import_nutpie
from leadline.inference.progress import Progress

# For small noise, the density falls steeply at the best score; smaller steps avoid divergences.
TARGET_ACCEPT = 0.95

# `target_accept` of the rerun after divergences; steps shrink to about a third.
_CAREFUL = 0.99


@dataclasses.dataclass(frozen=True)
class Sampler:
    """Settings of the sampler.

    `draws` and `tune` are numbers per chain, of draws to keep and draws to adapt. `progress` shows
    each run. `nuts_sampler` is "nutpie", another sampler of `pymc.sample`, or "auto": importance
    sampling where it works, else nutpie. `options` are further arguments of ``nutpie.sample`` or
    `pymc.sample`; a `target_accept` among them replaces that of the first run. With `extended`, a
    surface that has not converged is sampled again, with up to eight times the draws.
    """

    draws: int = 1000
    tune: int = 1000
    chains: int = 4
    progress: Progress = dataclasses.field(default_factory=Progress, compare=False)
    nuts_sampler: str = "auto"
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    target_accept: float = TARGET_ACCEPT
    extended: bool = False

    @property
    def by_importance(self) -> bool:
        """True if importance sampling is tried: options of NUTS ask for NUTS."""
        return self.nuts_sampler == "auto" and not self.options

    @property
    def uses_nutpie(self) -> bool:
        """True if NUTS is that of nutpie."""
        return self.nuts_sampler in ("auto", "nutpie")

    def compile(self, model: pm.Model) -> "CompiledModel":
        """Return `model`, ready to be sampled."""
        if not self.uses_nutpie:
            return CompiledModel(self, FlatModel(model), None)
        nutpie = import_nutpie()
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
        """Return the same model on other data, a value for each of its `pm.Data`."""
        values = self.flat.flatten(data)
        set_data(self.flat.model, values)
        if self.compiled is None:
            return self
        # nutpie has only the data that the log-probability or a deterministic uses.
        used = {variable.name for variable in self.compiled.shared_var_keys}
        known = {name: value for name, value in values.items() if name in used}
        return dataclasses.replace(self, compiled=self.compiled.with_data(**known))

    def sample(self, seed: int) -> xr.DataTree:
        """Return draws from the posterior, with sampler statistics; same seed, same draws."""
        sampler = self.sampler
        counts = {name: getattr(sampler, name) for name in ("draws", "tune", "chains")}
        options = counts | {"target_accept": sampler.target_accept, **sampler.options}
        if self.compiled is None:
            drawn = pm.sample(
                model=self.flat.model,
                nuts_sampler=sampler.nuts_sampler,
                progressbar=False,
                random_seed=seed,
                **({"quiet": True} | options),
            )
            # xarray cannot pick draws from the arrays of JAX.
            return drawn.map_over_datasets(lambda group: group.as_numpy())
        import nutpie

        options = {"progress_callback": sampler.progress.sampling} | options
        run = nutpie.sample(
            self.compiled,
            seed=seed,
            progress_bar=False,
            save_warmup=False,
            blocking=False,
            **options,
        )
        try:
            return run.wait()
        except BaseException:
            # A blocking run would return the draws made before an interruption as if they were all.
            run.cancel()
            raise

    def sample_carefully(self, seed: int, *further_seeds: int) -> xr.DataTree:
        """Return draws; a run with divergences is repeated with smaller steps.

        It is repeated until none is left, at most once per further seed. The run with the fewest
        divergences is returned, with the most `discarded_divergences` of the others and its
        `target_accept` as attributes. A `target_accept` of the user is never changed.
        """
        if "target_accept" in self.sampler.options:
            further_seeds = ()
        if further_seeds:
            self.sampler.progress.may_repeat()
        drawn, accept = self.sample(seed), self.sampler.target_accept
        accept = self.sampler.options.get("target_accept", accept)
        count, discarded = int(drawn["sample_stats"]["diverging"].sum()), 0
        words = "sampling again, smaller steps"
        repeated = words if count and further_seeds else ""
        self.sampler.progress.sampled(count, repeated=repeated)
        options = {**self.sampler.options, "target_accept": _CAREFUL}
        careful = self.with_sampler(dataclasses.replace(self.sampler, options=options))
        for left, further in zip(range(len(further_seeds))[::-1], further_seeds, strict=True):
            if not count:
                break
            again = careful.sample(further)
            second = int(again["sample_stats"]["diverging"].sum())
            repeated = words if left and min(count, second) else ""
            self.sampler.progress.sampled(second, repeated=repeated)
            discarded = max(discarded, count, second)
            if second < count:
                drawn, accept, count = again, _CAREFUL, second
        drawn.attrs.update(discarded_divergences=discarded, target_accept=accept)
        return drawn


def set_data(model: pm.Model, data: Mapping[str, Any]) -> None:
    """Give the `pm.Data` of `model` other values, whose shapes may differ."""
    for name, value in data.items():
        model[name].set_value(np.asarray(value, dtype=model[name].dtype))
