"""Evidence from the set of configurations, regardless of order: duplicates and grids."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from scipy.special import comb, gammaln

# Largest difference of two gaps between levels of a grid, relative to the mean gap.
_EVEN_SPACING = 1e-2
_MOSTLY_COVERED = 0.8

# Pairs of equal trials that are expected by chance; with fewer, none may be chance too.
_FEWEST_PAIRS = 10.0


def level_codes(values: pd.Series) -> npt.NDArray[np.int64]:
    """Return the number of the level of each value, −1 where missing."""
    if values.dtype == object:
        # Lists are levels and have no hash.
        values = values.map(repr, na_action="ignore")
    return np.asarray(pd.factorize(values)[0], dtype=np.int64)


@dataclass(frozen=True)
class Design:
    """The configurations of a search as a set.

    `codes` (trial, parameter) is the level of each value, −1 where inactive; `configuration`
    (trial,) is the number of the distinct configuration of each trial.
    """

    codes: npt.NDArray[np.int64]
    configuration: npt.NDArray[np.int64]

    @classmethod
    def of(cls, params: pd.DataFrame) -> "Design":
        """Return the design of a table of parameters, one row per trial."""
        codes = np.column_stack([level_codes(params[name]) for name in params])
        return cls(codes, np.unique(codes, axis=0, return_inverse=True)[1].ravel())

    @property
    def first(self) -> npt.NDArray[np.bool_]:
        """True for the first trial of each configuration."""
        return ~pd.Series(self.configuration).duplicated().to_numpy()

    @property
    def continuous(self) -> bool:
        """True if one parameter differs between almost all distinct configurations."""
        n_distinct = self.configuration.max() + 1
        return bool(n_distinct > 2 and (self._n_levels() > 0.9 * n_distinct).any())

    def _n_levels(self) -> npt.NDArray[np.float64]:
        return np.array([len(np.unique(column)) for column in self.codes.T], dtype=np.float64)

    def duplicates(self) -> tuple[int, float, float]:
        """Return the pairs of equal trials, their expected number, and P(as many or more).

        Under the null hypothesis parameters are independent and have the observed shares.
        """
        n_pairs = float(comb(len(self.configuration), 2))
        equal = int(comb(np.bincount(self.configuration), 2).sum())
        shares = [comb(np.bincount(column + 1), 2).sum() / n_pairs for column in self.codes.T]
        expected = float(np.prod(shares)) * n_pairs
        return equal, expected, float(stats.poisson.sf(equal - 1, max(expected, 1e-300)))

    def combinations(self) -> float:
        """Return the number of combinations of the observed levels."""
        return float(self._n_levels().prod())

    def replaced(self) -> bool:
        """Return whether equal trials show that combinations were drawn with replacement.

        They do if there are about as many pairs of equal trials as by chance. Without replacement
        there are none, or the combinations are covered evenly, which has fewer pairs.
        """
        pairs, expected, _ = self.duplicates()
        return expected >= _FEWEST_PAIRS and pairs >= expected - np.sqrt(expected)

    def flat_chance(self) -> float:
        """Return P(random draws cover the configurations as evenly as these), 1 if uneven."""
        counts = np.bincount(self.configuration)
        n, cells = int(counts.sum()), len(counts)
        if counts.max() - counts.min() > 1:
            return 1.0
        more = n % cells
        log_ways = gammaln(cells + 1) - gammaln(more + 1) - gammaln(cells - more + 1)
        log_multinomial = gammaln(n + 1) - gammaln(counts + 1.0).sum() - n * np.log(cells)
        return float(np.exp(min(0.0, log_ways + log_multinomial)))


def grid_evidence(params: pd.DataFrame, design: Design, nested: bool) -> tuple[float, float]:
    """Return the share of a full grid that was tried and P(so flat by chance), 1 if no grid.

    `params` are the parameters that vary, one row per trial; `design` is their design. `nested`
    means that the trials run through the levels of a parameter in blocks, as in nested loops. Only
    then may the grid have gaps: a sample without replacement has gaps too.
    """
    if params.shape[1] == 1:
        # Any sample of one parameter covers its own levels; those of a grid are evenly spaced.
        return (1.0, design.flat_chance()) if _evenly_spaced(params.iloc[:, 0]) else (0.0, 1.0)
    coverage = float((design.configuration.max() + 1) / design.combinations())
    if coverage < (_MOSTLY_COVERED if nested else 1.0):
        return coverage, 1.0
    return coverage, design.flat_chance()


def _evenly_spaced(values: pd.Series) -> bool:
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        return True
    levels = np.unique(values.dropna().to_numpy(np.float64))
    scales = [levels, np.log(levels)] if levels[0] > 0 else [levels]
    return any(np.ptp(np.diff(s)) <= _EVEN_SPACING * np.diff(s).mean() for s in scales)
