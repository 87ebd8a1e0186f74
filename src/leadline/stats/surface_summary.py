"""The answers of a surface as a table, one row per search: numbers, and text for a page."""

import json
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from leadline.data.trials import LOSS_SIGNS
from leadline.stats.diagnostics import convergence, recorded_checks
from leadline.stats.fitted_search import best_runs
from leadline.stats.intervals import SAMPLE_DIMS, interval, interval_label, validate_interval
from leadline.stats.noise_of_seeds import larger_noises, seeds_mark
from leadline.stats.rounding import of_best, percent, rounded, with_interval
from leadline.stats.setting_words import setting_sentences
from leadline.stats.surface_beside_law import flat_dimensions, law_sentences
from leadline.stats.surface_forecast import headroom_of
from leadline.stats.surface_tree import (
    best_trial_name,
    calibration_of,
    law_draws,
    surface_groups,
)

BY_PRIOR = "(prior)"
"""The mark of a number that the prior decides."""

# Columns with an interval, and their heads.
_ANSWERS = {
    "best_seen_expected": "expected if re-run",
    "optimum": "optimum",
    "headroom": "headroom",
    "noise_sd": "noise sd",
}


def surface_summary(
    tree: xr.DataTree, *, ci_prob: float | None = None, ci_kind: str | None = None
) -> pd.DataFrame:
    """Return the answers of surfaces, one row per search.

    Columns are those of `leadline.summary` that a surface has: `trials`, `failed`, `best_seen`,
    `best_runs` and `best_trial`, the name of that trial ("" in fits of earlier versions);
    `best_seen_expected`, `optimum`, `headroom` and `noise_sd`, each followed by its sd and the ends
    of its interval; `seeds_sd`, the sd between seeds of a trial where it is more than that noise
    (the check "noise of seeds"), else nan;
    `best_within_noise`; `effective_dim` with its interval, that of the law of a random search, nan
    for searches that learned; `decided_by_prior`, "effective_dim" where that interval is nearly the
    prior's; `scale`, on which the score is regressed ("identity", "log" or
    "logit"); `warning`.
    The attribute `calibration` holds how often such intervals covered the truth, for searches that
    learned, and `settings` sentences: where there is a law too, which of the two to act on, and
    the hyperparameters that matter.
    """
    prob, kind = validate_interval(ci_prob, ci_kind)
    label = interval_label(prob, kind)
    posterior = tree["posterior"].dataset
    constant = tree["constant_data"].dataset
    sign = LOSS_SIGNS[tree.attrs["direction"]]
    headroom = headroom_of(tree)
    draws = posterior.assign(headroom=headroom)
    owner = constant["trial_search"].to_numpy().astype(str)
    score = sign * constant["trial_score"].to_numpy()
    names = posterior["search"].to_numpy().astype(str).tolist()
    columns: dict[str, Any] = {
        "trials": constant["n_trials"].sel(search=names),
        "failed": (constant["n_trials"] - constant["n_complete"]).sel(search=names),
        "best_seen": [sign * np.nanmin(score[owner == name]) for name in names],
        "best_runs": best_runs(tree),
    }
    columns["best_trial"] = [best_trial_name(tree, name) for name in names]
    answers = {name: draws[name] for name in _ANSWERS}
    laws = law_draws(tree)
    answers |= {name: laws[name] for name in ("effective_dim",) if name in laws}
    for name, own in answers.items():
        columns[name] = own.mean(SAMPLE_DIMS)
        columns[f"{name}_sd"] = own.std(SAMPLE_DIMS, ddof=1)
        ends = interval(own.fillna(0.0), prob, kind)
        known = own.notnull().all(SAMPLE_DIMS)  # noqa: PD004  (xarray)
        columns |= {
            f"{name}_{label}_{end}": value.where(known)
            for end, value in zip(("lb", "ub"), ends, strict=True)
        }
    larger = larger_noises(tree)
    columns["seeds_sd"] = [larger.get(name, np.nan) for name in names]
    flat = flat_dimensions(tree)
    columns["decided_by_prior"] = ["effective_dim" * (name in flat) for name in names]
    columns["best_within_noise"] = (headroom < posterior["noise_sd"]).mean(SAMPLE_DIMS)
    groups = surface_groups(tree)
    columns["scale"] = [json.loads(groups[name].attrs["scores"])["scale"] for name in names]
    columns["warning"] = [", ".join(convergence(tree, name).problems) for name in names]
    values = {name: np.asarray(column) for name, column in columns.items()}
    table = pd.DataFrame(values, index=pd.Index(names, name="search"))
    table.attrs.update({name: tree.attrs.get(name) for name in ("direction", "metric", "source")})
    table.attrs["calibration"] = calibration_of(tree)
    table.attrs["settings"] = [
        *(
            f"{name}: {text}" if len(names) > 1 else text
            for name, text in law_sentences(tree, ci_prob=prob).items()
        ),
        *setting_sentences(tree, ci_prob=prob),
    ]
    table.attrs["convergence"] = convergence(tree).message
    table.attrs["checks"] = recorded_checks(tree)
    return table


def surface_cells(answers: pd.DataFrame, prob: float, kind: str) -> pd.DataFrame:
    """Return a result of `surface_summary` as text, as `leadline.stats.summary.summary_cells`."""
    label = interval_label(prob, kind)
    rows = {}
    for name, row in answers.iterrows():
        sd = float(row["optimum_sd"])
        cells = {
            "trials (no score)": f"{row['trials']:.0f} ({row['failed']:.0f})",
            "best seen": rounded(float(row["best_seen"]), sd)
            + of_best([row["best_runs"]], row["best_trial"]),
        }
        for column, head in _ANSWERS.items():
            cells[head] = cell_of(row, column, label)
        cells["noise sd"] += seeds_mark(row["seeds_sd"])
        cells["P(headroom < noise)"] = percent(float(row["best_within_noise"]))
        if np.isfinite(row.get("effective_dim", np.nan)):
            mark = f" {BY_PRIOR}" * bool(row["decided_by_prior"])
            cells["effective dimension (law)"] = cell_of(row, "effective_dim", label) + mark
        cells["scale of scores"] = row["scale"]
        if row["warning"]:
            cells["warning"] = row["warning"]
        rows[name] = cells
    table = pd.DataFrame.from_dict(rows, orient="index").fillna("")
    table.index.name = "search"
    table.attrs = {
        "title": f"{answers.attrs['metric']} ({answers.attrs['direction']}), "
        f"{answers.attrs['source']}: a surface over the hyperparameters\nposterior mean and "
        f"{100 * prob:g} % interval; headroom: how much better the optimum is than the re-run, "
        "none where it is not"
        + "; seeds: their sd, to be taken for the noise" * bool(answers["seeds_sd"].notna().any())
        + by_prior_note(answers),
        "convergence": answers.attrs["convergence"],
        "checks": answers.attrs["checks"],
        "remarks": answers.attrs["settings"],
    }
    return table


def by_prior_note(answers: pd.DataFrame) -> str:
    """Return what the mark of numbers that the prior decides means, "" where none has it."""
    marked = bool(answers["decided_by_prior"].str.len().any())
    return f"; {BY_PRIOR}: decided by the prior more than by the scores" * marked


def cell_of(row: pd.Series, name: str, label: str) -> str:
    """Return a column of a summary and its interval, of the columns named `label`, as text."""
    low, high = (float(row[f"{name}_{label}_{end}"]) for end in ("lb", "ub"))
    return with_interval(float(row[name]), low, high, float(row[f"{name}_sd"]))
