"""Check whether the priors matter more than the scores.

Power-scaling sensitivity (Kallioinen et al. 2024, doi:10.1007/s11222-023-10366-5) measures how much
the posterior moves when the prior, or the likelihood, is raised to a power near 1.
"""

import arviz_stats
import numpy as np
import xarray as xr

from leadline.checks.evidence import Evidence
from leadline.checks.outcome import Outcome, at_most, not_made
from leadline.stats.diagnostics import MIN_PARETO_DRAWS

INFORMATIVE = 0.05
"""A prior is informative above it, a likelihood weak below: the limit of Kallioinen et al. (2024).
Near a normal posterior it is a shift by a quarter of an sd when the prior is squared."""

MAX_PRIOR_SENSITIVITY = 0.32
"""A shift by one and a half posterior sds when the prior is squared, near a normal posterior.
Leadline's priors are informative on purpose: of 30 searches simulated from the quadratic law with
20 to 120 trials beyond the threshold, nearly all are above `INFORMATIVE`, and none above 0.27."""


def prior_sensitivity(evidence: Evidence, name: str) -> Outcome:
    """Check the prior sensitivity of a variable; the limit is lower for a weak likelihood."""
    if len(evidence.main_rows) < MIN_PARETO_DRAWS:
        reason = f"Power scaling needs {MIN_PARETO_DRAWS} draws; fit with more draws."
        return not_made(MAX_PRIOR_SENSITIVITY, reason)
    draws = evidence.values(name)[evidence.main_rows]
    if np.ptp(draws) == 0.0:
        reason = f"All draws are the same, {draws[0]:g}: nothing is uncertain."
        return not_made(MAX_PRIOR_SENSITIVITY, reason)
    try:
        prior, likelihood = sensitivities(evidence, name)
    except ValueError:
        # Importance sampling fits a tail to the weights, which fails if they hardly differ.
        reason = "Too few of the draws differ for power scaling; fit with more draws."
        return not_made(MAX_PRIOR_SENSITIVITY, reason)
    if likelihood < INFORMATIVE:
        return at_most(
            prior,
            INFORMATIVE,
            "The prior matters more than the scores: run more trials, or report the result under "
            "another prior beside this one.",
        )
    return at_most(
        prior,
        MAX_PRIOR_SENSITIVITY,
        "The scores pull away from the prior: run more trials, or see whether leadline.Priors "
        "suits this search and how far the answer moves with other priors.",
    )


def sensitivities(evidence: Evidence, name: str) -> tuple[float, float]:
    """Return the sensitivities of a variable to the prior and to the likelihood.

    If several candidates were averaged, the main one is used, with the likelihood of the scores
    that all candidates share. Power scaling would also change the weights of the candidates, which
    the tree does not allow to recompute.
    """
    tree, search = evidence.tree, evidence.search
    likelihood = tree["log_likelihood"].dataset.sel(search=search)
    tail = evidence.shared_tail.index.to_numpy()
    own = {"tail_trial": tail, "repeated_trial": tail}
    constant = tree["constant_data"].dataset
    if "report_search" in constant:
        of_search = constant["report_search"].to_numpy().astype(str) == search
        own["report"] = constant["report"].to_numpy().astype(str)[of_search]
    for dim in own.keys() & set(likelihood.dims):
        is_own = np.isin(likelihood[dim].to_numpy().astype(str), own[dim])
        likelihood = likelihood.isel({dim: is_own})
    groups = {
        "posterior": evidence.posterior[name],
        "log_prior": _total(tree["log_prior"].dataset.sel(search=search)),
        "log_likelihood": _total(likelihood),
    }
    rows = evidence.main_rows
    small = xr.DataTree.from_dict({key: _one_chain(value, rows) for key, value in groups.items()})
    prior = arviz_stats.psense(small, var_names=[name], group="prior")
    of_likelihood = arviz_stats.psense(small, var_names=[name], group="likelihood")
    return float(prior[name]), float(of_likelihood[name])


def _total(densities: xr.Dataset) -> xr.DataArray:
    """Return the sum of the log-densities per draw, much faster than `psense` computes it."""
    parts = [values.sum(set(values.dims) - {"chain", "draw"}) for values in densities.values()]
    return sum(parts[1:], start=parts[0]).rename("total")


def _one_chain(values: xr.DataArray, rows: np.ndarray) -> xr.Dataset:
    """Return some draws as one chain: power scaling ignores the number of chains."""
    flat = values.transpose("chain", "draw").to_numpy().reshape(1, -1)
    return xr.Dataset({str(values.name): (("chain", "draw"), flat[:, rows])})
