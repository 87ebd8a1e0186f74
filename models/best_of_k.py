"""Reported bests, "0.913 was the best of 50 trials", beside searches or in place of trials.

The story of each search is `leadline.models.hierarchical`, or `leadline.models.crossed`. For some
searches all that is known is a published number, the best score y of k trials:

    y ~ BestScore(alpha, beta, gamma, sigma, k)        P(best > y) = (1 − F(y))^k

(arXiv:2510.02721). A search may have several reports, with different k, and trials of its own: the
k trials are then k others, or they would count twice. A report worse than the threshold of its
search, where the law does not reach, is censored there: none of its trials was beyond it.

A report without its k has one with the prior `reported_trials`. By itself it then hardly informs
the optimum, because y may be the best of a few good trials or of many bad ones.

A search that is known from reports alone has no tail to measure a threshold and a tail scale from;
`leadline.inference.reported_searches` borrows both from a search on the same task. They must not
come from the reports, which are best scores: a pooled depth measured from these would drag all
optima onto them (docs/theory.md, Traps).
"""

from types import ModuleType
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr

from leadline.distributions.scores import BestScore
from leadline.models import hierarchical
from leadline.models.likelihood import declare_data
from leadline.models.priors import Priors


def build(tails: xr.Dataset, priors: Priors, base: ModuleType = hierarchical) -> pm.Model:
    """Return the model of searches and reported bests.

    `tails` has the reported bests (report) of its searches: `reported_loss`, `report_trials` (nan
    where unknown) and `report_search`, the position of the search. `base` relates the searches; it
    is `leadline.models.hierarchical` or `leadline.models.crossed`, and the latter needs at least
    one search with trials on each task. The variables are those of ``base.build``, the observed
    `reported` (report), and `reported_trials` (unknown_report) for reports without their k.
    """
    with base.build(tails, priors) as model:
        values = report_data(tails)
        unknown = len(values["report_unknown"])
        model.add_coords({"report": range(len(values["report_search"]))})
        model.add_coords({"unknown_report": range(unknown)})
        data = declare_data(values)
        trials = data["report_trials"]
        if unknown:
            missing = pm.Truncated(
                "reported_trials", priors.reported_trials.dist(), lower=1.0, dims="unknown_report"
            )
            trials = pt.set_subtensor(trials[data["report_unknown"]], missing)
        search = data["report_search"]
        alpha = (model["sign"] * model["optimum"])[search]
        beta = alpha + model["spread"][search]
        gamma, sigma = model["effective_dim"][search], model["noise_sd"][search]
        pm.Censored(
            "reported",
            BestScore.dist(alpha, beta, gamma, sigma, trials),
            lower=None,
            upper=data["report_edge"],
            observed=data["observed_best"],
            dims="report",
        )
    return model


def report_data(tails: xr.Dataset) -> dict[str, Any]:
    """Return what the reports add to the data of the model."""
    search = tails["report_search"].to_numpy()
    trials = tails["report_trials"].to_numpy()
    edge = tails["threshold"].to_numpy()[search]
    return {
        "report_search": search,
        "report_trials": np.where(np.isnan(trials), 1.0, trials),
        "report_unknown": np.flatnonzero(np.isnan(trials)),
        "report_edge": edge,
        "observed_best": np.minimum(tails["reported_loss"].to_numpy(), edge),
    }


def data_of(tails: xr.Dataset, base: ModuleType = hierarchical) -> dict[str, Any]:
    """Return what the model takes from the tails, by the names of its `pm.Data`."""
    return base.data_of(tails) | report_data(tails)
