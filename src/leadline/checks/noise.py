"""Whether the noise, constant in the law, is that of the best trials, or grows with the loss.

A noise sd that is right for the worse trials of the tail is too large for the best ones: their
scores are then put down to luck, the optimum comes out too poor, and everything converges.
"""

from scipy.stats import chi2

from leadline.checks.evidence import Evidence
from leadline.checks.outcome import Outcome, at_least, not_made

MIN_P_NOISE = 0.01
"""One search in a hundred with constant normal noise is flagged, or fewer: the noise sd was fitted
to the same seeds."""

_LEAST_REPEATED = 10


def noise(evidence: Evidence) -> Outcome:
    """Check that the seeds of the better half of the repeated trials vary as much as the noise sd.

    The figure is the posterior mean of the probability that seeds with that noise would vary as
    little.
    """
    draws = evidence.main_draws
    tail = evidence.best(int(evidence.main["n_tail"]))
    tail = tail[tail["seed_variance"].notna()]
    if len(tail) < _LEAST_REPEATED:
        return not_made(
            MIN_P_NOISE,
            f"There are {len(tail)} trials with several seeds past the threshold; "
            f"{_LEAST_REPEATED} would tell.",
        )
    better = tail.head(len(tail) // 2)
    freedom = better["replicates"].to_numpy(dtype=float) - 1.0
    # To first order, the variance on the scale of the law.
    loss = draws.on_scale(better["loss"].to_numpy(dtype=float))
    slope = 1.0 / draws.score_units_per_unit(loss)[0]
    sum_of_squares = float((better["seed_variance"].to_numpy() * slope**2) @ freedom)
    figure = chi2.cdf(sum_of_squares / draws.sigma**2, freedom.sum()).mean()
    return at_least(
        float(figure),
        MIN_P_NOISE,
        "The best trials have less noise than the law, which takes it as constant, so that good "
        "scores pass for luck: fit on the log scale or with a smaller tail fraction.",
    )
