"""What the answers read of reported bests from the tree of a fit."""

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr


def reported_scores(tree: xr.DataTree, search: str) -> npt.NDArray[np.float64]:
    """Return the reported bests of a search, shape (report,)."""
    return _of_search(tree, search, tree["observed_data"].dataset, "reported")


def reported_best_of(tree: xr.DataTree, search: str) -> npt.NDArray[np.float64]:
    """Return how many trials each of them is the best of, nan where not known."""
    return _of_search(tree, search, tree["constant_data"].dataset, "report_best_of")


def has_trials(tree: xr.DataTree, search: str) -> bool:
    """Return whether a search has trials, and is not known from reported bests alone."""
    return int(tree["constant_data"]["n_trials"].sel(search=search)) > 0


def only_reported(tree: xr.DataTree) -> list[str]:
    """Return the searches that are known from reported bests alone."""
    n_trials = tree["constant_data"].dataset["n_trials"]
    return [str(name) for name in n_trials["search"].to_numpy()[n_trials.to_numpy() == 0]]


def with_trials(tree: xr.DataTree) -> xr.DataTree:
    """Return the tree without the searches that are known from reported bests alone.

    For what shows trials: there is at least one search that has some.
    """
    without = only_reported(tree)
    if not without:
        return tree
    searches = tree["constant_data"].dataset["search"].to_numpy()
    names = searches[~np.isin(searches.astype(str), without)]
    groups: dict[str, xr.Dataset] = {}
    for name, node in tree.children.items():
        own = "search" in node.dataset.dims
        groups[name] = node.dataset.sel(search=names) if own else node.dataset
    result = xr.DataTree.from_dict(groups)
    result.attrs.update(tree.attrs)
    return result


def reports_cell(tree: xr.DataTree, search: str) -> str:
    """Return what is reported of a search in a few words; "" when nothing is.

    Examples
    --------
    "best of 50", "best of 20, 100", "best of ? (11 to 252)" where nobody told: an 89 % interval;
    "best of 50; law not checked" where there are no trials to check it by.
    """
    counts = reported_best_of(tree, search)
    if not len(counts):
        return ""
    names = _of_search(tree, search, tree["constant_data"].dataset, "report")
    cells = [
        f"{count:g}" if count == count else f"? ({_inferred_trials(tree, str(name))})"
        for count, name in zip(counts, names, strict=True)
    ]
    unchecked = "" if has_trials(tree, search) else "; law not checked"
    return f"best of {', '.join(cells)}{unchecked}"


def _inferred_trials(tree: xr.DataTree, report: str) -> str:
    """Return the interval of how many trials a report is the best of."""
    trials = tree["posterior"]["reported_trials"].sel(report=report)
    low, high = trials.quantile([0.055, 0.945]).to_numpy()
    return f"{low:.0f} to {high:.0f}"


def _of_search(tree: xr.DataTree, search: str, group: xr.Dataset, name: str) -> npt.NDArray[Any]:
    if name not in group:
        return np.empty(0)
    of = tree["constant_data"]["report_search"].to_numpy().astype(str)
    return group[name].to_numpy()[of == search]
