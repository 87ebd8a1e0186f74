"""Check whether scores beyond the threshold follow the quadratic law, and thresholds agree."""

import itertools
import json
import math

import numpy as np
import numpy.typing as npt
from arviz_stats.base import array_stats
from scipy.special import softmax

from leadline.checks.evidence import SEED, Evidence
from leadline.checks.outcome import Outcome, at_least, at_most, not_made
from leadline.data.trials import PARAM_PREFIX
from leadline.stats.diagnostics import MIN_PARETO_DRAWS
from leadline.stats.goodness_of_fit import anderson_darling, share_of_tail

MIN_P_TAIL = 0.05
"""P-values this small are rarer than 0.05 where the law holds, because it was fitted to the same
scores: see `leadline.stats.goodness_of_fit`."""

MIN_P_BEST = 0.05
MIN_P_LOO = 0.01

MAX_SEPARATION = 1.0
"""Above it, the 95 % intervals of the optimum at two thresholds do not overlap: the mixture is
bimodal, and its mean lies between the modes."""

MIN_WEIGHT = 0.05
"""Candidates of less weight cannot move a 90 % interval."""

_SHARES = (0.5, 0.25, 0.125)
_MIN_BEST = 10
_DRAWS = 1000
_ENDS = (0.025, 0.5, 0.975)


def whole_tail(evidence: Evidence) -> Outcome:
    """Check the p-value of the tail's distance from the law, for the main candidate."""
    return at_least(
        float(evidence.main_candidate["p_value"]),
        MIN_P_TAIL,
        f"The scores of the trials used do not follow the quadratic law: {_remedy(evidence)}",
    )


def best_scores(evidence: Evidence) -> Outcome:
    """Check the law against the best scores of the tail alone, which determine the optimum."""
    counts = [round(share * evidence.n_tail) for share in _SHARES]
    counts = [count for count in counts if count >= _MIN_BEST]
    if not counts:
        needed = math.ceil((_MIN_BEST - 0.5) / max(_SHARES))
        reason = f"At the likeliest threshold the fit uses {evidence.n_tail} trials"
        return not_made(MIN_P_BEST, f"{reason}, and this check needs {needed}: run more trials.")
    figure = len(counts) * min(best_p_value(evidence, count) for count in counts)
    return at_least(
        min(1.0, figure),
        MIN_P_BEST,
        "The very best scores do not follow the quadratic law that fits the others used: "
        + _remedy(evidence),
    )


def best_p_value(evidence: Evidence, count: int) -> float:
    """Return the p-value of the `count` best scores, given that they beat the next one."""
    draws = evidence.main_draws
    best = evidence.best(count + 1)
    replicates = best["replicates"].to_numpy(dtype=int)
    # The mean over replicates; a fit on another scale averaged there, which differs little.
    loss = draws.on_scale(best["loss"].to_numpy(dtype=float))
    width = evidence.constant("resolution") / replicates / draws.score_units_per_unit(loss)
    edge = 0.5 * (loss[:, -2:-1] + loss[:, -1:])
    rng = np.random.default_rng(SEED)
    u = share_of_tail(loss[:, :-1], width[:, :-1], replicates[:-1], edge, draws.law, rng)
    rows = np.linspace(0, len(u) - 1, min(len(u), _DRAWS)).astype(int)
    distance = anderson_darling(u[rows])
    return float((anderson_darling(rng.random((len(rows), count))) >= distance).mean())


def leave_one_out(evidence: Evidence) -> Outcome:
    """Check that scores are where the fit without them expects them (LOO-PIT).

    The test is that of `arviz.plot_loo_pit` (Tesso et al. 2026, arXiv:2603.02928), which allows
    for the dependence between the values.
    """
    if len(evidence.draws.alpha) < MIN_PARETO_DRAWS:
        reason = f"Leave-one-out weights need {MIN_PARETO_DRAWS} draws; fit with more draws."
        return not_made(MIN_P_LOO, reason)
    try:
        p_value, *_ = array_stats.uniformity_test(loo_pit(evidence), method="pot_c")
    except ValueError:
        # Importance sampling fits a tail to the weights, which fails if they hardly differ.
        reason = "Too few of the draws differ for leave-one-out weights; fit with more draws."
        return not_made(MIN_P_LOO, reason)
    return at_least(
        p_value,
        MIN_P_LOO,
        f"Some scores are not where the fit without them expects them: {_remedy(evidence)}",
    )


def loo_pit(evidence: Evidence) -> npt.NDArray[np.float64]:
    """Return P(score better | the other trials) for the shared tail, shape (tail_trial,)."""
    tail, draws = evidence.shared_tail, evidence.draws
    replicates = tail["replicates"].to_numpy(dtype=int)
    rng = np.random.default_rng(SEED)
    # One place within the grid's step per trial, the same for all draws, as for a recorded score.
    jitter = (rng.random(len(tail)) - 0.5) * evidence.constant("resolution") / replicates
    loss = draws.on_scale(tail["loss"].to_numpy(dtype=float))
    loss += jitter / draws.score_units_per_unit(loss)
    edge = draws.on_scale(draws.sign * evidence.constant("threshold"))
    u = share_of_tail(loss, np.zeros_like(loss), replicates, edge, draws.law, rng)
    log_weight, _ = array_stats.psislw(log_likelihood(evidence).T)
    return np.clip((softmax(log_weight, axis=1) * u.T).sum(axis=1), 0.0, 1.0)


def log_likelihood(evidence: Evidence) -> npt.NDArray[np.float64]:
    """Return the log-likelihood of each trial of the shared tail, shape (draw, tail_trial)."""
    likelihood = evidence.tree["log_likelihood"].dataset
    own = evidence.shared_tail.index
    total = likelihood["score"].sel(tail_trial=own)
    if "seed_variance" in likelihood:
        variance = likelihood["seed_variance"].rename(repeated_trial="tail_trial")
        total = total + variance.reindex(tail_trial=own, fill_value=0.0)
    return total.transpose("chain", "draw", "tail_trial").to_numpy().reshape(-1, len(own))


def _remedy(evidence: Evidence) -> str:
    """Return the advice; no deeper threshold if the data have chosen among several."""
    # Their number bounds the effective dimension, on which the law depends.
    known = evidence.trials.columns.str.startswith(PARAM_PREFIX).any()
    first = "" if known else "name the hyperparameters with `params`, if they are known; else "
    scale = json.loads(evidence.tree.attrs.get("settings", "{}")).get("scale")
    if len(np.unique(evidence.candidates["threshold"].to_numpy())) > 1:
        chosen = "threshold and scale" if scale == "auto" else "threshold"
        again = "" if scale == "auto" else "fit with scale='auto', and "
        return (
            f"{first}the data have chosen the {chosen} already; {again}see whether trials of "
            "several kinds are mixed."
        )
    return (
        f"{first}give neither `threshold` nor `tail_fraction`, so that the data decide where the "
        "law starts, or fit with scale='auto'."
    )


def thresholds_agree(evidence: Evidence) -> Outcome:
    """Check that the candidates above `MIN_WEIGHT` agree on the optimum.

    The figure is the largest `separation` of two candidates.
    """
    candidates = evidence.candidates
    heavy = candidates.isel(candidate=np.flatnonzero(candidates["weight"] > MIN_WEIGHT))
    if heavy.sizes["candidate"] < 2:
        return not_made(MAX_SEPARATION, "The fit uses one threshold and scale.")
    optimum = heavy["optimum"].transpose("candidate", "sample").to_numpy()
    ends = [np.quantile(row[np.isfinite(row)], _ENDS) for row in optimum]
    return at_most(
        max(separation(first, second) for first, second in itertools.combinations(ends, 2)),
        MAX_SEPARATION,
        "The optimum depends on how many trials are used: look at leadline.plot_threshold, "
        "and fit with the `tail_fraction` or `threshold` that you trust, or run more trials.",
    )


def separation(first: np.ndarray, second: np.ndarray) -> float:
    """Return the distance of two medians, over the summed half-widths that face each other.

    `first` and `second` are (lower end, median, upper end) of an interval.
    """
    low, high = sorted((first, second), key=lambda ends: float(ends[1]))
    half_widths = float((low[2] - low[1]) + (high[1] - high[0]))
    distance = float(high[1] - low[1])
    return distance / half_widths if half_widths > 0 else np.inf if distance > 0 else 0.0
