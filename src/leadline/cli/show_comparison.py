"""Print a comparison: its probabilities, its differences, and its conclusions."""

import itertools
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from leadline.cli.tables import show_line, show_table
from leadline.cli.wording import in_command_line_words
from leadline.errors import LeadlineError, closest, format_value, there_are
from leadline.stats.compare import Column, compare_once, comparison_columns
from leadline.stats.comparison_sentences import comparison_sentences, conditions, difference_text
from leadline.stats.improvements import context_of
from leadline.stats.rounding import percent


def choose_items(tree: xr.DataTree, by: str, names: Sequence[str]) -> xr.DataTree:
    """Return the fit with the searches of some models alone, or of some tasks, in their order.

    Raises `LeadlineError` for a name that the fit does not have, and for a single one.
    """
    if not names:
        return tree
    column = tree["posterior"].dataset[by].to_numpy().astype(str)
    known = list(dict.fromkeys(column.tolist()))
    for name in names:
        if name not in known:
            raise LeadlineError(_unknown(tree, by, name, known))
    if len(set(names)) < 2:
        others = next((name for name in known if name not in names), known[-1])
        raise LeadlineError(
            f"to compare {format_value(names[0])}, name another {by} beside it, such as "
            f"{format_value(others)}"
        )
    chosen = [np.flatnonzero(column == name) for name in dict.fromkeys(names)]
    return tree.isel(search=np.concatenate(chosen))


def _unknown(tree: xr.DataTree, by: str, name: str, known: Sequence[str]) -> str:
    """Return the refusal of a name, which may be that of a task in place of a model."""
    other = context_of(by)
    others = set(tree["posterior"].dataset[other].to_numpy().astype(str).tolist())
    if name.endswith(".nc"):
        return (
            f"{format_value(name)} is a file, not a {by}: `leadline compare` takes one fit with "
            "several models; fit their searches together, with --model COLUMN"
        )
    if name not in others:
        return (
            f"no {by} {format_value(name)} in this fit; {there_are(known)}.{closest(name, known)}"
        )
    text = f"{format_value(name)} is a {other} of this fit, not a {by}"
    if len(others) > 1:
        return f"{text}; to compare {other}s, add --by {other}"
    few = len(known) == 1
    return f"{text}; {there_are(known)}{', so that there is nothing to compare' * few}"


def show_comparison(
    tree: xr.DataTree,
    *,
    by: str = "model",
    budget: float | None = None,
    rope: float = 0.0,
    ci_prob: float | None = None,
    path: Path | None = None,
) -> None:
    """Print the result of `leadline.compare`, per task and overall, and its conclusions.

    `path` is the file of the fit, for the commands to type next.
    """
    found = compare_once(tree, by=by, budget=budget, rope=rope, ci_prob=ci_prob)  # type: ignore[arg-type]
    columns = comparison_columns(found)
    when = conditions(found)
    when = when[:1].lower() + when[1:]
    kinds = ("better", "equal", "worse") if rope else ("better", "worse")
    equal = " / P(practically equal)" if rope else ""
    pairs = list(itertools.combinations(map(str, found[by].to_numpy()), 2))
    title = f"which {by} is better, {when}: P(better){equal} / P(worse), in rounded %"
    sentences = [in_command_line_words(sentence, path) for sentence in comparison_sentences(found)]
    if found.attrs["problems"]:
        # Before the numbers that it is about.
        show_line(sentences.pop(0), "bold red")
    rows = []
    for first, second in pairs:
        pair = found.sel({by: first, f"other_{by}": second})
        chances = [_chances(pair, kinds, own) for own in columns]
        rows.append([f"{first}, {second}", *chances])
    show_table(title, [f"{by}, against the other"], [own.head for own in columns], rows)
    _show_differences(found, pairs, columns)
    for sentence in sentences:
        show_line(sentence)


def _chances(pair: xr.Dataset, kinds: tuple[str, ...], own: Column) -> str:
    chances = [float(pair[f"p_{kind}{own.suffix}"].sel(own.selected)) for kind in kinds]
    shown = [percent(chance).removesuffix(" %") for chance in chances]
    return "" if math.isnan(chances[0]) else " / ".join(shown)


def _show_differences(
    found: xr.Dataset, pairs: list[tuple[str, str]], columns: list[Column]
) -> None:
    """Print the differences, in score units and, for summaries, in task scales."""
    by, metric = found.attrs["by"], found.attrs["metric"]
    prob = f"{100 * found.attrs['ci_prob']:g} %"
    several = by == "model" and len(columns) > 1
    title = f"difference in {metric}: posterior mean and {prob} interval, positive where the first"
    title += " is better" + f"; * in task scales (last row, in {metric})" * several
    # All differences on one task are in score units.
    heads = [own.head + " *" * (several and not own.selected) for own in columns]
    rows = []
    for first, second in pairs:
        pair = found.sel({by: first, f"other_{by}": second})
        own = (difference_text(pair.sel(at), f"difference{key}") for _, key, at in columns)
        rows.append([f"{first}, {second}", *own])
    if several:
        scales = [
            f"{float(found['scale'].sel(own.selected)):.3g}" if own.selected else ""
            for own in columns
        ]
        rows.append(["task scale", *scales])
    styles = ["dim" if several and k == len(pairs) else "" for k in range(len(rows))]
    show_table(title, [f"{by}, against the other"], heads, rows, styles=styles)
