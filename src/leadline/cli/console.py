"""Print the answers of a fit: tables and sentences, on the standard output.

The standard error has the progress of a fit, and the one line of a failed command.
"""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from leadline.cli.command_line import surface_folder
from leadline.cli.tables import show_line, show_table
from leadline.cli.wording import SURFACE, in_command_line_words
from leadline.data.metric_names import direction_doubt
from leadline.data.trials import Trials
from leadline.stats import surface_beside_law
from leadline.stats.diagnostics import convergence, recorded_checks
from leadline.stats.fitted_search import best_runs
from leadline.stats.forecast import forecast
from leadline.stats.guided import has_guided
from leadline.stats.intervals import validate_interval
from leadline.stats.rounding import of_best
from leadline.stats.scaling_law import has_law
from leadline.stats.scaling_sentences import law_sentences
from leadline.stats.setting_words import (
    AGAIN,
    has_params,
    setting_cells,
    setting_title,
    which_matter,
)
from leadline.stats.stopping import forecast_cells, perfect_search, stopping_advice
from leadline.stats.summary import summary_cells, summary_text
from leadline.stats.surface_forecast import perfect_search_sentences
from leadline.stats.surface_settings import best_setting
from leadline.stats.surface_tree import calibration_of, is_surface, next_time_of, surface_groups


def show_trials(trials: Trials) -> list[str]:
    """Print how many trials were read, and notes on them; return the notes."""
    notes = [*trials.notes, *(doubt for doubt in [direction_doubt(trials)] if doubt)]
    for line in (str(trials), *map(in_command_line_words, notes)):
        show_line(f"{trials.source}: {line}", "dim")
    return notes


def show_answers(
    tree: xr.DataTree,
    path: Path | None = None,
    *,
    form: str = "table",
    surface: str | None = None,
    shown: Sequence[str] = (),
    **interval: Any,
) -> None:
    """Print the summary of a fit, its sampling diagnostics and its failed checks.

    `path` is the file of the fit, for the commands to type next. `form` is "table" for the screen,
    or a format of `leadline.stats.summary`; `surface` is the command that fits a surface to the
    same trials, "" for none, and `shown` are notes that were printed before; `interval` holds
    `ci_prob` and `ci_kind` of `leadline.summary`.
    """
    if form != "table":
        # A console would fold long lines.
        print(summary_text(tree, form, **interval), end="")
        return
    answers, found = summary_cells(tree, **interval), convergence(tree)
    line = in_command_line_words(answers.attrs["convergence"], path)
    if not found.ok:
        show_line(line, "bold red")
    if len(answers) > 1:
        _show_cells(answers.attrs["title"], answers)
    else:
        # One search needs no name: it is often that of its file.
        _show_cells(answers.attrs["title"], answers.T, named=False)
    show_settings(tree, interval.get("ci_prob"))
    if not is_surface(tree) and surface != "":
        again = f"`{surface}`" if surface else _how_to_fit_again(path)
        show_line(in_command_line_words(which_matter(tree, again)), "dim")
    for sentence in answers.attrs["remarks"]:
        show_line(sentence)
    for sentence in law_sentences(tree, **interval) if has_law(tree) else ():
        show_line(sentence)
    if found.ok:
        show_line(line)
    show_recorded(tree, path, shown)


def _how_to_fit_again(path: Path | None) -> str:
    """Return how to fit a surface to the trials of the fit in a file."""
    if path is None:
        return AGAIN
    folder = shlex.quote(surface_folder(path.absolute().parent))
    return f"add `{SURFACE} -o {folder}` to the command that made this fit"


def show_settings(tree: xr.DataTree, ci_prob: float | None = None) -> None:
    """Print where the optimum of each surface is, and which hyperparameters matter."""
    several = len(tree["posterior"].dataset["search"]) > 1
    for name in surface_groups(tree) if is_surface(tree) else ():
        table = best_setting(tree, name, ci_prob=ci_prob)
        cells = setting_cells(table)
        title = setting_title(table, name if several else "")
        heads = list(map(str, cells.columns))
        rows = [list(map(str, row)) for row in cells.itertuples(name=None)]
        show_table(title, ["hyperparameter"], heads, rows)


def show_first_answer(tree: xr.DataTree) -> None:
    """Print the answers on the first search that was fitted, without the others, and its draws."""
    answers = summary_cells(tree).drop(columns="warning", errors="ignore")
    found = convergence(tree)
    title = f"a first look, from this search alone and {found.draws} draws"
    _show_cells(title, answers.T)
    if found.ok:
        show_line(found.message)
    else:
        show_line(f"rough: few draws so far ({', '.join(found.problems)})", "dim")
    line = "the answers on all searches together follow, and differ: searches inform each other"
    show_line(f"{line}, also on how many of their trials to use", "dim")


def _show_cells(title: str, cells: pd.DataFrame, *, named: bool = True) -> None:
    rows = [list(map(str, row)) for row in cells.itertuples(name=None)]
    show_table(title, ["search"], [str(label) for label in cells.columns], rows, header=named)


def show_next_time(tree: xr.DataTree) -> None:
    """Print how to search next time, after a search that learned."""
    if advice := next_time_of(tree):
        show_line(advice, "dim")


def show_seed(tree: xr.DataTree) -> None:
    """Print the seed of a fit, also one that was drawn."""
    seed = json.loads(tree.attrs.get("settings", "{}")).get("random_seed")
    if seed is not None:
        text = f"seed {seed}: `--seed {seed}` gives the same numbers for the same file and options"
        show_line(text, "dim")


def show_recorded(tree: xr.DataTree, path: Path | None = None, shown: Sequence[str] = ()) -> None:
    """Print the notes and the failed checks that the fit recorded, without the notes `shown`.

    `path` is the file of the fit.
    """
    notes = json.loads(tree.attrs.get("notes", "[]"))
    if is_surface(tree):
        # Earlier versions stored it among the notes, also for random searches.
        notes = [note for note in notes if not note.startswith("calibration")]
        notes += [f"calibration: {text}" for text in [calibration_of(tree)] if text]
    for note in notes:
        if note not in shown:
            show_line(f"note: {in_command_line_words(note, path)}")
    line = ""
    if "failed_checks" not in tree.attrs:
        line = "not checked; run `leadline check FIT.nc`"
    elif tree.attrs["failed_checks"] != "[]":
        line = f"{recorded_checks(tree)} (run `leadline check FIT.nc` for advice)"
    if line:
        show_line(in_command_line_words(line, path), "bold red")


def show_forecast(
    tree: xr.DataTree,
    trials: Sequence[int],
    *,
    minimum_gain: float | None,
    probability: float,
    ci_prob: float | None = None,
    path: Path | None = None,
) -> str:
    """Print the gains expected from further trials and an advice; return its verdict.

    The advice is about the largest number of `trials`: it is to stop if no search gains more than
    `minimum_gain`, in score units, with `probability`. `path` is the file of the fit.
    """
    found = forecast(tree, trials, minimum_gain=minimum_gain)
    if found.attrs["problems"]:
        show_line(f"do not rely on these numbers: {found.attrs['problems']}", "bold red")
    chance = "P(gain)" if minimum_gain is None else f"P(gain > {minimum_gain:g})"
    unit = found.attrs["cost_unit"]
    cost = f"total cost ({unit})" if unit not in ("", "cost") else "total cost"
    heads = ["best seen", "their best", chance, "gain if re-run", "P(worth it)", cost]
    prob, _ = validate_interval(ci_prob, None)
    n_heads = len(heads) if found["cost"].notnull().any() else len(heads) - 1  # noqa: PD004
    named = found.sizes["search"] > 1  # one search needs no name
    kind = "random trials" if is_surface(tree) or has_guided(tree) else "trials"
    runs = best_runs(tree)
    amount = "the noise of one run" if minimum_gain is None else f"{minimum_gain:g}"
    title = (
        f"the next {kind} of {tree.attrs['source']}, one run each: {found.attrs['metric']} "
        f"({found.attrs['direction']})\nmedian and {100 * prob:g} % interval of their best; "
        f"{chance}: of its measured score over the best seen; gain if re-run: the mean, of its "
        f"expected score over that of the best trial (a new best counts where it measures better; "
        f"where that was luck, its gain is below 0); worth it: more than {amount} if re-run"
        + f"; best seen{of_best(runs)}"
        * (max(runs) > 1)
    )
    perfect = perfect_search(tree, minimum_gain)
    rows = [row[not named : n_heads + 2] for row in forecast_cells(found, prob, perfect)]
    words = [*["search"] * named, kind]
    show_table(title, words, heads[:n_heads], rows)
    advice = stopping_advice(tree, found, probability=probability)
    # Failed checks are named below.
    show_line(advice.reason + " Before you act, see the checks below." * bool(advice.doubt))
    if far := found.attrs["far_beyond"]:
        show_line(f"{far}.")
    if is_surface(tree):
        for sentence in perfect_search_sentences(tree, prob, minimum_gain):
            show_line(sentence)
        beside = surface_beside_law.law_sentences(tree, ci_prob=prob, minimum_gain=minimum_gain)
        for name, text in beside.items():
            show_line(f"{name}: {text}" if named else text)
    elif has_params(tree):
        again = _how_to_fit_again(path)
        show_line(in_command_line_words(which_matter(tree, again)), "dim")
    return advice.verdict
