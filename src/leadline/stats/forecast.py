"""`forecast`: what further trials would bring, for every draw of a fit."""

from collections.abc import Sequence
from numbers import Real

import numpy as np
import numpy.typing as npt
import xarray as xr

from leadline.distributions.array_functions import log_survival
from leadline.errors import LeadlineError, format_value
from leadline.stats.best_measured import measured_quantile
from leadline.stats.convergence import convergence
from leadline.stats.fitted_search import (
    FittedSearch,
    best_seen,
    best_trial,
    by_part,
    direction_sign,
    search_names,
    validate_tree,
)
from leadline.stats.intervals import SAMPLE_DIMS
from leadline.stats.selection_bias import expected_loss
from leadline.stats.tuning_curve import validate_budgets

Array = npt.NDArray[np.float64]

# Of the random numbers behind the predictive draws: the same tree gives the same numbers.
_SEED = 20251002


def forecast(
    tree: xr.DataTree,
    trials: int | Sequence[int] | npt.NDArray[np.int64],
    *,
    minimum_gain: float = 0.0,
) -> xr.Dataset:
    """Return what the next m random trials would bring, beyond the best seen.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    trials : int or array_like of int
        Numbers of further trials m, at least 1, each evaluated once. Those that fail count.
    minimum_gain : float
        A gain up to this, in score units, is not worth having.

    Returns
    -------
    Dataset
        Gains are positive where the score improves, whatever its direction.

        - `best` (chain, draw, search, trials): predictive draws of the best measured score of
          the m trials, one for each posterior draw: their quantiles are those of the forecast;
          infinite where all of them fail (-inf when maximising);
        - `gain`: by how much that is better than the best seen, else 0;
        - `expected_gain`: the same for expected scores, had both been run again many times: a
          new trial counts where its expected score is better than that of the best seen
          (the winner's curse is taken out of both);
        - `p_gain` (search, trials): P(`gain` > `minimum_gain`), by the law rather than by
          counting draws;
        - `gain_mean`, `expected_gain_mean` (search, trials): their means;
        - `cost` (search, trials): what m trials cost, from the mean cost of an evaluation so
          far; nan where costs are not known. `gain_per_cost` is `expected_gain_mean` over
          `cost`, per hour where the cost is in hours;
        - `best_seen` (search), and `best_seen_expected` (search), the posterior mean of the
          expected score of that trial.

        ``attrs`` hold `minimum_gain`, `metric`, `direction`, and `problems` of sampling: where
        there are any, do not rely on these numbers.

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit or an option is not valid.

    Notes
    -----
    ``P(best of m ≤ y) = 1 − (1 − F(y))^m`` with the law F of arXiv 2510.02721, for every draw. The
    best of m of one draw gets better with m: the same uniform number is behind all of them.
    Where scores are recorded on a grid (`resolution`), so are the forecasts.
    """
    validate_tree(tree)
    sizes = validate_budgets(trials, "trials")
    validate_minimum_gain(minimum_gain)
    sign = direction_sign(tree)
    names = search_names(tree)
    posterior = tree["posterior"]
    draws = posterior.sizes["chain"] * posterior.sizes["draw"]
    columns = []
    for number, name in enumerate(names):
        rng = np.random.default_rng([_SEED, number])
        # One in each of equal parts of (0, 1), which leaves the least to chance.
        uniform = (rng.permutation(draws) + rng.random(draws)) / draws
        seen = BestSeen.of(tree, name)
        columns.append(
            by_part(
                tree,
                name,
                lambda part, uniform=uniform, seen=seen: _of_part(  # type: ignore[misc]
                    part, sizes, uniform[part.rows], seen, float(minimum_gain)
                ),
            )
        )
    shape = (posterior.sizes["chain"], posterior.sizes["draw"], len(sizes), 4)
    values = np.stack([column.reshape(shape) for column in columns], axis=2)
    coords = {name: posterior[name] for name in ("chain", "draw", "search", "task", "model")}
    result = xr.Dataset(coords=coords | {"trials": np.asarray(trials).reshape(-1)})
    cells = ("chain", "draw", "search", "trials")
    result["best"] = cells, sign * values[..., 0]
    result["gain"] = cells, values[..., 1]
    result["expected_gain"] = cells, values[..., 2]
    result["p_gain"] = ("search", "trials"), values[..., 3].mean(axis=(0, 1))
    result["gain_mean"] = result["gain"].mean(SAMPLE_DIMS)
    result["expected_gain_mean"] = result["expected_gain"].mean(SAMPLE_DIMS)
    each = xr.DataArray([mean_cost(tree, name) for name in names], {"search": names}, dims="search")
    result["cost"] = each * result["trials"]
    result["gain_per_cost"] = result["expected_gain_mean"] / result["cost"]
    result["best_seen"] = best_seen(tree)
    result["best_seen_expected"] = best_seen_expected(tree).mean(SAMPLE_DIMS)
    result.attrs = {
        "minimum_gain": float(minimum_gain),
        "metric": tree.attrs.get("metric", "score"),
        "direction": tree.attrs["direction"],
        "problems": ", ".join(convergence(tree).problems),
    }
    return result


def best_seen_expected(tree: xr.DataTree) -> xr.DataArray:
    """Return what the trial that measured best would give on average if it were run again.

    Returns
    -------
    DataArray
        In score units, dims (chain, draw, search).
    """
    posterior = tree["posterior"]
    shape = (posterior.sizes["chain"], posterior.sizes["draw"])
    columns = [
        by_part(tree, name, BestSeen.of(tree, name).expected_loss).reshape(shape)
        for name in search_names(tree)
    ]
    coords = {name: posterior[name] for name in ("chain", "draw", "search", "task", "model")}
    return xr.DataArray(
        direction_sign(tree) * np.stack(columns, axis=2),
        dims=("chain", "draw", "search"),
        coords=coords,
        name="best_seen_expected",
    )


def chance_of_gain(tree: xr.DataTree, trials: int, minimum_gain: float = 0.0) -> xr.DataArray:
    """Return P(the best of the next trials measures better than the best seen), dims (search)."""
    posterior = tree["posterior"]
    chances = []
    for name in search_names(tree):
        seen = BestSeen.of(tree, name)

        def worse(part: FittedSearch, seen: BestSeen = seen) -> Array:
            return seen.log_worse(part, minimum_gain)

        chances.append(-np.expm1(trials * by_part(tree, name, worse)).mean())
    coords = {name: posterior[name] for name in ("search", "task", "model")}
    return xr.DataArray(chances, coords, dims="search", name="p_gain")


class BestSeen:
    """The trial of a search that measured best.

    Attributes
    ----------
    loss : float
        What it measured, in score units; negated when maximising.
    seeds : int
        Number of seeds that this is the mean of.
    resolution : float
        Spacing of the grid on which a new score would be recorded and this one was, 0 for none.
    """

    def __init__(self, loss: float, seeds: int, resolution: float) -> None:
        self.loss = loss
        self.seeds = seeds
        # The mean over several seeds is between the lines of the grid.
        self.resolution = resolution if seeds == 1 else 0.0

    @classmethod
    def of(cls, tree: xr.DataTree, search: str) -> "BestSeen":
        """Return that of a search of a fit."""
        constant = tree["constant_data"].dataset
        return cls(*best_trial(tree, search), float(constant["resolution"].sel(search=search)))

    def expected_loss(self, search: FittedSearch) -> Array:
        """Return its expected loss in score units, shape (draw, 1)."""
        loss = search.sign * search.scale.forward(np.float64(search.sign * self.loss))
        return expected_loss(search, np.full_like(search.alpha, loss), self.seeds)

    def log_worse(self, search: FittedSearch, minimum_gain: float) -> Array:
        """Return the log-probability that one trial gains at most so much, shape (draw, 1)."""
        edge = self.loss - minimum_gain
        if self.resolution:
            steps = np.floor(minimum_gain / self.resolution + 1e-9) + 1.0
            edge = self.loss - (steps - 0.5) * self.resolution
        if not search.scale.takes(search.sign * edge):
            return np.zeros_like(search.alpha)
        loss = search.sign * search.scale.forward(np.float64(search.sign * edge))
        return log_survival(np.full_like(search.alpha, loss), search.law)

    def recorded(self, loss: Array) -> Array:
        """Return losses in score units as they would be recorded."""
        if not self.resolution:
            return loss
        return self.loss - np.round((self.loss - loss) / self.resolution) * self.resolution


def _of_part(
    search: FittedSearch, sizes: Array, uniform: Array, seen: BestSeen, minimum_gain: float
) -> Array:
    """Return loss, gain, expected gain and P(gain > minimum), shape (draw, trials, 4)."""
    best = measured_quantile(search, sizes, uniform[:, None])
    recorded = seen.recorded(best)
    gain = np.maximum(seen.loss - recorded, 0.0)
    threshold = search.in_score_units(search.threshold)
    # A loss beyond the threshold is no gain; what stands for it is never used.
    past = best < threshold
    on_scale = search.sign * search.scale.forward(
        search.sign * np.where(past, best, 0.5 * (seen.loss + threshold))
    )
    expected = seen.expected_loss(search) - expected_loss(search, on_scale)
    expected_gain = np.where(past, np.maximum(expected, 0.0), 0.0)
    p_gain = -np.expm1(sizes[None, :] * seen.log_worse(search, minimum_gain))
    return np.stack([recorded, gain, expected_gain, p_gain], axis=-1)


def mean_cost(tree: xr.DataTree, search: str) -> float:
    """Return the mean cost of an evaluation of a search, nan where costs are not known."""
    constant = tree["constant_data"].dataset
    if "trial_cost" not in constant:
        return float("nan")
    of_search = constant["trial_search"].values.astype(str) == search
    cost = constant["trial_cost"].values[of_search].astype(float)
    seeds = constant["trial_replicates"].values[of_search]
    known = np.isfinite(cost)
    return float(cost[known].sum() / np.maximum(seeds[known], 1).sum()) if known.any() else np.nan


def validate_minimum_gain(minimum_gain: object) -> None:
    """Raise `LeadlineError` unless it is a number of 0 or more."""
    number = isinstance(minimum_gain, Real) and not isinstance(minimum_gain, bool)
    if not number or not 0 <= float(minimum_gain) < np.inf:  # type: ignore[arg-type]
        raise LeadlineError(
            f"minimum_gain must be 0 or more, in score units; got {format_value(minimum_gain)}"
        )
