"""Evaluations, as trackers record them, to `Trials`.

All readers share these decisions: which parameters count as hyperparameters, and which notes the
user gets. `leadline.io.replicates` finds the replicates of a trial.
"""

import dataclasses
import logging
import math
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from leadline.data.columns import STATUS_OF, validate_param
from leadline.data.trials import (
    PARAM_PREFIX,
    PRUNED_NOTE,
    RANDOM_START,
    Trials,
    validate_any_complete,
)
from leadline.errors import LeadlineError, format_value, join_values, pluralize
from leadline.io.params import (
    Space,
    flatten_params,
    matching_distributions,
    param_name,
    plain_text,
    plain_value,
    to_float,
)
from leadline.io.refusals import Evidence, refuse_learned, unknown_name
from leadline.io.replicates import find_replicates, find_retries

_log = logging.getLogger(__name__)

_MOST_NAMED = 8


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """One evaluation as a tracker recorded it.

    `score` is in the user's units, and ignored unless the status, one of
    `leadline.data.columns.STATUS_WORDS`, is complete. `params` may be nested: names are joined by
    points. `attributes` are other records, such as a seed. `cost` is in seconds, `order` a position
    in time, `budget` in units of training. `drawn` is one of `leadline.data.columns.DRAWN`, None if
    not recorded; if any evaluation has it, the others count as guided.
    """

    trial: int | str
    score: float | None
    status: str
    params: Mapping[str, Any]
    attributes: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    cost: float | None = None
    order: float | None = None
    budget: float | None = None
    drawn: str | None = None


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
    learned: Evidence | None = None


def collect(
    evaluations: Sequence[Evaluation],
    search: Search,
    replicate: str | None = None,
    random_start: int | None = None,
    assume_random: bool = False,
) -> Trials:
    """Return all evaluations of a search, whatever their status, as `Trials`.

    `replicate` is the parameter or attribute that distinguishes the replicates of a
    configuration, such as "seed". Without it, evaluations with the same parameters are replicates
    if chance cannot have drawn them twice. `random_start` keeps this many evaluations, the first.
    A sampler that learned is refused without it, unless `assume_random`.
    """
    source, sampler = search.source, search.sampler
    drawn = [evaluation.drawn for evaluation in evaluations]
    if search.learned is not None and (random_start is not None or "random" not in drawn):
        refuse_learned(source, search.learned, random_start, assume_random)
    if not evaluations:
        raise LeadlineError(f"{source}: there are no trials; run some, or name another source")
    notes = list(search.notes)
    if random_start is not None:
        evaluations, note = _keep_first(evaluations, random_start)
        notes.append(note)
        sampler = RANDOM_START
    params = [flatten_params(evaluation.params) for evaluation in evaluations]
    seeds = None
    if replicate is not None:
        seeds = _read_seeds(evaluations, params, replicate, source)
        for own in params:
            own.pop(replicate, None)
    columns, constant = _split_constant(params)
    if constant:
        listed = ", ".join(constant[:_MOST_NAMED])
        more = f" and {len(constant) - _MOST_NAMED} more" * (len(constant) > _MOST_NAMED)
        notes.append(f"never varied, so not counted as hyperparameters: {listed}{more}")
    cells = [columns[name].tolist() for name in columns]
    retried = [] if seeds is not None else find_retries(cells, [*map(_failed, evaluations)])
    if retried:
        notes.append(
            f"{pluralize(len(retried), 'failed attempt')} left out: tried again with the same "
            "hyperparameters"
        )
        evaluations = [own for index, own in enumerate(evaluations) if index not in set(retried)]
        columns = columns.drop(index=retried).reset_index(drop=True)
        cells = [columns[name].tolist() for name in columns]
    names = [evaluation.trial for evaluation in evaluations]
    scores = [evaluation.score for evaluation in evaluations]
    trial, number, replicates_note = find_replicates(names, cells, scores, seeds, source)
    notes += replicates_note
    table = pd.DataFrame({"trial": trial, "replicate": number, "score": np.nan})
    table["status"] = [evaluation.status for evaluation in evaluations]
    table["task"] = plain_text(search.task).strip() or "task"
    for column in ("score", "cost", "order", "budget"):
        values = [to_float(getattr(evaluation, column)) for evaluation in evaluations]
        known = np.array(values, dtype=np.float64)  # NaN for all that is no number
        if column == "score" or np.isfinite(known).any():
            table[column] = known
    drawn = [evaluation.drawn for evaluation in evaluations]
    # The random start of a sampler is random, though it does not count as part of its share.
    if any(drawn) and random_start is None:
        table["drawn"] = [own or "guided" for own in drawn]
    table = pd.concat([table, columns], axis="columns")
    unit = "seconds" if "cost" in table.columns else ""
    trials = Trials(
        table, search.direction, search.metric, source, sampler, tuple(notes), cost_unit=unit
    )
    distributions = matching_distributions(search.distributions, trials)
    return log_trials(dataclasses.replace(trials, distributions=distributions))


def log_trials(trials: Trials) -> Trials:
    """Log the number of trials and the notes, and return the trials, of which one needs a score."""
    validate_any_complete(trials)
    for line in (trials, *trials.notes):
        _log.info("%s: %s", trials.source, line)
    return trials


def join_searches(parts: Sequence[Trials], source: str) -> Trials:
    """Return several searches of one metric and direction, with the tasks that they have."""
    for name in ("direction", "metric"):
        found = dict.fromkeys(getattr(own, name) for own in parts)
        if len(found) > 1:
            raise LeadlineError(
                f"{source}: the searches differ in their {name}, {join_values(found)}; read each "
                "by itself"
            )
    samplers, units = {own.sampler for own in parts}, {own.cost_unit for own in parts}
    spaces = [dict(own.distributions or {}) for own in parts]
    common = {
        name: of for name, of in spaces[0].items() if all(own.get(name) == of for own in spaces)
    }
    tables = [own.table for own in parts]
    if any("drawn" in table for table in tables):
        # A search that was read without marks is taken to be random, as where it is read alone.
        tables = [table if "drawn" in table else table.assign(drawn="random") for table in tables]
    notes = [
        f"{own.table['task'].iloc[0]}: {note}"
        for own in parts
        for note in own.notes
        if note != PRUNED_NOTE
    ]
    return Trials(
        pd.concat(tables, ignore_index=True),
        parts[0].direction,
        parts[0].metric,
        source,
        samplers.pop() if len(samplers) == 1 else None,
        tuple(notes),
        common or None,
        cost_unit=units.pop() if len(units) == 1 else "",
    )


def _failed(evaluation: Evaluation) -> bool:
    status = STATUS_OF.get(evaluation.status.strip().casefold())
    score = to_float(evaluation.score)
    has_score = score is not None and math.isfinite(score)
    return status not in ("complete", "pruned") or (status == "complete" and not has_score)


def _keep_first(evaluations: Sequence[Evaluation], count: int) -> tuple[list[Evaluation], str]:
    if isinstance(count, bool) or not isinstance(count, Integral) or count < 1:
        raise LeadlineError(
            f"random_start must be a number of trials, 1 or more, got {format_value(count)}; "
            "Optuna's TPE starts with 10"
        )
    ordered = list(evaluations)
    if all(evaluation.order is not None for evaluation in evaluations):
        ordered.sort(key=lambda evaluation: evaluation.order)
    return ordered[:count], (
        f"only the first {min(count, len(ordered))} of {len(ordered)} trials, because of "
        "random_start; the sampler chose the others"
    )


def _read_seeds(
    evaluations: Sequence[Evaluation], params: Sequence[Mapping[str, Any]], name: str, source: str
) -> list[str]:
    """Return the value of the parameter or attribute `name` for each evaluation."""
    pairs = list(zip(evaluations, params, strict=True))
    records = [{**evaluation.attributes, **own} for evaluation, own in pairs]
    found = [plain_text(plain_value(record.get(name, ""))) for record in records]
    if not any(found):
        known = dict.fromkeys(key for _, own in pairs for key in own)
        known |= dict.fromkeys(key for record in records for key in record)
        raise unknown_name(source, "parameter or attribute", name, known, " for replicate")
    # A trial that failed before it recorded its seed is still one evaluation.
    return [seed or f"of {own.trial}" for seed, own in zip(found, evaluations, strict=True)]


def _split_constant(params: Sequence[Mapping[str, Any]]) -> tuple[pd.DataFrame, list[str]]:
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
    return pd.DataFrame(columns), constant
