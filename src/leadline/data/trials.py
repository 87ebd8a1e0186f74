"""The `Trials` table that every reader returns, and its validation.

One row is one evaluation: a configuration (trial) measured once (replicate). The rows of one
model on one task are a search. Rows are never dropped: a failed evaluation stays in the table
with the status `failed` and no score, because the best of k random trials includes the failures.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from leadline.data.columns import (
    is_blank,
    validate_column_names,
    validate_identifiers,
    validate_labels,
    validate_numbers,
    validate_param,
    validate_status,
)
from leadline.data.replicates import PARAM_PREFIX, one_row_per_trial, validate_searches
from leadline.data.reported_bests import COLUMNS as REPORT_COLUMNS
from leadline.data.reported_bests import reports_line, validate_reports
from leadline.errors import LeadlineError, closest, format_value, join_values

DIRECTIONS = ("minimize", "maximize")
UNNAMED_MODEL = "model"
"""What a model is called that the table does not name."""
OPTIONAL_COLUMNS = ("cost", "order", "budget", "space")
PRUNED_NOTE = "the value of a pruned trial is not a score: the trial counts as outside the regime"

ONLY_REPORTS = (
    "where the law starts, and how far apart good scores are, is measured from trials; add a "
    "random search of any model on the same task, or say both yourself with "
    "leadline.models.best_of_k and its reported_search"
)
"""What is missing where all that is known is reported bests."""

# Squares of scores must stay finite. Scores this large are overflows anyway: MLflow, for
# one, stores inf as 1.797693e308.
_LARGEST_SCORE = 1e150


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Trials:
    """The evaluations of one or many searches, as a tidy table with its metadata.

    The table is validated and completed on construction, so every `Trials` is a valid one.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per evaluation. Needs the column `score`, in the user's units; a missing or
        infinite score, or one past 1e150, means that the evaluation failed. Used when
        present, filled in when absent: `task` ("task"), `model` ("model"), `trial` (the row
        number, from 1), `replicate` (1), `status` (complete where there is a score; where there
        are reported bests, also in single rows that leave it empty).
        Optional: `cost`, `order`, `budget`, `space` and hyperparameters `param:<name>`.
        Other columns are left out. A row whose optional `best_of`, a number of trials, is above
        1, or whose status is `reported`, is no evaluation but a reported best
        (`leadline.data.reported_bests`): it is moved to `reports`.
    direction : {"minimize", "maximize"}
        Which scores are good. Never guessed.
    metric : str
        Name of the score.
    source : str
        Where the rows came from, such as a file name.
    sampler : str, optional
        How the configurations were drawn; None when unknown.
    notes : tuple of str
        What a reader wants the user to know about the rows.
    distributions : mapping of str to tuple, optional
        What each hyperparameter was drawn from, where the source records it: by its name, as the
        `space` of `check_random_search`, which uses it.
    reports : pandas.DataFrame, optional
        Reported bests beside those in `table`, as rows of the same kind. As an attribute all of
        them, with the columns `leadline.data.reported_bests.COLUMNS`.

    Raises
    ------
    LeadlineError
        If the table or the direction is not valid; the message names the row.
    """

    table: pd.DataFrame
    direction: str
    metric: str = "score"
    source: str = "table"
    sampler: str | None = None
    notes: tuple[str, ...] = ()
    distributions: Mapping[str, tuple[object, ...]] | None = None
    reports: pd.DataFrame = dataclasses.field(
        default_factory=lambda: pd.DataFrame(columns=list(REPORT_COLUMNS))
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "direction", validate_direction(self.direction))
        names = {"score": self.metric}
        table, found = validate_rows(self.table, source=self.source, names=names)
        if len(self.reports):
            given = self.reports.assign(status="reported")
            _, given = validate_rows(given, source=f"reports of {self.source}", names=names)
            found = pd.concat([given, found], ignore_index=True) if len(found) else given
        if table.empty and found.empty:
            raise LeadlineError(f"{self.source}: no rows; at least one trial is needed")
        object.__setattr__(self, "table", table)
        object.__setattr__(self, "reports", found)
        if (table["status"] == "pruned").any() and PRUNED_NOTE not in self.notes:
            object.__setattr__(self, "notes", (*self.notes, PRUNED_NOTE))

    def counts(self) -> dict[str, int]:
        """Return how many trials there are, in all and of each status, and how many evaluations.

        Keys are `trials, complete, failed, pruned, running, evaluations`. A trial with several
        replicates has the status that `per_trial` gives it, or `running` when all of them are.
        """
        per_trial = self.per_trial()
        running = self.table[self.table["status"] == "running"]
        columns = ["task", "model", "trial"]
        started = len(self.table[columns].drop_duplicates())
        of_status = per_trial["status"].value_counts()
        counts = {"trials": started}
        for status in ("complete", "failed", "pruned"):
            counts[status] = int(of_status.get(status, 0))
        counts["running"] = started - len(per_trial) if len(running) else 0
        counts["evaluations"] = len(self.table)
        return counts

    def __str__(self) -> str:
        counts = self.counts()
        trials = counts["trials"]
        head = f"{trials} trial{'s' * (trials != 1)}"
        if counts["evaluations"] != trials:
            head += f" ({counts['evaluations']} evaluations)"
        if len(self.searches) > 1:
            head += f" in {len(self.searches)} searches"
        tail = [f"{counts['complete']} complete", f"{counts['failed']} failed"]
        tail += [f"{counts[name]} {name}" for name in ("pruned", "running") if counts[name]]
        reported = reports_line(self.reports)
        return f"{head}: {', '.join(tail)}" + f"; {reported}" * bool(reported)

    def __repr__(self) -> str:
        return f"<Trials {self.source}, {self.direction} {self.metric}, {self}>"

    @property
    def searches(self) -> list[tuple[str, str]]:
        """The (task, model) pairs in order of appearance, those without trials last."""
        pairs = pd.concat([one[["task", "model"]] for one in (self.table, self.reports)])
        pairs = pairs.drop_duplicates()
        return list(zip(pairs["task"].tolist(), pairs["model"].tolist(), strict=True))

    @property
    def only_reported(self) -> list[tuple[str, str]]:
        """The (task, model) pairs that are known from reported bests alone, without trials."""
        known = set(self.with_trials)
        return [pair for pair in self.searches if pair not in known]

    @property
    def with_trials(self) -> list[tuple[str, str]]:
        """The (task, model) pairs of searches with trials: the first of `searches`."""
        pairs = self.table[["task", "model"]].drop_duplicates()
        return list(zip(pairs["task"].tolist(), pairs["model"].tolist(), strict=True))

    @property
    def params(self) -> list[str]:
        """The `param:*` columns that hold a value in at least one row."""
        columns = [name for name in self.table.columns if name.startswith(PARAM_PREFIX)]
        return [name for name in columns if self.table[name].notna().any()]

    @property
    def n_params(self) -> int:
        """The number of hyperparameters that have values; 0 when they are unknown."""
        return len(self.params)

    def search(self, task: object = None, model: object = None) -> "Trials":
        """Return the trials of one search.

        Parameters
        ----------
        task, model : str, optional
            Which search; either may be left out when the other settles it.

        Raises
        ------
        LeadlineError
            If no search, or more than one, has these names; the message lists them.
        """
        pairs = self.searches
        for place, (column, wanted) in enumerate((("task", task), ("model", model))):
            if wanted is None:
                continue
            existing = list(dict.fromkeys(pair[place] for pair in self.searches))
            if str(wanted) not in existing:
                hint = closest(str(wanted), existing)
                raise LeadlineError(
                    f"no {column} {format_value(wanted)} in {self.source}; there are "
                    f"{join_values(existing)}.{hint}"
                )
            pairs = [pair for pair in pairs if pair[place] == str(wanted)]
            if not pairs:
                raise LeadlineError(
                    f"no search has task {format_value(task)} and model {format_value(model)} in "
                    f"{self.source}; there are (task, model) {join_values(self.searches)}"
                )
        if len(pairs) > 1:
            raise LeadlineError(
                f"{len(pairs)} searches match in {self.source}: say which task and model of "
                f"{join_values(pairs)}"
            )
        ((task, model),) = pairs
        table, reports = (
            rows[(rows["task"] == task) & (rows["model"] == model)]
            for rows in (self.table, self.reports)
        )
        return dataclasses.replace(self, table=table, reports=reports)

    def per_trial(self) -> pd.DataFrame:
        """Return one row per trial, replicates combined, running evaluations left out.

        Columns are `task, model, trial, score, replicates, sum_of_squares, status`, then those
        of `cost, order, budget, space` and `param:*` that the table has. See
        `leadline.data.replicates.one_row_per_trial` for how replicates are combined.
        """
        return one_row_per_trial(self.table)


def search_labels(searches: Sequence[tuple[str, str]]) -> list[str]:
    """Return a short name for each (task, model): what there is to tell, and tells them apart."""
    tasks = {task for task, _ in searches}
    models = {model for _, model in searches}
    if models == {UNNAMED_MODEL} or (len(models) == 1 and len(tasks) > 1):
        return [task for task, _ in searches]
    if len(tasks) == 1 and len(models) > 1:
        return [model for _, model in searches]
    return [f"{task} / {model}" for task, model in searches]


def validate_direction(direction: object) -> str:
    """Return the direction when it is "minimize" or "maximize", else raise `LeadlineError`."""
    if isinstance(direction, str) and direction in DIRECTIONS:
        return direction
    raise LeadlineError(
        "direction must be 'minimize' (a loss, an error) or 'maximize' (an accuracy); it is "
        f"never guessed, got {format_value(direction)}"
    )


def validate_any_complete(trials: Trials) -> Trials:
    """Return the trials when at least one has a score, else raise `LeadlineError`."""
    if (trials.table["status"] == "complete").any():
        return trials
    if len(trials.reports) and trials.table.empty:
        raise LeadlineError(
            f"{trials.source}: {reports_line(trials.reports)} and no trial: {ONLY_REPORTS}"
        )
    raise LeadlineError(
        f"{trials.source}: no trial has a score in {format_value(trials.metric)} ({trials}); "
        "is this the right score column, are the scores finite?"
    )


def validate_rows(
    table: pd.DataFrame, *, source: str = "table", names: Mapping[str, str] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the evaluations with every column of `Trials`, normalised, and the reported bests.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per evaluation or report, with the columns that `Trials` describes.
    source : str
        What the messages call the table.
    names : mapping of str to str, optional
        What the messages call a column, where that differs from its name in `table`.

    Returns
    -------
    evaluations, reports : DataFrame
        In the order of the table.

    Raises
    ------
    LeadlineError
        If a column or a value is not valid, or a trial and replicate appear twice in a search.
    """
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"table must be a pandas.DataFrame, got {type(table).__name__}")
    validate_column_names(table.columns, source=source)
    if "score" not in table.columns:
        raise LeadlineError(f"{source}: no column 'score'; there are {join_values(table.columns)}")

    def label(column: str) -> str:
        return f"{source}: column {format_value((names or {}).get(column, column))}"

    # Messages name rows by the index.
    table = table.reset_index(drop=True)
    reports, is_report = validate_reports(table, label)
    evaluations = table[~is_report] if len(reports) else table
    if len(reports) and "status" in table.columns:
        # Who says which rows are reports has no need to say of the others that they are not.
        blank = evaluations["status"].map(is_blank)
        evaluations = evaluations.assign(status=evaluations["status"].where(~blank, "complete"))
    # Whether there are any trials at all is asked by who needs some.
    return _validate_evaluations(evaluations, source, label), reports


def _validate_evaluations(
    table: pd.DataFrame, source: str, label: Callable[[str], str]
) -> pd.DataFrame:
    """Return the evaluations, which the index numbers, normalised."""
    n = len(table)
    valid: dict[str, object] = {}
    for column in ("task", "model"):
        given = column in table.columns
        valid[column] = validate_labels(table[column], label(column)) if given else [column] * n
    numbers = table.index.to_numpy()
    for column, default in (("trial", numbers + 1), ("replicate", np.ones(n, np.int64))):
        given = column in table.columns
        valid[column] = validate_identifiers(table[column], label(column)) if given else default
    status = (
        validate_status(table["status"], label("status"))
        if "status" in table.columns
        else np.full(n, "complete", dtype=object)
    )
    score = np.full(n, np.nan)
    evaluated = status == "complete"
    score[evaluated] = validate_numbers(table["score"], label("score"), rows=evaluated)
    score[~(np.abs(score) <= _LARGEST_SCORE)] = np.nan
    status[evaluated & np.isnan(score)] = "failed"
    valid["score"], valid["status"] = score, status
    for column in OPTIONAL_COLUMNS:
        if column == "space" and column in table.columns:
            valid[column] = validate_labels(table[column], label(column))
        elif column in table.columns:
            amount = validate_numbers(table[column], label(column))
            valid[column] = np.where(np.isfinite(amount), amount, np.nan)
    for column in table.columns:
        if column.startswith(PARAM_PREFIX):
            valid[column] = validate_param(table[column])
    result = pd.DataFrame(valid)
    validate_searches(result, source, numbers)
    return result
