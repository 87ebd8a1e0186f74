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

from leadline.answers.check import check, checks_line, failed_checks
from leadline.answers.compare import compare
from leadline.answers.comparison_sentences import comparison_sentences
from leadline.answers.convergence import convergence
from leadline.answers.intervals import interval_label, validate_interval
from leadline.answers.rounding import rounded
from leadline.answers.summary import summary

if TYPE_CHECKING:
    from leadline.trials import Trials

_INTERVALS = {
    "optimum": "optimum",
    "effective_dim": "effective dimension",
    "noise_sd": "noise sd",
}
_WITHIN_NOISE = "best seen at most one noise sd worse than the optimum"
# Of a file or a pipe, which has no width of its own.
_PLAIN_WIDTH = 180
# One row a search needs this much; on narrower screens searches stand side by side.
_ROW_WIDTH = 130
_LABEL_WIDTH, _CELL_WIDTH = 28, 27


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
    tree: xr.DataTree, *, ci_prob: float | None = None, ci_kind: str | None = None
) -> None:
    """Print the summary of a fit, and whether its sampling converged."""
    prob, kind = validate_interval(ci_prob, ci_kind)
    answers = summary(tree, ci_prob=prob, ci_kind=kind)
    console = _console()
    title = (
        f"{answers.attrs['metric']} ({answers.attrs['direction']}), {answers.attrs['source']}\n"
        f"posterior mean and {100 * prob:g} % interval"
    )
    rows = {str(name): answer_cells(row, prob, kind) for name, row in answers.iterrows()}
    table = Table(title=escape(title), title_justify="left", title_style="bold", header_style="")
    if len(rows) > 1 and console.width >= _ROW_WIDTH:
        table.add_column("search", overflow="fold")
        for label in next(iter(rows.values())):
            table.add_column(label, justify="right", no_wrap=label in _INTERVALS.values())
        for name, cells in rows.items():
            table.add_row(escape(name), *map(escape, cells.values()))
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
    failed = json.loads(tree.attrs.get("failed_checks", "[]"))
    if failed:
        line = f"{checks_line(failed)} (leadline check FIT.nc says what to do)"
        console.print(escape(line), style="bold red", soft_wrap=True)


def _side_by_side(rows: dict[str, dict[str, str]], table: Table) -> Table:
    """Return the table with one column a search."""
    table.add_column("search")
    for name in rows:
        table.add_column(escape(name), justify="right", overflow="fold")
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
        for _, row in rows.iterrows():
            verdict, style = _verdict(row["passed"])
            figure, limit = float(row["figure"]), float(row["limit"])
            shown = "" if math.isnan(figure) else f"{figure:.3g}"
            cells = (str(row["check"]), verdict, shown, f"{limit:.3g}", str(row["advice"]))
            table.add_row(*(escape(cell) for cell in cells), style=style)
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
    title = f"which {by} is better, {when}: P(better) / P(practically equal) / P(worse), in %"
    table = Table(title=escape(title), title_justify="left", title_style="bold", header_style="")
    names = [str(name) for name in found[context].to_numpy()]
    columns = {name: ("", {context: name}) for name in names}
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
            chances = [float(part[f"p_{kind}{suffix}"]) for kind in ("better", "equal", "worse")]
            known = not math.isnan(chances[0])
            cells.append(" / ".join(map(_in_percent, chances)) if known else "")
        table.add_row(escape(f"{first}, {second}"), *cells)
    console.print(table)
    for sentence in comparison_sentences(found):
        console.print(escape(sentence), soft_wrap=True)


def _in_percent(probability: float) -> str:
    """Return a probability in per cent; draws cannot tell nearly certain from certain."""
    if probability >= 0.995:
        return ">99"
    return "<1" if probability < 0.01 else f"{100 * probability:.0f}"


def show_written(folder: Path, names: Sequence[str]) -> None:
    """Print where the files are."""
    _console().print(escape(f"written to {folder}: {', '.join(names)}"), soft_wrap=True)


def answer_cells(row: pd.Series, prob: float, kind: str) -> dict[str, str]:
    """Return the text of each cell of one search's answers, by the words of its column."""
    sd = float(row["optimum_sd"])
    cells = {
        "trials": f"{row['trials']:.0f}",
        "failed": f"{row['failed']:.0f}",
        "in the regime": _regime_cell(row),
        "best seen": rounded(float(row["best_seen"]), sd),
    }
    label = interval_label(prob, kind)
    for name, words in _INTERVALS.items():
        sd = float(row[f"{name}_sd"])
        ends = [rounded(float(row[f"{name}_{label}_{end}"]), sd) for end in ("lb", "ub")]
        cells[words] = f"{rounded(float(row[name]), sd)} [{ends[0]}, {ends[1]}]"
    chances = {
        column.removeprefix("effective_dim="): 100.0 * float(row[column])
        for column in row.index
        if column.startswith("effective_dim=")
    }
    if chances:
        likely = [f"{j}: {chance:.0f} %" for j, chance in chances.items() if chance >= 0.5]
        cells["effective dimension"] = ", ".join(likely)
    cells[_WITHIN_NOISE] = f"{100 * row['best_within_noise']:.0f} %"
    if row["warning"]:
        cells["warning"] = row["warning"]
    return cells


def _regime_cell(row: pd.Series) -> str:
    """Return how many trials are past the threshold, and between which thresholds it may be."""
    ends = [round(row[f"tail_fraction_{end}"] * row["trials"]) for end in ("lb", "ub")]
    count = f"{row['in_regime']:.0f}"
    return count if ends[0] == ends[1] else f"{count} ({ends[0]} to {ends[1]})"
