"""From evaluations, as trackers record them, to `Trials`.

All sources share three decisions: which evaluations are replicates of one trial, which parameters
count as hyperparameters, and which notes the user gets.
"""

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from leadline.data.columns import validate_param
from leadline.data.trials import PARAM_PREFIX, Trials, validate_any_complete
from leadline.errors import LeadlineError, closest, format_value, join_values, pluralize
from leadline.io.params import (
    Space,
    flatten_params,
    matching_distributions,
    param_name,
    plain_text,
    plain_value,
    to_float,
)

_log = logging.getLogger(__name__)

_MOST_NAMED = 8
# Equal configurations are repeats rather than chance if one continuous parameter alone
# distinguishes at least this share of the different configurations.
_DISTINGUISHED = 0.9


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """One evaluation as a tracker recorded it.

    Attributes
    ----------
    trial : int or str
        Number or name of the trial in the tracker.
    score : float or None
        In the user's units; ignored unless the status is complete.
    status : str
        One of `leadline.data.columns.STATUS_WORDS`.
    params : mapping
        Hyperparameters by name; nested ones are flattened, with a point between the names.
    attributes : mapping
        Other records by name, among which a seed may be.
    cost, order, budget : float or None
        Seconds; position in time; units of training.
    """

    trial: int | str
    score: float | None
    status: str
    params: Mapping[str, Any]
    attributes: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    cost: float | None = None
    order: float | None = None
    budget: float | None = None


@dataclasses.dataclass(frozen=True)
class Search:
    """The metadata of a search, as in `Trials`."""

    source: str
    task: str
    metric: str
    direction: str
    notes: Sequence[str] = ()
    sampler: str | None = None
    distributions: Space | None = None


def collect(
    evaluations: Sequence[Evaluation],
    search: Search,
    replicate: str | None = None,
    random_start: int | None = None,
) -> Trials:
    """Return all evaluations of a search, whatever their status, as `Trials`.

    `replicate` is the parameter or attribute that distinguishes the replicates of a
    configuration, such as "seed". Without it, evaluations with the same parameters are replicates
    if chance cannot have drawn them twice. `random_start` keeps this many evaluations, the first.
    """
    source, sampler = search.source, search.sampler
    if not evaluations:
        raise LeadlineError(f"{source}: there are no trials; run some, or name another source")
    notes = list(search.notes)
    if random_start is not None:
        evaluations, note = _keep_first(evaluations, random_start)
        notes.append(note)
        sampler = "random start"
    params = [flatten_params(evaluation.params) for evaluation in evaluations]
    seeds = None
    if replicate is not None:
        seeds = _read_seeds(evaluations, params, replicate, source)
        for own in params:
            own.pop(replicate, None)
    columns, constant = _split_constant(params)
    if constant:
        names = ", ".join(constant[:_MOST_NAMED])
        more = f" and {len(constant) - _MOST_NAMED} more" * (len(constant) > _MOST_NAMED)
        notes.append(f"never varied, so not counted as hyperparameters: {names}{more}")
    trial, number, replicates_note = _find_replicates(evaluations, columns, seeds, source)
    notes += replicates_note
    table = pd.DataFrame({"trial": trial, "replicate": number})
    table["score"] = _to_floats([evaluation.score for evaluation in evaluations])
    table["status"] = [evaluation.status for evaluation in evaluations]
    table["task"] = plain_text(search.task).strip() or "task"
    for column in ("cost", "order", "budget"):
        known = _to_floats([getattr(evaluation, column) for evaluation in evaluations])
        if np.isfinite(known).any():
            table[column] = known
    table = pd.concat([table, pd.DataFrame(columns)], axis="columns")
    trials = Trials(table, search.direction, search.metric, source, sampler, tuple(notes))
    distributions = matching_distributions(search.distributions, trials)
    trials = dataclasses.replace(trials, distributions=distributions)
    validate_any_complete(trials)
    for line in (trials, *trials.notes):
        _log.info("%s: %s", source, line)
    return trials


def _to_floats(values: Sequence[object]) -> np.ndarray:
    """Return the numbers, NaN for everything else."""
    return np.array([to_float(value) for value in values], dtype=np.float64)


def _keep_first(evaluations: Sequence[Evaluation], count: int) -> tuple[list[Evaluation], str]:
    if isinstance(count, bool) or not isinstance(count, Integral) or count < 1:
        raise LeadlineError(
            f"random_start must be a number of trials, 1 or more, got {format_value(count)}; "
            "Optuna's TPE starts with 10"
        )
    ordered = list(evaluations)
    if all(evaluation.order is not None for evaluation in evaluations):
        ordered.sort(key=lambda evaluation: evaluation.order)
    first = ordered[:count]
    return first, (
        f"only the first {len(first)} of {len(evaluations)} trials, because of random_start; "
        "the sampler chose the others"
    )


def _read_seeds(
    evaluations: Sequence[Evaluation],
    params: Sequence[Mapping[str, object]],
    replicate: str,
    source: str,
) -> list[str]:
    """Return the value of the parameter or attribute `replicate` for each evaluation."""
    found = []
    for evaluation, own in zip(evaluations, params, strict=True):
        seed = {**evaluation.attributes, **own}.get(replicate, "")
        found.append(plain_text(plain_value(seed)))
    if not any(found):
        records = [*params, *(evaluation.attributes for evaluation in evaluations)]
        known = dict.fromkeys(name for record in records for name in record)
        raise LeadlineError(
            f"{source}: no parameter or attribute {format_value(replicate)} for replicate; there "
            f"are {join_values(known) or 'none'}.{closest(replicate, known)}"
        )
    # A trial that failed before it recorded its seed is still one evaluation.
    return [
        seed or f"of {evaluation.trial}"
        for seed, evaluation in zip(found, evaluations, strict=True)
    ]


def _split_constant(
    params: Sequence[Mapping[str, object]],
) -> tuple[dict[str, pd.Series], list[str]]:
    """Return a column for each parameter that varies, and the names of the others."""
    columns: dict[str, pd.Series] = {}
    constant = []
    for name in sorted({name for own in params for name in own}):
        values = [own.get(name) for own in params]
        if len(params) > 1 and len({repr(value) for value in values if value is not None}) == 1:
            constant.append(name)
            continue
        column = f"{PARAM_PREFIX}{param_name(name)}"
        while column in columns:  # "a/b" beside "a.b"
            column += "_"
        columns[column] = validate_param(pd.Series(values, dtype=object))
    return columns, constant


def _find_replicates(
    evaluations: Sequence[Evaluation],
    columns: Mapping[str, pd.Series],
    seeds: Sequence[str] | None,
    source: str,
) -> tuple[list[int | str], Sequence[int | str], list[str]]:
    """Return the trial and the replicate of each evaluation, and notes.

    The first evaluation of a configuration names the trial. With `seeds`, evaluations of one
    configuration are replicates. Without, they are separate trials in two cases: if so few
    combinations are possible that chance may repeat one, and if their scores are identical,
    because a copied evaluation has no information on the noise.
    """
    names = [evaluation.trial for evaluation in evaluations]
    cells = [column.tolist() for column in columns.values()]
    groups: dict[object, list[int]] = {}
    for index in range(len(names)):
        row = tuple(repr(values[index]) for values in cells)
        # Trials that failed before they had any parameters do not share a configuration.
        key: object = row if set(row) - {"None", "nan"} else index
        groups.setdefault(key, []).append(index)
    repeated = [group for group in groups.values() if len(group) > 1]
    trial, number = list(names), [1] * len(names)
    for group in repeated:
        for count, index in enumerate(group, start=1):
            trial[index], number[index] = names[group[0]], count
    if seeds is not None:
        _validate_seeds(repeated, names, seeds, source)
        return trial, seeds, []
    if not repeated:
        return trial, number, []
    count = sum(map(len, repeated)) - len(repeated)
    note = f"{pluralize(count, 'evaluation')} with the hyperparameters of another trial"
    if not any(_distinguishes(values, len(groups)) for values in cells):
        note += (
            ": each counts as a trial, as few combinations repeat by chance; if they are seeds, "
            "name them with replicate"
        )
    elif all(len({repr(evaluations[index].score) for index in group}) == 1 for group in repeated):
        note += (
            ", and the same score: each counts as a trial, as replicates of equal scores would "
            "imply that there is no noise"
        )
    else:
        return trial, number, [f"{note}: replicates of it"]
    return names, [1] * len(names), [note]


def _distinguishes(values: Sequence[object], n_configurations: int) -> bool:
    """Return whether a parameter is continuous: almost every configuration has its own value."""
    fractions = {own for own in values if isinstance(own, float) and not own.is_integer()}
    return len(fractions) > _DISTINGUISHED * n_configurations


def _validate_seeds(
    repeated: Sequence[Sequence[int]],
    names: Sequence[int | str],
    seeds: Sequence[str],
    source: str,
) -> None:
    for group in repeated:
        first: dict[str, int] = {}
        for index in group:
            other = first.setdefault(seeds[index], index)
            if other != index:
                raise LeadlineError(
                    f"{source}: trials {format_value(names[other])} and "
                    f"{format_value(names[index])} have the same hyperparameters and the same "
                    f"seed {format_value(seeds[index])}; name what distinguishes them as "
                    "replicate, or leave it out"
                )
