"""Whether the scores past the threshold look like the law that was fitted to them."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from arviz_stats.base import array_stats
from scipy.special import softmax

from leadline.checks.evidence import SEED, Evidence
from leadline.checks.outcome import Outcome, at_least, not_made
from leadline.stats.diagnostics import MIN_PARETO_DRAWS
from leadline.stats.goodness_of_fit import anderson_darling, share_of_tail

MIN_P_TAIL = 0.05
"""Because the law was fitted to the same scores, p-values this small are rare where it holds:
see `leadline.stats.goodness_of_fit`."""

MIN_P_BEST = 0.05
MIN_P_LOO = 0.01

_SHARES = (0.5, 0.25, 0.125)
_LEAST_BEST = 10
_DRAWS = 1000


def _what_to_do(evidence: Evidence) -> str:
    """Return what may help; no deeper threshold where the data have chosen it already."""
    if evidence.threshold_is_chosen:
        return (
            "the data have chosen the threshold already; try another scale of the score (log, "
            "logit or auto), and see whether trials of several kinds are mixed."
        )
    return (
        "give neither a threshold nor a tail fraction, so that the data decide where the law "
        "starts, or try another scale of the score (log, logit or auto)."
    )


def whole_tail(evidence: Evidence) -> Outcome:
    """Check the p-value of the tail's distance from the law, of the candidate of most weight."""
    return at_least(
        float(evidence.main["p_value"]),
        MIN_P_TAIL,
        f"The scores past the threshold do not follow the law: {_what_to_do(evidence)}",
    )


def best_scores(evidence: Evidence) -> Outcome:
    """Check the law against the best scores of the tail alone, which decide the optimum."""
    n_tail = int(evidence.main["n_tail"])
    counts = [round(share * n_tail) for share in _SHARES]
    counts = [count for count in counts if count >= _LEAST_BEST]
    if not counts:
        return not_made(MIN_P_BEST, f"There are only {n_tail} trials past the threshold.")
    figure = min(best_p_value(evidence, count) for count in counts)
    return at_least(
        min(1.0, len(counts) * figure),
        MIN_P_BEST,
        "The best scores do not follow the law that fits the rest of the tail: "
        + _what_to_do(evidence),
    )


def best_p_value(evidence: Evidence, count: int) -> float:
    """Return the p-value of the best scores, given that they are past the score that follows."""
    draws = evidence.main_draws
    tail = evidence.best(count + 1)
    loss = draws.on_scale(tail["loss"].to_numpy(dtype=float))
    edge = 0.5 * (loss[:, -2:-1] + loss[:, -1:])
    rng = np.random.default_rng(SEED)
    u = evidence.uniform(draws, tail.head(count), edge, rng)
    rows = np.linspace(0, len(u) - 1, min(len(u), _DRAWS)).astype(int)
    distance = anderson_darling(u[rows])
    return float((anderson_darling(rng.random((len(rows), count))) >= distance).mean())


def leave_one_out(evidence: Evidence) -> Outcome:
    """Check that scores are where the fit without them expects them (LOO-PIT).

    By the test of `arviz.plot_loo_pit` (Tesso et al. 2026, arXiv:2603.02928), which allows
    for the dependence between the values.
    """
    if len(evidence.draws.alpha) < MIN_PARETO_DRAWS:
        reason = f"Leaving trials out takes {MIN_PARETO_DRAWS} draws; fit with more."
        return not_made(MIN_P_LOO, reason)
    pit = loo_pit(evidence)
    p_value, *_ = array_stats.uniformity_test(pit, method="pot_c")
    return at_least(
        float(p_value),
        MIN_P_LOO,
        f"Some scores are not where the fit without them expects them: {_what_to_do(evidence)}",
    )


def loo_pit(evidence: Evidence) -> npt.NDArray[np.float64]:
    """Return P(score better | the other trials) of each trial of the shared tail."""
    tail = evidence.shared_tail
    rng = np.random.default_rng(SEED)
    jitter = rng.random(len(tail)) - 0.5
    replicates = tail["replicates"].to_numpy(dtype=int)
    draws = evidence.draws
    loss = draws.on_scale(tail["loss"].to_numpy(dtype=float))
    cell = evidence.resolution / replicates / draws.score_units_per_unit(loss)
    edge = draws.on_scale(draws.sign * evidence.edge)
    loss += jitter * cell
    u = share_of_tail(loss, np.zeros_like(loss), replicates, edge, draws.law, rng)
    log_weight, _ = array_stats.psislw(log_likelihood(evidence).T)
    return np.clip((softmax(log_weight, axis=1) * u.T).sum(axis=1), 0.0, 1.0)


def log_likelihood(evidence: Evidence) -> npt.NDArray[np.float64]:
    """Return the log-likelihood of each trial of the shared tail, shape (draw, tail_trial)."""
    likelihood = evidence.tree["log_likelihood"].dataset
    names = evidence.shared_tail.index
    draws = ("chain", "draw")

    def pointwise(name: str, dim: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
        trials = likelihood[dim].to_numpy().astype(str)
        place = names.get_indexer(pd.Index(trials))
        values = likelihood[name].transpose(*draws, dim).to_numpy()
        mine = place >= 0
        return values.reshape(-1, len(trials))[:, mine], place[mine]

    values, place = pointwise("score", "tail_trial")
    result = np.empty_like(values)
    result[:, place] = values
    if "seed_variance" in likelihood:
        values, place = pointwise("seed_variance", "repeated_trial")
        result[:, place] += values
    return result
