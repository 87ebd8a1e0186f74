"""`report`: the answers of a fit as one self-contained HTML file."""

import base64
import functools
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import xarray as xr
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from leadline.checks.levels import NOTE
from leadline.checks.plain_words import MEANINGS, UNKNOWN, Meaning
from leadline.html_report import formats
from leadline.html_report.data import curve_numbers, report_data
from leadline.html_report.many_searches import MOST_SEARCHES, draw_ranks_of, is_many, page_data
from leadline.html_report.pictures import draw_curves, draw_law, draw_optima, draw_pairs
from leadline.html_report.sentences import as_sentence, doubt_sentences, pair_caption
from leadline.html_report.sliders import BUDGETS, DEFAULT_BUDGET, DEFAULT_FURTHER
from leadline.html_report.surface_page import surface_page_values
from leadline.plots.picture import BETTER
from leadline.plots.style import model_styles
from leadline.stats.fitted_search import validate_rope, validate_tree
from leadline.stats.leaning import WITHIN
from leadline.stats.scaling_law import has_law
from leadline.stats.scaling_sentences import law_sentences
from leadline.stats.setting_words import has_params, which_matter
from leadline.stats.surface_tree import is_surface

# JSON's escapes of characters that would end a script element or a line of JavaScript.
_ESCAPED = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}

_SURFACE = "add `--surface -o NEW` to the `leadline fit` that made this one"


def report(
    tree: xr.DataTree,
    path: str | os.PathLike[str],
    *,
    budget: float | None = None,
    rope: float = 0.0,
) -> Path:
    """Write the answers of a fit as one HTML file, and return its path.

    Sentences, tables and pictures show the results of `leadline.summary`, `compare`, `forecast`,
    `tuning_curve` and `check`. The file loads nothing from outside and can be read without
    JavaScript. With JavaScript, sliders choose the numbers of trials, and the practically equal
    difference of the table of models. The same fit gives the same bytes.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    path : str or path
        The file to write; one that exists is replaced, as by other functions that save a result.
    budget, rope
        As in `leadline.compare`: those of the verdict, the table and the pictures of models.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit, or an option is wrong.

    Examples
    --------
    >>> ll.report(fit, "report.html", rope=0.002).name
    'report.html'
    """
    text = render(tree, budget=budget, rope=rope)
    target = Path(path)
    # Replaced in one step, so that no reader sees half a report.
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        unfinished.write_text(text, encoding="utf-8", newline="\n")
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def render(tree: xr.DataTree, *, budget: float | None = None, rope: float = 0.0) -> str:
    """Return the page of the result of a fit."""
    validate_rope(validate_tree(tree, surface=budget is None, asked="`budget`"), rope)
    if is_surface(tree):
        style = _part("style.css")
        template = _environment().get_template("surface.html.j2")
        values = surface_page_values(tree, rope)
        checks = _list_failed(values["data"])
        return template.render(
            style=Markup(style), style_hash=_hash(style), failed=checks, **values
        )
    curves = curve_numbers(validate_tree(tree))
    data = report_data(tree, curves, budget=budget, rope=rope)
    style, script = (_part(name) for name in ("style.css", "script.js"))
    template = _environment().get_template("report.html.j2")
    return template.render(
        data=data,
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
        json=Markup(embed(page_data(data))),
        many=is_many(data),
        rank_pictures=draw_ranks_of(tree, data, budget, rope),
        optimum_pictures=[] if is_many(data) else draw_optima(tree, data),
        curve_pictures=[] if is_many(data) else draw_curves(tree, data, curves),
        pair_pictures=draw_pairs(tree, data, budget, rope),
        law_pictures=draw_law(tree),
        surface=which_matter(tree, _SURFACE) if has_params(tree) else "",
        law_sentences=law_sentences(tree) if has_law(tree) else [],
        **_template_values(tree, data),
    )


@functools.cache
def _environment() -> Environment:
    """Return the environment of the templates, with the formats of numbers as filters."""
    environment = Environment(
        loader=PackageLoader("leadline.html_report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = ("number", "percent", "estimate", "gain", "amount", "figure", "unbroken")
    environment.filters.update({name: getattr(formats, name) for name in names})
    environment.filters.update(triple=_triple, sentence=as_sentence, meaning=_meaning, some=_some)
    return environment


def embed(data: Mapping[str, Any]) -> str:
    """Return data as JSON text that is safe inside a script element."""
    text = json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.translate(_ESCAPED)


def _part(name: str) -> str:
    return files("leadline.html_report").joinpath(name).read_text(encoding="utf-8").strip()


def _hash(text: str) -> str:
    """Return the hash by which a content security policy allows a text."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _template_values(tree: xr.DataTree, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the template's values that follow from the dictionary."""
    styles = model_styles(tree)
    searches = [{**search, "color": styles[search["model"]].color} for search in data["searches"]]
    doubts = doubt_sentences(data)
    curves, wanted = data["curves"], data["budget"] or DEFAULT_BUDGET
    index = min(range(len(BUDGETS)), key=lambda place: abs(BUDGETS[place] - wanted))

    def curve(search: int) -> str:
        decimals = searches[search]["optimum"]["decimals"]
        figures = {name: curves[name][search][index] for name in ("mean", "lower", "upper")}
        return formats.estimate({**figures, "decimals": decimals})

    return {
        "searches": searches,
        "many_models": len(styles) > 1,
        "better": BETTER[data["direction"]],
        "prob": f"{100 * data['interval']['prob']:g} %",
        "doubts": doubts,
        "verdict": [text for text in data["verdict"] if text not in doubts],
        "default_budget": BUDGETS[index],
        "default_place": index,
        "within": WITHIN,
        "default_further": DEFAULT_FURTHER,
        "further_place": data["forecast"]["trials"].index(DEFAULT_FURTHER),
        "curve": curve,
        "rope": f"{_rope_of(data):g}",
        "pair_caption": pair_caption(data, _rope_of(data)),
        "has_costs": any(cost[0] is not None for cost in data["forecast"]["cost"]),
        "failed": _list_failed(data),
    }


def _rope_of(data: Mapping[str, Any]) -> float:
    comparison = data["comparison"]
    return float(comparison["ropes"][comparison["rope_place"]]) if comparison else 0.0


def _triple(column: Mapping[str, Any], place: int) -> str:
    """Return the probabilities of a pair for one rope; P(equal) is left out if it is 0 without."""
    chances = [column[name][place] for name in ("p_better", "p_equal", "p_worse")]
    if None in chances:
        return formats.MISSING
    return " / ".join(map(formats.percent, chances if place or chances[1] else chances[::2]))


def _some(names: Sequence[str]) -> str:
    """Return the names of searches, the first of many."""
    shown = ", ".join(names[:MOST_SEARCHES])
    return f"{shown} and {len(names) - MOST_SEARCHES} more" if len(names) > MOST_SEARCHES else shown


def _meaning(check: str) -> Meaning:
    return MEANINGS.get(check, UNKNOWN)


def _list_failed(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the checks that failed, each once with its searches and advice, warnings first."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for row in data["checks"]:
        if row["passed"] is False:
            name, level, advice = row["check"], row["level"], row["advice"]
            check = f"{name} ({row['about']})" if row["about"] else name
            own = {"check": check, "name": name, "level": level, "advice": advice, "searches": []}
            rows.setdefault((check, advice), own)["searches"].append(row["search"])
    return sorted(rows.values(), key=lambda one: one["level"] == NOTE)
