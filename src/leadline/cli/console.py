"""Print the answers of a fit: tables and sentences, on the standard output.

The standard error has the progress of a fit, and the one line of a failed command.
"""

import itertools
import json
import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
import xarray as xr
from rich.console import Console
from rich.measure import Measurement
from rich.table import Column, Table

from leadline.checks.check import check
from leadline.checks.levels import NOTE
from leadline.checks.outcome import NO_TRIALS
from leadline.cli.wording import in_command_line_words
from leadline.data.trials import Trials
from leadline.errors import pluralize
from leadline.stats.compare import compare_once
from leadline.stats.comparison_sentences import comparison_sentences
from leadline.stats.diagnostics import checks_line, convergence
from leadline.stats.forecast import forecast
from leadline.stats.plateau import NOT_CHECKED
from leadline.stats.rounding import percent
from leadline.stats.stopping import forecast_cells, stopping_advice
from leadline.stats.summary import summary_cells, summary_text

# A file or a pipe has no width of its own.
_PLAIN_WIDTH = 220
# Each search becomes a column if a row per search is too wide.
_LABEL_WIDTH, _CELL_WIDTH = 28, 27
_BOUNDS = {"at least": "≥ ", "at most": "≤ ", "": ""}
_VERDICTS = {True: ("passed", ""), False: ("FAILED", "red"), None: ("not made", "dim")}
_NOTED = "noted", "yellow"


def _console() -> Console:
    # Names of searches may look like markup or an emoji code.
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _PLAIN_WIDTH
    return console


def _table(title: str, words: Sequence[str], numbers: Sequence[str]) -> Table:
    """Return a table without rows: columns of words, then columns of numbers."""
    return Table(
        *(Column(label, overflow="fold") for label in words),
        *(Column(label, overflow="fold", justify="right") for label in numbers),
        title=title or None,
        title_justify="left",
        title_style="bold",
        header_style="",
    )


def show_line(line: str, style: str = "") -> None:
    """Print one line; the terminal wraps it."""
    _console().print(line, style=style, soft_wrap=True)


def show_trials(trials: Trials) -> None:
    """Print how many trials were read, and the notes of the reader."""
    for line in (str(trials), *map(in_command_line_words, trials.notes)):
        show_line(f"{trials.source}: {line}", "dim")


def show_answers(tree: xr.DataTree, *, form: str = "table", **interval: Any) -> None:
    """Print the summary of a fit, its sampling diagnostics and its failed checks.

    `form` is "table" for the screen, or a format of `leadline.stats.summary`; `interval` holds
    `ci_prob` and `ci_kind` of `leadline.summary`.
    """
    if form != "table":
        # A console would fold long lines.
        print(summary_text(tree, form, **interval), end="")
        return
    answers = summary_cells(tree, **interval)
    title = answers.attrs["title"]
    console = _console()
    table = _answer_table(title, answers)
    width = Measurement.get(console, console.options.update(max_width=10_000), table).maximum
    if not console.is_terminal:
        console.width = max(_PLAIN_WIDTH, width)
    if len(answers) > 1 and width <= console.width:
        console.print(table)
    else:
        beside = max(1, (console.width - _LABEL_WIDTH) // _CELL_WIDTH)
        for first in range(0, len(answers), beside):
            part = answers.iloc[first : first + beside].T
            console.print(_answer_table("" if first else title, part))
    found = convergence(tree)
    for sentence in answers.attrs["plateaus"]:
        show_line(sentence)
    line = in_command_line_words(answers.attrs["convergence"])
    show_line(line, "" if found.ok else "bold red")
    show_recorded(tree)


def show_first_answer(tree: xr.DataTree) -> None:
    """Print the answers on the first search that was fitted, without the others, and its draws."""
    answers = summary_cells(tree).drop(columns="warning", errors="ignore")
    found = convergence(tree)
    title = f"a first answer, from this search alone and {found.draws} draws"
    _console().print(_answer_table(title, answers.T))
    if found.ok:
        show_line(found.message)
    else:
        show_line(f"do not rely on it yet: {', '.join(found.problems)}", "bold red")
    show_line("the answers on all searches follow", "dim")


def _answer_table(title: str, cells: pd.DataFrame) -> Table:
    table = _table(title, ["search"], [str(label) for label in cells.columns])
    for row in cells.itertuples(name=None):
        table.add_row(*map(str, row))
    return table


def show_recorded(tree: xr.DataTree) -> None:
    """Print the notes and the failed checks that the fit recorded."""
    for note in json.loads(tree.attrs.get("notes", "[]")):
        show_line(f"note: {in_command_line_words(note)}")
    if "failed_checks" not in tree.attrs:
        show_line("not checked; run `leadline check FIT.nc`", "bold red")
    elif failed := json.loads(tree.attrs["failed_checks"]):
        line = f"{checks_line(failed)} (run `leadline check FIT.nc` for advice)"
        show_line(line, "bold red")


def show_checks(tree: xr.DataTree, *, recompute: bool = False) -> None:
    """Print the checks of a fit, one table per search, with advice on those that failed."""
    checks = check(tree, recompute=recompute)
    for search, rows in checks.groupby("search", sort=False):
        table = _table(f"checks of {search}", ["check", ""], ["figure", "limit"])
        table.add_column("what to do", overflow="fold")
        # Without trials, most checks cannot be made, for the same reason.
        alike = rows["advice"].isin([NO_TRIALS, NOT_CHECKED])
        for _, row in rows[~alike].iterrows():
            passed = None if pd.isna(row["passed"]) else bool(row["passed"])
            is_noted = passed is False and row["level"] == NOTE
            verdict, style = _NOTED if is_noted else _VERDICTS[passed]
            table.add_row(
                row["check"],
                verdict,
                "" if math.isnan(row["figure"]) else f"{row['figure']:.4g}",
                f"{_BOUNDS[row['bound']]}{row['limit']:.4g}",
                in_command_line_words(row["advice"]),
                style=style,
            )
        if alike.any():
            others = "all others" if not alike.all() else "all"
            reason = rows["advice"][alike].iloc[0]
            table.add_row(others, _VERDICTS[None][0], "", "", reason, style="dim")
        _console().print(table)
    failed = checks.attrs["failed"]
    if noted := checks.attrs["noted"]:
        show_line(f"{pluralize(len(noted), 'note')}: {'; '.join(noted)}")
    show_line(checks_line(failed), "bold red" if failed else "")


def show_comparison(
    tree: xr.DataTree, *, by: str = "model", budget: float | None = None, rope: float = 0.0
) -> None:
    """Print the result of `leadline.compare`, per task and overall, and its conclusions."""
    found = compare_once(tree, by=by, budget=budget, rope=rope)  # type: ignore[arg-type]
    context = "task" if by == "model" else "model"
    when = f"after {budget:g} trials each" if budget else "at the optimum"
    kinds = ("better", "equal", "worse") if rope else ("better", "worse")
    equal = " / P(practically equal)" if rope else ""
    names = [str(name) for name in found[context].to_numpy()]
    # Head of the column: suffix of the variables, and what is selected of them.
    columns = {name: ("", {context: name}) for name in names}
    if len(names) > 1:
        columns["overall"] = ("_overall", {})
    if found["p_better_new_task"].notnull().any():  # noqa: PD004  (xarray)
        columns["a new task"] = ("_new_task", {})
    title = f"which {by} is better, {when}: P(better){equal} / P(worse), in %"
    table = _table(title, [f"{by}, against the other"], list(columns))
    for first, second in itertools.combinations(map(str, found[by].to_numpy()), 2):
        pair = found.sel({by: first, f"other_{by}": second})
        cells = []
        for suffix, selected in columns.values():
            chances = [float(pair[f"p_{kind}{suffix}"].sel(selected)) for kind in kinds]
            shown = [percent(chance).replace(" ", "").rstrip("%") for chance in chances]
            cells.append("" if math.isnan(chances[0]) else " / ".join(shown))
        table.add_row(f"{first}, {second}", *cells)
    _console().print(table)
    for sentence in comparison_sentences(found):
        show_line(sentence)


def show_forecast(
    tree: xr.DataTree, trials: Sequence[int], *, minimum_gain: float, probability: float
) -> bool:
    """Print the gains expected from further trials and an advice; return whether it is to stop.

    The advice is about the largest number of `trials`: it is to stop if no search gains more than
    `minimum_gain`, in score units, with `probability`.
    """
    found = forecast(tree, trials, minimum_gain=minimum_gain)
    chance = "P(gain)" if minimum_gain == 0 else f"P(gain > {minimum_gain:g})"
    heads = ["best seen", "trials", "their best", chance, "mean gain", "gain if re-run", "cost"]
    n_heads = len(heads) if found["cost"].notnull().any() else len(heads) - 1  # noqa: PD004
    title = (
        f"the next trials of {tree.attrs['source']}: {found.attrs['metric']} "
        f"({found.attrs['direction']})\nmedian and 80 % interval of their best, and its gain over "
        "the best seen"
    )
    table = _table(title, ["search"], heads[:n_heads])
    for row in forecast_cells(found):
        table.add_row(*row[: n_heads + 1])
    _console().print(table)
    advice = stopping_advice(tree, found, probability=probability)
    show_line(advice.sentence)
    return advice.stop
