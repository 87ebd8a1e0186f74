"""What the tree of a fit holds of reported bests, dim `report`, beside what it holds of trials."""

import numpy as np
import numpy.typing as npt
import xarray as xr

from leadline.inference.averaging import AveragedSearch, FittedCandidate
from leadline.inference.reported_searches import losses_of

_DRAWS = ("chain", "draw")


def add_reports(groups: dict[str, xr.Dataset], averaged: AveragedSearch, label: str) -> None:
    """Add the reported bests of one search to the groups of its part of the tree.

    `reported` to `observed_data` and `log_likelihood`; `report_best_of`, nan where not known, and
    `report_search` to `constant_data`; and to the posterior, where there are reports without it,
    `reported_trials`, how many trials each of these is the best of.

    Parameters
    ----------
    groups : dict of Dataset
        What `leadline.inference.tree.search_groups` returns, changed in place.
    averaged : AveragedSearch
        The posterior of the search and its candidates.
    label : str
        Name of the search.
    """
    reports = averaged.in_mixture[0].tail.search.reports
    if reports.empty:
        return
    score, best_of = (reports[name].to_numpy(dtype=float) for name in ("score", "best_of"))
    names = np.array([f"{label}: report {place + 1}" for place in range(len(reports))])

    def add(group: str, report: npt.NDArray[np.str_], **values: tuple[object, ...]) -> None:
        groups[group] = groups[group].assign(values).assign_coords(report=report)

    likelihood = averaged.pick([_log_likelihood(one) for one in averaged.candidates])
    add("observed_data", names, reported=("report", score))
    add("log_likelihood", names, reported=((*_DRAWS, "report"), likelihood))
    add(
        "constant_data",
        names,
        report_best_of=("report", best_of),
        report_search=("report", np.full(len(names), label)),
    )
    unknown = np.isnan(best_of)
    if unknown.any():
        parts = [one.tail.posterior["reported_trials"].to_numpy() for one in averaged.candidates]
        trials = (*_DRAWS, "report"), averaged.pick(parts)
        add("posterior", names[unknown], reported_trials=trials)


def _log_likelihood(one: FittedCandidate) -> npt.NDArray[np.float64]:
    """Return that of each report, of its score in score units, shape (chain, draw, report).

    A report that is not past the threshold has the probability of that, which has no units.
    """
    search = one.tail.search
    past = losses_of(search.reports, search) < search.regime.threshold
    slope = search.regime.scale.log_slope(search.reports["score"].to_numpy(dtype=float))
    return one.tail.log_likelihood["reported"] + np.where(past, slope, 0.0)
