"""Did earlier trials steer later ones? Permutation tests of the order of a search's trials.

The rows of a random search are exchangeable, whatever was drawn from which distribution and
whatever the scores are: any order of them was as likely as the one that happened. A search that
learns breaks that: its trials come to resemble each other, their neighbours in time and the best
ones. So each statistic here is compared with its values over random orders of the same rows, which
is an exact test of random search that needs to know nothing of the search space.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

Floats = npt.NDArray[np.float64]

_ORDERS = 999
_CELLS = 4_000_000
"""Orders times trials, at most; it bounds the memory and time of long searches."""
_LAGS = 10
_SMALLEST_P = 1e-9
_EXTRAPOLATE = 20
"""A tail with fewer null draws than this is read off a fitted curve."""


@dataclass(frozen=True)
class OrderEvidence:
    """What the order of the trials says.

    Attributes
    ----------
    combined : tuple of float
        Statistic, in standard deviations over random orders, and p-value of all signs together.
    parameters : tuple of float
        The same without the trend of the scores, which may have other reasons than a sampler.
    signs : dict
        The same for each sign. Negative statistics are those of a search that learns.
    drift : dict
        The same for each parameter, by its column.
    """

    combined: tuple[float, float]
    parameters: tuple[float, float]
    signs: dict[str, tuple[float, float]]
    drift: dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Coordinate:
    """One parameter on a scale on which distances make sense: (trial,), NaN where inactive."""

    values: Floats
    categorical: bool

    @property
    def active(self) -> npt.NDArray[np.bool_]:
        """Which trials have the parameter."""
        return ~np.isnan(self.values)


def is_categorical(values: pd.Series) -> bool:
    """Return whether a parameter has names or truth values rather than numbers."""
    return bool(pd.api.types.is_bool_dtype(values)) or not pd.api.types.is_numeric_dtype(values)


def coordinate(values: pd.Series) -> Coordinate:
    """Return the parameter as codes, or in [0, 1] on the linear or the log scale.

    The scale is the one on which the values are closer to uniform; which it is does not depend
    on the order of the trials, so the tests stay exact.
    """
    if is_categorical(values):
        codes = pd.factorize(values.map(repr, na_action="ignore"))[0].astype(np.float64)
        return Coordinate(np.where(codes < 0, np.nan, codes), True)
    raw = values.to_numpy(np.float64, na_value=np.nan)
    raw = np.where(np.isfinite(raw), raw, np.nan)
    active = ~np.isnan(raw)
    scales = [raw]
    if active.any() and np.nanmin(raw) > 0:
        scales.append(np.log(raw))
    best, distance = np.where(active, 0.0, np.nan), np.inf
    for scale in scales:
        low, high = (np.nanmin(scale), np.nanmax(scale)) if active.any() else (0.0, 0.0)
        if not high > low or not np.isfinite(high - low):
            continue
        unit = (scale - low) / (high - low)
        found = distance_to_uniform(unit[active])
        if found < distance:
            best, distance = unit, found
    return Coordinate(best, False)


def distance_to_uniform(unit: Floats) -> float:
    """Return the Kolmogorov-Smirnov distance of values in [0, 1] from the uniform distribution."""
    # scipy.stats.kstest is the same and fifty times slower.
    ordered = np.sort(unit)
    steps = np.arange(len(unit) + 1) / len(unit)
    return float(max((steps[1:] - ordered).max(), (ordered - steps[:-1]).max()))


def order_evidence(
    coordinates: dict[str, Coordinate], loss_rank: Floats, random_seed: int = 0
) -> OrderEvidence:
    """Return the signs, in the order of the trials, that earlier trials steered later ones.

    Parameters
    ----------
    coordinates : dict of Coordinate
        The parameters, trials in the order in which they were drawn.
    loss_rank : array, (trial,)
        Rank of the scores, best first, ties averaged; trials without a score share the last.
    random_seed : int
        Of the random orders.

    Notes
    -----
    The signs are: trials resemble those up to ten before them (a Mantel test of distance in
    space against distance in time); late trials are closer to all others; late trials are closer
    to the best tenth; scores improve. Distances are absolute differences, or 0 and 1 for names,
    standardised for each parameter over the pairs of trials that both have it, and summed. Late
    is meant in the logarithm of the order, since most samplers learn fast at first. The signs add
    up to one statistic: each catches some samplers only, and random searches show none. Far out
    in the tail the p-value is that of a Pearson type III distribution with the moments of the
    null draws, which is usual for Mantel tests.
    """
    n = len(loss_rank)
    rng = np.random.default_rng(random_seed)
    draws = int(np.clip(_CELLS // n, 199, _ORDERS))
    orders = np.stack([np.arange(n), *(rng.permutation(n) for _ in range(draws))])
    late = np.log(np.arange(n) + 5.0)
    late = (late - late.mean()) / late.std()
    worst_elite = np.sort(loss_rank)[max(3, int(np.ceil(0.1 * n))) - 1]
    # Every trial that ties with the last of the best: a choice among them by order would make
    # the rows unexchangeable.
    elite = (loss_rank <= worst_elite).astype(np.float64)

    alike, crowd, approach = (np.zeros(draws + 1) for _ in range(3))
    drift = {}
    for name, place in coordinates.items():
        mean, sd = _pair_moments(place)
        if not sd > 0:
            continue
        own_alike = _distance_in_time(place, orders, mean, sd)
        to_all = _distance_to(place, np.ones(n), mean, sd)
        own_crowd = to_all[orders] @ late
        alike += own_alike
        crowd += own_crowd
        approach += _distance_to(place, elite, mean, sd)[orders] @ late
        drift[name] = _observed(_standardised(own_alike) + _standardised(own_crowd))
    signs = {
        "successive trials alike": alike,
        "late trials crowd together": crowd,
        "late trials near the best": approach,
        "scores improve": loss_rank[orders] @ late,
    }
    parts = [_standardised(null) for null in signs.values()]
    return OrderEvidence(
        combined=_observed(np.sum(parts, axis=0)),
        parameters=_observed(np.sum(parts[:-1], axis=0)),
        signs={name: _observed(null) for name, null in signs.items()},
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
    # Further out the fitted curve means nothing; it may even end.
    return float(max(tail, _SMALLEST_P))


def blocks_chance(values: Sequence[object] | Floats) -> float:
    """Return how likely a random order is to be as sorted as these values are.

    1 unless numbers only rise or only fall, or equal names all stand together. A table that was
    sorted, or a nested loop, has lost the order in which a sampler drew.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind == "f":
        steps = np.diff(values)
        if not ((steps >= 0).all() or (steps <= 0).all()):
            return 1.0
        counts = np.unique(values, return_counts=True)[1]
        log_orders = np.log(2.0)
    else:
        codes = pd.factorize(np.asarray(values, dtype=object))[0]
        counts = np.bincount(codes)
        if np.count_nonzero(np.diff(codes)) != len(counts) - 1:
            return 1.0
        log_orders = _log_factorial(len(counts))
    if len(counts) < 2:
        return 1.0
    chance = log_orders + _log_factorial(counts).sum() - _log_factorial(counts.sum())
    return float(np.exp(min(0.0, chance)))


def _log_factorial(count: npt.ArrayLike) -> Floats:
    from scipy.special import gammaln

    return gammaln(np.asarray(count, dtype=np.float64) + 1.0)


def _standardised(null: Floats) -> Floats:
    sd = null.std()
    return (null - null.mean()) / sd if sd > 0 else np.zeros_like(null)


def _observed(null: Floats) -> tuple[float, float]:
    """Return the statistic of the true order, which comes first, and its p-value."""
    return float(_standardised(null)[0]), lower_tail(float(null[0]), null[1:])


def _pair_moments(place: Coordinate) -> tuple[float, float]:
    """Return mean and sd of the distance over all pairs of trials that have the parameter."""
    values = place.values[place.active]
    k = len(values)
    if k < 2:
        return 0.0, 0.0
    if place.categorical:
        counts = np.unique(values, return_counts=True)[1]
        mean = 1.0 - float((counts * (counts - 1)).sum()) / (k * (k - 1))
        return mean, float(np.sqrt(mean * (1.0 - mean)))
    weights = 2.0 * np.arange(1, k + 1) - k - 1
    mean = 2.0 * float(weights @ np.sort(values)) / (k * (k - 1))
    return mean, float(np.sqrt(max(0.0, 2.0 * values.var(ddof=1) - mean**2)))


def _distance_in_time(
    place: Coordinate, orders: npt.NDArray[np.int64], mean: float, sd: float
) -> Floats:
    """Return for each order the standardised distance of trials few places apart."""
    # Single precision halves the time.
    moved = place.values.astype(np.float32)[orders]
    inactive = np.isnan(moved).any()
    total = np.zeros(len(orders))
    n = moved.shape[1]
    for lag in range(1, min(_LAGS, n // 3) + 1):
        gap = moved[:, lag:] - moved[:, :-lag]
        distance = (gap != 0).astype(np.float32) if place.categorical else np.abs(gap)
        if inactive:
            # Neither near nor far: which trials have the parameter is another parameter's say.
            distance[np.isnan(gap)] = mean
        total += (distance.mean(axis=1, dtype=np.float64) - mean) / sd / np.sqrt(lag)
    return total


def _distance_to(place: Coordinate, weight: Floats, mean: float, sd: float) -> Floats:
    """Return each trial's mean standardised distance to the others that have weight 1."""
    n = len(weight)
    result = np.zeros(n)
    active = place.active
    values, own = place.values[active], weight[active]
    if place.categorical:
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
