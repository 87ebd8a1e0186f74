"""How well a fitted tail predicts the best trials of a search: leave-one-out scores.

Thresholds are compared by how well the law beyond each predicts the *same* data: the scores beyond
the deepest candidate, and the fact that all other trials are not beyond it (Northrop, Attalides and
Jonathan 2017, doi:10.1111/rssc.12159). Each trial is predicted by the posterior without it, from
the full posterior by Pareto-smoothed importance sampling (Vehtari et al. 2024,
https://jmlr.org/papers/v25/19-556.html). If the diagnostic of this approximation, Pareto k, is too
large for a trial, the model is fitted again without it.
"""

import numpy as np
import numpy.typing as npt
import xarray as xr
from arviz_stats.base import array_stats
from scipy.special import logsumexp

from leadline.errors import LeadlineError
from leadline.inference.posterior import PosteriorSampler, groups_of, log_better, log_worse, tail_of
from leadline.models.likelihood import seed_variances
from leadline.stats.diagnostics import MIN_PARETO_DRAWS

Array = npt.NDArray[np.float64]


def predictive_score(
    fit: xr.DataTree,
    sampler: PosteriorSampler,
    validation_rows: npt.NDArray[np.intp],
    edge: float,
    seed: np.random.SeedSequence,
) -> tuple[float, int]:
    """Return the leave-one-out score of the fit of one search, and the number of refits.

    `validation_rows` (validation_trial,) are the trials whose scores are predicted, by position in
    the search; all are in the tail of the fit. `edge` is the threshold of the deepest candidate, as
    a loss on the scale of the fit.

    The score sums, over all trials, the log predictive density of the score of a validation trial,
    or the log probability that another trial is not beyond the edge. It is comparable between
    thresholds and scales. A refit leaves out one trial by fitting again.
    """
    threshold = float(fit["tails"].dataset["threshold"][0])
    given = log_density(fit)
    if len(given) < MIN_PARETO_DRAWS:
        raise LeadlineError(
            f"weighing thresholds needs {MIN_PARETO_DRAWS} draws or more, in all chains together, "
            f"and there are {len(given)}: raise draws, or give one tail_fraction"
        )
    predicted, not_beyond = _predictions(fit, validation_rows, edge)
    relative_ess = min(fit.attrs["min_ess_bulk"] / len(given), 1.0)
    log_weights, khat = array_stats.psislw(given.T, r_eff=relative_ess)
    scores = _weighted_mean(predicted.T, log_weights)
    # Trials of a group that are outside the tail have the same score. Their likelihood, the
    # probability to be outside, is never small: their importance weights need no smoothing.
    scores_outside = _weighted_mean(not_beyond.T, -log_worse(fit, threshold).T)

    unreliable = np.flatnonzero(khat > _good_khat(len(given)))
    for trial, trial_seed in zip(unreliable, seed.spawn(len(unreliable)), strict=True):
        tails = fit["tails"].to_dataset()
        without = sampler.sample_without(tails, int(trial), trial_seed)
        predicted, _ = _predictions(without, validation_rows, edge)
        scores[trial] = logsumexp(predicted[:, trial]) - np.log(len(predicted))
    groups = groups_of(fit)
    outside = (groups["group_trials"] - groups["n_exceedances"]).to_numpy()
    return float(scores.sum() + scores_outside @ outside), len(unreliable)


def log_density(fit: xr.DataTree) -> Array:
    """Return the log-density of each tail trial of one search, shape (draw, tail_trial).

    It is that of the mean loss on the scale and of the variance over seeds, without conditioning on
    being beyond the threshold.
    """
    tail = tail_of(fit)
    n = tail.sizes["tail_trial"]
    conditional = (tail["log_likelihood"] + tail["seed_log_likelihood"]).to_numpy()
    threshold = float(fit["tails"].dataset["threshold"][0])
    return conditional.reshape(-1, n) + log_better(fit, threshold)[:, tail["group"].to_numpy()]


def _weighted_mean(log_values: Array, log_weights: Array) -> Array:
    """Return the logs of weighted means over the last axis, from logs of values and weights."""
    total = logsumexp(log_values + log_weights, axis=-1)
    return np.asarray(total - logsumexp(log_weights, axis=-1))


def _predictions(
    fit: xr.DataTree, validation_rows: npt.NDArray[np.intp], edge: float
) -> tuple[Array, Array]:
    """Return log predictions of the tail trials (draw, tail_trial) and of the others (draw, group).

    They are log-densities of scores for the validation trials, and log-probabilities not to be
    beyond the edge for all others, of which one per group represents those outside the tail.
    """
    tail = tail_of(fit)
    not_beyond = log_worse(fit, edge)
    validated = np.isin(tail["row"].to_numpy(), validation_rows)
    density = log_density(fit) + tail["log_slope"].to_numpy() + _seeds_log_volume(fit)
    return np.where(validated, density, not_beyond[:, tail["group"].to_numpy()]), not_beyond


def _seeds_log_volume(fit: xr.DataTree) -> Array:
    """Return the log-Jacobian from the mean and variance of the seeds to their single losses.

    Shape (tail_trial,), up to a constant. The variance is on the scale, so that scales can be
    compared only with this term.
    """
    tails = fit["tails"].dataset
    replicates = tails["replicates"].to_numpy()
    return np.where(replicates > 1, -0.5 * (replicates - 3) * np.log(seed_variances(tails)), 0.0)


def _good_khat(draws: int) -> float:
    """Return the largest Pareto k with reliable smoothed weights (Vehtari et al. 2024)."""
    return min(1.0 - 1.0 / np.log10(draws), 0.7)
