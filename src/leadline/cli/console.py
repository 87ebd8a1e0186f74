"""What the command line prints: counts, answers as a table, convergence, what was written.

All of it goes to the standard output; the standard error is for the one line of a failure.
"""

import itertools
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import xarray as xr
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from leadline.checks.check import check, checks_line, failed_checks
from leadline.checks.reported import NO_TRIALS
from leadline.stats.compare import compare
from leadline.stats.comparison_sentences import comparison_sentences
from leadline.stats.convergence import convergence
from leadline.stats.forecast import forecast
from leadline.stats.options import validate_probability
from leadline.stats.rounding import percent
from leadline.stats.stopping import forecast_cells, stopping_advice, trials_needed_sentences
from leadline.stats.summary_text import INTERVALS, summary_cells, summary_text
from leadline.stats.trials_needed import trials_needed

if TYPE_CHECKING:
    from leadline.data.trials import Trials

# Of a file or a pipe, which has no width of its own.
_PLAIN_WIDTH = 220
# One row a search needs this much; on narrower screens searches stand side by side.
_ROW_WIDTH = 170
_LABEL_WIDTH, _CELL_WIDTH = 28, 27
_BOUNDS = {"at least": "≥ ", "at most": "≤ ", "": ""}


def _console() -> Console:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PLAIN_WIDTH
    return console


def show_progress(line: str, *, quiet: bool = False) -> None:
    """Print what is being done."""
    if not quiet:
        _console().print(escape(line), style="dim", soft_wrap=True)


def show_trials(trials: "Trials", *, quiet: bool = False) -> None:
    """Print how many trials were read, and what the reader has to say about them."""
    for line in (str(trials), *trials.notes):
        show_progress(f"{trials.source}: {line}", quiet=quiet)


def show_answers(
    tree: xr.DataTree,
    *,
    ci_prob: float | None = None,
    ci_kind: str | None = None,
    form: str = "table",
) -> None:
    """Print the summary of a fit, and whether its sampling converged.

    Parameters
    ----------
    tree : DataTree
        The result of a fit.
    ci_prob, ci_kind : optional
        As in `leadline.summary`.
    form : {"table", "markdown", "latex", "csv"}
        A table for the screen with all that is to be said of the fit, or text for a paper: then
        the rest is in comments, or left to the `warning` column.
    """
    console = _console()
    if form != "table":
        # As it is: a console would fold long lines.
        print(summary_text(tree, form, ci_prob=ci_prob, ci_kind=ci_kind), end="")
        return
    answers = summary_cells(tree, ci_prob=ci_prob, ci_kind=ci_kind)
    table = Table(
        title=escape(answers.attrs["title"]),
        title_justify="left",
        title_style="bold",
        header_style="",
    )
    rows = answers.to_dict("index")
    if len(rows) > 1 and console.width >= _ROW_WIDTH:
        table.add_column(
            "search", overflow="fold", min_width=min(26, max(len(str(name)) for name in rows))
        )
        for label in answers.columns:
            table.add_column(label, justify="right", no_wrap=label in INTERVALS.values())
        for name, cells in rows.items():
            table.add_row(escape(str(name)), *map(escape, cells.values()))
        console.print(table)
    else:
        beside = max(1, (console.width - _LABEL_WIDTH) // _CELL_WIDTH)
        for first in range(0, len(rows), beside):
            console.print(_side_by_side(dict(list(rows.items())[first : first + beside]), table))
            table = Table(header_style="")
    found = convergence(tree)
    console.print(escape(found.message), style="" if found.ok else "bold red", soft_wrap=True)
    show_recorded(tree)


def show_recorded(tree: xr.DataTree) -> None:
    """Print the notes that came with the trials, and which checks failed when they were fitted."""
    console = _console()
    for note in json.loads(tree.attrs.get("notes", "[]")):
        console.print(escape(f"note: {note}"), soft_wrap=True)
    if "failed_checks" not in tree.attrs:
        console.print("not checked (leadline check FIT.nc does it)", style="bold red")
        return
    failed = json.loads(tree.attrs["failed_checks"])
    if failed:
        line = f"{checks_line(failed)} (leadline check FIT.nc says what to do)"
        console.print(escape(line), style="bold red", soft_wrap=True)


def _side_by_side(rows: dict[Any, dict[Any, str]], table: Table) -> Table:
    """Return the table with one column a search."""
    table.add_column("search")
    for name in rows:
        table.add_column(escape(str(name)), justify="right", overflow="fold")
    for label in next(iter(rows.values())):
        table.add_row(label, *(escape(cells[label]) for cells in rows.values()))
    return table


def show_checks(tree: xr.DataTree) -> None:
    """Print the checks of a fit, one table a search, and what to do about those that failed."""
    checks = check(tree)
    console = _console()
    for search, rows in checks.groupby("search", sort=False):
        table = Table(
            title=escape(f"checks of {search}"),
            title_justify="left",
            title_style="bold",
            header_style="",
        )
        table.add_column("check")
        table.add_column("")
        table.add_column("figure", justify="right")
        table.add_column("limit", justify="right")
        table.add_column("what to do", overflow="fold")
        # Of a search without trials most checks are not made, for one and the same reason.
        alike = rows["advice"].eq(NO_TRIALS)
        for _, row in rows[~alike].iterrows():
            verdict, style = _verdict(row["passed"])
            figure, limit = float(row["figure"]), float(row["limit"])
            shown = "" if math.isnan(figure) else f"{figure:.4g}"
            held = f"{_BOUNDS[row['bound']]}{limit:.4g}"
            cells = (str(row["check"]), verdict, shown, held, str(row["advice"]))
            table.add_row(*(escape(cell) for cell in cells), style=style)
        if alike.any():
            table.add_row("all others", "not made", "", "", escape(NO_TRIALS), style="dim")
        console.print(table)
    failed = failed_checks(checks)
    console.print(
        escape(checks_line(failed)),
        style="bold red" if failed else "",
        soft_wrap=True,
    )


def _verdict(passed: Any) -> tuple[str, str]:
    """Return the word for the outcome of a check, and its style."""
    if pd.isna(passed):
        return "not made", "dim"
    return ("passed", "") if passed else ("FAILED", "red")


def show_comparison(
    tree: xr.DataTree, *, by: str = "model", budget: float | None = None, rope: float = 0.0
) -> None:
    """Print the probabilities of each pair, by task and overall, and what they say in words."""
    found = compare(tree, by=by, budget=budget, rope=rope)  # type: ignore[arg-type]
    context = "task" if by == "model" else "model"
    console = _console()
    when = f"after {budget:g} trials each" if budget else "at the optimum"
    equal = " / P(practically equal)" if rope else ""
    title = f"which {by} is better, {when}: P(better){equal} / P(worse), in %"
    table = Table(title=escape(title), title_justify="left", title_style="bold", header_style="")
    names = [str(name) for name in found[context].to_numpy()]
    columns = {name: ("", {context: name}) for name in names}
    if len(names) > 1:
        columns |= {"overall": ("_overall", {})}
    if found["p_better_new_task"].notnull().any():  # noqa: PD004  (xarray)
        columns |= {"a new task": ("_new_task", {})}
    table.add_column(f"{by}, against the other")
    for label in columns:
        table.add_column(escape(label), justify="right")
    for first, second in itertools.combinations([str(one) for one in found[by].to_numpy()], 2):
        pair = found.sel({by: first, f"other_{by}": second})
        cells = []
        for suffix, place in columns.values():
            part = pair.sel(place) if place else pair
            kinds = ("better", "equal", "worse") if rope else ("better", "worse")
            chances = [float(part[f"p_{kind}{suffix}"]) for kind in kinds]
            known = not math.isnan(chances[0])
            cells.append(
                " / ".join(percent(chance).replace(" ", "").rstrip("%") for chance in chances)
                if known
                else ""
            )
        table.add_row(escape(f"{first}, {second}"), *cells)
    console.print(table)
    for sentence in comparison_sentences(found):
        console.print(escape(sentence), soft_wrap=True)


def show_forecast(
    tree: xr.DataTree, trials: Sequence[int], *, minimum_gain: float, probability: float
) -> bool:
    """Print what further trials would bring, and whether to stop; return whether to stop."""
    validate_probability(probability)
    found = forecast(tree, trials, minimum_gain=minimum_gain)
    console = _console()
    title = (
        f"the next trials of {tree.attrs['source']}: {found.attrs['metric']} "
        f"({found.attrs['direction']})\nmedian and 80 % interval of their best, and its gain over "
        "the best seen"
    )
    table = Table(title=escape(title), title_justify="left", title_style="bold", header_style="")
    table.add_column("search", overflow="fold")
    chance = "P(gain)" if minimum_gain == 0 else f"P(gain > {minimum_gain:g})"
    for label in ("best seen", "trials", "their best", chance, "mean gain", "gain if re-run"):
        table.add_column(escape(label), justify="right")
    costly = bool(found["cost"].notnull().any())  # noqa: PD004  (xarray)
    if costly:
        table.add_column("cost", justify="right")
    for row in forecast_cells(found):
        table.add_row(*map(escape, row if costly else row[:-1]))
    console.print(table)
    advice = stopping_advice(tree, found, probability=probability)
    console.print(escape(advice.sentence), soft_wrap=True)
    return advice.stop


def show_trials_needed(tree: xr.DataTree, within: str, probability: float) -> None:
    """Print how many further trials bring the best one within reach of the optimum."""
    console = _console()
    for sentence in trials_needed_sentences(trials_needed(tree, within, probability=probability)):
        console.print(escape(sentence), soft_wrap=True)


def show_written(folder: Path, names: Sequence[str]) -> None:
    """Print where the files are."""
    _console().print(escape(f"written to {folder}: {', '.join(names)}"), soft_wrap=True)
