"""Permutation tests of the order of trials: evidence that earlier trials steer later ones.

The trials of a random search are exchangeable, whatever their distributions and scores: every
order is as likely as the observed one. In a search that learns, trials resemble their neighbours
in time and the best trials so far. Each statistic is compared with its values over random orders
of the same trials, which is an exact test of random search without knowledge of the search space.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from scipy.special import gammaln

from leadline.search_audit.design_evidence import level_codes

Floats = npt.NDArray[np.float64]
Result = tuple[float, float]
"""Statistic, in standard deviations over random orders, and p-value."""

_ORDERS = 999
_MOST_ENTRIES = 4_000_000
"""Largest product of orders and trials, which bounds memory and time of long searches."""
_LAGS = 10
_SMALLEST_P = 1e-9
_EXTRAPOLATE = 20
"""Below this number of null draws in the tail, a fitted curve gives the p-value."""


@dataclass(frozen=True)
class OrderEvidence:
    """Results of the permutation tests.

    `combined` is that of all tests together, `parameters` that of the tests without the trend of
    the scores, which can have other reasons than a sampler. `tests` holds each test by name, with
    a negative statistic for a search that learns; `drift` those of each parameter, by its column.
    """

    combined: Result
    parameters: Result
    tests: dict[str, Result]
    drift: dict[str, Result]


@dataclass(frozen=True)
class Coordinate:
    """One parameter on a scale with meaningful distances: (trial,), NaN where inactive."""

    values: Floats
    categorical: bool

    @property
    def active(self) -> npt.NDArray[np.bool_]:
        """Which trials have the parameter."""
        return ~np.isnan(self.values)


def is_categorical(values: pd.Series) -> bool:
    """Return whether a parameter has names or truth values rather than numbers."""
    return bool(pd.api.types.is_bool_dtype(values)) or not pd.api.types.is_numeric_dtype(values)


def to_coordinate(values: pd.Series) -> Coordinate:
    """Return the parameter as codes, or in [0, 1] on the linear or the log scale.

    The scale is the one on which the values are closer to uniform. It does not depend on the
    order of the trials, so the tests stay exact.
    """
    if is_categorical(values):
        codes = level_codes(values).astype(np.float64)
        return Coordinate(np.where(codes < 0, np.nan, codes), True)
    raw = values.to_numpy(np.float64, na_value=np.nan)
    raw = np.where(np.isfinite(raw), raw, np.nan)
    active = ~np.isnan(raw)
    best, distance = np.where(active, 0.0, np.nan), np.inf
    if not active.any():
        return Coordinate(best, False)
    for scale in [raw, np.log(raw)] if np.nanmin(raw) > 0 else [raw]:
        low, high = np.nanmin(scale), np.nanmax(scale)
        if high > low and np.isfinite(high - low):
            unit = (scale - low) / (high - low)
            found = distance_to_uniform(unit[active])
            if found < distance:
                best, distance = unit, found
    return Coordinate(best, False)


def distance_to_uniform(unit: Floats) -> float:
    """Return the Kolmogorov-Smirnov distance of values in [0, 1] from the uniform distribution."""
    # scipy.stats.kstest returns the same and takes fifty times as long.
    ordered = np.sort(unit)
    steps = np.arange(len(unit) + 1) / len(unit)
    return float(max((steps[1:] - ordered).max(), (ordered - steps[:-1]).max()))


def order_evidence(coordinates: dict[str, Coordinate], loss_rank: Floats) -> OrderEvidence:
    """Return the evidence, in the order of the trials, that earlier trials steered later ones.

    `coordinates` are the parameters, with trials in the order in which they were drawn. `loss_rank`
    (trial,) is the rank of the scores, best first, ties averaged; trials without a score share the
    last.

    Four tests: trials resemble those up to ten before them (a Mantel test of distance in space
    against distance in time); late trials are closer to all others; late trials are closer to the
    best tenth; scores improve. The distance per parameter is the absolute difference, or 0 and 1
    for names, standardised over the pairs of trials that both have it; distances add up over the
    parameters. Late means large logarithm of the order, since most samplers learn fast at first.
    The statistics of the tests add up to one: each test detects some samplers only, and random
    searches pass all. Far out in the tail the p-value is that of a Pearson type III distribution
    with the moments of the null draws, as is usual for Mantel tests.
    """
    n = len(loss_rank)
    rng = np.random.default_rng(0)
    draws = int(np.clip(_MOST_ENTRIES // n, 199, _ORDERS))
    orders = np.stack([np.arange(n), *(rng.permutation(n) for _ in range(draws))])
    late = np.log(np.arange(n) + 5.0)
    late = (late - late.mean()) / late.std()
    worst_elite = np.sort(loss_rank)[max(3, int(np.ceil(0.1 * n))) - 1]
    # All trials that tie with the worst of the elite belong to it: a choice among them by order
    # would violate exchangeability.
    elite = (loss_rank <= worst_elite).astype(np.float64)

    alike, crowd, approach = (np.zeros(draws + 1) for _ in range(3))
    drift = {}
    for name, coordinate in coordinates.items():
        mean, sd = _pair_moments(coordinate)
        if not sd > 0:
            continue
        own_alike = _distance_in_time(coordinate, orders, mean, sd)
        own_crowd = _distance_to(coordinate, np.ones(n), mean, sd)[orders] @ late
        alike += own_alike
        crowd += own_crowd
        approach += _distance_to(coordinate, elite, mean, sd)[orders] @ late
        drift[name] = _result(_standardise(own_alike) + _standardise(own_crowd))
    tests = {
        "successive trials alike": alike,
        "late trials crowd together": crowd,
        "late trials near the best": approach,
        "scores improve": loss_rank[orders] @ late,
    }
    parts = [_standardise(null) for null in tests.values()]
    return OrderEvidence(
        combined=_result(np.sum(parts, axis=0)),
        parameters=_result(np.sum(parts[:-1], axis=0)),
        tests={name: _result(null) for name, null in tests.items()},
        drift=drift,
    )


def lower_tail(observed: float, null: Floats) -> float:
    """Return P(statistic <= observed) from draws of its null distribution."""
    below = int(np.sum(null <= observed))
    if below >= _EXTRAPOLATE:
        return (below + 1) / (len(null) + 1)
    sd = null.std()
    if not sd > 1e-12 * max(1.0, abs(null.mean())):
        return 1.0
    z = (observed - null.mean()) / sd
    skew = float((((null - null.mean()) / sd) ** 3).mean())
    tail = stats.norm.cdf(z) if abs(skew) < 1e-3 else stats.pearson3.cdf(z, skew)
    # Further out the fitted curve is unreliable; its support may even end.
    return float(max(tail, _SMALLEST_P))


def blocks_chance(values: Sequence[object] | Floats) -> float:
    """Return the probability that a random order is as sorted as these values.

    1 unless numbers only rise or only fall, or equal names are all adjacent. A table sorted
    afterwards, or filled by nested loops, has lost the order in which a sampler drew.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind == "f":
        steps = np.diff(values)
        is_sorted = (steps >= 0).all() or (steps <= 0).all()
        counts = np.unique(values, return_counts=True)[1]
        log_orders = np.log(2.0)
    else:
        codes = pd.factorize(np.asarray(values, dtype=object))[0]
        counts = np.bincount(codes)
        is_sorted = np.count_nonzero(np.diff(codes)) == len(counts) - 1
        log_orders = gammaln(len(counts) + 1.0)
    if not is_sorted or len(counts) < 2:
        return 1.0
    log_chance = log_orders + gammaln(counts + 1.0).sum() - gammaln(counts.sum() + 1.0)
    return float(np.exp(min(0.0, log_chance)))


def _standardise(null: Floats) -> Floats:
    sd = null.std()
    return (null - null.mean()) / sd if sd > 0 else np.zeros_like(null)


def _result(null: Floats) -> Result:
    """Return statistic and p-value of the observed order, which comes first."""
    return float(_standardise(null)[0]), lower_tail(float(null[0]), null[1:])


def _pair_moments(coordinate: Coordinate) -> tuple[float, float]:
    """Return mean and sd of the distance over all pairs of trials that have the parameter."""
    values = coordinate.values[coordinate.active]
    k = len(values)
    if k < 2:
        return 0.0, 0.0
    if coordinate.categorical:
        counts = np.unique(values, return_counts=True)[1]
        mean = 1.0 - float((counts * (counts - 1)).sum()) / (k * (k - 1))
        return mean, float(np.sqrt(mean * (1.0 - mean)))
    weights = 2.0 * np.arange(1, k + 1) - k - 1
    mean = 2.0 * float(weights @ np.sort(values)) / (k * (k - 1))
    return mean, float(np.sqrt(max(0.0, 2.0 * values.var(ddof=1) - mean**2)))


def _distance_in_time(
    coordinate: Coordinate, orders: npt.NDArray[np.int64], mean: float, sd: float
) -> Floats:
    """Return, per order, the summed standardised distance of trials up to ten steps apart."""
    # Single precision halves the time.
    ordered = coordinate.values.astype(np.float32)[orders]
    inactive = np.isnan(ordered).any()
    total = np.zeros(len(orders))
    for lag in range(1, min(_LAGS, ordered.shape[1] // 3) + 1):
        gap = ordered[:, lag:] - ordered[:, :-lag]
        distance = (gap != 0).astype(np.float32) if coordinate.categorical else np.abs(gap)
        if inactive:
            # Not a distance: another parameter decides which trials have this one.
            distance[np.isnan(gap)] = mean
        total += (distance.mean(axis=1, dtype=np.float64) - mean) / sd / np.sqrt(lag)
    return total


def _distance_to(coordinate: Coordinate, weight: Floats, mean: float, sd: float) -> Floats:
    """Return each trial's mean standardised distance to the others of weight 1."""
    result = np.zeros(len(weight))
    active = coordinate.active
    values, own = coordinate.values[active], weight[active]
    if coordinate.categorical:
        _, codes = np.unique(values, return_inverse=True)
        total = own.sum() - np.bincount(codes, weights=own)[codes]
    else:
        # Sum of w |u_i - u_j| over j in one pass over the sorted values.
        by_value = np.argsort(values, kind="stable")
        u, w = values[by_value], own[by_value]
        below, moment = np.cumsum(w), np.cumsum(w * u)
        total = np.empty(len(u))
        total[by_value] = u * (2.0 * below - below[-1]) + moment[-1] - 2.0 * moment
    others = own.sum() - own
    result[active] = (total - others * mean) / sd
    return result / np.maximum(weight.sum() - weight, 1.0)
