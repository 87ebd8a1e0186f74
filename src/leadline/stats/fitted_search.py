"""What the answers read from the tree of a fit: a search, in losses, all draws in a row.

Draws from different thresholds or scales are different parts of a search: an answer is computed
for each part and put together again.
"""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

from leadline.data.scale import SCALES, Scale
from leadline.errors import LeadlineError, format_value
from leadline.stats.reported import has_trials, reported_scores

DIRECTION_SIGNS = {"minimize": 1.0, "maximize": -1.0}

# Past β by so many noise sds there is nothing left of the law.
_BEYOND_LAW = 9.0


@dataclass(frozen=True)
class FittedSearch:
    """The draws of one search that share a threshold and a scale, in losses on that scale.

    Scores to maximise are negated. Losses in score units are these negated scores.

    Attributes
    ----------
    alpha, beta, gamma, sigma : ndarray of float, shape (draw, 1)
        The law, chain after chain.
    threshold : ndarray of float, shape (draw, 1)
        Loss up to which the law is used.
    tail_fraction : ndarray of float, shape (draw, 1)
        Probability that one evaluation of a random trial is past the threshold.
    body : ndarray of float, shape (body_trial,)
        Losses in score units of the completed trials that are not past the threshold, from best
        to worst.
    n_outside : int
        Number of trials not past the threshold: those of `body`, the failed and the pruned.
    sign : float
        1 when scores are minimised, −1 when they are maximised.
    scale : Scale
        The scale of the losses.
    rows : ndarray of int, shape (draw,)
        Which of all draws of the search these are.
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
    scale: Scale
    rows: np.ndarray

    @property
    def law(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Alpha, beta, gamma and sigma, each of shape (draw, 1)."""
        return self.alpha, self.beta, self.gamma, self.sigma

    def blocks(self, size: int) -> Iterator["FittedSearch"]:
        """Give the same search with `size` draws at a time."""
        names = ("alpha", "beta", "gamma", "sigma", "threshold", "tail_fraction", "rows")
        for start in range(0, len(self.alpha), size):
            rows = slice(start, start + size)
            yield dataclasses.replace(self, **{name: getattr(self, name)[rows] for name in names})

    def in_score_units(self, loss: np.ndarray) -> np.ndarray:
        """Return losses on the scale as losses in score units."""
        return self.sign * self.scale.inverse(self.sign * loss)

    def expected_in_score_units(self, loss: np.ndarray) -> np.ndarray:
        """Return in score units the mean loss of runs whose mean on the scale is `loss`.

        Parameters
        ----------
        loss : ndarray, shape (draw, point)
        """
        return self.sign * self.scale.expected_score(self.sign * loss, self.sigma)

    def score_units_per_unit(self, loss: np.ndarray) -> np.ndarray:
        """Return the derivative of `in_score_units`."""
        return np.exp(-self.scale.log_slope(self.scale.inverse(self.sign * loss)))


def validate_tree(tree: object) -> xr.DataTree:
    """Return the tree when it is the result of a fit, else raise `LeadlineError`."""
    if not isinstance(tree, xr.DataTree):
        raise LeadlineError(
            f"this needs the DataTree that leadline.fit returns, got {type(tree).__name__}"
        )
    wanted = {
        "posterior": (
            "optimum",
            "effective_dim",
            "noise_sd",
            "tail_fraction",
            "spread",
            "threshold",
            "candidate",
        ),
        "constant_data": (
            "threshold",
            "n_trials",
            "n_tail",
            "trial_score",
            "trial_first_score",
            "trial_search",
        ),
        "candidates": ("scale", "n_tail", "weight"),
    }
    for group, names in wanted.items():
        for name in names:
            if group not in tree.children or name not in tree[group].data_vars:
                raise LeadlineError(f"not a leadline fit: there is no {name} in group {group}")
    if tree.attrs.get("direction") not in DIRECTION_SIGNS:
        raise LeadlineError(
            "not a leadline fit: its attribute 'direction' is "
            f"{format_value(tree.attrs.get('direction'))}, not 'minimize' or 'maximize'"
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
    """Return the best score of each search, dims (search): of its trials, or without any reported.

    What somebody else reports of a search with trials was not seen in it.
    """
    names = search_names(tree)
    best = [direction_sign(tree) * best_trial(tree, name)[0] for name in names]
    return xr.DataArray(best, {"search": names}, dims="search", name="best_seen")


def best_trial(tree: xr.DataTree, search: str) -> tuple[float, int]:
    """Return the best measured loss of a search, and the number of seeds that it is the mean of.

    In score units; of several trials that measured so, the one with the most seeds. Without trials
    the best that is reported, of one seed.
    """
    if not has_trials(tree, search):
        return float((direction_sign(tree) * reported_scores(tree, search)).min()), 1
    constant = tree["constant_data"].dataset
    of_search = constant["trial_search"].values.astype(str) == search
    loss = direction_sign(tree) * constant["trial_score"].values[of_search]
    seeds = constant["trial_replicates"].values[of_search]
    best = float(np.nanmin(np.where(np.isfinite(loss), loss, np.nan)))
    return best, int(seeds[loss == best].max())


def by_part(
    tree: xr.DataTree, search: str, answer: Callable[[FittedSearch], np.ndarray]
) -> np.ndarray:
    """Return an answer about a search for all of its draws.

    Parameters
    ----------
    tree : DataTree
        The result of a fit.
    search : str
        Name of the search.
    answer : callable
        Takes a part of the search, returns an array whose first axis is its draws.
    """
    parts = fitted_parts(tree, search)
    answers = [answer(part) for part in parts]
    result = np.empty((sum(map(len, answers)), *answers[0].shape[1:]))
    for part, values in zip(parts, answers, strict=True):
        result[part.rows] = values
    return result


def fitted_parts(tree: xr.DataTree, search: str) -> list[FittedSearch]:
    """Return the parts of one search, ready for array code.

    Where every trial is past the threshold, or there are none, the law is all that is known of
    scores beyond it, and is used there too.
    """
    posterior = tree["posterior"].dataset.sel(search=search)
    candidates = tree["candidates"].dataset.sel(search=search)
    n_trials = int(tree["constant_data"]["n_trials"].sel(search=search))
    losses = completed_losses(tree, search)
    sign = direction_sign(tree)
    law = "law_" if "law_optimum" in posterior else ""

    def draws(name: str) -> np.ndarray:
        values = posterior[name].transpose("chain", "draw").to_numpy()
        return values.reshape(-1, 1).astype(float)

    of_draw = draws("candidate")[:, 0].astype(int)
    columns = {
        "alpha": sign * draws(f"{law}optimum"),
        "gamma": draws("effective_dim"),
        "sigma": draws(f"{law}noise_sd"),
        "tail_fraction": draws("tail_fraction"),
        "threshold": draws("threshold"),
    }
    columns["beta"] = columns["alpha"] + draws(f"{law}spread")
    parts = []
    for number in np.unique(of_draw):
        rows = np.flatnonzero(of_draw == number)
        part = {name: column[rows] for name, column in columns.items()}
        scale = SCALES[str(candidates["scale"].to_numpy()[number])]
        part["threshold"] = sign * scale.forward(part["threshold"])
        n_tail = int(candidates["n_tail"].to_numpy()[number])
        if n_tail == n_trials:
            part["threshold"] = part["beta"] + _BEYOND_LAW * part["sigma"]
            part["tail_fraction"] = np.ones_like(part["beta"])
        parts.append(
            FittedSearch(
                **part,
                # By rank, since the threshold itself may be a grid's edge between two scores.
                body=losses[n_tail:],
                n_outside=n_trials - n_tail,
                sign=sign,
                scale=scale,
                rows=rows,
            )
        )
    return parts
