"""Sampling diagnostics of a posterior (divergences, R-hat, ESS, E-BFMI) and recorded checks."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from leadline.errors import pluralize
from leadline.stats.fitted_search import plateau_trials, validate_tree
from leadline.stats.sampling_advice import sampling_advice
from leadline.stats.surface_tree import is_surface, worst_sampling

MAX_RHAT = 1.01
"""Limit of Vehtari et al. (2021, doi:10.1214/20-BA1221) for the rank-normalised R-hat."""

MIN_ESS = 400
"""Limit of Vehtari et al. (2021) for the bulk and tail effective sample sizes."""

MAX_PARETO_K = 0.7
"""Largest Pareto k with reliable weights (Vehtari et al. 2024, importance sampling)."""

MIN_PARETO_DRAWS = 25
"""Fewer draws have no tail to which a Pareto distribution can be fitted (PSIS, power scaling)."""

# Computed from the draws of other variables when the effective dimension is an integer, and then
# possibly constant.
_DERIVED = ("effective_dim", "effective_dim_probability", "pooled_effective_dim")

# The parameters on the log or logit scale: functions of those in score units.
_ON_SCALE = ("law_optimum", "law_noise_sd", "law_spread")

# More searches that fail a check are counted.
_MOST_NAMED = 4


@dataclass(frozen=True)
class Diagnostics:
    """Sampling diagnostics, the worst over parameters."""

    divergences: int
    """Divergent transitions after tuning; 0 in a good fit."""
    max_rhat: float
    """Largest rank-normalised R-hat, at most 1.01 in a good fit; nan with a single chain."""
    min_ess_bulk: float
    min_ess_tail: float
    """Smallest effective sample sizes, at least 400 in a good fit."""
    draws: int
    """Number of draws in all chains."""
    min_bfmi: float = np.nan
    """Smallest E-BFMI of a chain, nan when the sampler recorded no energy."""
    discarded_divergences: int = 0
    """Divergences of runs that were repeated with smaller steps, and whose draws were dropped."""
    pareto_k: float = -np.inf
    """Pareto k of the weights of draws that searches share, at most 0.7 in a good fit."""
    advice: str = "fit again with more draws and tuning"
    """The remedy if a diagnostic is outside its limit, as arguments of `leadline.fit`."""

    @property
    def ok(self) -> bool:
        """True if every diagnostic is within its limit."""
        return not self.problems

    @property
    def problems(self) -> list[str]:
        """The diagnostics outside their limits, such as "R-hat 1.02 > 1.01"."""
        found = []
        if self.divergences:
            found.append(pluralize(self.divergences, "divergence"))
        if np.isnan(self.max_rhat):
            found.append("R-hat unknown (one chain)")
        elif self.max_rhat > MAX_RHAT:
            # Rounded upwards: 1.0101 must not read as the limit.
            found.append(f"R-hat {math.ceil(1000 * self.max_rhat) / 1000:g} > {MAX_RHAT}")
        for name, value in (("bulk", self.min_ess_bulk), ("tail", self.min_ess_tail)):
            # Not `<`, which is false for nan.
            if not value >= MIN_ESS:
                found.append(f"{name} ESS {value:.0f} < {MIN_ESS}")
        if self.pareto_k > MAX_PARETO_K:
            found.append(f"Pareto k {self.pareto_k:.2f} > {MAX_PARETO_K}")
        return found

    @property
    def message(self) -> str:
        """One line for users."""
        discarded = ""
        if self.discarded_divergences:
            number = pluralize(self.discarded_divergences, "divergence")
            discarded = f"; {number} in runs that were repeated and dropped"
        if self.problems:
            problems = ", ".join(self.problems)
            return f"do not rely on these numbers: {problems}{discarded}; {self.advice}"
        return (
            f"sampling converged: {self.divergences} divergences, R-hat {self.max_rhat:.3f}, "
            f"ESS {self.min_ess_bulk:.0f} (bulk), {self.min_ess_tail:.0f} (tail){discarded}"
        )


def diagnose(posterior: xr.Dataset, statistics: xr.Dataset) -> Diagnostics:
    """Return the diagnostics of draws, dims (chain, draw, ...).

    The sampler statistics, dims (chain, draw), hold `diverging`, and `energy` if recorded.
    """
    # Imported here because it takes a second, and the diagnostics of a stored fit are recorded.
    import arviz_stats
    from arviz_stats.base import array_stats

    integer = "effective_dim_probability" in posterior
    fixed = ("task_scale", *_ON_SCALE, *_DERIVED * integer)
    sampled = posterior.drop_vars(fixed, errors="ignore")
    bfmi = np.nan
    if "energy" in statistics:
        energy = statistics["energy"].transpose("chain", "draw").to_numpy()
        bfmi = float(array_stats.bfmi(energy, chain_axis=0, draw_axis=1).min())
    return Diagnostics(
        divergences=int(statistics["diverging"].sum()),
        max_rhat=_values(arviz_stats.rhat(sampled)).max() if sampled.sizes["chain"] > 1 else np.nan,
        min_ess_bulk=_values(arviz_stats.ess(sampled, method="bulk")).min(),
        min_ess_tail=_values(arviz_stats.ess(sampled, method="tail")).min(),
        draws=sampled.sizes["chain"] * sampled.sizes["draw"],
        min_bfmi=bfmi,
    )


def _values(diagnostic: xr.Dataset) -> npt.NDArray[np.float64]:
    """Return the values of all variables, flattened."""
    return np.concatenate([np.ravel(values) for values in diagnostic.data_vars.values()])


def mixture_ess(table: xr.Dataset, name: str, draws: int) -> xr.DataArray:
    """Return the effective sample size of each search over its candidates, dims (search).

    `table` is the group `candidates`, and `name` a column of it. The variance of a mean over a
    mixture is that of its parts by their squared weights, if they vary alike. The mixture keeps
    as many `draws` as a part has; only antithetic chains are worth more than their number.
    """
    weight, ess = (
        table[column].transpose(..., "candidate").to_numpy() for column in ("weight", name)
    )
    # On arrays, because each picture and each answer asks again.
    with np.errstate(divide="ignore", invalid="ignore"):
        mixed = 1.0 / np.where(weight > 0.0, weight**2 / ess, 0.0).sum(axis=-1)
    most = np.maximum(np.fmax.reduce(ess, axis=-1), draws)
    return xr.DataArray(
        np.where(mixed > most, most, mixed), table["weight"].isel(candidate=0, drop=True).coords
    )


def convergence(tree: xr.DataTree, search: str | None = None) -> Diagnostics:
    """Return the sampling diagnostics of a fit, or of one of its searches.

    They are the worst over the searches and the parameters that these share. R-hat is the largest
    over all candidates that have weight. Effective sample sizes are those of the mixture of
    candidates (`mixture_ess`). Of searches that were fitted in two stages, only a share of the
    draws is of use (`overlap`), which lowers their effective sample sizes.
    """
    validate_tree(tree, surface=True)
    settings = json.loads(tree.attrs.get("settings", "{}"))
    if is_surface(tree):
        found = Diagnostics(**worst_sampling(tree, search))  # type: ignore[arg-type]
        return replace(found, advice=_advice(found, settings))
    table = tree["candidates"].dataset
    if search is not None:
        table = table.sel(search=[search])
    used = table["weight"].to_numpy() > 0.0
    shared = tree["pooled"].attrs if "pooled" in tree.children else {}
    if search is not None and plateau_trials(tree, search):
        # A search that ends in a plateau shares no parameter.
        shared = {}
    # Searches that were fitted at once share their draws, and so their divergences.
    at_once = "pooled" in tree.children and "overlap" not in table
    sizes = tree["posterior"].sizes

    def total(name: str) -> int:
        if name not in table:
            # Earlier versions did not record it.
            return 0
        by_search = np.where(used, table[name].to_numpy(), 0).sum(axis=-1)
        return int(by_search.max() if at_once else by_search.sum())

    draws = sizes["chain"] * sizes["draw"]
    max_rhat = table["max_rhat"].to_numpy()[used]
    overlap = table.get("overlap", xr.DataArray(1.0))
    min_ess_bulk, min_ess_tail = (
        (mixture_ess(table, name, draws) * overlap).to_numpy()
        for name in ("min_ess_bulk", "min_ess_tail")
    )
    found = Diagnostics(
        divergences=total("divergences") + int(shared.get("divergences", 0)),
        # Unlike nanmax, max keeps the nan of a fit with one chain.
        max_rhat=float(np.append(max_rhat, shared.get("max_rhat", 1.0)).max()),
        min_ess_bulk=float(np.append(min_ess_bulk, shared.get("min_ess_bulk", np.inf)).min()),
        min_ess_tail=float(np.append(min_ess_tail, shared.get("min_ess_tail", np.inf)).min()),
        draws=draws,
        discarded_divergences=total("discarded_divergences"),
        pareto_k=float(shared.get("pareto_k", -np.inf)),
    )
    accept = table["target_accept"].to_numpy()[used] if "target_accept" in table else [np.nan]
    return replace(found, advice=_advice(found, settings, float(np.max(accept))))


def _advice(
    found: Diagnostics, settings: Mapping[str, Any], target_accept: float | None = None
) -> str:
    """Return the remedy for diagnostics outside their limits."""
    return sampling_advice(
        settings,
        diverged=found.divergences > 0,
        disagree=found.max_rhat > MAX_RHAT,
        missing=MIN_ESS / np.minimum(found.min_ess_bulk, found.min_ess_tail)
        if not found.pareto_k > MAX_PARETO_K
        else np.nan,
        target_accept=target_accept,
    )


def recorded_checks(tree: xr.DataTree) -> str:
    """Return one line on the checks that failed when the tree was fitted."""
    failed = tree.attrs.get("failed_checks")
    if failed is None:
        return "not checked"
    return checks_line(json.loads(failed), failed_searches(tree), tree["posterior"].sizes["search"])


def failed_searches(tree: xr.DataTree) -> dict[str, list[str]]:
    """Return the searches in which each check failed when the tree was fitted, by its name.

    It is empty for fits of earlier versions, which did not record them.
    """
    found: dict[str, list[str]] = {}
    if "checks" in tree.children:
        checks = tree["checks"].dataset
        columns = (checks[name].transpose("check", "search") for name in ("passed", "about"))
        for check, passed, about in zip(checks["check"].to_numpy(), *columns, strict=True):
            for search in checks["search"].to_numpy()[passed.to_numpy() == 0]:
                own = about.sel(search=search).item()
                name = f"{check} ({own})" if own else str(check)
                found.setdefault(name, []).append(str(search))
    return found


def checks_line(
    failed: Sequence[str], searches: Mapping[str, Sequence[str]] | None = None, count: int = 1
) -> str:
    """Return one line with the number and the names of failed checks.

    `searches` are those in which each of them failed, of `count`: they are named if there are few.
    """
    if not failed:
        return "no check failed"
    texts = []
    for name in failed:
        own = searches.get(name, ()) if searches and count > 1 else ()
        where = f"{len(own)} of {count} searches" if len(own) > _MOST_NAMED else ", ".join(own)
        texts.append(f"{name} (in {where})" if own else name)
    # Some names contain commas.
    return f"{pluralize(len(failed), 'check')} failed: {'; '.join(texts)}"
