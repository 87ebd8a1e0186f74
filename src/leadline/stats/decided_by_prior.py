"""Which numbers of a search the priors decide more than its scores."""

import json

import numpy as np
import xarray as xr

from leadline.stats.fitted_search import plateau_trials, search_names, trial_data

MAX_LOG_SD = 0.5
"""Half of the sd that the prior of `leadline.Priors` gives the logarithm of the noise: above it,
scores tell the noise to a factor of 2.2 at best, in either direction. Without repeated seeds, noise
shows in nothing but the shape of the best scores. In `benchmarks/few_trials.py` all 60 searches of
40 trials are above it; the noise was 1.8 times too large in the median, and 3.4 times below 0.7."""

WEAK_LIKELIHOOD = 0.05
"""The limit of the checks of a prior where the scores say little about a number."""

FLAT = 0.8
"""An effective dimension is the prior's where its interval is at least so much as wide as the
prior's. With 40 random trials of three hyperparameters that is usual."""

_DEFAULT_PRIOR = "Exponential(scale=2)"
_EDGES = np.array([0.055, 0.945])

_CHECKS = {
    "optimum": "prior of the optimum",
    "effective_dim": "prior of the effective dimension",
}


def decided_by_prior(tree: xr.DataTree) -> list[list[str]]:
    """Return for each search the columns of `leadline.summary` that the priors decide.

    The optimum and the effective dimension are taken from the recorded checks of their priors; the
    latter also counts if it is flat (`dimension_is_flat`) in a search that was fitted alone. The
    noise is one of them if no trial has several seeds and the posterior sd of its logarithm is
    above `MAX_LOG_SD`.
    """
    checks = tree["checks"].dataset if "checks" in tree.children else None
    result = []
    for name in search_names(tree):
        own = []
        if plateau_trials(tree, name) == 0:
            own = [
                column
                for column, check in _CHECKS.items()
                if checks is not None and _is_weak(checks, name, check)
            ]
            own += ["effective_dim"] * (
                "effective_dim" not in own and _dimension_is_unknown(tree, name)
            )
            own += ["noise_sd"] * _noise_is_unknown(tree, name)
        result.append(own)
    return result


def _is_weak(checks: xr.Dataset, search: str, check: str) -> bool:
    if check not in checks["check"]:
        return False
    outcome = checks.sel(search=search, check=check)
    return bool(outcome["passed"] == 0 and outcome["limit"] <= WEAK_LIKELIHOOD)


def dimension_is_flat(draws: xr.DataArray, most: float) -> bool:
    """Return whether an effective dimension is about as uncertain as by the default prior.

    That is 1 and an exponential number of mean 2, truncated where the sum is `most`.
    """
    prior = -2.0 * np.log1p(_EDGES * np.expm1(-(most - 1.0) / 2.0))
    width = np.diff(np.quantile(draws.to_numpy(), _EDGES))
    return bool((width >= FLAT * np.diff(prior)).all())


def _dimension_is_unknown(tree: xr.DataTree, search: str) -> bool:
    posterior, constant = tree["posterior"].dataset, tree["constant_data"].dataset
    shared = "pooled" in tree.children or "effective_dim_probability" in posterior
    prior = json.loads(tree.attrs.get("priors", "{}")).get("effective_dim")
    if shared or prior != _DEFAULT_PRIOR:
        return False
    most = float(constant["max_effective_dim"].sel(search=search))
    return dimension_is_flat(posterior["effective_dim"].sel(search=search), most)


def _noise_is_unknown(tree: xr.DataTree, search: str) -> bool:
    if (trial_data(tree, search, "trial_replicates") > 1).any():
        return False
    noise = tree["posterior"].dataset["noise_sd"].sel(search=search).to_numpy()
    return bool(np.log(noise).std() > MAX_LOG_SD)
