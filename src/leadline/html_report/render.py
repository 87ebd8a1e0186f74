"""`report`: the dictionary of `report_data` as one HTML file that needs nothing else."""

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import xarray as xr
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from leadline.html_report import formats
from leadline.html_report.data import report_data
from leadline.html_report.drawing import model_color
from leadline.html_report.grids import DEFAULT_BUDGET, DEFAULT_FURTHER
from leadline.html_report.pictures import (
    Picture,
    better_words,
    comparison_pictures,
    curve_picture,
    model_names,
    optimum_pictures,
)
from leadline.html_report.sentences import doubt_sentences

# What ends a script element or a line of JavaScript is written as JSON's escapes.
_ESCAPED = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}


def report(tree: xr.DataTree, path: str | os.PathLike[str]) -> Path:
    """Write what is known from a fit as one HTML file, and return its path.

    It says in sentences, tables and pictures what `leadline.summary`, `compare`, `forecast`,
    `tuning_curve` and `check` say. It loads nothing, needs no network, and can be read without
    JavaScript; with it, numbers of trials and practically equal differences can be chosen. The
    same fit gives the same bytes.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    path : str or path
        The file to write; one that exists is replaced.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit.
    """
    text = render(report_data(tree))
    target = Path(path)
    # All or nothing: who has the old report open keeps a whole one.
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        unfinished.write_text(text, encoding="utf-8", newline="\n")
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def render(data: Mapping[str, Any]) -> str:
    """Return the page that shows a dictionary of `report_data`.

    Parameters
    ----------
    data : mapping
        What `leadline.html_report.data.report_data` returns.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        number=formats.number,
        percent=formats.percent,
        estimate=formats.estimate,
        gain=formats.gain,
        amount=formats.amount,
        figure=formats.figure,
        triple=_triple,
        unbroken=formats.unbroken,
        sentence=lambda text: f"{text[:1].upper()}{text[1:]}.",
    )
    style, script = (_part(name) for name in ("style.css", "script.js"))
    template = environment.from_string(_part("report.html.j2"))
    return template.render(
        data=data,
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
        json=Markup(embedded(data)),
        **_shown(data),
    )


def embedded(data: Mapping[str, Any]) -> str:
    """Return JSON that a script element can hold, whatever text is in it.

    Parameters
    ----------
    data : mapping
        What JSON can hold.
    """
    text = json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.translate(_ESCAPED)


def _part(name: str) -> str:
    return files("leadline.html_report").joinpath(name).read_text(encoding="utf-8").strip()


def _hash(text: str) -> str:
    """Return what a content security policy calls a text by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _shown(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the template shows besides the dictionary."""
    models = model_names(data)
    searches = [{**one, "color": model_color(models, one["model"])} for one in data["searches"]]
    doubts = doubt_sentences(data)
    curves, place = data["curves"], data["curves"]["budgets"].index(DEFAULT_BUDGET)

    def curve(search: int) -> str:
        mean, lower, upper = (curves[name][search][place] for name in ("mean", "lower", "upper"))
        if mean is None:
            return formats.MISSING
        decimals = searches[search]["optimum"]["decimals"]
        return formats.estimate(
            {"mean": mean, "lower": lower, "upper": upper, "decimals": decimals}
        )

    return {
        "searches": searches,
        "many_models": len(models) > 1,
        "better": better_words(data),
        "prob": f"{100 * data['interval']['prob']:g} %",
        "doubts": doubts,
        "verdict": [one for one in data["verdict"] if one not in doubts],
        "default_budget": DEFAULT_BUDGET,
        "default_place": place,
        "default_further": DEFAULT_FURTHER,
        "further_place": data["forecast"]["trials"].index(DEFAULT_FURTHER),
        "curve": curve,
        "has_costs": any(cost[0] is not None for cost in data["forecast"]["cost"]),
        "failed": _failed(data),
        "optimum_pictures": [_safe(one) for one in optimum_pictures(data)],
        "curve_pictures": [_safe(curve_picture(data, i)) for i in range(len(searches))],
        "pair_pictures": [_safe(one) for one in comparison_pictures(data)],
    }


def _safe(picture: Picture) -> dict[str, Any]:
    """Return a picture for the template; names in it were escaped when it was written."""
    return {"name": picture.name, "svg": Markup(picture.svg), "frame": picture.frame}


def _triple(column: Mapping[str, Any]) -> str:
    """Return the three probabilities of a pair where only equal scores are equal."""
    chances = [column[name][0] for name in ("p_better", "p_equal", "p_worse")]
    if None in chances:
        return formats.MISSING
    return " / ".join(map(formats.percent, chances))


def _failed(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the checks that failed, each once with its searches and advice."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for row in data["checks"]:
        if row["passed"] is False:
            about = f" ({row['about']})" if row["about"] else ""
            key = (f"{row['check']}{about}", row["advice"])
            rows.setdefault(key, {"check": key[0], "advice": key[1], "searches": []})
            rows[key]["searches"].append(row["search"])
    return list(rows.values())
