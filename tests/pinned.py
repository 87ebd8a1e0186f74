"""Searches whose fits and log-densities are pinned under `tests/data`."""

import numpy as np
import pandas as pd

import leadline as ll

N_TRIALS = 40
STRUCTURES = ("plain", "replicated", "rounded", "rounded_replicated")
PAIRS = (("digits", "mlp"), ("digits", "forest"), ("mnist", "mlp"), ("mnist", "forest"))


def pinned_trials(structure="plain", pairs=PAIRS[:1], spaces=1, reports=()):
    """Return searches from the noisy quadratic, losses to minimise.

    Parameters
    ----------
    structure : str
        One of `STRUCTURES`: with two seeds for every third trial, and scores on a grid of 0.01.
    pairs : sequence of (task, model)
        The searches.
    spaces : int
        Number of search spaces, taken in turn.
    reports : sequence of (task, model, score, trials)
        Reported bests; nan trials where their number is not known.
    """
    rng = np.random.default_rng(2025)
    rows = []
    for place, (task, model) in enumerate(pairs):
        expected = 0.2 + 0.04 * place + 0.6 * rng.random(N_TRIALS)
        for trial in range(N_TRIALS):
            for seed in range(2 if "replicated" in structure and trial % 3 == 0 else 1):
                loss = expected[trial] + 0.02 * rng.standard_normal()
                if "rounded" in structure:
                    loss = round(loss, 2)
                    if seed and loss == rows[-1]["loss"]:
                        loss += 0.01
                rows.append(
                    {
                        "task": task,
                        "model": model,
                        "trial": trial,
                        "replicate": seed,
                        "loss": np.nan if trial in (5, 17) else loss,
                        "space": f"space{place % spaces}",
                    }
                )
    for task, model, score, trials in reports:
        status = "reported" if np.isnan(trials) else "complete"
        rows.append(
            {"task": task, "model": model, "loss": score, "best_of": trials, "status": status}
        )
    table = pd.DataFrame(rows)
    if not reports:
        return ll.read_table(table, score="loss", direction="minimize")
    table["status"] = table["status"].fillna("")
    table.loc[(table["status"] == "") & table["loss"].isna(), "status"] = "failed"
    table.loc[table["status"] == "", "status"] = "complete"
    table["trial"] = table["trial"].map(lambda v: "" if pd.isna(v) else str(int(v)))
    table["replicate"] = table["replicate"].map(lambda v: "" if pd.isna(v) else str(int(v)))
    return ll.read_table(table, score="loss", direction="minimize")


REPORTS = (
    ("digits", "mlp", 0.21, 50.0),
    ("mnist", "svm", 0.3, 20.0),
    ("mnist", "svm", 0.28, float("nan")),
)

# Every structure of model: arguments of `pinned_trials`, model, kind of effective dimension.
DENSITIES = {
    **{
        f"single_{structure}_{dim}": ({"structure": structure}, "single", dim)
        for structure in STRUCTURES
        for dim in ("continuous", "integer")
    },
    **{
        f"hierarchical_{structure}_{dim}": (
            {"structure": structure, "pairs": PAIRS[:3]},
            "hierarchical",
            dim,
        )
        for structure in ("plain", "rounded_replicated")
        for dim in ("continuous", "integer")
    },
    "hierarchical_spaces_continuous": ({"pairs": PAIRS, "spaces": 2}, "hierarchical", "continuous"),
    "hierarchical_spaces_integer": ({"pairs": PAIRS, "spaces": 2}, "hierarchical", "integer"),
    "hierarchical_reports": (
        {"pairs": PAIRS[:3], "reports": REPORTS},
        "hierarchical",
        "continuous",
    ),
    "crossed_plain_continuous": ({"pairs": PAIRS}, "crossed", "continuous"),
    "crossed_plain_integer": ({"pairs": PAIRS}, "crossed", "integer"),
    "crossed_rounded_replicated": (
        {"pairs": PAIRS, "structure": "rounded_replicated"},
        "crossed",
        "continuous",
    ),
    "crossed_reports": ({"pairs": PAIRS, "reports": REPORTS}, "crossed", "continuous"),
}

SETTINGS = {"draws": 60, "tune": 300, "chains": 2, "random_seed": 11, "progressbar": False}

# One fit of each kind: arguments of `pinned_trials`, options of `fit`.
FITS = {
    "single": ({"pairs": PAIRS[:2]}, {"model": "single", "tail_fraction": [0.3, 0.6]}),
    "hierarchical": ({"pairs": PAIRS[::2]}, {"tail_fraction": [0.3, 0.6]}),
    "crossed": ({"pairs": PAIRS, "structure": "replicated"}, {"tail_fraction": 0.5}),
    "integer": ({}, {"tail_fraction": 0.5, "effective_dim": "integer"}),
    "reports": ({"pairs": PAIRS[:3], "reports": REPORTS}, {"tail_fraction": 0.5}),
    "log": ({"structure": "rounded"}, {"tail_fraction": 0.5, "scale": "log"}),
}
