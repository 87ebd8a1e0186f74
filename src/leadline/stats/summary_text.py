"""The summary as text: cells with sensible digits, and tables for a paper or a page."""

import pandas as pd
import xarray as xr

from leadline.errors import LeadlineError, format_value
from leadline.stats.intervals import interval_label, validate_interval
from leadline.stats.rounding import rounded
from leadline.stats.summary import summary

INTERVALS = {
    "optimum": "optimum",
    "headroom": "headroom",
    "effective_dim": "effective dimension",
    "noise_sd": "noise sd",
}
"""Columns with an interval, and the words for them."""

FORMATS = ("markdown", "latex", "csv")

_NEXT_TEN = "next 10 improve"


def summary_cells(
    tree: xr.DataTree, *, ci_prob: float | None = None, ci_kind: str | None = None
) -> pd.DataFrame:
    """Return the summary for readers: text, with as many digits as are known.

    Parameters
    ----------
    tree, ci_prob, ci_kind
        As in `leadline.summary`.

    Returns
    -------
    DataFrame of str
        Index `search`; a column `warning` where a search has one. ``attrs["title"]`` says what the
        scores and the intervals are, ``attrs["convergence"]`` and ``attrs["checks"]`` what
        `leadline.summary` says there.
    """
    prob, kind = validate_interval(ci_prob, ci_kind)
    answers = summary(tree, ci_prob=prob, ci_kind=kind)
    rows = {name: answer_cells(row, prob, kind) for name, row in answers.iterrows()}
    table = pd.DataFrame.from_dict(rows, orient="index").fillna("")
    table.index.name = "search"
    table.attrs = {
        "title": f"{answers.attrs['metric']} ({answers.attrs['direction']}), "
        f"{answers.attrs['source']}\nposterior mean and {100 * prob:g} % interval",
        "convergence": answers.attrs["convergence"],
        "checks": answers.attrs["checks"],
    }
    return table


def summary_text(
    tree: xr.DataTree,
    form: str,
    *,
    ci_prob: float | None = None,
    ci_kind: str | None = None,
) -> str:
    """Return the summary as a table for a page or a paper.

    Parameters
    ----------
    tree, ci_prob, ci_kind
        As in `leadline.summary`.
    form : {"markdown", "latex", "csv"}
        Markdown and LaTeX (for the package booktabs) have rounded text; CSV has all numbers with
        full precision.

    Returns
    -------
    str
        What the scores are, whether sampling converged and which checks failed stand beside the
        table, in CSV in its first lines, which begin with ``#``.
    """
    if form not in FORMATS:
        raise LeadlineError(f"format must be one of {', '.join(FORMATS)}; got {format_value(form)}")
    cells = summary_cells(tree, ci_prob=ci_prob, ci_kind=ci_kind)
    title = cells.attrs["title"].replace("\n", "; ")
    remarks = [title, cells.attrs["convergence"], cells.attrs["checks"]]
    if form == "csv":
        table = summary(tree, ci_prob=ci_prob, ci_kind=ci_kind).to_csv()
        return "".join(f"# {' '.join(remark.split())}\n" for remark in remarks) + table
    if form == "latex":
        caption = ". ".join(_for_latex(remark) for remark in remarks) + "."
        plain = cells.map(_for_latex).rename(index=_for_latex)
        return plain.reset_index().to_latex(
            index=False,
            escape=False,
            column_format="l" + "r" * len(cells.columns),
            caption=caption,
        )
    header = ["search", *map(str, cells.columns)]
    lines = [
        "| " + " | ".join(header) + " |",
        "| --- | " + " | ".join(["---:"] * len(cells.columns)) + " |",
    ]
    for name, row in cells.iterrows():
        lines.append("| " + " | ".join(map(_for_markdown, [str(name), *row])) + " |")
    return "\n".join([*lines, "", *(f"{_for_markdown(one)}  " for one in remarks)]) + "\n"


def _for_markdown(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    escaped = "".join("\\" + letter if letter in "\\`*_[]<>|#" else letter for letter in text)
    return " ".join(escaped.split())


_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    ">": r"\textgreater{}",
    "<": r"\textless{}",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
}


def _for_latex(text: str) -> str:
    """Return text that LaTeX shows as it is, on one line."""
    return " ".join("".join(_LATEX.get(letter, letter) for letter in str(text)).split())


def answer_cells(row: pd.Series, prob: float, kind: str) -> dict[str, str]:
    """Return the text of each cell of one search's answers, by the words of its column."""
    sd = float(row["optimum_sd"])
    cells = {
        "trials (failed)": f"{row['trials']:.0f} ({row['failed']:.0f})",
        "in the regime": _regime_cell(row),
        **({"reported": row["reported"]} if "reported" in row.index else {}),
        "best seen": rounded(float(row["best_seen"]), sd),
        "once re-run": rounded(float(row["best_seen_expected"]), sd),
    }
    label = interval_label(prob, kind)
    for name, words in INTERVALS.items():
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
    cells[_NEXT_TEN] = f"{100 * row['p_gain_10']:.0f} %"
    if row["warning"]:
        cells["warning"] = row["warning"]
    return cells


def _regime_cell(row: pd.Series) -> str:
    """Return how many trials are past the threshold, and between which thresholds it may be."""
    if row["trials"] == 0:
        return "none"
    ends = [round(row[f"tail_fraction_{end}"] * row["trials"]) for end in ("lb", "ub")]
    count = f"{row['in_regime']:.0f}"
    return count if ends[0] == ends[1] else f"{count} ({ends[0]} to {ends[1]})"
