"""`report_data`: all numbers and sentences of the report, as one dictionary for JSON."""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from leadline.checks.check import check, failed_checks
from leadline.checks.levels import WARNING, level_of
from leadline.html_report.sentences import search_sentences, verdict_sentences
from leadline.html_report.sliders import (
    BUDGETS,
    DEFAULT_FURTHER,
    comparison_data,
    curve_data,
    forecast_data,
)
from leadline.plots.plot_tuning_curve import tuning_curve_numbers
from leadline.stats.diagnostics import convergence
from leadline.stats.fitted_search import search_names, validate_tree
from leadline.stats.forecast import forecast
from leadline.stats.intervals import interval_label, validate_interval
from leadline.stats.plateau import plateau_sentences, sampling_line
from leadline.stats.rounding import decimals_shown, of_best
from leadline.stats.stopping import stopping_advice
from leadline.stats.summary import summary

_PARAMETERS = ("optimum", "headroom", "effective_dim", "noise_sd")
_FIGURES = ("best_seen", "best_seen_expected", "best_within_noise", "p_gain_10", "warning")
_ATTRIBUTES = (
    *("metric", "direction", "source", "trials", "search_sampler", "created_at", "cost_unit"),
)
_JSON_ATTRIBUTES: dict[str, Any] = {"notes": [], "settings": {}, "priors": {}, "versions": {}}


def curve_numbers(tree: xr.DataTree) -> xr.Dataset:
    """Return the tuning curves of the report: the median expected score of the best of k."""
    return tuning_curve_numbers(tree, BUDGETS, kind="expected")


def report_data(
    tree: xr.DataTree,
    curves: xr.Dataset | None = None,
    *,
    budget: float | None = None,
    rope: float = 0.0,
) -> dict[str, Any]:
    """Return the answers of a fit as plain dictionaries, lists, numbers and text.

    Numbers have full precision, None where there is none. `curves` are those of `curve_numbers`,
    if known: they take longest to compute. `budget` and `rope` are those of the comparison. Keys:

    - `metric`, `direction`, `source`, `trials`, `search_sampler`, `created_at`,
      `cost_unit`, `notes`, `settings`, `priors`, `versions`: the provenance;
    - `interval`: its `prob` and `kind`; `convergence`: `ok` and `message`;
    - `failed_checks`: names of failed warnings; `verdict`: sentences on the whole fit;
    - `searches`: one dictionary per search, with its row of `leadline.summary`, `failed_checks`
      and `sentences`; `checks`: the rows of `leadline.check`;
    - `curves`, `forecast`: the outcome of k trials and of m further ones; `advice`: to stop or to
      go on, for 50 of them;
    - `comparison`: see `leadline.html_report.sliders`; None when there is one model; `budget`.
    """
    validate_tree(tree)
    prob, kind = validate_interval(None, None)
    checks = check(tree)
    found = convergence(tree)
    # A check that failed at the time of the fit stays failed, so that no answer seems sound later.
    recorded = json.loads(tree.attrs.get("failed_checks", "[]"))
    # An earlier version recorded what are notes now.
    recorded = [name for name in recorded if level_of(name) == WARNING]
    data = {
        **described(tree),
        "interval": {"prob": prob, "kind": kind},
        "convergence": {"ok": found.ok, "message": sampling_line(tree)},
        "failed_checks": list(dict.fromkeys([*failed_checks(checks), *recorded])),
        "searches": _describe_searches(tree, checks, prob, kind),
        "checks": checks.to_dict("records"),
        "curves": curve_data(curve_numbers(tree) if curves is None else curves),
        "forecast": forecast_data(tree),
        "advice": stopping_advice(tree, forecast(tree, [DEFAULT_FURTHER])).reason,
        "comparison": comparison_data(tree, budget, rope),
        "budget": budget,
    }
    data = plain(data)
    for index, search in enumerate(data["searches"]):
        search["sentences"] = search_sentences(data, index)
    data["verdict"] = verdict_sentences(data)
    return data


def plain(value: Any) -> Any:
    """Return a value with JSON's types alone: without NumPy, nan and infinity."""
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value if isinstance(value, bool | int | float) else str(value)


def described(tree: xr.DataTree) -> dict[str, Any]:
    """Return the provenance of a fit, with the priors of its model alone."""
    texts = {name: tree.attrs.get(name, "") for name in _ATTRIBUTES}
    found = texts | {
        name: json.loads(tree.attrs[name]) if name in tree.attrs else empty
        for name, empty in _JSON_ATTRIBUTES.items()
    }
    used = {
        "law": found["settings"].get("model") == "scaling",
        "guided": bool(found["settings"].get("guided_evidence")),
        "reported": "report_search" in tree["constant_data"],
    }
    if found["settings"].get("model") == "single":
        used |= dict.fromkeys(("pooled", "scatter", "interaction"), False)
    found["priors"] = {
        name: prior
        for name, prior in found["priors"].items()
        if all(own for word, own in used.items() if word in name.split("_"))
    }
    return found


def parameter(row: Mapping[Any, Any], name: str, label: str) -> dict[str, Any]:
    """Return a quantity of a row of `leadline.summary`; `label` is the name of the interval."""
    ends = {"lower": row[f"{name}_{label}_lb"], "upper": row[f"{name}_{label}_ub"]}
    decimals = decimals_shown(row[f"{name}_sd"])
    return {"mean": row[name], "sd": row[f"{name}_sd"], "decimals": decimals} | ends


def _describe_searches(
    tree: xr.DataTree, checks: pd.DataFrame, prob: float, kind: str
) -> list[dict[str, Any]]:
    """Return the answers of each search."""
    posterior = tree["posterior"].dataset
    answers, label = summary(tree, ci_prob=prob, ci_kind=kind), interval_label(prob, kind)
    flat = plateau_sentences(tree, ci_prob=prob, ci_kind=kind)
    result = []
    for index, name in enumerate(search_names(tree)):
        row: dict[Any, Any] = answers.loc[name].to_dict()
        result.append(
            {
                "name": name,
                "task": posterior["task"].to_numpy()[index],
                "model": posterior["model"].to_numpy()[index],
                **{count: int(row[count]) for count in ("trials", "failed", "in_regime")},
                "tail_fraction": [row["tail_fraction_lb"], row["tail_fraction_ub"]],
                "guided": int(row.get("guided", 0)),
                "reported": row.get("reported", ""),
                "decided_by_prior": [name for name in row["decided_by_prior"].split(", ") if name],
                "plateau": flat.get(name, ""),
                **{figure: row[figure] for figure in _FIGURES},
                "best_mean": of_best([row["best_runs"]]),
                **{own: parameter(row, own, label) for own in _PARAMETERS},
                "effective_dim_probability": {
                    column.removeprefix("effective_dim="): row[column]
                    for column in answers.columns
                    # nan beyond the largest dimension of this search.
                    if column.startswith("effective_dim=") and np.isfinite(row[column])
                },
                "failed_checks": failed_checks(checks[checks["search"] == name]),
            }
        )
    return result
