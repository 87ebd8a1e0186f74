"""What hyperparameters were drawn from, as declared or inferred, and whether the values fit it.

Kolmogorov-Smirnov tests. Where the user declares no distribution, the range is that of the
values, so the ends fit themselves: given the smallest and the largest, the values between them are
still an independent sample of the same distribution between these ends, and only they are tested.
Which distribution it was is decided from the values too, so the p-value is that of the best
fitting one, which can only be too large.
"""

from collections.abc import Callable, Mapping
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

NUMERIC = ("uniform", "log-uniform", "integer", "log-integer")
KINDS = (*NUMERIC, "categorical")
FEWEST = 8
"""Values that a test needs at least; fewer can hardly contradict any distribution."""

_MOST_LEVELS = 100_000
_MOST_CHOICES = 50
_MULTINOMIALS = 999


@dataclass(frozen=True)
class Distribution:
    """What one hyperparameter was declared to be drawn from.

    Attributes
    ----------
    kind : {"uniform", "log-uniform", "integer", "log-integer", "categorical"}
        Integers are equally likely, or log-uniform before they were rounded.
    low, high : float
        Bounds, both possible.
    step : float
        Spacing of the possible values, 0 for a continuous parameter.
    choices : tuple
        The equally likely choices of a categorical one.
    """

    kind: str
    low: float = 0.0
    high: float = 0.0
    step: float = 0.0
    choices: tuple[object, ...] = ()


@dataclass(frozen=True)
class ShapeTest:
    """How well the values of one parameter fit a distribution.

    Attributes
    ----------
    distribution : str
        Which one; of several, that which fits best.
    statistic : float
        Kolmogorov-Smirnov distance, or chi-squared over degrees of freedom for choices.
    p_value : float
        Probability of a statistic as large or larger under random search.
    p_even : float
        Probability of one as small or smaller, tiny for a quasi-random design; NaN where there
        are too few values for the possible ones to tell.
    discrete : bool
        Whether the parameter has few possible values.
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

    Parameters
    ----------
    space : mapping of str to tuple, optional
        By the name of the parameter: ``("uniform", low, high)``, ``("log-uniform", low, high)``,
        ``("integer", low, high)``, ``("log-integer", low, high)``, each with a fourth entry
        where the values have a step, or ``("categorical", choice, choice, ...)``.
    params : list of str
        The `param:*` columns that there are.
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
    if (
        kind not in NUMERIC
        or len(numbers) != len(rest)
        or len(numbers) not in (2, 3)
        or not numbers[0] < numbers[1]
        or step < 0
        or ("log" in str(kind) and numbers[0] <= 0)
    ):
        raise LeadlineError(
            f"space: {format_value(name)} must be like ('uniform', 0.0, 0.9), ('log-uniform', 1e-5, 0.1), "
            "('integer', 1, 8), ('log-integer', 8, 256), with a step as a fourth entry where there "
            f"is one, or ('categorical', 'adam', 'sgd'), got {format_value(entry)}"
        )
    return Distribution(str(kind), numbers[0], numbers[1], step)


def shape_test(values: pd.Series, declared: Distribution | None = None) -> ShapeTest | None:
    """Return how the values fit the declared distribution, or the likeliest one.

    Parameters
    ----------
    values : pandas.Series
        Of one parameter, missing where it is inactive.
    declared : Distribution, optional
        Default: uniform, log-uniform, or equally likely levels, whichever fits best.

    Returns
    -------
    ShapeTest or None
        None when there are too few values, or too few different ones, to test.

    Raises
    ------
    LeadlineError
        If a value is outside the declared range.
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
    # Also the smallest of several p-values, so it is multiplied by their number.
    even = [test.p_even for test in found if not np.isnan(test.p_even)]
    p_even = min(1.0, len(even) * min(even)) if even else np.nan
    return ShapeTest(best.distribution, best.statistic, best.p_value, p_even, best.discrete)


def _declared(x: Floats, declared: Distribution, name: object) -> list[ShapeTest]:
    low, high, step = declared.low, declared.high, declared.step
    slack = 1e-5 * max(abs(low), abs(high))
    outside = (x < low - slack) | (x > high + slack)
    if outside.any():
        raise LeadlineError(
            f"space: {format_value(name)} is {x[outside][0]:g} in a trial, outside the declared range "
            f"{low:g} to {high:g}; declare the range that was searched"
        )
    if len(x) < FEWEST:
        return []
    x = np.clip(x, low, high)
    log = declared.kind.startswith("log")
    label = f"{declared.kind} on {low:g} to {high:g}"
    if not step > 0:
        return [_continuous(x, low, high, log, label)]
    # Tools differ in whether the end values get a whole share (Optuna) or, rounded from a draw
    # between the bounds, half of one.
    return [
        _levels(x, _grid(low, high, step), (low - half, high + half), log, label)
        for half in (step / 2, 0.0)
        if not (log and low - half <= 0)
    ]


def _inferred(x: Floats) -> list[ShapeTest]:
    levels, counts = np.unique(x, return_counts=True)
    if len(levels) < 2 or len(x) < FEWEST:
        return []
    step = _spacing(levels, len(x))
    low, high = float(levels[0]), float(levels[-1])
    scales = [False, True] if low > 0 else [False]
    names = {False: "uniform", True: "log-uniform"}
    inner = x[(x > low) & (x < high)]
    found = []
    if step is None:
        if len(inner) >= FEWEST:
            found += [_continuous(inner, low, high, log, names[log]) for log in scales]
    elif step > 0 and len(inner) >= FEWEST and high - low > 3.5 * step:
        grid = _grid(low + step, high - step, step)
        for log in scales:
            ends = (low + step / 2, high - step / 2)
            found.append(_levels(inner, grid, ends, log, f"{names[log]} in steps"))
        if scales[-1]:
            # Rounded down, not to the nearest.
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


def _scaled(log: bool) -> Callable[[Floats], Floats]:
    return np.log if log else np.asarray


def _continuous(x: Floats, low: float, high: float, log: bool, label: str) -> ShapeTest:
    scale = _scaled(log)
    start, end = scale(np.array([low, high]))
    distance = distance_to_uniform((scale(x) - start) / (end - start))
    p_value = float(stats.kstwo.sf(distance, len(x)))
    # The lower tail needs no digits beyond those that 1 - p_value keeps.
    return ShapeTest(label, distance, p_value, max(1.0 - p_value, 1e-12), False)


def _levels(x: Floats, grid: Floats, ends: tuple[float, float], log: bool, label: str) -> ShapeTest:
    """Test values on a grid whose cells meet halfway between its points, as drawn from `ends`."""
    step = grid[1] - grid[0] if len(grid) > 1 else 1.0
    # Rounded down, the cells start at the points: then `ends` begins with the first of them.
    offset = 0.0 if ends[0] == grid[0] and ends[1] > grid[-1] + 0.75 * step else -step / 2
    edges = np.clip(np.append(grid + offset, grid[-1] + offset + step), *ends)
    scale = _scaled(log)
    shares = np.diff(scale(edges)) / (scale(edges[-1:]) - scale(edges[:1]))
    cell = np.clip(np.round((x - grid[0]) / step).astype(np.int64), 0, len(grid) - 1)
    counts = np.bincount(cell, minlength=len(grid))
    distance = float(np.abs(np.cumsum(counts) / len(x) - np.cumsum(shares)).max())
    # The continuous null is conservative for a step function.
    p_value = float(stats.kstwo.sf(distance, len(x)))
    p_even = np.nan
    if len(grid) > 2 and len(x) * shares.min() >= 1.0:
        p_even = _chi_squared(counts, shares)[2]
    return ShapeTest(label, distance, p_value, p_even, True)


def _choices(present: pd.Series, choices: tuple[object, ...] | None) -> ShapeTest | None:
    """Test names against equal shares of the declared choices, or of those that are seen."""
    seen = [_name(value) for value in present.tolist()]
    names = sorted(set(seen)) if choices is None else [_name(choice) for choice in choices]
    unknown = [
        value for value, name in zip(present.tolist(), seen, strict=True) if name not in names
    ]
    if unknown:
        raise LeadlineError(
            f"space: {format_value(present.name)} is {format_value(unknown[0])} in a trial, not among "
            f"{join_values(choices or ())}; declare all choices"
        )
    if len(seen) < FEWEST or not 2 <= len(names) <= _MOST_CHOICES:
        return None
    counts = np.array([seen.count(name) for name in names])
    return _equal_shares(counts, "equally likely choices")


def _name(value: object) -> str:
    """Return what a choice is known by: lists are choices, and 8 and 8.0 are the same one."""
    number = isinstance(value, Real) and not isinstance(value, bool)
    return repr(float(value)) if number else repr(value)  # type: ignore[arg-type]


def _equal_shares(counts: npt.NDArray[np.int64], label: str) -> ShapeTest:
    shares = np.full(len(counts), 1.0 / len(counts))
    statistic, p_value, p_even = _chi_squared(counts, shares)
    return ShapeTest(label, statistic / (len(counts) - 1), p_value, p_even, True)


def _chi_squared(counts: npt.NDArray[np.int64], shares: Floats) -> tuple[float, float, float]:
    """Return chi-squared and the probabilities of a larger and of a smaller one.

    Against draws, since the asymptotic law is wrong for the few trials of a choice.
    """
    n = int(counts.sum())
    null_counts = np.random.default_rng(0).multinomial(n, shares, size=_MULTINOMIALS)
    expected = n * shares
    null = ((null_counts - expected) ** 2 / expected).sum(axis=1)
    observed = float(((counts - expected) ** 2 / expected).sum())
    # Not extrapolated: chi-squared ends at 0, and no curve is good there.
    p_even = (1 + np.sum(null <= observed)) / (_MULTINOMIALS + 1)
    return observed, lower_tail(-observed, -null), float(p_even)
