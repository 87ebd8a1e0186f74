"""`leadline inspect`: what a source holds and which questions it can answer, without a fit."""

import argparse
import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leadline.cli.wording import SOURCE_ARGUMENTS, in_command_line_words
from leadline.errors import (
    LeadlineError,
    NotRecordedError,
    SeveralError,
    join_values,
    pluralize,
)

if TYPE_CHECKING:
    import pandas as pd

    from leadline.data.trials import Trials

_MOST_NAMES, _MOST_METRICS, _MOST_COLUMNS = 20, 8, 40
_MOST_AUDITED = 2000
"""The audit of more trials takes longer than one waits for an overview."""

_NEEDED, _ENOUGH = 8, 20
"""Complete trials: fewer than the first are refused by a fit, fewer than the second are little."""

_PLURALS = {"study_name": "studies", "experiment": "experiments", "score": "metrics"}

_VERDICTS = {
    "random": "looks like a random search",
    "unknown": "not known to be a random search",
    "model-based": "looks model-based: its sampler learned",
    "quasi-random": "a quasi-random design",
    "grid": "a grid",
}


def run_inspect(arguments: argparse.Namespace) -> None:
    """Print what a source holds and which questions it can answer, without fitting."""
    options = {name: getattr(arguments, name) for name in SOURCE_ARGUMENTS}
    options["assume_random"] = arguments.assume_random or None
    for line in describe(arguments.trials, options):
        print(in_command_line_words(line))


def describe(source: str, options: Mapping[str, object]) -> Iterator[str]:
    """Yield lines on each search that the source holds; indented lines belong to the last other.

    Raises `LeadlineError` or `OSError` if there is no such source or it cannot be read.
    """
    try:
        trials = _read_any(source, options)
    except SeveralError as several:
        yield from _describe_each(source, options, several.option, several.names)
    except NotRecordedError as missing:
        yield from _describe_unrecorded(source, options, missing)
    else:
        yield from _describe_trials(source, trials, known_direction=True)


def _read_any(source: str, options: Mapping[str, object]) -> "Trials":
    """Return the trials of a source, also of a search that learned, which a fit may refuse."""
    from leadline.io.sources import read_source

    try:
        return read_source(source, options)
    except (SeveralError, NotRecordedError):
        raise
    except LeadlineError as refusal:
        try:
            return read_source(source, {**options, "assume_random": True})
        except LeadlineError:
            raise refusal from None


def _describe_each(
    source: str, options: Mapping[str, object], option: str, names: tuple[str, ...]
) -> Iterator[str]:
    kinds = _PLURALS.get(option, f"{option}s")
    yield f"{len(names)} {kinds}, to be chosen with {option}={names[0]!r}:"
    for name in names[:_MOST_NAMES]:
        yield ""
        value: object = [name] if option == "parent" else name
        yield from _one(source, {**options, option: value}, f"{option.split('_')[0]} {name!r}")
    if len(names) > _MOST_NAMES:
        yield f"and {len(names) - _MOST_NAMES} more: {join_values(names[_MOST_NAMES:])}"


def _one(source: str, options: Mapping[str, object], label: str) -> Iterator[str]:
    try:
        yield from describe(source, options)
    except LeadlineError as error:
        yield f"{label}: {error}"


def _describe_unrecorded(
    source: str, options: Mapping[str, object], missing: NotRecordedError
) -> Iterator[str]:
    """Describe metrics, or columns of a table, with the direction unknown where it is."""
    known: dict[str, Any] = dict(options)
    if "direction" in missing.options or known.get("direction") is None:
        # Either: only counts and ranges are shown.
        known["direction"] = "minimize"
    if "score" not in missing.options:
        yield from _describe_trials(source, _read_any(source, known), known_direction=False)
        yield "  the direction is not recorded: direction='minimize' (a loss) or 'maximize'"
        return
    if not missing.names:
        if Path(source).is_file():
            yield from _describe_columns(source)
        else:
            yield str(missing)
        return
    names = missing.names[:_MOST_METRICS]
    more = len(missing.names) - len(names)
    yield f"{pluralize(len(missing.names), 'metric')}, one to be named as in score={names[0]!r}:"
    searches = []
    for name in names:
        try:
            trials = _read_any(source, {**known, "score": name})
        except LeadlineError as error:
            yield f"  {name}: {error}"
            continue
        searches.append(trials)
        yield f"  {name}: {_range_of(trials)}, {trials}"
    if more:
        yield f"  and {more} more: {join_values(missing.names[_MOST_METRICS:])}"
    if searches:
        yield from _describe_trials(source, searches[0], known_direction=False, with_scores=False)


def _describe_columns(source: str) -> Iterator[str]:
    from leadline.io.files import load_frame

    frame, name, _ = load_frame(source)
    rows = pluralize(len(frame), "row")
    yield f"{name}: a table of {rows}; name the column of the score, as in score='loss':"
    for column in frame.columns[:_MOST_COLUMNS]:
        yield f"  {column}: {_describe_cells(frame[column])}"
    if len(frame.columns) > _MOST_COLUMNS:
        yield f"  and {len(frame.columns) - _MOST_COLUMNS} more columns"


def _describe_cells(cells: "pd.Series") -> str:
    import numpy as np

    from leadline.data.columns import is_blank, validate_numbers

    present = [cell for cell in cells.tolist() if not is_blank(cell)]
    empty = f", {len(cells) - len(present)} empty" * (len(present) < len(cells))
    n_different = len({repr(cell) for cell in present})
    with contextlib.suppress(LeadlineError):
        numbers = validate_numbers(cells.reset_index(drop=True), "")
        finite = numbers[np.isfinite(numbers)]
        if len(finite):
            return f"{n_different} numbers, {finite.min():g} to {finite.max():g}{empty}"
    names = join_values(dict.fromkeys(str(cell) for cell in present), 3)
    return f"{n_different} different: {names}{empty}" if present else "empty"


def _describe_trials(
    source: str, trials: "Trials", known_direction: bool, with_scores: bool = True
) -> Iterator[str]:
    """Yield what the trials hold, whether they are random, and what they can answer."""
    yield f"{trials.source}: {trials}"
    for note in trials.notes:
        yield f"  {note}"
    verdicts = []
    for task, model in trials.with_trials:
        search = trials.search(task, model)
        prefix = f"  {task} / {model}: " if len(trials.with_trials) > 1 else "  "
        if with_scores and known_direction:
            scores = search.table["score"].dropna()
            best = scores.min() if trials.direction == "minimize" else scores.max()
            yield f"{prefix}best {trials.metric} {best:g} ({trials.direction})"
        elif with_scores:
            yield f"{prefix}{trials.metric} {_range_of(search)}"
        params = [name.partition(":")[2] for name in search.params]
        listed = join_values(params, 12)
        yield (
            f"{prefix}{pluralize(len(params), 'hyperparameter')}: {listed}"
            if params
            else (f"{prefix}no hyperparameters are known: name them with params=['COLUMN', …]")
        )
        verdict, line = _audit(search)
        verdicts.append((search.counts()["complete"], verdict))
        yield f"{prefix}{line}"
    yield f"  {_answers(source, trials, verdicts)}"


def _range_of(trials: "Trials") -> str:
    scores = trials.table["score"].dropna()
    return f"{scores.min():g} to {scores.max():g}"


def _audit(search: "Trials") -> tuple[str, str]:
    """Return the verdict on a search, and a line on it."""
    import dataclasses

    from leadline.search_audit.random_search import check_random_search

    of = ""
    if len(search.table) > _MOST_AUDITED:
        first = search.table.iloc[:_MOST_AUDITED]
        search = dataclasses.replace(search, table=first)
        of = f" (of the first {_MOST_AUDITED} rows)"
    try:
        found = check_random_search(search)
    except LeadlineError as error:
        return "unknown", f"not audited: {error}"
    overall = found[found["evidence"] == "overall"].iloc[0]
    verdict = str(overall["verdict"])
    # The advice on a search that learned is the last line.
    advised = overall["advice"] and verdict != "model-based"
    advice = f": {overall['advice']}" * bool(advised)
    recorded = f", recorded sampler {search.sampler}" if search.sampler else ""
    return verdict, f"{_VERDICTS.get(verdict, verdict)}{of}{recorded}{advice}"


def _answers(source: str, trials: "Trials", verdicts: list[tuple[int, str]]) -> str:
    """Return which questions the trials can answer, and what a fit does with them."""
    if any(verdict == "model-based" for _, verdict in verdicts):
        name = source.rpartition("@")[2]
        return (
            f"`leadline fit {name}` refuses trials that were not drawn at random; `leadline fit "
            f"{name} --surface` answers how low the score can go and which hyperparameters matter"
        )
    few = [count for count, _ in verdicts if count < _ENOUGH]
    if any(count < _NEEDED for count in few):
        return f"too few complete trials: a fit needs {_NEEDED}, good answers {_ENOUGH} or more"
    questions = "how low the score can go, what further trials would bring"
    if len({model for _, model in trials.searches}) > 1:
        questions += ", which model is better"
    caution = f"; {_ENOUGH} or more complete trials would make the answers firm" * bool(few)
    return f"can be answered: {questions}{caution}"
