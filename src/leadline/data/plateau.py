"""Searches that end in a plateau: so many trials share the best score that it is the answer.

A score that is capped, such as an accuracy of 1 or a reward of at most 1,000, is reached by many
trials exactly. No continuous law describes them, and none is needed: the share of trials that reach
the best score is what can be known.
"""

import numpy as np
import numpy.typing as npt

from leadline.data.tails import MIN_TAIL_TRIALS

# On rounded data from the quadratic law, the best score is shared by at most 2.4 times as many
# trials as the next best (no noise, gamma = 1). With 3, one search in 100 is taken for a plateau
# (`docs/theory.md`), and those that are have their optimum in the bin of the best score.
_STEP = 3.0


def has_plateau(
    loss: npt.NDArray[np.float64], tail_sizes: list[int], deepest: int, min_trials: int
) -> bool:
    """Return True if the best of the losses (trial,) is a plateau.

    That is the case if at least half of the trials of every tail share it exactly. It is the case,
    too, if at least half of the deepest tail do, and three times as many as share the next best
    loss, which rounding does not explain. `tail_sizes` are the numbers of trials of the tails that
    can be fitted, or the one that was asked for; `deepest` is that of the deepest tail asked for.
    Fewer than `min_trials` are no plateau.
    """
    counts = np.unique(loss[np.isfinite(loss)], return_counts=True)[1]
    shared = int(counts[0])
    if shared < min_trials:
        return False
    if all(2 * shared >= size for size in tail_sizes):
        return True
    many = shared >= MIN_TAIL_TRIALS and 2 * shared >= deepest
    return many and bool(shared >= _STEP * counts[1])
