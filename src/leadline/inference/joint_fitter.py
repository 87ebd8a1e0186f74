"""The joint posterior of several searches at one threshold each.

The model, `hierarchical` or `crossed`, is compiled once for each structure of the data, and fitted
to one set of thresholds after the other (`leadline.inference.joint_fit`).
"""

import dataclasses
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import pymc as pm
import xarray as xr

from leadline.data.prepare import PreparedSearch
from leadline.data.scale import Scale
from leadline.inference.candidates import Candidate
from leadline.inference.compiled_models import ReadyModel, ready_model
from leadline.inference.drawn_dims import one_dim_a_space
from leadline.inference.reported_searches import losses_of
from leadline.inference.sampling import Sampler
from leadline.inference.tail_fit import FittedTail, in_score_units
from leadline.models import best_of_k, crossed, hierarchical, several, shared_dim
from leadline.models.priors import Priors
from leadline.stats.diagnostics import Diagnostics, diagnose
from leadline.stats.goodness_of_fit import tail_p_value

MODELS: Mapping[str, ModuleType] = {"hierarchical": hierarchical, "crossed": crossed}

# Of many searches one or the other is near its wall: less would mean a second run for most sets.
_TARGET_ACCEPT = 0.98

# The noise that all searches share moves all depths at once, along a direction that is longer the
# more searches there are: trajectories turn before they have gone its length. Of so many searches
# they go on for twice as long: with 30 three times the effective sample size for twice the time
# (`benchmarks/scaling.py`; with 100 it is a fifth more for half as much again).
_MANY, _LONGER = 16, {"extra_doublings": 1}

# Standardised or latent: what users and the priors speak of is made from them.
_LATENT = "_departure"


@dataclasses.dataclass(frozen=True)
class OneSet:
    """The joint posterior at one set of thresholds."""

    tails: list[FittedTail]
    pooled: xr.Dataset
    diagnostics: Diagnostics
    p_values: list[float]


class JointFitter:
    """Fits a joint model to sets of thresholds; sets of the same structure share a compiled one.

    As do those of earlier fits: see `leadline.inference.compiled_models`.

    Parameters
    ----------
    kind : {"hierarchical", "crossed"}
        Which model.
    labels : sequence of (space, task, model)
        Of each search, by name.
    priors : Priors
        The priors.
    sampler : Sampler
        Settings of the sampler.
    effective_dim : {"continuous", "integer"}
        As in `leadline.fit`.
    """

    def __init__(
        self,
        kind: str,
        labels: Sequence[tuple[str, str, str]],
        priors: Priors,
        sampler: Sampler,
        effective_dim: str = "continuous",
    ) -> None:
        self.kind = kind
        self.model = MODELS[kind]
        self.priors = priors
        self.effective_dim = effective_dim
        longer = _LONGER if sampler.nuts_sampler == "nutpie" and len(labels) >= _MANY else {}
        self.sampler = dataclasses.replace(
            sampler, target_accept=_TARGET_ACCEPT, options={**longer, **sampler.options}
        )
        spaces, tasks, models = zip(*labels, strict=True)
        self.coords = {
            name: list(dict.fromkeys(values))
            for name, values in (("space", spaces), ("task", tasks), ("model", models))
        }
        self.numbers = [
            {
                name: self.coords[name].index(value)
                for name, value in zip(self.coords, one, strict=True)
            }
            for one in labels
        ]

    def fit(
        self, candidates: Sequence[Candidate], share: float, seed: np.random.SeedSequence
    ) -> OneSet:
        """Return the posterior with one candidate for each search.

        Four times as many draws as its share of the mixture takes, so that its diagnostics can be
        relied on, and no more than were asked for.
        """
        prepared = [candidate.search for candidate in candidates]
        searches = [
            several.Search(search.regime, search.max_effective_dim, **numbers)
            for search, numbers in zip(prepared, self.numbers, strict=True)
        ]
        if self.effective_dim == "integer":
            bounds = shared_dim.bounds(searches)
            prepared = [
                dataclasses.replace(one, max_effective_dim=bounds[search.space])
                for one, search in zip(prepared, searches, strict=True)
            ]
        sign = prepared[0].sign
        reports = _reports_of(prepared)
        compiled, densities = self._ready(searches, reports, sign)
        data = self._data_of(searches, reports, sign)
        seeds = [int(word) for word in seed.generate_state(4)]
        draws = min(self.sampler.draws, int(np.ceil(4 * share * self.sampler.draws)))
        sampler = dataclasses.replace(self.sampler, draws=draws)
        drawn = compiled.with_sampler(sampler).with_data(data).sample_carefully(*seeds[:2])
        posterior, statistics = (
            drawn[group].to_dataset() for group in ("posterior", "sample_stats")
        )
        posterior = one_dim_a_space(posterior, data["search_space"], seeds[3])
        log_likelihood, log_prior = densities(posterior, data)
        shared = [name for name in posterior.data_vars if "search" not in posterior[name].dims]
        tails = []
        for number, search in enumerate(prepared):
            own = posterior.isel(search=number, drop=True).drop_vars(shared)
            if "reported_trials" in posterior:
                own = own.drop_vars("unknown_report")
                own["reported_trials"] = _trials_of(posterior, reports, number)
            if "dimension" in own.dims:
                own = own.sel(dimension=slice(None, search.max_effective_dim))
            tails.append(
                FittedTail(
                    search=search,
                    posterior=in_score_units(own, search),
                    statistics=statistics,
                    log_likelihood=_of_search(log_likelihood, data, number),
                    log_prior=_top_level(log_prior, number, self.numbers[number]["space"]),
                )
            )
        pooled = posterior[[name for name in shared if not str(name).endswith(_LATENT)]]
        pooled = pooled.drop_vars("reported_trials", errors="ignore")
        if "task_scale" in pooled:
            pooled = _tasks_in_score_units(pooled, prepared[0].regime.scale)
        return OneSet(
            tails,
            pooled.assign_coords({k: v for k, v in self.coords.items() if k in pooled.dims}),
            diagnose(posterior, statistics),
            [_p_value(tail, seeds[2]) for tail in tails],
        )

    def _ready(
        self,
        searches: Sequence[several.Search],
        reports: Sequence[best_of_k.Report],
        sign: float,
    ) -> ReadyModel:
        def build() -> tuple[pm.Model, pm.Model]:
            model = self._build(searches, reports, sign, self.effective_dim)
            if self.effective_dim == "continuous":
                return model, model
            # With the effective dimension of a draw, where the model sums over it.
            return model, self._build(searches, reports, sign, "shared")

        structure = (
            self.kind,
            self.priors,
            several.structure(searches),
            tuple(len(names) for names in self.model.coords_of(searches).values()),
            max(shared_dim.bounds(searches).values()) if self.effective_dim == "integer" else None,
            best_of_k.structure(reports),
        )
        return ready_model(structure, self.sampler, build)

    def _build(
        self,
        searches: Sequence[several.Search],
        reports: Sequence[best_of_k.Report],
        sign: float,
        effective_dim: str,
    ) -> pm.Model:
        if reports:
            return best_of_k.build(searches, reports, sign, self.priors, self.model)
        return self.model.build(searches, sign, self.priors, effective_dim)

    def _data_of(
        self,
        searches: Sequence[several.Search],
        reports: Sequence[best_of_k.Report],
        sign: float,
    ) -> dict[str, Any]:
        if reports:
            return best_of_k.data_of(searches, reports, sign, self.model)
        return self.model.data_of(searches, sign)


def _reports_of(prepared: Sequence[PreparedSearch]) -> list[best_of_k.Report]:
    """Return the reported bests of all searches, on their scales."""
    return [
        best_of_k.Report(float(loss), float(trials), number)
        for number, search in enumerate(prepared)
        for loss, trials in zip(
            losses_of(search.reports, search), search.reports["best_of"], strict=True
        )
    ]


def _trials_of(
    posterior: xr.Dataset, reports: Sequence[best_of_k.Report], number: int
) -> xr.DataArray:
    """Return the numbers of trials, where not known, of the reports of one search."""
    unknown = [report for report in reports if np.isnan(report.trials)]
    own = [place for place, report in enumerate(unknown) if report.search == number]
    drawn = posterior["reported_trials"].isel(unknown_report=own).drop_vars("unknown_report")
    return drawn.rename(unknown_report="report")


def _tasks_in_score_units(pooled: xr.Dataset, scale: Scale) -> xr.Dataset:
    """Return the location of each task as a score, and its scale in score units there."""
    location = pooled["task_location"]
    score = scale.inverse(location.to_numpy())
    slope = np.exp(-scale.log_slope(score))
    return pooled.assign(
        task_location=location.copy(data=score), task_scale=pooled["task_scale"] * slope
    )


def _of_search(
    log_likelihood: Mapping[str, np.ndarray], data: Mapping[str, Any], number: int
) -> dict[str, np.ndarray]:
    """Return the log-likelihoods of the observations of one search."""
    owners = {
        "loss": "tail_search",
        "in_regime": "group_search",
        "seed_variance": "seed_search",
        "reported": "report_search",
    }
    result = {
        name: values[..., data[owners[name]] == number] for name, values in log_likelihood.items()
    }
    # Only a search without trials has no losses, and they are asked for all the same.
    return {name: values for name, values in result.items() if values.shape[-1] or name == "loss"}


def _top_level(
    log_prior: Mapping[str, np.ndarray], number: int, space: int
) -> dict[str, np.ndarray]:
    """Return the log-priors of the shared parameters, and of the reach of one search.

    What is scaled when the sensitivity to the prior is looked at: given the shared parameters, the
    distribution of the searches' own is part of the model (Kallioinen et al. 2024,
    doi:10.1007/s11222-023-10366-5).
    """
    result = {name: values for name, values in log_prior.items() if values.ndim == 2}
    shared = log_prior.get("pooled_effective_dim")
    if shared is not None and shared.ndim == 3:
        # One a space where it is an integer; a parameter of its own, not one that scatters.
        result["pooled_effective_dim"] = shared[..., space]
    return result | {"reach": log_prior["reach"][..., number]}


def _p_value(tail: FittedTail, seed: int) -> float:
    regime = tail.search.regime
    if regime.n_tail == 0:
        return np.nan
    edge = np.full_like(tail.law[0], regime.threshold)
    return tail_p_value(regime.loss, regime.cell, regime.replicates, edge, tail.law, seed)
