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
"""Columns with an interval, and their heads."""

FORMATS = ("markdown", "latex", "csv")

_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        ">": r"\textgreater{}",
        "<": r"\textless{}",
        **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    }
)
_MARKDOWN = str.maketrans({letter: f"\\{letter}" for letter in "\\`*_[]<>|#"})


def summary_cells(
    tree: xr.DataTree, *, ci_prob: float | None = None, ci_kind: str | None = None
) -> pd.DataFrame:
    """Return the summary as text, with the digits that the posterior sds justify.

    Parameters
    ----------
    tree, ci_prob, ci_kind
        As in `leadline.summary`.

    Returns
    -------
    DataFrame of str
        Index `search`; a column `warning` if a search has one. ``attrs["title"]`` describes the
        scores and the intervals; ``attrs["convergence"]`` and ``attrs["checks"]`` are those of
        `leadline.summary`.
    """
    prob, kind = validate_interval(ci_prob, ci_kind)
    return _cells(summary(tree, ci_prob=prob, ci_kind=kind), prob, kind)


def _cells(answers: pd.DataFrame, prob: float, kind: str) -> pd.DataFrame:
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
        The table, with the metric, the convergence of sampling and the failed checks: in LaTeX in
        the caption, in Markdown below, in CSV in the first lines, which begin with ``#``.
    """
    if form not in FORMATS:
        raise LeadlineError(f"format must be one of {', '.join(FORMATS)}; got {format_value(form)}")
    prob, kind = validate_interval(ci_prob, ci_kind)
    answers = summary(tree, ci_prob=prob, ci_kind=kind)
    cells = _cells(answers, prob, kind)
    remarks = [" ".join(cells.attrs["title"].replace("\n", "; ").split())]
    remarks += [cells.attrs["convergence"], cells.attrs["checks"]]
    if form == "csv":
        return "".join(f"# {remark}\n" for remark in remarks) + answers.to_csv()
    if form == "latex":
        escaped = cells.map(_escape, table=_LATEX).rename(index=lambda name: _escape(name, _LATEX))
        return escaped.reset_index().to_latex(
            index=False,
            escape=False,
            column_format="l" + "r" * len(cells.columns),
            caption=". ".join(_escape(remark, _LATEX) for remark in remarks) + ".",
        )
    columns = [str(name) for name in cells.reset_index().columns]
    body = [[_escape(cell, _MARKDOWN) for cell in row] for row in cells.itertuples()]
    rows = [columns, ["---", *["---:"] * (len(columns) - 1)], *body]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines += ["", *(f"{_escape(remark, _MARKDOWN)}  " for remark in remarks), ""]
    return "\n".join(lines)


def _escape(text: object, table: dict[int, str]) -> str:
    """Return text on one line, with the special characters of a format escaped."""
    return " ".join(str(text).translate(table).split())


def answer_cells(row: pd.Series, prob: float, kind: str) -> dict[str, str]:
    """Return the cells of one search as text, by the heads of their columns."""
    sd = float(row["optimum_sd"])
    cells = {
        "trials (failed)": f"{row['trials']:.0f} ({row['failed']:.0f})",
        "trials used": _trials_used(row),
        **({"reported": row["reported"]} if "reported" in row.index else {}),
        "best seen": rounded(float(row["best_seen"]), sd),
        "expected if re-run": rounded(float(row["best_seen_expected"]), sd),
    }
    label = interval_label(prob, kind)
    for name, head in INTERVALS.items():
        sd = float(row[f"{name}_sd"])
        low, high = (rounded(float(row[f"{name}_{label}_{end}"]), sd) for end in ("lb", "ub"))
        cells[head] = f"{rounded(float(row[name]), sd)} [{low}, {high}]"
    percents = {
        column.removeprefix("effective_dim="): 100.0 * float(row[column])
        for column in row.index
        if column.startswith("effective_dim=")
    }
    if percents:
        likely = [f"{dim}: {value:.0f} %" for dim, value in percents.items() if value >= 0.5]
        cells["effective dimension"] = ", ".join(likely)
    cells["next 10 improve"] = f"{100 * row['p_gain_10']:.0f} %"
    if row["warning"]:
        cells["warning"] = row["warning"]
    return cells


def _trials_used(row: pd.Series) -> str:
    """Return the number of trials beyond the threshold, and its range over thresholds."""
    if row["trials"] == 0:
        return "none"
    low, high = (round(row[f"tail_fraction_{end}"] * row["trials"]) for end in ("lb", "ub"))
    count = f"{row['in_regime']:.0f}"
    return count if low == high else f"{count} ({low} to {high})"
