"""Which column of a table holds what: named by the user, or called by its reserved word."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from leadline.data.columns import validate_numbers
from leadline.data.trials import PARAM_PREFIX
from leadline.errors import LeadlineError, closest, format_value, join_values

_WITHOUT_ARGUMENT = ("order", "drawn")
"""Columns that are used if they have this name, and that no argument can name."""

# Hyperparameters that stand beside a cost: those of support vector machines.
_COMPANIONS = frozenset({"gamma", "kernel", "degree", "coef0", "nu", "epsilon"})
_LEAST_RATIO = 30.0
"""A cost whose values have a smaller ratio of largest to smallest is no log-uniform draw."""
_LEAST_RUNS = 1e-3


def validate_arguments(named: Mapping[str, str | None], params: Sequence[str] | None) -> None:
    """Raise TypeError unless columns are named by strings."""
    for argument, value in named.items():
        if not isinstance(value, str) and (value is not None or argument == "score"):
            raise TypeError(
                f"{argument} must be the name of a column, got {format_value(value)}; write it as "
                f"a string, as in {argument}='{argument}'"
            )
    listed = params is None or isinstance(params, list | tuple)
    if not listed or not all(isinstance(name, str) for name in params or ()):
        raise TypeError(
            f"params must be a list of column names, got {format_value(params)}; write "
            "params=['lr']"
        )


def resolve_columns(
    named: Mapping[str, str | None], params: Sequence[str] | None, frame: pd.DataFrame, source: str
) -> dict[str, str]:
    """Return the column of the frame for each column of the table of trials."""
    existing = list(frame.columns)
    wanted = [(argument, name) for argument, name in named.items() if name is not None]
    for argument, column in [*wanted, *(("params", name) for name in params or ())]:
        if column not in existing:
            listed = [own.strip() for own in column.split(",")]
            if argument == "params" and len(listed) > 1 and set(listed) <= set(existing):
                raise LeadlineError(
                    f"{source}: no column {format_value(column)} for params; for several, "
                    f"write params={listed}"
                )
            hint = closest(column, existing) or _holder(column, frame)
            if argument == "budget" and _is_number(column):
                hint = (
                    " In `fit`, it names a column, such as that of the epoch; a number of trials "
                    f"is given to `compare`, as budget={column}."
                )
            raise LeadlineError(
                f"{source}: no column {format_value(column)} for {argument}.{hint} The columns are "
                f"{join_values(existing) or 'none'}"
            )
    columns: dict[str, str] = {}
    doubtful: list[str] = []
    looks_like_a_param = {"cost": _varies_like_a_draw, "model": _alternates}
    for column, name in {**named, **dict.fromkeys(_WITHOUT_ARGUMENT)}.items():
        if name is not None:
            columns[column] = name
        elif column in existing and column not in (*named.values(), *(params or ())):
            columns[column] = column
            if column in looks_like_a_param and looks_like_a_param[column](column, frame):
                doubtful.append(column)
    if doubtful:
        raise _ask_about(doubtful, source)
    for name in existing:
        free = name == named["score"] or name not in columns.values()
        if name.startswith(PARAM_PREFIX) and free:
            columns[name] = name
    for name in params or ():
        column = f"{PARAM_PREFIX}{name.removeprefix(PARAM_PREFIX)}"
        if columns.get(column, name) != name:
            raise LeadlineError(
                f"{source}: params=[{format_value(name)}] is given, but there is a column "
                f"{format_value(column)} too; leave one out"
            )
        columns[column] = name
    taken: dict[str, str] = {}
    for column, name in columns.items():
        if name in taken:
            raise LeadlineError(
                f"{source}: column {format_value(name)} is named both as {taken[name]} and as "
                f"{column}; name it once"
            )
        taken[name] = column
    return columns


def _holder(value: str, frame: pd.DataFrame) -> str:
    """Return " Did you mean ...?" if a column holds the name `value`, else ""."""
    if _is_number(value):
        return ""
    for column in frame.columns:
        # Parts of a name, or similar ones, are in columns that have nothing to do with it.
        if any(isinstance(cell, str) and cell == value for cell in frame[column]):
            return f" Did you mean the column {format_value(column)}, which holds {value!r}?"
    return ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _ask_about(columns: Sequence[str], source: str) -> LeadlineError:
    meaning = {"cost": "the cost of an evaluation", "model": "the model that was tuned"}
    verb = "looks like a hyperparameter" if len(columns) == 1 else "look like hyperparameters"
    others = " and ".join(f"{own}='{own}' ({meaning[own]})" for own in columns)
    return LeadlineError(
        f"{source}: {join_values(columns)} {verb}; name all hyperparameters, as in "
        f"params={list(columns)}, or write {others}"
    )


def _varies_like_a_draw(column: str, frame: pd.DataFrame) -> bool:
    """Return whether a cost stands beside hyperparameters of an SVM, or is log-uniform."""
    if _COMPANIONS & {str(name).casefold() for name in frame.columns}:
        return True
    try:
        values = validate_numbers(frame[column].reset_index(drop=True), column)
    except LeadlineError:
        return False
    values = np.sort(np.log(values[np.isfinite(values) & (values > 0)]))
    if len(values) < 20 or np.ptp(values) < np.log(_LEAST_RATIO):
        return False
    from scipy import stats

    unit = (values[1:-1] - values[0]) / np.ptp(values)
    return bool(stats.kstest(unit, "uniform").pvalue > 0.05)


def _alternates(column: str, frame: pd.DataFrame) -> bool:
    """Return whether names change from row to row as those of random draws do.

    The rows of several searches usually stand one search after the other, or in turn.
    """
    codes = pd.factorize(frame[column].map(repr))[0]
    shares = np.bincount(codes) / len(codes)
    n, chance = len(codes), float((shares**2).sum())  # of two equal names in a row
    if len(shares) < 2 or n < 20:
        return False
    from scipy import stats

    changes = int(np.count_nonzero(np.diff(codes)))
    few = stats.binom.cdf(changes, n - 1, 1 - chance)
    many = stats.binom.sf(changes - 1, n - 1, 1 - chance)
    return bool(min(few, many) > _LEAST_RUNS)
