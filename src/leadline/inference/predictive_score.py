"""How well a fitted tail predicts the best trials of a search: leave-one-out scores.

Thresholds are compared by how well the law above each predicts the *same* trials: the scores
better than the deepest candidate, and of all others that they are not (Northrop, Attalides and
Jonathan 2017, doi:10.1111/rssc.12159). Each trial is predicted by the posterior without it, got
from the full posterior by Pareto-smoothed importance sampling (Vehtari et al. 2024,
https://jmlr.org/papers/v25/19-556.html); where that fails its own diagnostic, by a fit without
the trial.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from arviz_stats.base import array_stats
from scipy.special import logsumexp

from leadline.errors import LeadlineError
from leadline.inference.tail_fit import FittedTail, TailFitter

Array = npt.NDArray[np.float64]

# Fewer have no tail to which a Pareto distribution could be fitted.
_MIN_DRAWS = 25


@dataclass(frozen=True)
class PredictiveScore:
    """The leave-one-out log score of a fitted tail, comparable between thresholds and scales.

    Attributes
    ----------
    elpd : float
        Sum over all trials of the log predictive density of their scores, or of the log
        probability that they are not past the deepest candidate.
    refitted : int
        Number of trials that were left out by fitting again.
    """

    elpd: float
    refitted: int


def predictive_score(
    tail: FittedTail,
    fitter: TailFitter,
    validation_rows: npt.NDArray[np.intp],
    edge: float,
    relative_ess: float,
    seed: np.random.SeedSequence,
) -> PredictiveScore:
    """Return the leave-one-out score of a fitted tail.

    Parameters
    ----------
    tail : FittedTail
        The fit; all of the validation trials are in its tail.
    fitter : TailFitter
        What made it.
    validation_rows : ndarray of int, shape (validation_trial,)
        Places among the trials of the search of those whose scores are predicted.
    edge : float
        The deepest candidate: loss, on the scale of the fit, that they are better than.
    relative_ess : float
        Effective sample size of the draws, as a fraction of their number.
    seed : SeedSequence
        For fits without a trial.
    """
    regime = tail.search.regime
    given = tail.log_density()
    worse = tail.log_worse(regime.threshold)
    predicted, not_past = _predictions(tail, validation_rows, edge)
    if len(given) < _MIN_DRAWS:
        raise LeadlineError(
            f"weighing thresholds needs {_MIN_DRAWS} draws or more, in all chains together, and "
            f"there are {len(given)}: raise draws, or give one tail_fraction"
        )
    log_weights, khat = array_stats.psislw(given.T, r_eff=relative_ess)
    scores = _weighted_mean(predicted.T, log_weights)
    # Trials that are not in the tail are alike, so that one of each group stands for all; and
    # they are never improbable, so that their weights need no smoothing.
    scores_outside = _weighted_mean(not_past.T, -worse.T)

    unreliable = np.flatnonzero(khat > _good_khat(len(given)))
    seeds = seed.spawn(len(unreliable))
    for trial, trial_seed in zip(unreliable, seeds, strict=True):
        without = fitter.fit_without(tail.search, int(trial), trial_seed)
        predicted, _ = _predictions(without, validation_rows, edge)
        scores[trial] = logsumexp(predicted[:, trial]) - np.log(len(predicted))
    outside = regime.group_trials - regime.group_in_regime
    return PredictiveScore(float(scores.sum() + scores_outside @ outside), len(unreliable))


def _weighted_mean(log_values: Array, log_weights: Array) -> Array:
    """Return the logs of weighted means over the last axis."""
    total = logsumexp(log_values + log_weights, axis=-1)
    return np.asarray(total - logsumexp(log_weights, axis=-1))


def _predictions(
    tail: FittedTail, validation_rows: npt.NDArray[np.intp], edge: float
) -> tuple[Array, Array]:
    """Return what is predicted of each tail trial and of one of each group of other trials.

    Log-densities of scores for the validation trials, log-probabilities for all others, shapes
    (draw, tail_trial) and (draw, group).
    """
    regime = tail.search.regime
    not_past = tail.log_worse(edge)
    validated = np.isin(regime.rows, validation_rows)
    density = tail.log_density() + regime.log_slope + _seeds_log_volume(tail)
    return np.where(validated, density, not_past[:, tail.group_of_trial]), not_past


def _seeds_log_volume(tail: FittedTail) -> Array:
    """Return what turns densities of a mean and a variance into one of all seeds, up to a constant.

    That depends on the variance on the scale, and so matters where scales are compared.
    """
    regime = tail.search.regime
    freedom = np.maximum(regime.replicates - 1, 1)
    variance = np.maximum(regime.sum_of_squares / freedom, np.finfo(float).tiny)
    return np.where(regime.replicates > 1, -0.5 * (regime.replicates - 3) * np.log(variance), 0.0)


def _good_khat(draws: int) -> float:
    """Return the largest Pareto k with which the smoothed weights are reliable."""
    return min(1.0 - 1.0 / np.log10(draws), 0.7)
