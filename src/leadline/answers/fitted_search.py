"""What the answers read from the tree of a fit: one search, in losses, all draws in a row."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

from leadline.errors import LeadlineError, shown

DIRECTION_SIGNS = {"minimize": 1.0, "maximize": -1.0}

# Past β by so many noise sds there is nothing left of the law.
_BEYOND_LAW = 9.0


@dataclass(frozen=True)
class FittedSearch:
    """One search of a fit, in losses: scores to maximise are negated.

    Attributes
    ----------
    alpha, beta, gamma, sigma : ndarray of float, shape (draw, 1)
        The law, chain after chain.
    threshold : ndarray of float, shape (draw, 1)
        Loss up to which the law is used.
    tail_fraction : ndarray of float, shape (draw, 1)
        Probability that one evaluation of a random trial is past the threshold.
    body : ndarray of float, shape (body_trial,)
        Losses of the completed trials that are not past the threshold, from best to worst.
    n_outside : int
        Number of trials not past the threshold: those of `body`, the failed and the pruned.
    sign : float
        1 when scores are minimised, −1 when they are maximised.
    """

    alpha: np.ndarray
    beta: np.ndarray
    gamma: np.ndarray
    sigma: np.ndarray
    threshold: np.ndarray
    tail_fraction: np.ndarray
    body: np.ndarray
    n_outside: int
    sign: float

    @property
    def law(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Alpha, beta, gamma and sigma, each of shape (draw, 1)."""
        return self.alpha, self.beta, self.gamma, self.sigma

    def blocks(self, size: int) -> Iterator["FittedSearch"]:
        """Give the same search with `size` draws at a time."""
        names = ("alpha", "beta", "gamma", "sigma", "threshold", "tail_fraction")
        for start in range(0, len(self.alpha), size):
            rows = slice(start, start + size)
            yield dataclasses.replace(self, **{name: getattr(self, name)[rows] for name in names})


def validate_tree(tree: object) -> xr.DataTree:
    """Return the tree when it is the result of a fit, else raise `LeadlineError`."""
    if not isinstance(tree, xr.DataTree):
        raise LeadlineError(
            f"this needs the DataTree that leadline.fit returns, got {type(tree).__name__}"
        )
    wanted = {
        "posterior": ("optimum", "effective_dim", "noise_sd", "tail_fraction", "spread"),
        "constant_data": (
            "threshold",
            "n_trials",
            "n_tail",
            "trial_score",
            "trial_first_score",
            "trial_search",
        ),
    }
    for group, names in wanted.items():
        for name in names:
            if group not in tree.children or name not in tree[group].data_vars:
                raise LeadlineError(f"not a leadline fit: there is no {name} in group {group}")
    if tree.attrs.get("direction") not in DIRECTION_SIGNS:
        raise LeadlineError(
            "not a leadline fit: its attribute 'direction' is "
            f"{shown(tree.attrs.get('direction'))}, not 'minimize' or 'maximize'"
        )
    return tree


def direction_sign(tree: xr.DataTree) -> float:
    """Return 1 when scores are minimised, −1 when they are maximised."""
    return DIRECTION_SIGNS[tree.attrs["direction"]]


def search_names(tree: xr.DataTree) -> list[str]:
    """Return the names of the searches."""
    return [str(name) for name in tree["posterior"].dataset["search"].to_numpy()]


def completed_losses(tree: xr.DataTree, search: str, *, scores: str = "trial_score") -> np.ndarray:
    """Return the losses of the completed trials of a search, from best to worst.

    Parameters
    ----------
    tree : DataTree
        The result of a fit.
    search : str
        Name of the search.
    scores : {"trial_score", "trial_first_score"}
        The mean over the seeds of each trial, or the score of its first seed alone.
    """
    constant = tree["constant_data"].dataset
    of_search = constant["trial_search"].values.astype(str) == search
    score = constant[scores].values[of_search]
    return np.sort(direction_sign(tree) * score[np.isfinite(score)])


def best_seen(tree: xr.DataTree) -> xr.DataArray:
    """Return the best score of each search, dims (search)."""
    names = search_names(tree)
    best = [direction_sign(tree) * completed_losses(tree, name)[0] for name in names]
    return xr.DataArray(best, {"search": names}, dims="search", name="best_seen")


def fitted_search(tree: xr.DataTree, search: str) -> FittedSearch:
    """Return one search of a fit, ready for array code.

    Where every trial is past the threshold, the law is all that is known of scores beyond it,
    and is used there too.
    """
    posterior = tree["posterior"].dataset.sel(search=search)
    constant = tree["constant_data"].dataset.sel(search=search)
    sign = direction_sign(tree)

    def draws(name: str) -> np.ndarray:
        values = posterior[name].transpose("chain", "draw").values
        return values.reshape(-1, 1).astype(float)

    alpha, spread, sigma = sign * draws("optimum"), draws("spread"), draws("noise_sd")
    n_tail, n_trials = int(constant["n_tail"]), int(constant["n_trials"])
    if n_tail < n_trials:
        threshold = np.full_like(alpha, sign * float(constant["threshold"]))
        tail_fraction = draws("tail_fraction")
    else:
        threshold = alpha + spread + _BEYOND_LAW * sigma
        tail_fraction = np.ones_like(alpha)
    return FittedSearch(
        alpha=alpha,
        beta=alpha + spread,
        gamma=draws("effective_dim"),
        sigma=sigma,
        threshold=threshold,
        tail_fraction=tail_fraction,
        # By rank, since the threshold itself may be a grid's edge between two scores.
        body=completed_losses(tree, search)[n_tail:],
        n_outside=n_trials - n_tail,
        sign=sign,
    )
