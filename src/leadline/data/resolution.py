"""Inference of the rounding of scores from their ties.

An error rate on 9,815 examples is a multiple of 1/9815; a log rounded to three digits is a multiple
of 0.001. With many ties the density of a continuous law has spurious spikes at the repeated
values. The models then use the probability of the rounding interval instead.
"""

import numpy as np

_MAX_REFINEMENTS = 4
_OFF_GRID = 0.1
"""Largest distance from the grid, in bins: logs round the values of a grid once more."""


def infer_resolution(scores: np.ndarray) -> float:
    """Return the spacing of the grid on which scores were recorded, in score units, or 0.

    `scores` (evaluation,) are those of single evaluations; values that are not finite are ignored.
    The spacing is 0 when no two scores are tied, or when the values do not lie on a common grid, as
    when one configuration was run twice.
    """
    values = np.sort(scores[np.isfinite(scores)])
    distinct = np.unique(values)
    if len(distinct) == len(values) or len(distinct) < 3:
        return 0.0
    gaps = np.diff(distinct)
    # Smaller gaps are between two roundings of one number.
    gaps = gaps[gaps > 1e-9 * np.abs(distinct).max()]
    for divisor in range(1, _MAX_REFINEMENTS + 1):
        bin_width = _fit_bin_width(gaps, float(gaps.min()) / divisor)
        if np.abs(gaps / bin_width - np.round(gaps / bin_width)).max() < _OFF_GRID:
            return bin_width
    return 0.0


def _fit_bin_width(gaps: np.ndarray, bin_width: float) -> float:
    """Return the width near `bin_width` whose multiples fit `gaps` best.

    The rounding of a log is a large error of the smallest gap relative to its size. The fit
    therefore proceeds from small multiples to large ones.
    """
    for largest_multiple in (4, 16, 64, 256, 1024, 4096):
        near = gaps[gaps < largest_multiple * bin_width]
        if len(near):
            multiples = np.round(near / bin_width)
            bin_width = float((multiples * near).sum() / (multiples * multiples).sum())
    return bin_width
