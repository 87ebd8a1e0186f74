"""Searches that end in a plateau, alone and among others."""

import numpy as np
import pandas as pd

from leadline.data.trials import Trials

N, REACHED, FAILED = 60, 24, 5


def plateau_scores(sign=1.0, seed=0):
    """Return scores of a capped search: losses with `sign` 1, else scores to maximise."""
    rng = np.random.default_rng(seed)
    loss = np.concatenate([np.zeros(REACHED), 0.1 + rng.random(N - REACHED - FAILED)])
    return np.append(sign * loss, np.full(FAILED, np.nan))


def plateau_trials(direction="minimize"):
    """Return one search that ends in a plateau."""
    sign = 1.0 if direction == "minimize" else -1.0
    return Trials(pd.DataFrame({"score": plateau_scores(sign)}), direction)


def mixed_trials():
    """Return three searches of a law and one that ends in a plateau, the second."""
    rng = np.random.default_rng(3)
    tables = []
    for task, model in (("a", "mlp"), ("b", "mlp"), ("a", "svm"), ("b", "svm")):
        score = 0.2 + 0.6 * rng.random(N) + 0.02 * rng.standard_normal(N)
        score = plateau_scores() if (task, model) == ("b", "mlp") else score
        tables.append(pd.DataFrame({"task": task, "model": model, "score": score}))
    return Trials(pd.concat(tables, ignore_index=True), "minimize", source="mixed.csv")
