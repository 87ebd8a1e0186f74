"""Whether the noise grows with the loss, while the law takes it as constant."""

import numpy as np
import numpy.typing as npt

from leadline.answers.checks.evidence import SEED, Evidence, on_scale
from leadline.answers.checks.outcome import Outcome, at_most, not_made

MAX_NOISE_RATIO = 1.5
"""Ratio of noise sds that matters."""

_LEVEL = 0.99
_SHUFFLES = 2000
_LEAST_REPEATED = 10


def noise(evidence: Evidence) -> Outcome:
    """Check the noise sd of the worse half of the repeated trials against that of the better half.

    The limit is 1.5, or what one search in a hundred shows by chance where that is more: found by
    shuffling, since noise has heavier tails than the normal distribution that other tests assume.
    """
    part = evidence.main_part
    tail = evidence.best(int(evidence.main["n_tail"]))
    tail = tail[tail["seed_variance"].notna()]
    if len(tail) < _LEAST_REPEATED:
        return not_made(
            MAX_NOISE_RATIO,
            f"There are {len(tail)} trials with several seeds past the threshold; "
            f"{_LEAST_REPEATED} would tell.",
        )
    score = tail["score"].to_numpy(dtype=float)
    # To first order, the variance on the scale of the law.
    variance = tail["seed_variance"].to_numpy(dtype=float) * np.exp(2 * part.scale.log_slope(score))
    freedom = tail["replicates"].to_numpy(dtype=float) - 1.0
    rng = np.random.default_rng(SEED)
    shuffled = [rng.permutation(len(tail)) for _ in range(_SHUFFLES)]
    by_chance = np.quantile(
        [noise_ratio(variance[order], freedom[order]) for order in shuffled], _LEVEL
    )
    return at_most(
        noise_ratio(variance, freedom),
        max(MAX_NOISE_RATIO, float(by_chance)),
        "Noise grows with the loss, and the law takes it as constant: use scale='log' or a smaller "
        "tail_fraction.",
    )


def noise_ratio(variance: npt.NDArray[np.float64], freedom: npt.NDArray[np.float64]) -> float:
    """Return the noise sd of the second half of the trials over that of the first."""
    half = len(variance) // 2
    first, second = (
        float((variance[rows] * freedom[rows]).sum() / freedom[rows].sum())
        for rows in (slice(half), slice(half, None))
    )
    return float(np.sqrt(second / first)) if first > 0 else np.inf
