"""`read_table`: a file or a data frame with one row per evaluation to `Trials`."""

import os
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from leadline.data.columns import STATUS_OF, validate_numbers
from leadline.data.metric_names import COST_WORDS, usual_direction, words_of
from leadline.data.trials import MERGED, PARAM_PREFIX, UNUSED, Trials, validate_direction
from leadline.data.validate import validate_rows
from leadline.errors import LeadlineError, format_value, join_values
from leadline.io.files import load_frame
from leadline.io.optuna_frame import is_trials_frame
from leadline.io.records import log_trials
from leadline.io.refusals import validate_early_stopped
from leadline.io.table_columns import resolve_columns, validate_arguments
from leadline.io.table_epochs import refuse_rows_per_epoch, take_one_row_per_trial
from leadline.io.table_params import open_dicts
from leadline.io.table_replicates import SEED_WORDS, group_rows
from leadline.io.wandb import refuse_chart_export

_FEWEST_REPEATS = 10
# Fewer values may all differ by chance.
_FEWEST_TRIALS = 10
_KINDS = ("task", "model")
"""A column in which each word has so many rows may tell searches apart."""

_OF_KINDS = {
    "task": frozenset({"data", "dataset", "task", "problem"}),
    "model": frozenset(
        {"model", "arch", "architecture", "algo", "algorithm", "method", "estimator", "learner"}
    ),
}
_MOST_SEARCHES = 20
"""Names of columns that tell searches apart, and how many words these hold at most."""

_EPOCH_WORDS = frozenset({"epoch", "epochs", "step", "steps", "iteration", "budget"})


def read_table(
    path_or_frame: str | os.PathLike[str] | object,
    *,
    score: str,
    direction: str,
    task: str | None = None,
    model: str | None = None,
    trial: str | None = None,
    replicate: str | None = None,
    status: str | None = None,
    cost: str | None = None,
    space: str | None = None,
    best_of: str | None = None,
    budget: str | None = None,
    of: str | None = None,
    early_stopped: str | None = None,
    size: str | None = None,
    data: str | None = None,
    params: Sequence[str] | None = None,
) -> Trials:
    """Return the trials in a file or data frame with one row per evaluation.

    Each argument from `score` to `budget`, and `size` and `data`, names a column. If one of the
    first is None, the column of exactly that name is used if there is one ("task" for `task`), but
    not one that `params` names; so are columns named `order` and `drawn` ("random" or "guided", see
    `Trials`). Columns named `param:<name>` are hyperparameters. All others are left out.

    Parameters
    ----------
    path_or_frame : path or data frame
        Separated values (CSV, TSV), JSON (an object per line, an array of objects), each also as
        .gz, .bz2, .xz, or Parquet, recognised by the suffix; or a pandas, polars or other frame
        that narwhals supports. Text must be UTF-8. Separator and decimal mark are found.
    score : str
        The score, in the user's units. Empty, NaN, inf, "nan" and "Infinity" mean that the trial
        failed; any other text that is no number is an error.
    direction : {"minimize", "maximize"}
        Which scores are good. Never guessed.
    task, model : str, optional
        The problem, and the model that was tuned. With neither, all rows are one search: its task
        is the file's name without suffix (or "task"), its model "model".
    trial, replicate : str, optional
        The configuration that a row evaluates, and the evaluation of it, such as its seed. Without
        `trial`, rows with the same hyperparameters are replicates, unless chance may have drawn
        these twice; if no hyperparameters are known, each row is a trial.
    status : str, optional
        `complete`, `failed`, `pruned`, `running`, or the words of other tools in
        `leadline.data.columns.STATUS_WORDS`. Scores are used in complete rows only. Or
        `reported`: the row is a reported best, see `best_of`.
    cost, space : str, optional
        Cost of the evaluation, such as seconds; the search space, the same for all rows of a
        search.
    best_of : str, optional
        Number of trials of which the score is the best, such as 50 for a published "0.913, the
        best of 50 trials". Such a row needs only task, model and score, and becomes one of
        `Trials.reports`; its trials are others than those of the table. Empty or 1: an ordinary
        trial. For an unknown number, set the status `reported` and leave `best_of` empty.
    budget : str, optional
        Units of training, such as epochs. In a table with one row per epoch, the row of the
        largest budget is the evaluation.
    of : {"last", "best"}, optional
        Which score of a trial with several rows counts: that of the largest budget, the default,
        or the best one.
    early_stopped : {"pruned", "complete"}, optional
        Status of trials that ended at a smaller budget than others, in a table with one row per
        epoch: pruned, so worse than the threshold, if a scheduler stopped them; complete if they
        converged. Without it they are refused, since scores at different budgets do not compare.
    size, data : str, optional
        What a scaling law depends on (``fit(model="scaling")``), such as the number of parameters
        and of training tokens, in any unit: positive, and the same for all rows of a search.
    params : sequence of str, optional
        Columns of hyperparameters, renamed to `param:<name>`; a column of dicts, in Python or in
        JSON, becomes one column per entry. Without `params`, a column of dicts called "params" or
        "config" is opened. Without any, the hyperparameters are unknown and `n_params` is 0.

    Returns
    -------
    Trials
        The evaluations in the order of the input, reported bests apart from trials. Row numbers
        in messages count from 1, without the header.

    Raises
    ------
    LeadlineError
        If the file, a column or a value is not valid. A subclass of ValueError.
    FileNotFoundError, IsADirectoryError, TypeError
        If there is no such file, or an argument has the wrong type.
    ImportError
        If pyarrow is needed for Parquet and not installed.

    Examples
    --------
    >>> import leadline as ll
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"val_loss": [0.31, 0.27, None], "lr": [0.1, 0.03, 0.9]})
    >>> print(ll.read_table(frame, score="val_loss", direction="minimize", params=["lr"]))
    3 trials: 2 complete, 1 failed
    """
    named = {"score": score, "task": task, "model": model, "trial": trial, "replicate": replicate}
    named |= {"status": status, "cost": cost, "space": space, "best_of": best_of, "budget": budget}
    # Used only where they are named: other columns are often called "size" or "data".
    covariates = {"size": size, "data": data}
    validate_arguments(named | covariates, params)
    direction = validate_direction(direction)
    if of not in (None, "last", "best"):
        raise LeadlineError(f"of must be 'last' or 'best', got {format_value(of)}")
    validate_early_stopped(early_stopped)
    if of is not None and budget is None:
        raise LeadlineError("`of` needs the column of the epochs, as in budget='epoch'")
    frame, source, default_task = load_frame(path_or_frame)
    refuse_chart_export(list(frame.columns), source)
    if is_trials_frame(frame.columns) and status is None and params is None:
        raise LeadlineError(
            f"{source}: a trials_dataframe of Optuna, in which pruned trials have values too; read "
            "it with read_optuna, or name the columns, as in status='state', params=['params_lr']"
        )
    frame, params = open_dicts(frame, params, source)
    named |= {column: name for column, name in covariates.items() if name is not None}
    columns = resolve_columns(named, params, frame, source)
    rows = frame[list(columns.values())].set_axis(list(columns), axis="columns")
    if status is None and not {"status", "best_of"} & set(columns):
        # Before rows are grouped, which may ask for columns that a right score does not need.
        validate_numbers(rows["score"], f"{source}: column {format_value(score)}")
    notes: list[str] = []
    if budget is None:
        refuse_rows_per_epoch(frame, columns, source)
    else:
        rows, notes = take_one_row_per_trial(rows, of, early_stopped, direction, columns, source)
    rows, repeats = group_rows(rows, columns, frame, source)
    if "task" not in rows.columns:
        rows = rows.assign(task=default_task)
    hint = _what_repeats(frame, columns) if "trial" in columns and budget is None else ""
    table, reports = validate_rows(rows, source=source, names=columns, hint=hint)
    trials = Trials(
        table,
        direction,
        metric=score,
        source=source,
        notes=(*notes, *repeats, *_identifiers(table), *_unused(frame, columns, bool(repeats))),
        reports=reports,
        cost_unit=columns.get("cost", ""),
    )
    return log_trials(trials)


def _identifiers(table: pd.DataFrame) -> list[str]:
    """Return notes on hyperparameters that number or name the trials of each search."""
    trials = table.drop_duplicates(["task", "model", "trial"])
    searches = [own for _, own in trials.groupby(["task", "model"], sort=False)]
    return [
        f"{format_value(column.removeprefix(PARAM_PREFIX))} has another value in each trial, as "
        "their number or name has; if it is no hyperparameter, leave it out of `params`"
        for column in table.columns
        if column.startswith(PARAM_PREFIX)
        and searches
        and all(_are_identifiers(own[column]) for own in searches)
    ]


def _are_identifiers(cells: pd.Series) -> bool:
    """Return whether cells are words, or whole numbers without a gap, that all differ."""
    cells = cells.dropna()
    if len(cells) < _FEWEST_TRIALS or cells.nunique() < len(cells):
        return False
    numbers = np.sort(pd.to_numeric(cells, errors="coerce"))
    return _are_words(cells) or bool((np.diff(numbers) == 1).all())


def _unused(frame: pd.DataFrame, columns: Mapping[str, str], grouped: bool) -> list[str]:
    """Return notes on columns that nothing names, and that may be of use.

    No seeds are missed if the rows are `grouped` to replicates. Numbers may be hyperparameters if
    no column is known to be one.
    """
    words: list[str] = []
    seeds: list[str] = []
    numbers: list[str] = []
    notes = []
    known = any(own.startswith(PARAM_PREFIX) for own in columns)
    for name in columns.values():
        if name.casefold() in SEED_WORDS and columns.get(f"{PARAM_PREFIX}{name}") == name:
            notes.append(
                f"{format_value(name)} counts as a hyperparameter; if it tells evaluations of one "
                f"configuration apart, name it replicate={name!r} instead"
            )
    for name in frame.columns.difference(list(columns.values()), sort=False):
        cells = frame[name].dropna()
        if not known and name.casefold() not in SEED_WORDS and _may_be_drawn(name, cells):
            numbers.append(name)
        if "status" not in columns and _holds_statuses(cells):
            notes.append(
                f"{UNUSED} {format_value(name)}, which looks like the status of evaluations; "
                f"name it, as in status={name!r}"
            )
        elif _are_groups(cells):
            (seeds if name.casefold() in SEED_WORDS else words).append(name)
    if "score" not in words_of(columns["score"]) and not usual_direction(columns["score"]):
        notes += _other_scores(frame, columns)
    merged = _merged(frame, columns)
    words = [name for name in words if name not in merged.values()]
    free = [f"{own}={words[0]!r}" for own in _KINDS if words and own not in columns]
    params = [name for name in frame.columns if name in {*words, *numbers}]
    if set(params) - set(words):
        notes.append(
            f"{UNUSED}s {join_values(params)}; if they are hyperparameters, name them, as in "
            f"params={params}" + f"; if one tells searches apart, {' or '.join(free)}" * bool(free)
        )
    elif free:
        notes.append(
            f"{UNUSED} {join_values(words)}; if it tells searches apart, name it, as in "
            f"{' or '.join(free)}; if it is a hyperparameter, params={words}"
        )
    if seeds and "replicate" not in columns and not grouped:
        notes.append(
            f"{UNUSED} {join_values(seeds)}; if it tells evaluations of one configuration apart, "
            f"name it, as in replicate={seeds[0]!r}"
        )
    named, kinds = columns.get("replicate", ""), [own for own in _KINDS if own not in columns]
    if named and kinds and named.casefold() not in SEED_WORDS and _are_groups(frame[named]):
        notes.append(
            f"the column {format_value(named)} holds a few names, which stand for the repeated "
            "evaluations of one configuration, and their scores are averaged; if it tells "
            f"searches apart, name it as {' or '.join(f'{own}={named!r}' for own in kinds)}"
        )
    if merged:
        first, *others = ((frame[name].nunique(), format_value(name)) for name in merged.values())
        counts = [f"{first[0]} values of {first[1]}", *(f"{n} of {name}" for n, name in others)]
        which, one = ("them", "one") if others else ("it", "it")
        notes.append(
            f"{' and '.join(counts)} {MERGED}: name {which}, as in "
            f"{', '.join(f'{kind}={name!r}' for kind, name in merged.items())}; where {one} is a "
            f"hyperparameter, params=[{list(merged.values())[-1]!r}, …]"
        )
    return notes


def _other_scores(frame: pd.DataFrame, columns: Mapping[str, str]) -> list[str]:
    """Return a note on unused numbers called as scores are, which the named score is not."""
    others = frame.columns.difference(list(columns.values()), sort=False)
    found = [
        name
        for name in others
        if usual_direction(name) and pd.to_numeric(frame[name], errors="coerce").notna().any()
    ]
    if not found:
        return []
    one = len(found) == 1
    kind = f", which {'looks like a score' if one else 'look like scores'}"
    return [
        f"{UNUSED}{'' if one else 's'} {join_values(found)}{kind}; if "
        f"{format_value(columns['score'])} is none, name another, as in score={found[0]!r}"
    ]


def _merged(frame: pd.DataFrame, columns: Mapping[str, str]) -> dict[str, str]:
    """Return the unused columns that by their names are the task or the model, by this kind."""
    found: dict[str, str] = {}
    searches = [columns[own] for own in _KINDS if own in columns]
    for kind, words in _OF_KINDS.items():
        for name in frame.columns.difference(list(columns.values()), sort=False):
            if kind in columns or kind in found or name.casefold() not in words:
                continue
            own = frame[name].groupby([frame[key] for key in searches]) if searches else frame[name]
            varies = np.max(own.nunique()) > 1
            if varies and _are_groups(frame[name]) and frame[name].nunique() <= _MOST_SEARCHES:
                found[kind] = name
    return found


def _are_words(cells: pd.Series) -> bool:
    return len(cells) > 0 and all(isinstance(cell, str) for cell in cells)


def _are_groups(cells: pd.Series) -> bool:
    """Return whether cells are words that are all repeated."""
    cells = cells.dropna()
    counts = cells.value_counts()
    return _are_words(cells) and len(counts) > 1 and bool(counts.min() >= _FEWEST_REPEATS)


def _holds_statuses(cells: pd.Series) -> bool:
    """Return whether all cells are words for statuses, of which a failed one may have a score."""
    if not _are_words(cells):
        return False
    words = {cell.strip().casefold() for cell in cells.unique()}
    return len(words) > 1 and words <= STATUS_OF.keys()


def _may_be_drawn(name: str, cells: pd.Series) -> bool:
    """Return whether a column has numbers that vary, and no usual name of a cost or a metric."""
    if COST_WORDS & set(words_of(name)) or usual_direction(name):
        return False
    # As text: a whole number may be too large for a float.
    values = pd.to_numeric(cells.astype(str), errors="coerce")
    # Row numbers count up.
    return bool(
        values.notna().all() and values.nunique() > 2 and not (values.diff()[1:] == 1).all()
    )


def _what_repeats(frame: pd.DataFrame, columns: Mapping[str, str]) -> str:
    """Return what to name where rows repeat a trial: a column that tells its rows apart."""
    keys = [columns[own] for own in ("task", "model", "trial", "replicate") if own in columns]
    # Cells may be lists, which have no hash.
    if not frame[keys].map(repr).duplicated().any():
        return ""
    texts = frame.map(repr)
    for name in frame.columns.difference(list(columns.values()), sort=False):
        few = 1 < texts[name].nunique() <= len(frame) // 2
        if not few or texts.duplicated([*keys, name]).any():
            continue
        if name.casefold() in _EPOCH_WORDS:
            return f"name the column of the epochs, as in budget={name!r}"
        text = pd.to_numeric(frame[name], errors="coerce").isna().all()
        kind, purpose = ("replicate", "its evaluations")
        if text:
            kind, purpose = ("model" if "task" in columns else "task", "searches")
        return f"the column {name!r} tells {purpose} apart: name it, as in {kind}={name!r}"
    return ""
