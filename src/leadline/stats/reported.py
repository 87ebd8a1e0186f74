"""Reported bests in the tree of a fit, and the searches known from them alone."""

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr


def reported_scores(tree: xr.DataTree, search: str) -> npt.NDArray[np.float64]:
    """Return the reported bests of a search, shape (report,)."""
    return _of_search(tree, search, "observed_data", "reported")


def reported_best_of(tree: xr.DataTree, search: str) -> npt.NDArray[np.float64]:
    """Return the number of trials behind each reported best, nan where unknown."""
    return _of_search(tree, search, "constant_data", "report_best_of")


def has_trials(tree: xr.DataTree, search: str) -> bool:
    """Return False if a search is known from reported bests alone."""
    return int(tree["constant_data"]["n_trials"].sel(search=search)) > 0


def only_reported(tree: xr.DataTree) -> list[str]:
    """Return the searches that are known from reported bests alone."""
    n_trials = tree["constant_data"].dataset["n_trials"]
    return [str(name) for name in n_trials["search"].to_numpy()[n_trials.to_numpy() == 0]]


def with_trials(tree: xr.DataTree) -> xr.DataTree:
    """Return the tree without the searches that are known from reported bests alone.

    Every fit has at least one search with trials.
    """
    n_trials = tree["constant_data"].dataset["n_trials"]
    kept = n_trials["search"][n_trials > 0]
    return tree if len(kept) == len(n_trials) else tree.sel(search=kept.to_numpy())


def describe_reports(tree: xr.DataTree, search: str) -> str:
    """Return the reported bests of a search in a few words; "" when there are none.

    Examples
    --------
    "best of 50", "best of 20, 100", "best of ? (11 to 252)" with the 89 % interval of an
    unreported number; "best of 50; law not checked" where no trials can check
    the quadratic law.
    """
    counts = reported_best_of(tree, search)
    if not len(counts):
        return ""
    names = _of_search(tree, search, "constant_data", "report")
    trials = []
    for name, count in zip(names, counts, strict=True):
        if np.isnan(count):
            draws = tree["posterior"]["reported_trials"].sel(report=str(name))
            low, high = draws.quantile([0.055, 0.945]).to_numpy()
            trials.append(f"? ({low:.0f} to {high:.0f})")
        else:
            trials.append(f"{count:g}")
    unchecked = "" if has_trials(tree, search) else "; law not checked"
    return f"best of {', '.join(trials)}{unchecked}"


def _of_search(tree: xr.DataTree, search: str, group: str, name: str) -> npt.NDArray[Any]:
    dataset = tree[group].dataset
    if name not in dataset:
        return np.empty(0)
    owner = tree["constant_data"]["report_search"].to_numpy().astype(str)
    return dataset[name].to_numpy()[owner == search]
