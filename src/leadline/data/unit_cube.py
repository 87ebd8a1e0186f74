"""Hyperparameters as points of a cube, in which a surface is fitted.

Each hyperparameter is an *axis*. A number becomes its quantile in the distribution from which it
was to be drawn, in [0, 1], on a log scale where the space is; the values of an integer, or of a
grid, are the middles of equal cells. A choice becomes its position. A parameter that is inactive in
a trial, because another one switches it off, is missing (NaN).

`UnitCube.embed` maps points to Euclidean coordinates, in which distances make sense: two choices
are a distance of 1 apart, as are the ends of a range, and so nearly are active and inactive.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from leadline.data.columns import PARAM_PREFIX
from leadline.data.trials import likely_params
from leadline.errors import LeadlineError, join_values

Floats = npt.NDArray[np.float64]

_FEWEST_RATIO = 30.0
"""Positive values with a larger ratio of largest to smallest may have been searched by log."""

_MOST_CELLS = 64
"""With more possible values a parameter is as good as continuous."""

_INACTIVE = np.sqrt(0.75)
"""An inactive parameter stands this far off the middle of its axis: at 1 from both ends."""


@dataclass(frozen=True)
class Axis:
    """One hyperparameter.

    `low` and `high` are the ends of a number's range, of their logs if `log`. `cells` is the number
    of its possible values, 0 for a continuous one. `choices` are the names of the values of a
    categorical parameter, empty for a number. `declared` is True where the range is that of a
    distribution, and not that of the values seen. The values of a number are `integer` on a log
    axis too, which has no cells.
    """

    name: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    cells: int = 0
    choices: tuple[str, ...] = ()
    declared: bool = False
    integer: bool = False

    def to_unit(self, values: pd.Series) -> Floats:
        """Return the values as positions on the axis, NaN where missing."""
        if self.choices:
            position = {choice: index for index, choice in enumerate(self.choices)}
            return np.array(
                [np.nan if pd.isna(own) else position[_name(own)] for own in values.tolist()]
            )
        numbers = values.to_numpy(dtype=float)
        scaled = np.log(numbers) if self.log else numbers
        return np.clip((scaled - self.low) / (self.high - self.low), 0.0, 1.0)

    def from_unit(self, unit: npt.ArrayLike) -> list[Any]:
        """Return the values at positions on the axis."""
        positions = np.asarray(unit, dtype=float)
        if self.choices:
            return [None if np.isnan(own) else self.choices[int(own)] for own in positions]
        scaled = self.low + (self.high - self.low) * positions
        values = np.exp(scaled) if self.log else scaled
        # 512, and not 511.99999999999994.
        return [float(f"{own:.12g}") for own in values]

    def snap(self, unit: Floats) -> Floats:
        """Return the possible positions nearest to positions in [0, 1]."""
        if not self.cells:
            return unit
        cell = np.clip(np.floor(unit * self.cells), 0, self.cells - 1)
        return np.asarray((cell + 0.5) / self.cells, dtype=np.float64)


@dataclass(frozen=True)
class UnitCube:
    """The axes of a search space, `seen` points of it (trial, axis) among them."""

    axes: tuple[Axis, ...]
    seen: Floats

    @property
    def names(self) -> list[str]:
        """The names of the hyperparameters."""
        return [axis.name for axis in self.axes]

    def embed(self, points: Floats) -> tuple[Floats, npt.NDArray[np.intp]]:
        """Return Euclidean coordinates of points (point, axis), and the axis of each coordinate."""
        columns, owners = [], []
        for index, axis in enumerate(self.axes):
            own = points[:, index]
            if axis.choices:
                # A missing choice is one more choice.
                codes = np.where(np.isnan(own), len(axis.choices), own)
                levels = len(axis.choices) + bool(np.isnan(self.seen[:, index]).any())
                parts = [(codes == level) / np.sqrt(2.0) for level in range(levels)]
            else:
                parts = [np.where(np.isnan(own), 0.5, own)]
                if np.isnan(self.seen[:, index]).any():
                    parts.append(np.where(np.isnan(own), _INACTIVE, 0.0))
            columns += parts
            owners += [index] * len(parts)
        return np.stack(columns, axis=1).astype(np.float64), np.array(owners)

    def draw(self, count: int, generator: np.random.Generator) -> Floats:
        """Return random points (point, axis) of the space.

        Where parameters may be inactive, a point takes the choices and the inactive parameters of
        a random trial, since the rule that switches them off is not known.
        """
        points = np.empty((count, len(self.axes)))
        for index, axis in enumerate(self.axes):
            if axis.choices:
                points[:, index] = generator.integers(len(axis.choices), size=count)
            else:
                points[:, index] = axis.snap(generator.random(count))
        return self._with_pattern(points, self.seen[generator.integers(len(self.seen), size=count)])

    def near(self, centres: Floats, width: float, generator: np.random.Generator) -> Floats:
        """Return one point near each of the `centres` (point, axis).

        Each coordinate changes with probability one half, at least one in most points: a number
        by a normal step with the sd `width`, reflected at the ends, or by at least one cell; a
        choice with probability `width`, to a random one.
        """
        count, dims = centres.shape
        moved = generator.random((count, dims)) < max(0.5, 1.0 / dims)
        points = centres.copy()
        for index, axis in enumerate(self.axes):
            own = points[:, index]
            if axis.choices:
                other = generator.integers(len(axis.choices), size=count).astype(float)
                moves = moved[:, index] & (generator.random(count) < max(width, 0.1))
                points[:, index] = np.where(moves, other, own)
                continue
            step = generator.normal(0.0, width, size=count)
            cell = 1.0 / axis.cells if axis.cells else 0.0
            place = np.abs(own + np.sign(step) * np.maximum(np.abs(step), cell))
            place = axis.snap(np.clip(np.where(place > 1.0, 2.0 - place, place), 0.0, 1.0))
            points[:, index] = np.where(moved[:, index], place, own)
        return self._with_pattern(points, centres)

    def _with_pattern(self, points: Floats, like: Floats) -> Floats:
        """Return the points with the choices and inactive parameters of others, if any can be."""
        if not np.isnan(self.seen).any():
            return points
        kept = np.isnan(like)
        kept[:, [bool(axis.choices) for axis in self.axes]] = True
        # A parameter that is active there but was missing here gets the value there.
        return np.where(kept | np.isnan(points), like, points)


def unit_cube(
    table: pd.DataFrame,
    declared: Mapping[str, Sequence[object]] | None,
    source: str,
    notes: Iterable[str] = (),
) -> UnitCube:
    """Return the space of trials, one per row of `table` with `param:*` columns.

    `declared` are the distributions of the parameters, as `Trials.distributions`. Without one, a
    number ranges over the values seen, and a parameter that is no number has the choices seen. The
    scale of a number is logarithmic if the values are positive and each is the same multiple of the
    one before, or if they differ by a factor of 30 or more, and have a median that is nearer to the
    middle on that scale. `notes` are those of the trials.

    Raises `LeadlineError` if no parameter varies.
    """
    axes = []
    columns = [name for name in table.columns if name.startswith(PARAM_PREFIX)]
    for column in columns:
        name = column.removeprefix(PARAM_PREFIX)
        axis = _axis(name, table[column], tuple((declared or {}).get(name, ())))
        if axis is not None:
            axes.append(axis)
    if not axes:
        raise LeadlineError(
            f"{source}: a surface needs hyperparameters that vary, and "
            + (f"{join_values(columns)} do not" if columns else "none are known")
            + f"; name their columns, as in {likely_params(notes)}"
        )
    seen = [axis.to_unit(table[f"{PARAM_PREFIX}{axis.name}"]) for axis in axes]
    return UnitCube(tuple(axes), np.stack(seen, axis=1))


def _axis(name: str, values: pd.Series, declared: tuple[object, ...]) -> Axis | None:
    present = values.dropna()
    inactive = len(present) < len(values)
    kind, *arguments = declared or ("",)
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if kind == "categorical" or not numeric:
        names = dict.fromkeys(_name(own) for own in arguments) if kind == "categorical" else {}
        choices = tuple(names | dict.fromkeys(sorted({_name(own) for own in present.tolist()})))
        return Axis(name, choices=choices) if len(choices) > 1 or inactive else None
    if declared:
        low, high, *rest = (float(own) for own in arguments)  # type: ignore[arg-type]
        log, integer = "log" in str(kind), "integer" in str(kind)
        step = rest[0] if rest else float(integer)
        if step > 0:
            # Cells of equal width around the possible values, as Optuna draws them.
            low, high = low - step / 2, high + step / 2
        cells = round((high - low) / step) if step > 0 and not log else 0
    elif present.nunique() < 2:
        return Axis(name) if inactive else None
    else:
        low, high = float(present.min()), float(present.max())
        log, cells = _is_log(present.to_numpy(dtype=float)), 0
        integer = bool((present == present.round()).all())
        if integer:
            low, high = low - 0.5, high + 0.5
            cells = 0 if log else round(high - low)
    if log:
        low, high = float(np.log(low)), float(np.log(high))
    cells = cells if cells <= _MOST_CELLS else 0
    return Axis(name, low, high, log, cells, declared=bool(declared), integer=integer)


def _is_log(values: Floats) -> bool:
    """Return whether values look evenly drawn on a log scale, or double, as 64, 128, 256."""
    few = np.unique(values)
    if 2 < len(few) < _MOST_CELLS and few[0] > 0:
        ratios = few[1:] / few[:-1]
        if ratios[0] >= 2.0 and np.allclose(ratios, ratios[0]):
            return True
    low, middle, high = values.min(), np.median(values), values.max()
    if low <= 0 or high / low < _FEWEST_RATIO:
        return False
    even, log = (middle - low) / (high - low), np.log(middle / low) / np.log(high / low)
    return bool(abs(log - 0.5) < abs(even - 0.5))


def _name(value: object) -> str:
    """Return the name of a choice; 8 and 8.0 are one choice."""
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return f"{float(value):g}" if number else str(value)  # type: ignore[arg-type]
