"""`check`: whether a fit can be believed, as a table of named checks."""

import dataclasses
from collections.abc import Callable

import pandas as pd
import xarray as xr

from leadline.checks import (
    best_seen,
    effective_dim,
    noise,
    order,
    regime_fit,
    reported,
    sampling,
    sensitivity,
    space_edges,
    tail_points,
    thresholds,
    ties,
)
from leadline.checks.evidence import Evidence
from leadline.checks.outcome import Outcome, not_made
from leadline.stats.convergence import checks_line as checks_line
from leadline.stats.fitted_search import search_names, validate_tree

CHECKS: dict[str, Callable[[Evidence], Outcome]] = {
    "divergences": sampling.divergences,
    "R-hat": sampling.rhat,
    "ESS, bulk": sampling.ess_bulk,
    "ESS, tail": sampling.ess_tail,
    "E-BFMI": sampling.energy,
    "tail points": tail_points.tail_points,
    "regime fit": regime_fit.whole_tail,
    "regime fit, best scores": regime_fit.best_scores,
    "regime fit, leave-one-out": regime_fit.leave_one_out,
    "thresholds agree": thresholds.thresholds,
    "effective dimension above 1": effective_dim.lower_bound,
    "effective dimension below its bound": effective_dim.upper_bound,
    "prior of the optimum": sensitivity.optimum_prior,
    "prior of the effective dimension": sensitivity.effective_dim_prior,
    "best seen": best_seen.best_seen,
    "constant noise": noise.noise,
    "edges of the space": space_edges.space_edges,
    "ties": ties.ties,
    "resolution": ties.resolution,
    "order of trials": order.order,
    "reported bests": reported.reported,
}
"""The checks by name, in the order in which they are shown: a name is a contract."""

OF_TRIALS = frozenset(CHECKS) - {
    "divergences",
    "R-hat",
    "ESS, bulk",
    "ESS, tail",
    "E-BFMI",
    "effective dimension above 1",
    "effective dimension below its bound",
    "prior of the optimum",
    "prior of the effective dimension",
    "reported bests",
}
"""Those that look at trials, and are not made of a search known from reported bests alone."""


def check(tree: xr.DataTree) -> pd.DataFrame:
    """Return what speaks for and against a fit, one row for each search and check.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.

    Returns
    -------
    pandas.DataFrame
        Columns:

        - `search`, `check`: which search, and the name of the check, a key of `CHECKS`;
        - `passed`: True or False, or NA when the check could not be made;
        - `figure`: what was looked at; the functions in `leadline.checks` say what it is;
        - `bound`: "at least" or "at most", and `limit`: what it is held against; each has its
          reason beside it in those files;
        - `about`: what was found where it is one of several, such as a hyperparameter;
        - `advice`: what to do, empty when the check passed; when it could not be made, why.

        ``attrs["failed"]`` has the names of the checks that failed in any search.

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit.
    """
    validate_tree(tree)
    rows = []
    for search in search_names(tree):
        evidence = Evidence(tree, search)
        rows += [
            {"search": search, "check": name, **dataclasses.asdict(_made(name, evidence))}
            for name in CHECKS
        ]
    columns = ["search", "check", "passed", "figure", "bound", "limit", "about", "advice"]
    table = pd.DataFrame(rows)[columns].astype({"passed": "boolean"})
    table.attrs["failed"] = failed_checks(table)
    return table


def _made(name: str, evidence: Evidence) -> Outcome:
    if name in OF_TRIALS and not evidence.has_trials:
        return not_made(float("nan"), reported.NO_TRIALS)
    return CHECKS[name](evidence)


def failed_checks(table: pd.DataFrame) -> list[str]:
    """Return the names of the checks that failed in any search, each once.

    Parameters
    ----------
    table : DataFrame
        What `check` returned.

    Examples
    --------
    >>> failed_checks(check(tree))  # doctest: +SKIP
    ['regime fit', 'edges of the space (learning_rate)']
    """
    failed = table[table["passed"].eq(False).fillna(False)]
    names = [
        f"{name} ({about})" if about else str(name)
        for name, about in zip(failed["check"], failed["about"], strict=True)
    ]
    return list(dict.fromkeys(names))
