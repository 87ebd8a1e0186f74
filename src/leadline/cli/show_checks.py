"""Print the checks of a fit as one table for all its searches."""

import math
from pathlib import Path

import pandas as pd
import xarray as xr

from leadline.checks.check import check
from leadline.checks.levels import NOTE
from leadline.checks.plain_words import MEANINGS, UNKNOWN
from leadline.cli.tables import show_line, show_table
from leadline.cli.wording import in_command_line_words
from leadline.errors import pluralize
from leadline.stats.leaning import leaning

_BOUNDS = {"at least": "≥ ", "at most": "≤ ", "": ""}
_STYLES = {"FAILED": "red", "noted": "yellow", "passed": "", "not made": "dim"}


def show_checks(
    tree: xr.DataTree, path: Path | None = None, *, recompute: bool = False, every: bool = False
) -> None:
    """Print the checks that failed, then what to do about them; all checks with `every`.

    A row is a check with one outcome and one advice, and names the searches. `path` is the file of
    the fit, for the commands to type.
    """
    checks = check(tree, recompute=recompute)
    checks["outcome"] = [_outcome(row) for _, row in checks.iterrows()]
    n_searches = checks["search"].nunique()
    order = {name: place for place, name in enumerate(checks["check"].unique())}
    checks = checks.sort_values("check", key=lambda names: names.map(order), kind="stable")
    shown = checks if every else checks[checks["outcome"].isin(["FAILED", "noted"])]
    if len(shown):
        keys = ["check", "about", "outcome", "advice"]
        rows = [
            [
                _name(str(name), str(about)),
                str(outcome),
                _searches(own, n_searches, failed=outcome in ("FAILED", "noted")),
                _limit(own),
            ]
            for (name, about, outcome, _), own in shown.groupby(keys, sort=False)
        ]
        styles = [_STYLES[row[1]] for row in rows]
        heads = ["check", "result", "searches" if n_searches > 1 else "value"]
        show_table(_title(n_searches, every), heads, ["limit"], rows, styles=styles)
    _advise(shown, n_searches, path)
    _explain_limits(shown)
    if len(set(tree["posterior"].dataset["model"].to_numpy())) > 1 and (few := leaning(tree, None)):
        # A warning of `compare`, which no check makes.
        show_line(few)
    counts = checks["outcome"].value_counts()
    made = pluralize(int(len(checks) - counts.get("not made", 0)), "check")
    n_failed = counts.get("FAILED", 0)
    show_line(
        f"{made} made on {n_searches} {'search' if n_searches == 1 else 'searches'}: "
        f"{counts.get('passed', 0)} passed, {counts.get('noted', 0)} noted, "
        f"{n_failed} failed" + ("" if every else "; --all shows each of them"),
        "bold red" if n_failed else "",
    )


def _title(n_searches: int, every: bool) -> str:
    where = f" of {n_searches} searches" if n_searches > 1 else ""
    which = f"all checks{where}" if every else f"checks{where} that failed or note something"
    return (
        f"{which}; FAILED: an interval is likely wrong; noted: worth knowing\n"
        + ("beside each search" if n_searches > 1 else "value:")
        + " the number that the check compares with its limit"
    )


def _outcome(row: pd.Series) -> str:
    if pd.isna(row["passed"]):
        return "not made"
    if row["passed"]:
        return "passed"
    return "noted" if row["level"] == NOTE else "FAILED"


def _name(check: str, about: str) -> str:
    meaning = MEANINGS.get(check, UNKNOWN)
    own = f" ({about})" if about else ""
    return f"{check}{own}: {meaning.question} ({meaning.figure})"


def _searches(rows: pd.DataFrame, n_searches: int, *, failed: bool) -> str:
    """Return the names of searches with their figures, or their number with a range."""
    figures = [_figure(value) for value in rows["figure"]]
    if n_searches == 1:
        return figures[0]
    same = len(rows) == n_searches and len(set(figures)) == 1
    if failed and not same:
        pairs = zip(rows["search"], figures, strict=True)
        return "\n".join(f"{name}: {figure}" for name, figure in pairs)
    known = rows["figure"].dropna()
    low, high = (_figure(value) for value in (known.min(), known.max()))
    between = low if low == high else f"{low} to {high}"
    number = "all" if len(rows) == n_searches else f"{len(rows)} of {n_searches}"
    return f"{number}: {between}" if len(known) else number


def _figure(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"


def _advise(shown: pd.DataFrame, n_searches: int, path: Path | None) -> None:
    """Print what to do, and why checks were not made."""
    advised, made = shown["advice"] != "", shown["outcome"] != "not made"
    _list_advice(shown[advised & made], n_searches, path, "what to do")
    _list_advice(shown[advised & ~made], n_searches, path, "not made")


def _list_advice(advised: pd.DataFrame, n_searches: int, path: Path | None, title: str) -> None:
    """Print texts below a title, each once."""
    different = advised[["check", "advice"]].drop_duplicates()["check"].value_counts()
    for place, (advice, rows) in enumerate(advised.groupby("advice", sort=False)):
        if place == 0:
            show_line(title, "bold")
        names = [
            f"{name} ({', '.join(own['search'])})"
            if different[name] > 1 and n_searches > 1
            else str(name)
            for name, own in rows.groupby("check", sort=False)
        ]
        show_line(f"{'; '.join(names)}: {in_command_line_words(str(advice), path)}")


def _limit(rows: pd.DataFrame) -> str:
    limits = rows[["bound", "limit"]].drop_duplicates().dropna()
    texts = [f"{_BOUNDS[bound]}{limit:.4g}" for bound, limit in limits.to_numpy()]
    return " or ".join(texts)


def _explain_limits(shown: pd.DataFrame) -> None:
    """Print why searches have different limits of one check."""
    for name, rows in shown[shown["outcome"] != "not made"].groupby("check", sort=False):
        if reason := MEANINGS.get(str(name), UNKNOWN).limits:
            several = len(set(rows["limit"])) > 1
            show_line(f"limit{'s' if several else ''} of {name}: {reason}", "dim")
