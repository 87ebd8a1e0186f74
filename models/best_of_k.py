"""Reported bests, "0.913 was the best of 50 trials", alone or together with full searches.

The story of each search is that of `leadline.models.hierarchical`, or of
`leadline.models.crossed`: searches of one space have nearly the same effective dimension, and so
on. Of some searches all that is known is what was published, the best score y of k trials:

    y ~ BestScore(alpha, beta, gamma, sigma, k)        P(best > y) = (1 − F(y))^k

(arXiv:2510.02721). A search may have several reports, of different k say, and trials of its own:
the k trials are then k others, or they would count twice. A report that is worse than the
threshold of its search, where the law says nothing of its score, says that none of its trials was
past it: it is censored there.

A report that does not tell k has one with the prior `reported_trials`. It then says little of the
optimum by itself, and the posterior says how little: y may be the best of a few good trials or of
many bad ones.

A search that is known from reports alone has no tail to measure a threshold and a scale by.
`reported_search` takes both from whoever calls it: from other searches of the task, or from what
is a good score there and what difference matters. They must not come from the reports, which are
best scores: a pooled gap measured from these would drag all optima onto them (DESIGN.md, section
3, trap 1).
"""

import dataclasses
import math
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from leadline.models import hierarchical, several
from leadline.models.priors import Priors

from leadline.data.regime import Regime
from leadline.data.scale import SCALES
from leadline.distributions.best_score import BestScore

# Where the wall of the coordinate stands when not even the best report is past the threshold.
_SHALLOW = 0.1


@dataclasses.dataclass(frozen=True)
class Report:
    """One reported best.

    Attributes
    ----------
    loss : float
        The best loss; a score to maximise, negated.
    trials : float
        How many trials it is the best of; nan when that is not known.
    search : int
        Number of its search among those of the model.
    """

    loss: float
    trials: float
    search: int


def reported_search(
    threshold: float,
    scale: float,
    max_effective_dim: float,
    *,
    space: int = 0,
    task: int = 0,
    model: int = 0,
) -> several.Search:
    """Return a search that is known from reports alone.

    Parameters
    ----------
    threshold : float
        The loss where the law may be taken to start, such as the threshold of another search of the
        task. Not a reported best, nor measured from them.
    scale : float
        How far scores of good trials are apart, the tail scale of searches like it.
    max_effective_dim : float
        Upper bound of its effective dimension, above 1.
    space, task, model : int
        Numbers of its search space, task and model.
    """
    nothing, none = np.empty(0), np.empty(0, dtype=int)
    regime = Regime(
        loss=nothing,
        cell=nothing,
        replicates=none,
        sum_of_squares=nothing,
        group_replicates=none,
        group_trials=none,
        group_in_regime=none,
        threshold=float(threshold),
        tail_scale=float(scale),
        resolution=0.0,
        rows=none,
        log_slope=nothing,
        scale=SCALES["identity"],
    )
    return several.Search(regime, max_effective_dim, space, task, model)


def data_of(
    searches: Sequence[several.Search],
    reports: Sequence[Report],
    sign: float,
    base: ModuleType = hierarchical,
) -> dict[str, Any]:
    """Return what the model takes from the data, by the names of its `pm.Data`."""
    best = np.array([search.regime.best for search in searches])
    count = np.zeros(len(searches))
    for report in reports:
        best[report.search] = min(best[report.search], report.loss)
        count[report.search] += 1.0
    data = base.data_of(searches, sign)
    of = np.array([report.search for report in reports], dtype=int)
    loss = np.array([report.loss for report in reports])
    trials = np.array([float(report.trials) for report in reports])
    return data | {
        # Coordinates only: how deep the best goes, and how many scores are near it.
        "gap_of_best": np.maximum((data["threshold"] - best) / data["tail_scale"], _SHALLOW),
        "n_tail": np.maximum(data["n_tail"] + count, 1.0),
        "report_search": of,
        "report_trials": np.where(np.isnan(trials), 1.0, trials),
        "report_unknown": np.flatnonzero(np.isnan(trials)),
        "report_edge": data["threshold"][of],
        "observed_best": np.minimum(loss, data["threshold"][of]),
    }


def structure(reports: Sequence[Report]) -> tuple[int, int]:
    """Return what decides the graph: how many reports there are, and how many without their k."""
    return len(reports), sum(math.isnan(report.trials) for report in reports)


def build(
    searches: Sequence[several.Search],
    reports: Sequence[Report],
    sign: float,
    priors: Priors,
    base: ModuleType = hierarchical,
) -> pm.Model:
    """Return the model of searches and reported bests.

    Parameters
    ----------
    searches : sequence of Search
        Those with trials, and `reported_search` for those without.
    reports : sequence of Report
        The reported bests, at least one.
    sign : float
        1 when scores are losses, −1 when they are maximised: `optimum` is reported in scores.
    priors : Priors
        See `leadline.models.priors`.
    base : module
        `leadline.models.hierarchical` or `leadline.models.crossed`: how the searches are related.
        The latter takes at least one search with trials on each task.

    Returns
    -------
    pymc.Model
        As ``base.build``, with the observed `reported` (report), and
        `reported_trials` (unknown_report) where there are reports without their k.
    """
    total, unknown = structure(reports)
    coords = base.coords_of(searches) | {
        "report": range(total),
        "unknown_report": range(unknown),
    }
    values = data_of(searches, reports, sign, base)
    own = ("report_search", "report_trials", "report_unknown", "report_edge", "observed_best")
    with pm.Model(coords=coords) as model:
        data = several.declare_data({k: v for k, v in values.items() if k not in own})
        for name in own:
            dim = "unknown_report" if name == "report_unknown" else "report"
            data[name] = pm.Data(name, values[name], dims=dim)
        law = base.declare(data, searches, priors)
        trials = data["report_trials"]
        if unknown:
            missing = pm.Truncated(
                "reported_trials",
                priors.reported_trials.dist(),
                lower=1.0,
                dims="unknown_report",
            )
            trials = pt.set_subtensor(trials[data["report_unknown"]], missing)
        of = data["report_search"]
        alpha, beta, gamma, sigma = (part[of] for part in law)
        pm.Censored(
            "reported",
            BestScore.dist(alpha, beta, gamma, sigma, trials),
            lower=None,
            upper=data["report_edge"],
            observed=data["observed_best"],
            dims="report",
        )
    return model
