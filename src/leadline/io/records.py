"""`Evaluation`, what every tracker records of one run, and `collect`, which makes `Trials` of many.

What is the same for all sources is decided here: which evaluations are replicates of one trial,
which parameters were searched at all, and what the user is told about it.
"""

import dataclasses
import json
import logging
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

from leadline.data.columns import validate_param
from leadline.data.trials import PARAM_PREFIX, Trials, validate_any_complete
from leadline.errors import LeadlineError, closest, format_value, join_values
from leadline.io.replicates import trial_numbers

_log = logging.getLogger(__name__)

Space = Mapping[str, tuple[object, ...]]

_NONE = "(None)"
"""The choice None, as text: in a table an empty cell means that a parameter is inactive."""
_LONGEST_TEXT = 500
_MOST_NAMED = 8


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """One evaluation as a tracker recorded it.

    Attributes
    ----------
    trial : int or str
        What the tracker calls it.
    score : float or None
        In the user's units; not used unless the status is complete.
    status : str
        One of `leadline.data.columns.STATUS_WORDS`.
    params : mapping
        Hyperparameters by name; nested ones are flattened, with a point between the names.
    attributes : mapping
        What else was recorded by name, where a seed may be.
    cost, order, budget : float or None
        Seconds, place in time, units of training.
    """

    trial: int | str
    score: float | None
    status: str
    params: Mapping[str, Any]
    attributes: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    cost: float | None = None
    order: float | None = None
    budget: float | None = None


def collect(
    evaluations: Sequence[Evaluation],
    *,
    source: str,
    task: str,
    metric: str,
    direction: str,
    replicate: str | None = None,
    random_start: int | None = None,
    sampler: str | None = None,
    distributions: Space | None = None,
    notes: Sequence[str] = (),
) -> Trials:
    """Return the evaluations as one search.

    Parameters
    ----------
    evaluations : sequence of Evaluation
        All of them, whatever their status.
    source, task, metric, direction, sampler, distributions, notes
        As in `Trials`.
    replicate : str, optional
        Parameter or attribute that tells the replicates of a configuration apart, such as
        "seed". Without it, evaluations with the same parameters are replicates where chance
        cannot have drawn them twice.
    random_start : int, optional
        Keep the first so many evaluations only.

    Raises
    ------
    LeadlineError
        If there is nothing to collect, or an argument does not fit.
    """
    if not evaluations:
        raise LeadlineError(f"{source}: there are no trials; run some, or name another source")
    told = list(notes)
    if random_start is not None:
        evaluations, note = _start(evaluations, random_start, source)
        told.append(note)
        sampler = "random start"
    params = [flat(evaluation.params) for evaluation in evaluations]
    seeds = None
    if replicate is not None:
        seeds = _seeds(evaluations, params, replicate, source)
        for own in params:
            own.pop(replicate, None)
    columns, constant = _searched(params)
    if constant:
        few = ", ".join(constant[:_MOST_NAMED])
        more = f" and {len(constant) - _MOST_NAMED} more" * (len(constant) > _MOST_NAMED)
        told.append(f"never varied, so not counted as hyperparameters: {few}{more}")
    searched: dict[str, pd.Series] = {}
    for name, values in columns.items():
        column = f"{PARAM_PREFIX}{dotted(name)}"
        while column in searched:  # "a/b" beside "a.b"
            column += "_"
        searched[column] = validate_param(pd.Series(values, dtype=object))
    cells = [column.tolist() for column in searched.values()]
    trial, number, replicates_note = trial_numbers(evaluations, cells, seeds, source)
    told += replicates_note
    table = pd.DataFrame({"trial": trial, "replicate": number})
    table["score"] = _floats([evaluation.score for evaluation in evaluations])
    table["status"] = [evaluation.status for evaluation in evaluations]
    table["task"] = _name(task)
    for column in ("cost", "order", "budget"):
        known = _floats([getattr(evaluation, column) for evaluation in evaluations])
        if np.isfinite(known).any():
            table[column] = known
    table = pd.concat([table, pd.DataFrame(searched)], axis="columns")
    trials = Trials(table, direction, metric, source, sampler, tuple(told))
    trials = dataclasses.replace(trials, distributions=_fitting(distributions, trials))
    validate_any_complete(trials)
    _log.info("%s: %s", source, trials)
    for line in trials.notes:
        _log.info("%s: %s", source, line)
    return trials


def flat(params: Mapping[str, Any], prefix: str = "") -> dict[str, object]:
    """Return nested parameters by their path, each a number, a truth value or a text."""
    found: dict[str, object] = {}
    for key, value in params.items():
        name = f"{prefix}{_text(key)}"
        if isinstance(value, Mapping) and value:
            found.update(flat(value, f"{name}/"))
        else:
            found[name] = plain(value)
    return found


def dotted(name: str) -> str:
    """Return what a parameter is called in the table: the tree of a fit takes no slash in it."""
    return name.replace("/", ".")


def plain(value: object) -> object:
    """Return a parameter's value as something that a cell of a table may hold."""
    if value is None or (isinstance(value, str) and value == "None"):
        return _NONE
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, Integral) and abs(int(value)) < 2**63:
        return int(value)
    if isinstance(value, Real) and _is_float(value):
        return float(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list | tuple | dict):
        try:
            return _text(json.dumps(value, default=_named))
        except (ValueError, TypeError, RecursionError):
            return _text(repr(value))
    return _text(_named(value))


def _is_float(value: Any) -> bool:
    try:
        float(value)
    except OverflowError:
        return False
    return True


def _named(value: Any) -> str:
    # The repr of a function or an object has its address, which differs between equal ones.
    name = getattr(value, "__qualname__", None)
    return name if isinstance(name, str) else repr(value)


def _text(value: object) -> str:
    text = str(value).encode(errors="replace").decode()[:_LONGEST_TEXT]
    return "".join(char if char.isprintable() else " " for char in text)


def _name(task: str) -> str:
    return _text(task).strip() or "task"


def _floats(values: Sequence[object]) -> np.ndarray:
    """Return numbers, NaN for what is none."""
    found = np.full(len(values), np.nan)
    for place, value in enumerate(values):
        if isinstance(value, Real) and not isinstance(value, bool) and _is_float(value):
            found[place] = float(value)
    return found


def _start(
    evaluations: Sequence[Evaluation], count: int, source: str
) -> tuple[list[Evaluation], str]:
    if isinstance(count, bool) or not isinstance(count, Integral) or count < 1:
        raise LeadlineError(
            f"random_start must be a number of trials, 1 or more, got {format_value(count)}; Optuna's "
            "TPE starts with 10"
        )
    places = range(len(evaluations))
    if all(evaluation.order is not None for evaluation in evaluations):
        places = sorted(places, key=lambda place: evaluations[place].order)
    first = [evaluations[place] for place in list(places)[:count]]
    return first, (
        f"only the first {len(first)} of {len(evaluations)} trials, as random_start says; "
        "the sampler chose the others"
    )


def _seeds(
    evaluations: Sequence[Evaluation],
    params: Sequence[Mapping[str, object]],
    replicate: str,
    source: str,
) -> list[str]:
    """Return what tells the replicates apart, a seed for each evaluation."""
    known: dict[str, None] = {}
    found = []
    for evaluation, own in zip(evaluations, params, strict=True):
        known.update(dict.fromkeys([*own, *evaluation.attributes]))
        if replicate in own:
            found.append(_text(own[replicate]))
        elif replicate in evaluation.attributes:
            found.append(_text(plain(evaluation.attributes[replicate])))
        else:
            found.append("")
    if not any(found):
        raise LeadlineError(
            f"{source}: no parameter or attribute {format_value(replicate)} for replicate; there are "
            f"{join_values(known) or 'none'}.{closest(replicate, known)}"
        )
    # A trial that failed before it wrote its seed is still one evaluation.
    return [
        seed or f"of {evaluation.trial}"
        for seed, evaluation in zip(found, evaluations, strict=True)
    ]


def _searched(params: Sequence[Mapping[str, object]]) -> tuple[dict[str, list[object]], list[str]]:
    """Return the parameters that vary, each with a value or None a row, and those that do not."""
    names = sorted({name for own in params for name in own})
    columns: dict[str, list[object]] = {}
    constant = []
    for name in names:
        values = [own.get(name) for own in params]
        if len(params) > 1 and len({repr(value) for value in values if value is not None}) == 1:
            constant.append(name)
        else:
            columns[name] = values
    return columns, constant


def _fitting(distributions: Space | None, trials: Trials) -> Space | None:
    """Return the recorded distributions of parameters that have values, all of them inside.

    Others, such as of a range that was changed on the way, would be no evidence.
    """
    kept = {}
    for recorded, drawn_from in (distributions or {}).items():
        name = dotted(recorded)
        column = f"{PARAM_PREFIX}{name}"
        if column not in trials.params:
            continue
        values = trials.table[column].dropna()
        numeric = pd.api.types.is_numeric_dtype(values)
        if drawn_from[0] == "categorical":
            choices = [plain(choice) for choice in drawn_from[1:]]
            if numeric and not pd.api.types.is_bool_dtype(values):
                choices = [_number(choice) for choice in choices]
            seen = {repr(_number(value)) for value in values.tolist()}
            if len(choices) > 1 and seen <= {repr(_number(choice)) for choice in choices}:
                kept[name] = ("categorical", *choices)
        elif numeric and not pd.api.types.is_bool_dtype(values):
            low, high = float(drawn_from[1]), float(drawn_from[2])  # type: ignore[arg-type]
            slack = 1e-9 * max(abs(low), abs(high))
            inside = (values >= low - slack) & (values <= high + slack)
            valid = low < high and (low > 0 or "log" not in str(drawn_from[0]))
            if valid and inside.all():
                kept[name] = drawn_from
    return kept or None


def _number(value: object) -> object:
    """Return a choice as a float where it reads as one."""
    if isinstance(value, bool):
        return value
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return value
