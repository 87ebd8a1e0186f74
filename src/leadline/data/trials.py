"""The `Trials` table that every reader returns, and its validation.

One row is one evaluation: a configuration (trial) measured once (replicate). The rows of one
model on one task are a search. Failed evaluations stay in the table, with the status `failed` and
no score, because the best of k random trials includes the failures.
"""

import copy
import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from leadline.data.columns import PARAM_PREFIX, validate_identifiers, validate_param
from leadline.data.replicates import one_row_per_trial
from leadline.data.validate import REPORT_COLUMNS, validate_rows
from leadline.errors import LeadlineError, closest, format_value, join_values, pluralize

LOSS_SIGNS = {"minimize": 1.0, "maximize": -1.0}
"""Factor that turns a score of each direction into a loss."""

PRUNED_NOTE = (
    "the value of a pruned trial is not a score: the law counts it as worse than the threshold, "
    "and a surface leaves it out"
)

RANDOM_START = "random start"
"""The recorded sampler of trials that a sampler drew before it learned."""

RANDOM_SHARE = "random share"
"""The recorded sampler of the random trials of a search whose other trials were guided."""

FEWEST_RANDOM = 20
"""Fewest trials of a random start or share that are fitted. Ten have put the optimum of an accuracy
in percent at 106."""

SURFACE_ADVICE = "fit with model='surface', a regression of the score on the hyperparameters"
"""The advice on a search that learned."""

NEXT_TIME = (
    "Next time, run a random search, or wrap Optuna's sampler in leadline.optuna."
    "RandomShareSampler(sampler, share=0.25) for 100 trials or more: fit needs 20 random ones."
)
"""The advice for the next study, after one that learned."""

UNUSED = "not used: the column"
"""The start of a note on columns of a table that may tell its rows apart."""

MERGED = "would be one search"
"""Part of a note on unused columns that are tasks or models by their names: `fit` refuses."""

ONLY_REPORTS = (
    "the threshold of the law and the range of good scores are measured from trials; add a "
    "random search of any model on the same task, or give both yourself in the tails of "
    "leadline.models.best_of_k"
)
"""Advice for data that hold only reported bests."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Trials:
    """The evaluations of one or many searches, as a tidy table with its metadata.

    The table is validated and completed on construction.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per evaluation. The column `score`, in the user's units, is required; a missing or
        infinite score, or one beyond 1e150, marks a failed evaluation. Defaults of absent columns:
        `task` ("task"), `model` ("model"), `trial` (the row number, from 1), `replicate` (1),
        `status` (complete where there is a score; in a table with reported bests, also the
        default of single rows).
        Optional: `cost`, `order`, `budget`, `space`, hyperparameters `param:<name>`, and `drawn`:
        "random", or "guided" for a trial chosen by a sampler that learns; `size` and `data`, such
        as parameters and tokens, positive and the same for all rows of a search, for scaling laws.
        Other columns are left out. A row is a reported best, and moves to `reports`, when its
        optional `best_of`, a number of trials, is above 1, or its status is `reported`.
    direction : {"minimize", "maximize"}
        Which scores are good. Never guessed.
    metric, source : str
        Name of the score, and origin of the rows, such as a file name.
    sampler : str, optional
        Method that drew the configurations; None when unknown.
    notes : tuple of str
        Remarks of the reader about the rows, for the user.
    distributions : mapping of str to tuple, optional
        Distribution of each hyperparameter, by its name, where the source records it; the default
        `space` of `check_random_search`.
    reports : pandas.DataFrame, optional
        Reported bests in addition to those in `table`, as rows of the same kind. The attribute
        holds all of them, with the columns `task, model, score, best_of, space`.
    cost_unit : str
        Unit of the column `cost`, such as "seconds", or its name in the source; empty if unknown.

    Raises
    ------
    LeadlineError
        If the table or the direction is not valid; the message names the row.

    Examples
    --------
    >>> import leadline as ll
    >>> import pandas as pd
    >>> table = pd.DataFrame({"score": [0.31, 0.28, None], "param:lr": [0.1, 0.01, 1.0]})
    >>> trials = ll.Trials(table, "minimize", metric="error")
    >>> trials
    <Trials table, minimize error, 3 trials: 2 complete, 1 failed>
    >>> trials.per_trial()["status"].tolist()
    ['complete', 'complete', 'failed']
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
    cost_unit: str = ""

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
        """Return the numbers of trials, in all and by status, and of evaluations.

        Keys are `trials, complete, failed, pruned, running, evaluations`. A trial with several
        replicates has the status that `per_trial` gives it, or `running` when all of them are.
        """
        started = len(self.table[["task", "model", "trial"]].drop_duplicates())
        status = self.per_trial()["status"]
        counts = {name: int((status == name).sum()) for name in ("complete", "failed", "pruned")}
        running = {"running": started - len(status), "evaluations": len(self.table)}
        return {"trials": started} | counts | running

    def __str__(self) -> str:
        counts = self.counts()
        head = pluralize(counts["trials"], "trial")
        if counts["evaluations"] != counts["trials"]:
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
        return list(dict.fromkeys([*self.with_trials, *_pairs(self.reports)]))

    @property
    def with_trials(self) -> list[tuple[str, str]]:
        """The (task, model) pairs of searches with trials: the first of `searches`."""
        return _pairs(self.table)

    @property
    def only_reported(self) -> list[tuple[str, str]]:
        """The (task, model) pairs of searches with reported bests and no trials."""
        return self.searches[len(self.with_trials) :]

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
        found = [
            pair
            for pair in self.searches
            if (task is None or pair[0] == str(task)) and (model is None or pair[1] == str(model))
        ]
        if len(found) == 1:
            return self._select(*found[0])
        existing = zip(*self.searches, strict=True)
        for column, wanted, names in zip(("task", "model"), (task, model), existing, strict=True):
            if wanted is not None and str(wanted) not in names:
                known = list(dict.fromkeys(names))
                raise LeadlineError(
                    f"no {column} {format_value(wanted)} in {self.source}; there are "
                    f"{join_values(known)}.{closest(str(wanted), known)}"
                )
        if found:
            raise LeadlineError(
                f"{len(found)} searches match in {self.source}: give the task and the model of "
                f"one: {join_values(found)}"
            )
        raise LeadlineError(
            f"no search has task {format_value(task)} and model {format_value(model)} in "
            f"{self.source}; there are (task, model) {join_values(self.searches)}"
        )

    def _select(self, task: str, model: str) -> "Trials":
        # A copy, because the constructor would validate valid rows again.
        search = copy.copy(self)
        for name in ("table", "reports"):
            rows = getattr(self, name)
            own = (rows["task"] == task) & (rows["model"] == model)
            object.__setattr__(search, name, rows[own].reset_index(drop=True))
        # A column of numbers here may be one of text because of other searches.
        for column in search.table.columns:
            if column in ("trial", "replicate"):
                search.table[column] = validate_identifiers(search.table[column], column)
            elif column.startswith(PARAM_PREFIX):
                search.table[column] = validate_param(search.table[column])
        return search

    def per_trial(self) -> pd.DataFrame:
        """Return one row per trial, without running evaluations.

        Columns are `task, model, trial, score, replicates, sum_of_squares, status`, then those
        of `cost, order, budget, drawn, space` and `param:*` that the table has.
        `leadline.data.replicates.one_row_per_trial` documents the aggregation of replicates.
        """
        return one_row_per_trial(self.table)


def guided_trials(trials: Trials) -> int:
    """Return the number of trials that are known to be guided."""
    table = trials.per_trial()
    return int((table["drawn"] == "guided").sum()) if "drawn" in table else 0


def _rows_drawn(trials: Trials, how: str) -> pd.DataFrame:
    """Return the rows of the trials whose first row has this mark."""
    keys = ["task", "model", "trial"]
    first = trials.table.drop_duplicates(keys)
    return trials.table.merge(first.loc[first["drawn"] == how, keys], on=keys)


def drawn_at_random(trials: Trials) -> Trials:
    """Return the trials without those that are known to be guided.

    Raises `LeadlineError` if a search has trials and none of them is random.
    """
    if not guided_trials(trials):
        return trials
    table = _rows_drawn(trials, "random")
    without = [pair for pair in trials.with_trials if pair not in _pairs(table)]
    if without:
        raise LeadlineError(
            f"{trials.source}: no trial of {join_values(without)} was drawn at random. To answer "
            f"from these trials, {SURFACE_ADVICE}. {NEXT_TIME}"
        )
    return dataclasses.replace(trials, table=table, sampler=RANDOM_SHARE)


def drawn_by_sampler(trials: Trials) -> Trials | None:
    """Return the trials that are known to be guided, without reported bests; None without any."""
    if not guided_trials(trials):
        return None
    table = _rows_drawn(trials, "guided")
    return dataclasses.replace(trials, table=table, reports=trials.reports.iloc[:0])


def likely_params(notes: Iterable[str]) -> str:
    """Return the argument for hyperparameters, with the columns that notes take for some."""
    found = (re.search(r"\b(params=\[.*?\])(?:;|$)", note) for note in notes)
    return next((own[1] for own in found if own), "params=['COLUMN', …]")


def merged_searches(notes: Iterable[str]) -> str:
    """Return the note on searches that would be merged, "" for none."""
    return next((note for note in notes if MERGED in note), "")


def search_labels(searches: Sequence[tuple[str, str]]) -> list[str]:
    """Return a short unique name for each (task, model), without parts that all share."""
    tasks = {task for task, _ in searches}
    models = {model for _, model in searches}
    # "model" is the name of a model that the table does not name.
    if models == {"model"} or (len(models) == 1 and len(tasks) > 1):
        return [task for task, _ in searches]
    if len(tasks) == 1 and len(models) > 1:
        return [model for _, model in searches]
    return [f"{task} / {model}" for task, model in searches]


def _pairs(rows: pd.DataFrame) -> list[tuple[str, str]]:
    # Most searches have few rows, for which `drop_duplicates` takes several times as long.
    (task, tasks), (model, models) = (pd.factorize(rows[name]) for name in ("task", "model"))
    pairs = [divmod(int(code), len(models)) for code in pd.unique(task * len(models) + model)]
    return [(str(tasks[first]), str(models[second])) for first, second in pairs]


def validate_direction(direction: object) -> str:
    """Return the direction when it is "minimize" or "maximize", else raise `LeadlineError`."""
    if isinstance(direction, str) and direction in LOSS_SIGNS:
        return direction
    raise LeadlineError(
        "direction must be 'minimize' (a loss, an error) or 'maximize' (an accuracy); it is "
        f"never guessed, got {format_value(direction)}"
    )


def reports_line(reports: pd.DataFrame) -> str:
    """Return the number of reported bests in words, "" when there are none."""
    return pluralize(len(reports), "reported best") if len(reports) else ""


def validate_any_complete(trials: Trials) -> Trials:
    """Return the trials when at least one has a score, else raise `LeadlineError`."""
    complete = trials.table["status"] == "complete"
    if (trials.per_trial()["status"] == "complete").any():
        return trials
    if complete.any():
        raise LeadlineError(
            f"{trials.source}: no trial is complete, though {complete.sum()} evaluations have a "
            "score: all replicates of a trial have to; are trial and replicate swapped?"
        )
    if len(trials.reports) and trials.table.empty:
        raise LeadlineError(
            f"{trials.source}: {reports_line(trials.reports)} and no trial: {ONLY_REPORTS}"
        )
    raise LeadlineError(
        f"{trials.source}: no trial has a score in {format_value(trials.metric)} ({trials}); "
        "is this the right score column, are the scores finite?"
    )
