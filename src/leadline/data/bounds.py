"""Bounds of a score, which its optimum cannot leave: given, or known by the name of the metric.

An accuracy is between 0 and 1, or between 0 and 100 in percent. Near such a bound, the law of
arXiv:2510.02721 with noise would put the optimum beyond it.
"""

from collections.abc import Sequence
from numbers import Real

import numpy as np

from leadline.data.metric_names import DERIVED, KNOWN, Bounds, named, words_of
from leadline.data.trials import Trials
from leadline.errors import LeadlineError, format_value

NO_BOUNDS: Bounds = (-np.inf, np.inf)


def bounds_of(bounds: object, trials: Trials) -> tuple[Bounds, str]:
    """Return the bounds of the scores of `trials`, in score units, and the reason for them.

    `bounds` are those of `leadline.fit`. `LeadlineError` is raised if they are not valid or a score
    is outside them.
    """
    scores = np.concatenate([trials.table["score"], trials.reports["score"]]).astype(float)
    scores = scores[np.isfinite(scores)]
    if isinstance(bounds, str) and bounds == "auto":
        return known_bounds(trials.metric, scores)
    low, high = given = _validated(bounds)
    outside = scores[(scores < low) | (scores > high)]
    if outside.size:
        fits = [
            f"; {own[0]:g} to {own[1]:g} would hold all"
            for own in ((0.0, 1.0), (0.0, 100.0))
            if ((scores >= own[0]) & (scores <= own[1])).all()
        ]
        raise LeadlineError(
            f"{trials.source}: bounds={_listed(given)}, but {outside.size} of {scores.size} scores "
            f"are outside, {outside[0]:g} for one{''.join(fits[:1])}"
        )
    return given, "asked for"


def known_bounds(metric: str, scores: np.ndarray) -> tuple[Bounds, str]:
    """Return the bounds of a metric by its name, if all scores are inside, and the reason."""
    words = words_of(metric)
    if not DERIVED.intersection(words):
        for names, choices in KNOWN:
            found = named(words, names)
            for low, high in choices if found else ():
                if ((scores >= low) & (scores <= high)).all():
                    return (low, high), f"bounds of {found[0]}"
    return NO_BOUNDS, "none known"


def describe_bounds(bounds: Bounds) -> str:
    """Return the bounds in words, such as "between 0 and 1"."""
    low, high = bounds
    if np.isinf(high):
        return f"at least {low:g}"
    return f"at most {high:g}" if np.isinf(low) else f"between {low:g} and {high:g}"


def _validated(bounds: object) -> Bounds:
    pair = (None, None) if bounds is None else bounds
    if (
        not isinstance(pair, Sequence | np.ndarray)
        or isinstance(pair, str)
        or len(pair) != 2
        or not all(own is None or _is_number(own) for own in pair)
    ):
        raise LeadlineError(
            "bounds must be the lowest and the highest possible score, as in bounds=[0, 1], each "
            f"None if there is none; got {format_value(bounds)}"
        )
    first, last = pair
    low = -np.inf if first is None else float(first)
    high = np.inf if last is None else float(last)
    if low >= high:
        raise LeadlineError(
            "bounds must be the lowest and then the highest possible score, "
            f"got {_listed((low, high))}"
        )
    return low, high


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and value == value


def _listed(bounds: Bounds) -> str:
    return "[" + ", ".join("none" if np.isinf(own) else f"{own:g}" for own in bounds) + "]"
