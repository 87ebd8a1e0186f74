"""Tests of hyperparameters against the distributions that were declared or inferred.

Numbers get Kolmogorov-Smirnov tests. Without a declared distribution the range is that of the
values. Given the smallest and the largest value, those between them are still an independent sample
of the same distribution between these ends, and only they are tested. The distribution itself is
inferred from the values too: the p-value is that of the best fit, which can only be too large.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from leadline.data.trials import PARAM_PREFIX
from leadline.errors import LeadlineError, closest, format_value, join_values
from leadline.search_audit.order_evidence import distance_to_uniform, is_categorical, lower_tail

Floats = npt.NDArray[np.float64]

_NUMERIC = ("uniform", "log-uniform", "integer", "log-integer")
_FEWEST = 8
"""Smallest number of values for a test; fewer can hardly contradict any distribution."""

_MOST_LEVELS = 100_000
_MOST_CHOICES = 50
_SMALLEST_P = 1e-12
_SPACING_SD = 0.17
"""Standard deviation of the mean share of `even_spacing`, times the root of the number of shares;
simulated, 0.166 to 0.169 for 10 to 400 values."""

_MULTINOMIALS, _FEWEST_MULTINOMIALS = 9999, 999
_MOST_COUNTS = 400_000
"""Largest number of simulated counts, which bounds the time of parameters with many levels."""


@dataclass(frozen=True)
class Distribution:
    """The declared distribution of one hyperparameter.

    `kind` is one of `_NUMERIC` or "categorical"; integers are equally likely, or log-uniform before
    rounding. Both bounds are possible. `step` is the spacing of the possible values, 0 for a
    continuous parameter. `choices` are the equally likely ones of a categorical parameter.
    """

    kind: str
    low: float = 0.0
    high: float = 0.0
    step: float = 0.0
    choices: tuple[object, ...] = ()


@dataclass(frozen=True)
class ShapeTest:
    """Test of the values of one parameter against a distribution.

    `distribution` describes the distribution; of several, the one that fits best. `statistic` is
    the Kolmogorov-Smirnov distance, or chi-squared over degrees of freedom for choices. `p_value`
    and `p_even` are the probabilities of a statistic as large or larger, and as small or smaller,
    under random search. A tiny `p_even` means a quasi-random design; it is NaN where the values are
    too few for the number of possible ones. `discrete` means few possible values.
    """

    distribution: str
    statistic: float
    p_value: float
    p_even: float
    discrete: bool


def validate_space(
    space: Mapping[str, tuple[object, ...]] | None, params: list[str]
) -> dict[str, Distribution]:
    """Return the declared distributions by column, else raise `LeadlineError`.

    `check_random_search` documents the entries of `space`; `params` are the `param:*` columns.
    """
    columns = {}
    for name, entry in (space or {}).items():
        column = name if name in params else f"{PARAM_PREFIX}{name}"
        if column not in params:
            known = [param.removeprefix(PARAM_PREFIX) for param in params]
            raise LeadlineError(
                f"space: no hyperparameter {format_value(name)} in the trials; there are "
                f"{join_values(known)}.{closest(str(name), known)}"
            )
        columns[column] = _validate_distribution(name, entry)
    return columns


def _validate_distribution(name: str, entry: object) -> Distribution:
    kind = entry[0] if isinstance(entry, tuple | list) and entry else None
    rest = list(entry[1:]) if isinstance(entry, tuple | list) else []
    if kind == "categorical" and len(rest) > 1:
        return Distribution("categorical", choices=tuple(rest))
    numbers = [float(x) for x in rest if isinstance(x, Real) and np.isfinite(float(x))]
    step = numbers[2] if len(numbers) == 3 else float("integer" in str(kind))
    complete = len(numbers) == len(rest) and len(numbers) in (2, 3)
    ordered = complete and numbers[0] < numbers[1] and step >= 0
    if kind not in _NUMERIC or not ordered or ("log" in str(kind) and numbers[0] <= 0):
        raise LeadlineError(
            f"space: {format_value(name)} must be like ('uniform', 0.0, 0.9), ('log-uniform', "
            "1e-5, 0.1), ('integer', 1, 8), ('log-integer', 8, 256), with a step as a fourth entry "
            f"where there is one, or ('categorical', 'adam', 'sgd'), got {format_value(entry)}"
        )
    return Distribution(str(kind), numbers[0], numbers[1], step)


def shape_test(values: pd.Series, declared: Distribution | None = None) -> ShapeTest | None:
    """Return the test of the values against the declared distribution, or the best fitting one.

    Values are missing where the parameter is inactive. The best fitting one is uniform,
    log-uniform, or has equally likely levels. The result is None when values, or different values,
    are too few. Raises `LeadlineError` if a value is outside the declared range.
    """
    present = values.dropna()
    if declared is not None and declared.kind == "categorical":
        return _choices(present, declared.choices)
    if is_categorical(values):
        return _choices(present, None) if declared is None else None
    x = present.to_numpy(np.float64)
    x = x[np.isfinite(x)]
    found = _inferred(x) if declared is None else _declared(x, declared, values.name)
    if not found:
        return None
    best = max(found, key=lambda test: test.p_value)
    # Bonferroni: this is the smallest of several p-values.
    even = [test.p_even for test in found if not np.isnan(test.p_even)]
    p_even = min(1.0, len(even) * min(even)) if even else np.nan
    return ShapeTest(best.distribution, best.statistic, best.p_value, p_even, best.discrete)


def _declared(x: Floats, declared: Distribution, name: object) -> list[ShapeTest]:
    low, high, step = declared.low, declared.high, declared.step
    slack = 1e-5 * max(abs(low), abs(high))
    outside = (x < low - slack) | (x > high + slack)
    if outside.any():
        raise LeadlineError(
            f"space: {format_value(name)} is {x[outside][0]:g} in a trial, outside the declared "
            f"range {low:g} to {high:g}; declare the range that was searched"
        )
    if len(x) < _FEWEST:
        return []
    x = np.clip(x, low, high)
    log = declared.kind.startswith("log")
    label = f"{declared.kind} on {low:g} to {high:g}"
    if not step > 0:
        return [_continuous(x, low, high, log, label)]
    # The end values have a whole share in some tools (Optuna). In others draws between the bounds
    # are rounded, which leaves them half a share.
    return [
        _levels(x, _grid(low, high, step), (low - half, high + half), log, label)
        for half in (step / 2, 0.0)
        if not (log and low - half <= 0)
    ]


def _inferred(x: Floats) -> list[ShapeTest]:
    levels, counts = np.unique(x, return_counts=True)
    if len(levels) < 2 or len(x) < _FEWEST:
        return []
    step = _spacing(levels, len(x))
    low, high = float(levels[0]), float(levels[-1])
    names = {False: "uniform", True: "log-uniform"} if low > 0 else {False: "uniform"}
    inner = x[(x > low) & (x < high)]
    found = []
    if step is None:
        if len(inner) >= _FEWEST:
            found += [_continuous(inner, low, high, log, name) for log, name in names.items()]
    elif step > 0 and len(inner) >= _FEWEST and high - low > 3.5 * step:
        grid = _grid(low + step, high - step, step)
        ends = (low + step / 2, high - step / 2)
        found += [_levels(inner, grid, ends, log, f"{names[log]} in steps") for log in names]
        if True in names:
            # Rounded down instead of to the nearest.
            ends = (low + step, high)
            found.append(_levels(inner, grid, ends, True, "log-uniform rounded down"))
    if step is not None and len(levels) <= min(_MOST_CHOICES, len(x) / 4):
        found.append(_equal_shares(counts, "equally likely values"))
    return found


def _spacing(levels: Floats, n: int) -> float | None:
    """Return the step of the values, 0 when they are few without one, None when continuous."""
    gaps = np.diff(levels)
    integers = bool((levels == np.round(levels)).all()) and np.abs(levels).max() < 2**53
    if integers:
        step = float(np.gcd.reduce(gaps.astype(np.int64)))
    elif len(levels) <= n / 2:
        step = float(gaps.min())
        multiples = gaps / step
        if np.abs(multiples - np.round(multiples)).max() > 1e-3:
            return 0.0
    else:
        return None
    return step if (levels[-1] - levels[0]) / step <= _MOST_LEVELS else None


def _grid(low: float, high: float, step: float) -> Floats:
    return np.asarray(low + step * np.arange(round((high - low) / step) + 1), dtype=np.float64)


def _continuous(x: Floats, low: float, high: float, log: bool, label: str) -> ShapeTest:
    scale = np.log if log else np.asarray
    start, end = scale(low), scale(high)
    distance = distance_to_uniform((scale(x) - start) / (end - start))
    p_value = float(stats.kstwo.sf(distance, len(x)))
    # The lower tail needs no more digits than 1 - p_value has.
    p_even = min(1.0, 2.0 * min(1.0 - p_value, even_spacing(x)))
    return ShapeTest(label, distance, p_value, max(p_even, _SMALLEST_P), False)


def even_spacing(x: Floats) -> float:
    """Return P(gaps between neighbouring values as equal as these), whatever the distribution.

    Under random search from a smooth density, two adjacent gaps have the same exponential
    distribution, and the share of the first in both is uniform in (0, 1). In a stratified sample
    the shares gather around one half, whatever its density. The result is 1 for values on a grid,
    whose gaps are equal by rounding.
    """
    gaps = np.diff(np.unique(x))
    if len(gaps) < _FEWEST:
        return 1.0
    multiples = gaps / gaps.min()
    if np.abs(multiples - np.round(multiples)).max() < 1e-3:
        return 1.0
    shares = gaps[1:] / (gaps[1:] + gaps[:-1])
    mean = float(np.abs(shares - 0.5).mean())
    return float(stats.norm.cdf((mean - 0.25) * np.sqrt(len(shares)) / _SPACING_SD))


def _levels(x: Floats, grid: Floats, ends: tuple[float, float], log: bool, label: str) -> ShapeTest:
    """Test values on a grid against a rounded draw from the interval `ends`.

    Bins meet halfway between the grid points, or start at them when draws were rounded down: then
    `ends` starts with the first grid point.
    """
    bin_width = grid[1] - grid[0] if len(grid) > 1 else 1.0
    rounded_down = ends[0] == grid[0] and ends[1] > grid[-1] + 0.75 * bin_width
    edges = np.append(grid, grid[-1] + bin_width) - (0.0 if rounded_down else bin_width / 2)
    scaled = (np.log if log else np.asarray)(np.clip(edges, *ends))
    shares = np.diff(scaled) / (scaled[-1] - scaled[0])
    index = np.clip(np.round((x - grid[0]) / bin_width).astype(np.int64), 0, len(grid) - 1)
    counts = np.bincount(index, minlength=len(grid))
    distance = float(np.abs(np.cumsum(counts) / len(x) - np.cumsum(shares)).max())
    # The continuous null distribution is conservative for a step function.
    p_value = float(stats.kstwo.sf(distance, len(x)))
    p_even = np.nan
    if len(grid) > 2 and len(x) * shares.min() >= 1.0:
        p_even = _chi_squared(counts, shares)[2]
    return ShapeTest(label, distance, p_value, p_even, True)


def _choices(present: pd.Series, choices: tuple[object, ...] | None) -> ShapeTest | None:
    """Test names against equal shares of the declared choices, or of the observed ones."""
    values = present.tolist()
    seen = [_name(value) for value in values]
    names = sorted(set(seen)) if choices is None else [_name(choice) for choice in choices]
    unknown = [value for value, name in zip(values, seen, strict=True) if name not in names]
    if unknown:
        raise LeadlineError(
            f"space: {format_value(present.name)} is {format_value(unknown[0])} in a trial, not "
            f"among {join_values(choices or ())}; declare all choices"
        )
    if len(seen) < _FEWEST or not 2 <= len(names) <= _MOST_CHOICES:
        return None
    counts = np.array([seen.count(name) for name in names])
    return _equal_shares(counts, "equally likely choices")


def _name(value: object) -> str:
    """Return the identity of a choice: lists are choices, and 8 and 8.0 are one choice."""
    number = isinstance(value, Real) and not isinstance(value, bool)
    return repr(float(value)) if number else repr(value)  # type: ignore[arg-type]


def _equal_shares(counts: npt.NDArray[np.int64], label: str) -> ShapeTest:
    shares = np.full(len(counts), 1.0 / len(counts))
    statistic, p_value, p_even = _chi_squared(counts, shares)
    return ShapeTest(label, statistic / (len(counts) - 1), p_value, p_even, True)


@functools.lru_cache(maxsize=8)
def _null_chi_squared(n: int, shares: tuple[float, ...], size: int) -> Floats:
    """Return simulated values of chi-squared; many hyperparameters have as many trials."""
    expected = n * np.array(shares)
    counts = np.random.default_rng(0).multinomial(n, shares, size=size)
    return ((counts - expected) ** 2 / expected).sum(axis=1)


def _chi_squared(counts: npt.NDArray[np.int64], shares: Floats) -> tuple[float, float, float]:
    """Return chi-squared and the probabilities of a larger and of a smaller one.

    From simulated counts: the asymptotic distribution is wrong for few trials per choice.
    """
    n = int(counts.sum())
    size = int(np.clip(_MOST_COUNTS // len(shares), _FEWEST_MULTINOMIALS, _MULTINOMIALS))
    null = _null_chi_squared(n, tuple(shares), size)
    expected = n * shares
    observed = float(((counts - expected) ** 2 / expected).sum())
    # Not extrapolated: chi-squared ends at 0, where no fitted curve is reliable.
    p_even = (1 + np.sum(null <= observed)) / (size + 1)
    return observed, lower_tail(-observed, -null), float(p_even)
