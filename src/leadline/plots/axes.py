"""Limits of axes, and logarithmic axes with ticks at powers of ten."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from leadline.plots.backends import backend_module


def limits(*numbers: Any, margin: float = 0.05) -> tuple[float, float]:
    """Return the ends of an axis that holds all finite numbers and a margin.

    Only matplotlib's automatic limits include lines across a panel.
    """
    values = np.concatenate([np.ravel(np.asarray(number, dtype=float)) for number in numbers])
    low, high = np.nanmin(values), np.nanmax(values)
    room = margin * (high - low) or margin * abs(high) or 1.0
    return float(low - room), float(high + room)


def decades(low: float, high: float) -> list[float]:
    """Return the powers of ten from low to high."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    return [10.0**power for power in range(first, last + 1)]


def set_log_x(target: Any, backend: str, ends: tuple[float, float], labels: Sequence[str]) -> None:
    """Make a horizontal axis logarithmic, with labelled ticks at the powers of ten.

    Parameters
    ----------
    target : object
        A panel; on bokeh, made with ``log_x=True``.
    backend : str
        ArviZ's name of the plotting library.
    ends : (float, float)
        The smallest and the largest number on the axis.
    labels : sequence of str
        One per power of ten, see `decades`.
    """
    module = backend_module(backend)
    module.xscale(target, "log")
    if backend == "plotly":
        target.update_xaxes(type="log")
        module.xlim((math.log10(ends[0]), math.log10(ends[1])), target)
        labels = [label.replace("\n", "<br>") for label in labels]
    else:
        module.xlim(ends, target)
    module.xticks(decades(*ends), list(labels), target)
