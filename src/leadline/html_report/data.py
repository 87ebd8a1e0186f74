"""`report_data`: everything the report says, as one dictionary that JSON can hold."""

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from leadline.checks.check import check, failed_checks
from leadline.html_report.comparison import comparison_data
from leadline.html_report.curves import curve_data, forecast_data
from leadline.html_report.sentences import search_sentences, verdict_sentences
from leadline.stats.convergence import convergence
from leadline.stats.fitted_search import search_names, validate_tree
from leadline.stats.intervals import interval_label, validate_interval
from leadline.stats.rounding import decimals_shown
from leadline.stats.summary import summary

VERSION = 1
"""Of the dictionary's layout; it grows when a key is renamed or goes."""

_PARAMETERS = ("optimum", "headroom", "effective_dim", "noise_sd")
_INNER_PROB = 0.5
_ATTRIBUTES = ("metric", "direction", "source", "trials", "search_sampler", "created_at")
_JSON_ATTRIBUTES: dict[str, Any] = {"notes": [], "settings": {}, "priors": {}, "versions": {}}


def report_data(tree: xr.DataTree) -> dict[str, Any]:
    """Return what is known from a fit, as plain dictionaries, lists, numbers and text.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.

    Returns
    -------
    dict
        Numbers in full precision, None where there is none. Keys:

        - `version`; `metric`, `direction`, `source`, `trials`, `created_at`, `notes`, `settings`,
          `priors`, `versions`: where it all comes from;
        - `interval`: its `prob` and `kind`;
        - `convergence`: `ok` and `message`; `failed_checks`: names;
        - `verdict`: sentences on the whole fit;
        - `searches`: one dictionary a search, with what `leadline.summary` has of it,
          `failed_checks` and `sentences`;
        - `checks`: the rows of `leadline.check`;
        - `curves`, `forecast`: what k trials and m further ones give; see `curves`;
        - `comparison`: see `leadline.html_report.comparison`; None when there is one model.

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit.
    """
    validate_tree(tree)
    prob, kind = validate_interval(None, None)
    attributes = {name: tree.attrs.get(name, "") for name in _ATTRIBUTES}
    decoded = {
        name: json.loads(tree.attrs[name]) if name in tree.attrs else empty
        for name, empty in _JSON_ATTRIBUTES.items()
    }
    checks = check(tree)
    found = convergence(tree)
    # Those that failed when it was fitted too: an answer once doubted is not to look sound later.
    recorded = json.loads(tree.attrs.get("failed_checks", "[]"))
    data = {
        "version": VERSION,
        **attributes,
        **decoded,
        "interval": {"prob": prob, "kind": kind},
        "convergence": {"ok": found.ok, "message": found.message},
        "failed_checks": list(dict.fromkeys([*failed_checks(checks), *recorded])),
        "searches": _searches(tree, checks, prob, kind),
        "checks": checks.to_dict("records"),
        "curves": curve_data(tree),
        "forecast": forecast_data(tree),
        "comparison": comparison_data(tree),
    }
    data = plain(data)
    for place, search in enumerate(data["searches"]):
        search["sentences"] = search_sentences(data, place)
    data["verdict"] = verdict_sentences(data)
    return data


def to_json(tree: xr.DataTree) -> str:
    """Return `report_data` as JSON text.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    """
    return json.dumps(report_data(tree), allow_nan=False)


def plain(value: Any) -> Any:
    """Return the same with nothing in it but what JSON has: no NumPy, no nan, no infinity."""
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NA:
        return None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bool | int):
        return value
    return str(value)


def _searches(
    tree: xr.DataTree, checks: pd.DataFrame, prob: float, kind: str
) -> list[dict[str, Any]]:
    """Return the answers of each search."""
    posterior = tree["posterior"].dataset
    answers = summary(tree, ci_prob=prob, ci_kind=kind)
    inner = summary(tree, ci_prob=_INNER_PROB * min(1.0, 2 * prob), ci_kind=kind)
    label, inner_label = (
        interval_label(size, kind) for size in (prob, _INNER_PROB * min(1.0, 2 * prob))
    )
    result = []
    for place, name in enumerate(search_names(tree)):
        row, inside = answers.loc[name], inner.loc[name]
        parameters = {
            parameter: {
                "mean": row[parameter],
                "sd": row[f"{parameter}_sd"],
                "lower": row[f"{parameter}_{label}_lb"],
                "upper": row[f"{parameter}_{label}_ub"],
                "inner_lower": inside[f"{parameter}_{inner_label}_lb"],
                "inner_upper": inside[f"{parameter}_{inner_label}_ub"],
                "decimals": decimals_shown(float(answers[f"{parameter}_sd"].to_numpy()[place])),
            }
            for parameter in _PARAMETERS
        }
        counts = ("trials", "failed", "in_regime")
        result.append(
            {
                "name": name,
                "task": posterior["task"].to_numpy()[place],
                "model": posterior["model"].to_numpy()[place],
                **{count: int(answers[count].to_numpy()[place]) for count in counts},
                "tail_fraction": [row["tail_fraction_lb"], row["tail_fraction_ub"]],
                "reported": row.get("reported", ""),
                "best_seen": row["best_seen"],
                "best_seen_expected": row["best_seen_expected"],
                **parameters,
                "effective_dim_probability": {
                    column.removeprefix("effective_dim="): row[column]
                    for column in answers.columns
                    # Missing: more than this search may have, though not another.
                    if column.startswith("effective_dim=") and np.isfinite(row[column])
                },
                "best_within_noise": row["best_within_noise"],
                "warning": row["warning"],
                "failed_checks": failed_checks(checks[checks["search"] == name]),
            }
        )
    return result
