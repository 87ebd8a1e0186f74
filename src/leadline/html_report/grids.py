"""Where the report's sliders stop: round numbers, so that a page needs no arithmetic."""

import math

import numpy as np

_LARGEST = 10_000
_STEPS = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)

BUDGETS = [
    *range(1, 10),
    *(round(step * 10**power) for power in (1, 2, 3) for step in _STEPS),
    _LARGEST,
]
"""Numbers of trials: every one up to 10, then ten for each decade, up to 10,000."""

# Coarser: a forecast takes a root search for each of its numbers and draws.
FURTHER = [*(step * 10**power for power in range(4) for step in (1, 2, 3, 5, 7)), _LARGEST]
"""Numbers of further trials, from 1 to 10,000."""

DEFAULT_BUDGET = DEFAULT_FURTHER = 50
"""Where the sliders stand at first, and what a reader without JavaScript sees."""

_ROPE_STEPS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)
# In units of the smallest task scale: no smaller difference is worth a word.
_SMALLEST = 0.01
_MOST_DECADES = 6


def rope_grid(scales: np.ndarray, differences: np.ndarray) -> list[float]:
    """Return differences that may not matter, from 0 to past the largest that was found.

    Parameters
    ----------
    scales : ndarray, shape (context,)
        Size of a task's scores.
    differences : ndarray
        Posterior means of all pairs, in score units; nan where there is none.
    """
    largest = np.abs(differences[np.isfinite(differences)]).max(initial=0.0)
    first = math.floor(math.log10(_SMALLEST * float(scales.min())))
    last = math.ceil(math.log10(max(float(largest), float(scales.max()))))
    first = max(first, last - _MOST_DECADES)
    # Through text, so that they are the numbers that a person would type.
    return (
        [0.0]
        + [float(f"{step}e{power}") for power in range(first, last) for step in _ROPE_STEPS]
        + [float(f"1e{last}")]
    )
