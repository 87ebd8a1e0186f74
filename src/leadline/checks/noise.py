"""Check whether the best trials are as noisy as the rest of the tail.

A noise sd that suits the worse trials of the tail is too large for the best ones. Their scores then
pass for luck and the optimum comes out too poor, although every sampler diagnostic is fine.
"""

from scipy.stats import chi2

from leadline.checks.evidence import Evidence
from leadline.checks.outcome import Outcome, at_least, not_made

MIN_P_NOISE = 0.01
"""At most one search in a hundred with constant normal noise is flagged: the noise sd was fitted
to the same seeds."""

_MIN_REPEATED = 10


def noise(evidence: Evidence) -> Outcome:
    """Check the variance between seeds in the better half of the repeated trials.

    The figure is the posterior mean of the probability that seeds with the fitted noise sd would
    vary as little.
    """
    draws = evidence.main_draws
    tail = evidence.best(evidence.n_tail)
    tail = tail[tail["seed_variance"].notna()]
    if len(tail) < _MIN_REPEATED:
        return not_made(
            MIN_P_NOISE,
            f"{len(tail)} trials beyond the threshold have several seeds; this check needs "
            f"{_MIN_REPEATED}.",
        )
    better = tail.head(len(tail) // 2)
    freedom = better["replicates"].to_numpy(dtype=float) - 1.0
    # To first order, the variance on the scale of the fit.
    loss = draws.on_scale(better["loss"].to_numpy(dtype=float))
    slope = 1.0 / draws.score_units_per_unit(loss)[0]
    sum_of_squares = float((better["seed_variance"].to_numpy() * slope**2) @ freedom)
    return at_least(
        chi2.cdf(sum_of_squares / draws.sigma**2, freedom.sum()).mean(),
        MIN_P_NOISE,
        "The best trials have less noise than the fit, which assumes constant noise and takes good "
        "scores for luck: fit on the log scale or with a smaller tail fraction.",
    )
