"""The draws of two fits of a search as one sample: under its own prior, and given a population.

A second fit has draws where the other searches say that the parameters are, and the first where
they may be in truth: proposals that only follow the population would make a narrow one seem
likelier, a little with each search. Each draw counts by the density of both fits together (the
balance heuristic of Veach and Guibas 1995, doi:10.1145/218380.218498), in which the ratio of their
evidences is that of bridge sampling (Meng and Wong 1996; Shirts and Chodera 2008,
doi:10.1063/1.2978177).
"""

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.special import logsumexp
from scipy.stats import norm

from leadline.inference.shared_draws import POPULATION

Array = npt.NDArray[np.float64]

_STEPS = 50


def bridge_draws(first: xr.Dataset, second: xr.Dataset, population: xr.Dataset) -> xr.Dataset:
    """Return the draws of both fits, with `log_base` such that they count as one sample.

    `first` and `second` are draws as `search_draws.draws_of` returns them, with the log-density of
    the prior of the search alone, and their candidates numbered alike. `population` is that of the
    second fit (`two_stages.population_of`). A draw is as wide as one of the second fit.
    """
    both = xr.concat([own.drop_vars("width") for own in (first, second)], "draw")
    log_prior = both["log_base"].to_numpy()
    given = given_population(both, population)
    log_population = given["log_base"].to_numpy()
    candidate = both["candidate"].to_numpy()
    count = first.sizes["draw"]
    is_first = np.arange(len(log_prior)) < count
    log_base = log_prior + np.log(count)
    # Each threshold has evidences of its own. Its weight remains that of the first fit.
    for number in np.unique(second["candidate"]):
        own = candidate == number
        of_first, of_second = (own & is_first).sum(), (own & ~is_first).sum()
        log_mixture = _log_mixture(log_prior[own], log_population[own], of_first, of_second)
        log_base[own] = log_mixture - np.log(of_first / count)
    return given.assign(log_base=("draw", log_base), width=second["width"])


def given_population(draws: xr.Dataset, population: xr.Dataset) -> xr.Dataset:
    """Return draws with a population, and its log-density for `log_base`."""
    own = {name: population[name].variable[0] for name in POPULATION}
    mean, sd = (part.to_numpy() for part in own.values())
    log_base = norm.logpdf(draws["z"].to_numpy(), mean, sd).sum(axis=-1)
    return draws.assign({**own, "log_base": ("draw", log_base)})


def _log_mixture(log_prior: Array, log_population: Array, first: int, second: int) -> Array:
    """Return the log of both priors by their numbers of draws, in units of the first evidence.

    The first draws are those under the prior.
    """
    ratio = log_population - log_prior
    log_evidence = logsumexp(ratio[:first]) - np.log(first)
    for _ in range(_STEPS):
        log_mixture = np.logaddexp(
            np.log(first) + log_prior, np.log(second) + log_population - log_evidence
        )
        log_evidence = logsumexp(log_population - log_mixture)
    return log_mixture
