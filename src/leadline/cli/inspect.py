"""`leadline inspect`: what a source holds and which questions it can answer, without a fit."""

import argparse
import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leadline.cli.command_line import surface_folder, surface_line
from leadline.cli.refusals import unnamed_searches
from leadline.cli.wording import SOURCE_ARGUMENTS, in_command_line_words
from leadline.errors import LeadlineError, NotRecordedError, SeveralError, join_values, pluralize

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
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
        yield from _describe_trials(source, options, trials, known_direction=True)


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
        try:
            yield from describe(source, {**options, option: value})
        except LeadlineError as error:
            yield f"{option.split('_')[0]} {name!r}: {error}"
    if len(names) > _MOST_NAMES:
        yield f"and {len(names) - _MOST_NAMES} more: {join_values(names[_MOST_NAMES:])}"


def _describe_unrecorded(
    source: str, options: Mapping[str, object], missing: NotRecordedError
) -> Iterator[str]:
    """Describe metrics, or columns of a table, with the direction unknown where it is."""
    known: dict[str, Any] = dict(options)
    if "direction" in missing.options or known.get("direction") is None:
        # Either: only counts and ranges are shown.
        known["direction"] = "minimize"
    if "score" not in missing.options:
        trials = _read_any(source, known)
        yield from _describe_trials(source, options, trials, known_direction=False)
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
        yield from _describe_trials(
            source, options, searches[0], known_direction=False, with_scores=False
        )


def _describe_columns(source: str) -> Iterator[str]:
    from leadline.io.files import load_frame

    frame, name, _ = load_frame(source)
    rows = pluralize(len(frame), "row")
    score = _likely_score(frame)
    yield f"{name}: a table of {rows}; name the column of the score, as in score={score!r}:"
    for column in frame.columns[:_MOST_COLUMNS]:
        yield f"  {column}: {_describe_cells(frame[column])}"
    if len(frame.columns) > _MOST_COLUMNS:
        yield f"  and {len(frame.columns) - _MOST_COLUMNS} more columns"


def _likely_score(frame: "pd.DataFrame") -> str:
    """Return the column whose name is that of a metric, or the only one of numbers, or COLUMN."""
    from leadline.data.metric_names import usual_direction

    numbers = [str(name) for name in frame.columns if len(_finite(frame[name]))]
    metrics = [name for name in numbers if usual_direction(name)]
    return metrics[0] if metrics else numbers[0] if len(numbers) == 1 else "COLUMN"


def _finite(cells: "pd.Series") -> "npt.NDArray[np.float64]":
    """Return the finite numbers in a column, none where a cell is no number."""
    import numpy as np

    from leadline.data.columns import validate_numbers

    try:
        numbers = validate_numbers(cells.reset_index(drop=True), "")
    except LeadlineError:
        return np.array([])
    return numbers[np.isfinite(numbers)]


def _describe_cells(cells: "pd.Series") -> str:
    from leadline.data.columns import is_blank

    present = [cell for cell in cells.tolist() if not is_blank(cell)]
    empty = f", {len(cells) - len(present)} empty" * (len(present) < len(cells))
    n_different = len({repr(cell) for cell in present})
    repeated = f" ({n_different} different)" * (n_different < len(present))
    if len(finite := _finite(cells)):
        return f"{len(present)} numbers{repeated}, {finite.min():g} to {finite.max():g}{empty}"
    names = join_values(dict.fromkeys(str(cell) for cell in present), 3)
    return f"{n_different} different: {names}{empty}" if present else "empty"


def _describe_trials(
    source: str,
    options: Mapping[str, object],
    trials: "Trials",
    known_direction: bool,
    with_scores: bool = True,
) -> Iterator[str]:
    """Yield what the trials hold, whether they are random, and what they can answer."""
    from leadline.data.metric_names import direction_doubt
    from leadline.data.trials import likely_params

    yield f"{trials.source}: {trials}"
    for note in trials.notes:
        yield f"  {note}"
    if known_direction and (doubt := direction_doubt(trials)):
        yield f"  {doubt}"
    verdicts, lines = [], []
    for task, model in trials.with_trials:
        search = trials.search(task, model)
        own = []
        if with_scores and known_direction:
            scores = search.table["score"].dropna()
            repeated = len(search.per_trial()) < len(search.table)
            best = scores.min() if trials.direction == "minimize" else scores.max()
            single = " of one run" if repeated else ""
            own.append(f"best {trials.metric}{single} {best:g} ({trials.direction})")
        elif with_scores:
            own.append(f"{trials.metric} {_range_of(search)}")
        verdict, line = _audit(search)
        if params := [name.partition(":")[2] for name in search.params]:
            own.append(f"{pluralize(len(params), 'hyperparameter')}: {join_values(params, 12)}")
        elif "no hyperparameters are known" not in line:
            own.append(
                "no hyperparameters are known: name their columns, as in "
                + likely_params(search.notes)
            )
        verdicts.append((search.counts()["complete"], verdict))
        lines.append((f"{task} / {model}", [*own, line]))
    yield from _once(lines)
    yield f"  {_answers(source, options, trials, verdicts)}"


def _once(lines: list[tuple[str, list[str]]]) -> Iterator[str]:
    """Yield the lines on each search, by its name, those that hold for all of several only once."""
    shared = [text for text in lines[0][1] if all(text in own for _, own in lines)] if lines else []
    for name, own in lines:
        for text in own:
            if len(lines) == 1:
                yield f"  {text}"
            elif text not in shared:
                yield f"  {name}: {text}"
    if len(lines) > 1:
        yield from (f"  each of the {len(lines)} searches: {text}" for text in shared)


def _range_of(trials: "Trials") -> str:
    scores = trials.table["score"].dropna()
    return f"{scores.min():g} to {scores.max():g}"


def _audit(search: "Trials") -> tuple[str, str]:
    """Return the verdict on a search, and a line on it."""
    import dataclasses

    from leadline.data.trials import drawn_at_random, guided_trials
    from leadline.search_audit.random_search import check_random_search

    if (count := guided_trials(search)) and count < search.counts()["trials"]:
        search = drawn_at_random(search)
        verdict, line = _audit(search)
        chosen = pluralize(count, "trial")
        random = pluralize(search.counts()["trials"], "trial")
        share = f"a random share: {chosen} by the sampler; the {random} at random, by themselves"
        return verdict, f"{share}: {line}"
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


def _answers(
    source: str, options: Mapping[str, object], trials: "Trials", verdicts: list[tuple[int, str]]
) -> str:
    """Return which questions the trials can answer, and what a fit does with them."""
    from leadline.io.sources import source_stem
    from leadline.search_audit.random_search import too_few_random

    how = "low" if trials.direction == "minimize" else "high"
    by_surface = (
        f"how {how} the score can go, whether going on is worthwhile, which hyperparameters matter"
    )
    if reason := unnamed_searches(trials, options):
        return f"refused by `leadline fit`: {reason}"
    if any(verdict == "model-based" for _, verdict in verdicts):
        reason = "trials that were not drawn at random"
    else:
        with contextlib.suppress(LeadlineError):
            reason = too_few_random(trials).partition(". ")[0]
    if reason:
        folder = Path(f"leadline-{source_stem(source)}")
        # Only where the default exists, a folder is named.
        output = surface_folder(folder) if folder.exists() else ""
        line = surface_line(source, options, output=output)
        return f"refused by `leadline fit`: {reason}; `{line}` answers: {by_surface}"
    few = [count for count, _ in verdicts if count < _ENOUGH]
    if any(count < _NEEDED for count in few):
        return f"too few complete trials: a fit needs {_NEEDED}, good answers {_ENOUGH} or more"
    questions = f"how {how} the score can go, what further trials would bring"
    if len({model for _, model in trials.searches}) > 1:
        questions += ", which model is better"
    if trials.params:
        count = pluralize(trials.n_params, "hyperparameter")
        questions += f"; with --surface also which of {count} matter"
    caution = f"; {_ENOUGH} or more complete trials would make the answers firm" * bool(few)
    return f"can be answered: {questions}{caution}"
