"""The report of a surface: its numbers, its pictures, and its page."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from leadline.checks.check import check, failed_checks
from leadline.html_report.data import described, parameter
from leadline.html_report.formats import amount, estimate, number, percent
from leadline.html_report.pictures import draw_optima, draw_pairs, draw_slices
from leadline.html_report.sentences import as_sentence, doubt_sentences
from leadline.html_report.sliders import DEFAULT_FURTHER, comparison_data
from leadline.plots.picture import BETTER
from leadline.plots.style import model_styles
from leadline.stats.diagnostics import convergence
from leadline.stats.fitted_search import search_names
from leadline.stats.forecast import forecast
from leadline.stats.intervals import interval_label, validate_interval
from leadline.stats.noise_of_seeds import seeds_clause, seeds_mark
from leadline.stats.rounding import of_best, rounded
from leadline.stats.setting_words import setting_cells, setting_sentences, together_text
from leadline.stats.stopping import gain_cell, perfect_search, stopping_advice
from leadline.stats.summary import summary
from leadline.stats.surface_beside_law import law_sentences
from leadline.stats.surface_settings import best_setting
from leadline.stats.surface_tree import calibration_of, next_time_of

_PARAMETERS = ("best_seen_expected", "optimum", "headroom", "noise_sd")
FURTHER = (10, 50, 200)
"""The numbers of further random trials in the table of forecasts."""


def surface_page_values(tree: xr.DataTree, rope: float = 0.0) -> dict[str, Any]:
    """Return the values of the template `surface.html.j2`."""
    prob, kind = validate_interval(None, None)
    checks, found = check(tree), convergence(tree)
    searches = _searches(tree, checks, prob, kind)
    comparison = comparison_data(tree, rope=rope)
    data: dict[str, Any] = {
        **described(tree),
        "convergence": {"ok": found.ok, "message": found.message},
        "failed_checks": failed_checks(checks),
        "checks": checks.to_dict("records"),
        "searches": searches,
        "comparison": comparison,
    }
    # The calibration has a place of its own.
    data["notes"] = [note for note in data["notes"] if not note.startswith("calibration")]
    doubts = doubt_sentences(data)
    sentences = [] if comparison is None else list(comparison["sentences"])
    if len(searches) == 1:
        sentences += searches[0]["sentences"]
    else:
        # The others stand beside the hyperparameters of each search.
        sentences += [f"{search['name']}: {search['sentences'][1]}" for search in searches]
    sentences.append(stopping_advice(tree, forecast(tree, [DEFAULT_FURTHER])).reason)
    if advice := next_time_of(tree):
        sentences.append(advice)
    return {
        "data": data,
        "searches": searches,
        "better": BETTER[data["direction"]],
        "prob": f"{100 * prob:g} %",
        "doubts": doubts,
        "verdict": sentences,
        "measured": calibration_of(tree),
        "optimum_pictures": draw_optima(tree, data),
        "slices": [draw_slices(tree, search["name"]) for search in searches],
        "pair_pictures": draw_pairs(tree, data, rope=rope),
    }


def _searches(
    tree: xr.DataTree, checks: pd.DataFrame, prob: float, kind: str
) -> list[dict[str, Any]]:
    """Return the answers of each search."""
    answers, label = summary(tree, ci_prob=prob, ci_kind=kind), interval_label(prob, kind)
    outlook, perfect = forecast(tree, FURTHER), perfect_search(tree, None)
    posterior, styles = tree["posterior"].dataset, model_styles(tree)
    matters = setting_sentences(tree, ci_prob=prob)
    beside = law_sentences(tree, ci_prob=prob)
    result = []
    for index, name in enumerate(search_names(tree)):
        row: dict[Any, Any] = answers.loc[name].to_dict()
        table = best_setting(tree, name, ci_prob=prob)
        cells = setting_cells(table)
        model = str(posterior["model"].to_numpy()[index])
        search = {
            "name": name,
            "task": str(posterior["task"].to_numpy()[index]),
            "model": model,
            "color": styles[model].color,
            **{own: row[own] for own in ("trials", "failed", "best_seen", "scale", "warning")},
            "best_within_noise": row["best_within_noise"],
            **{own: parameter(row, own, label) for own in _PARAMETERS},
            "failed_checks": failed_checks(checks[checks["search"] == name]),
            "together": as_sentence(together_text(table)),
            "best_note": of_best([row["best_runs"]], row["best_trial"]),
            "best_trial": row["best_trial"],
            "seeds": seeds_clause(tree, name),
            "seeds_mark": seeds_mark(row["seeds_sd"]),
            "best_mean": of_best([row["best_runs"]]),
            "setting_heads": list(cells.columns),
            "settings": [(str(own), list(map(str, line))) for own, *line in cells.itertuples()],
        }
        search["forecast"] = _forecast_rows(outlook.sel(search=name))
        if name in perfect["search"]:
            best = perfect.sel(search=name)
            noise = float(outlook["noise_sd"].sel(search=name))
            bound = [rounded(float(best["gain"]), noise), percent(float(best["p_worthwhile"]))]
            search["forecast"].append(["a perfect search", "", *bound, ""])
        last = [*([beside[name]] if name in beside else []), matters[index]]
        last = [own.removeprefix(f"{name}: ") for own in last]
        search["sentences"] = [
            *_sentences(search, outlook.sel(search=name)),
            *map(as_sentence, last),
        ]
        result.append(search)
    return result


def _forecast_rows(outlook: xr.Dataset) -> list[list[str]]:
    rows = []
    for trials in FURTHER:
        own = outlook.sel(trials=trials)
        cost = float(own["cost"])
        shown = amount(cost) if np.isfinite(cost) else ""
        chances = [percent(float(own[name])) for name in ("p_gain", "p_worthwhile")]
        rows.append([str(trials), chances[0], gain_cell(own), chances[1], shown])
    return rows


def _sentences(search: dict[str, Any], outlook: xr.Dataset) -> list[str]:
    digits = search["optimum"]["decimals"]
    within = search["best_within_noise"]
    how, chance = ("less", within) if within >= 0.5 else ("more", 1 - within)
    return [
        f"The best of {search['trials']} trials measured {number(search['best_seen'], digits)}"
        f"{search['best_mean']}; if re-run, it would score "
        f"{estimate(search['best_seen_expected'])} on average.",
        f"Perfectly tuned, the expected score is {estimate(search['optimum'])}: a perfect search "
        f"would gain {estimate(search['headroom'])} over the best trial re-run"
        f"{of_best([1], search['best_trial'])}, {how} than the noise of one run with probability "
        f"{percent(chance)}{search['seeds']}.",
        f"At least one of 50 more random trials would measure better than the best seen with "
        f"probability {percent(float(outlook['p_gain'].sel(trials=50)))}; a sampler that learns "
        "lies between random trials and a perfect search.",
    ]
