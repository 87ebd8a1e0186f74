"""The grid on which scores are recorded, when ties show that there is one.

An error rate on 9,815 examples moves in steps of 1/9815; a log rounded to three digits in steps
of 0.001. With many ties the density of a continuous law has spurious spikes at the repeated
values; the models then use the probability of the cell instead.
"""

import numpy as np

_MAX_REFINEMENTS = 4
_OFF_GRID = 0.1
"""Largest distance from the grid, in cells: logs round the values of a grid once more."""


def infer_resolution(scores: np.ndarray) -> float:
    """Return the spacing of the grid that single scores lie on, or 0.

    Parameters
    ----------
    scores : ndarray of float, shape (evaluation,)
        Recorded scores; those that are not finite are ignored.

    Returns
    -------
    float
        The spacing in score units; 0 when no two scores are tied, or
        when the ties do not lie on a common grid (the same configuration run twice, say).
    """
    values = np.sort(scores[np.isfinite(scores)])
    distinct = np.unique(values)
    if len(distinct) == len(values) or len(distinct) < 3:
        return 0.0
    gaps = np.diff(distinct)
    # Two spellings of one number, not two cells.
    gaps = gaps[gaps > 1e-9 * np.abs(distinct).max()]
    for divisor in range(1, _MAX_REFINEMENTS + 1):
        spacing = _fit_spacing(gaps, float(gaps.min()) / divisor)
        if np.abs(gaps / spacing - np.round(gaps / spacing)).max() < _OFF_GRID:
            return spacing
    return 0.0


def _fit_spacing(gaps: np.ndarray, spacing: float) -> float:
    """Return the spacing that best explains `gaps` as multiples of nearly `spacing`.

    The smallest gap carries the whole rounding error of the log, the larger ones a fraction of
    it: refine from the small multiples to the large.
    """
    for reach in (4, 16, 64, 256, 1024, 4096):
        near = gaps[gaps < reach * spacing]
        if len(near):
            cells = np.round(near / spacing)
            spacing = float((cells * near).sum() / (cells * cells).sum())
    return spacing
