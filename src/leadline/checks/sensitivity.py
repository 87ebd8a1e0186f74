"""Whether the prior decides: power-scaling sensitivity of the optimum and the effective dimension.

Kallioinen et al. (2024, doi:10.1007/s11222-023-10366-5): how much the posterior moves when the
prior, or the likelihood, is raised to a power near 1.
"""

import functools

import arviz_stats
import numpy as np
import numpy.typing as npt
import xarray as xr

from leadline.checks.evidence import Evidence
from leadline.checks.outcome import Outcome, at_most, not_made
from leadline.stats.diagnostics import MIN_PARETO_DRAWS

INFORMATIVE = 0.05
"""Above it a prior is informative, below it a likelihood weak: the cut of Kallioinen et al. (2024).
Near a normal posterior it is a shift by a quarter of an sd when the prior is squared."""

MAX_PRIOR_SENSITIVITY = 0.32
"""A shift by one and a half posterior sds when the prior is squared, near a normal posterior. The
priors here are informative on purpose (DESIGN.md, section 5): of 30 searches drawn from the law
with 20 to 120 trials past the threshold nearly all are above `INFORMATIVE`, and none above 0.27."""

_MORE_TRIALS = (
    "The prior decides more than the scores do: run more trials, or report the result under "
    "another prior beside this one."
)
_CONFLICT = (
    "The scores pull away from the prior: see whether print(leadline.Priors()) suits this search, "
    "and fit again with other priors to see how far the answer moves."
)


def _prior_sensitivity(evidence: Evidence, name: str) -> Outcome:
    """Check the prior sensitivity of a variable of the posterior.

    The limit is lower where the likelihood is weak: there nothing holds against the prior.
    """
    if len(evidence.main_rows) < MIN_PARETO_DRAWS:
        return not_made(
            MAX_PRIOR_SENSITIVITY, f"Power scaling takes {MIN_PARETO_DRAWS} draws; fit with more."
        )
    draws = evidence.posterior[name].transpose("chain", "draw").to_numpy().reshape(-1)
    if np.ptp(draws[evidence.main_rows]) == 0.0:
        return not_made(
            MAX_PRIOR_SENSITIVITY,
            f"Every draw has the same {name}, {draws[0]:g}: the scores leave no doubt of it.",
        )
    prior, likelihood = sensitivities(evidence, name)
    if likelihood < INFORMATIVE:
        return at_most(prior, INFORMATIVE, _MORE_TRIALS)
    return at_most(prior, MAX_PRIOR_SENSITIVITY, _CONFLICT)


optimum_prior = functools.partial(_prior_sensitivity, name="optimum")
effective_dim_prior = functools.partial(_prior_sensitivity, name="effective_dim")


def sensitivities(evidence: Evidence, name: str) -> tuple[float, float]:
    """Return the sensitivities of a variable to the prior and to the likelihood.

    Where thresholds were averaged, of the candidate that most draws come from, and to the
    likelihood of the scores that all of them share: the weights of the candidates would have to
    be scaled too, and the tree does not say how.
    """
    tree, search = evidence.tree, evidence.search
    likelihood = tree["log_likelihood"].dataset.sel(search=search)
    mine = evidence.shared_tail.index
    reports = evidence.report_names
    for dim, own in (("tail_trial", mine), ("repeated_trial", mine), ("report", reports)):
        if dim in likelihood.dims:
            of_search = np.isin(likelihood[dim].to_numpy().astype(str), own)
            likelihood = likelihood.isel({dim: of_search})
    # Other searches of the tree may have repeated trials where this one has none.
    likelihood = likelihood[[key for key, values in likelihood.items() if values.size]]
    groups = {
        "posterior": evidence.posterior[[name]],
        "log_prior": _added_up(tree["log_prior"].dataset.sel(search=search)),
        "log_likelihood": _added_up(likelihood),
    }
    rows = evidence.main_rows
    small = xr.DataTree.from_dict({key: _some_draws(group, rows) for key, group in groups.items()})
    prior, of_likelihood = (
        float(arviz_stats.psense(small, var_names=[name], group=group)[name])
        for group in ("prior", "likelihood")
    )
    return prior, of_likelihood


def _added_up(densities: xr.Dataset) -> xr.Dataset:
    """Return the sum of all log-densities of a draw, as psense would take it, in far less time."""
    parts = [
        values.sum([dim for dim in values.dims if dim not in ("chain", "draw")])
        for values in densities.values()
    ]
    return xr.Dataset({"sum": sum(parts[1:], start=parts[0])})


def _some_draws(group: xr.Dataset, rows: npt.NDArray[np.intp]) -> xr.Dataset:
    """Return some of the draws in a single chain, without the coordinates that psense cannot stack.

    Power scaling knows of no chains: their number does not matter.
    """
    plain = group.drop_vars(["search", "task", "model"], errors="ignore")
    in_a_row = plain.stack(sample=("chain", "draw")).isel(sample=rows)
    return in_a_row.reset_index("sample", drop=True).rename(sample="draw").expand_dims(chain=1)
