"""`trials_needed`: the number of further trials that bring the best one close to the optimum."""

import bisect

import numpy as np
import xarray as xr

from leadline.data.scale import Scale
from leadline.distributions.array_functions import log_chance_given_measured, log_survival
from leadline.stats.best_measured import panel_edges
from leadline.stats.diagnostics import convergence
from leadline.stats.fitted_search import (
    Array,
    FittedSearch,
    fitted_search,
    search_names,
    validate_tree,
)
from leadline.stats.options import validate_probability, validate_within

MAX_TRIALS = 100_000
"""Larger numbers of trials are reported as infinite."""

# Numbers of panels of the measured loss of the best new trial, below α and from there to the best
# seen. With twice as many the probability changes by less than 1e-3.
_PANELS = (32, 64)
_BLOCK = 500


def trials_needed(
    tree: xr.DataTree, within: float | str, *, probability: float = 0.9
) -> xr.DataArray:
    """Return the number of further random trials after which the best one is near the optimum.

    The trial that measures best, among old and new ones, is kept. It is near the optimum if its
    expected score, not its lucky measurement, is within `within` of it. The number is the
    smallest for which that has the given probability, averaged over the draws of the optimum and
    the outcomes of the trials.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    within : float or str
        Largest distance from the optimum, in score units, above 0; or relative to the optimum, as
        in ``"1%"``.
    probability : float
        In (0, 1).

    Returns
    -------
    DataArray
        Dims (search): 0 where the best seen is close enough already, as a plateau is; infinite
        above ``attrs["max_trials"]``. If ``attrs["problems"]`` is not empty, sampling has not
        converged: do not rely on the numbers. The coordinate `trials_run` has the trials of the
        search so far: much larger numbers extrapolate.

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit or an option is not valid.

    Notes
    -----
    For one draw, with F the distribution function of the measured loss Y of a trial, Q its
    expected loss, b the best seen and a the optimum::

        P(m) = (1 − F(b))^m P(Q ≤ a + within | Y = b)
               + ∫_{−∞}^{b} m f(y) (1 − F(y))^(m−1) P(Q ≤ a + within | Y = y) dy

    averaged over the draws.

    Examples
    --------
    >>> import xarray
    >>> fit = xarray.open_datatree("fit.nc")
    >>> needed = ll.trials_needed(fit, within=0.1, probability=0.5)
    >>> needed.dims, bool((needed <= ll.trials_needed(fit, 0.1, probability=0.7)).all())
    (('search',), True)
    """
    validate_tree(tree, asked="`within`")
    probability = validate_probability(probability)
    return xr.DataArray(
        [Closeness(tree, name, within).smallest(probability) for name in search_names(tree)],
        {name: tree["posterior"][name] for name in ("search", "task", "model")}
        | {"trials_run": ("search", _trials_run(tree))},
        dims="search",
        name="trials_needed",
        attrs={
            "within": str(within),
            "probability": probability,
            "max_trials": MAX_TRIALS,
            "direction": tree.attrs["direction"],
            "problems": ", ".join(convergence(tree).problems),
        },
    )


def _trials_run(tree: xr.DataTree) -> Array:
    """Return the numbers of trials on which the law rests, dim (search)."""
    return tree["constant_data"]["n_trials"].sel(search=search_names(tree)).to_numpy()


class Closeness:
    """P(m) of `trials_needed` for one search; terms without m are computed once."""

    def __init__(self, tree: xr.DataTree, name: str, within: float | str) -> None:
        search = fitted_search(tree, name)
        self.reached = search.plateau
        if self.reached:
            return
        amount, relative = validate_within(within)
        optimum = tree["posterior"]["optimum"].sel(search=name).transpose("chain", "draw")
        optimum_loss = search.sign * optimum.to_numpy().reshape(-1, 1)
        limit = optimum_loss + (np.abs(optimum_loss) * amount if relative else amount)
        blocks = [slice(start, start + _BLOCK) for start in range(0, len(limit), _BLOCK)]
        parts = [_panels(search.isel(block), limit[block]) for block in blocks]
        self.log_worse, self.close, self.seen_close = map(np.concatenate, zip(*parts, strict=True))

    def __call__(self, m: float) -> float:
        """Return P(m), the mean over the draws."""
        if self.reached:
            return 1.0
        worse = np.exp(m * self.log_worse)
        new = ((worse[:, :-1] - worse[:, 1:]) * self.close).sum(axis=1)
        return float((new + worse[:, -1] * self.seen_close).mean())

    def smallest(self, probability: float) -> float:
        """Return the smallest m with P(m) ≥ `probability`, infinite above `MAX_TRIALS`."""
        # Bisection: P(m) never falls with m.
        m = bisect.bisect_left(range(MAX_TRIALS + 1), probability, key=self)
        return float(m) if m <= MAX_TRIALS else np.inf


def _panels(search: FittedSearch, limit: Array) -> tuple[Array, Array, Array]:
    """Return the terms of P(m) over panels of the measured loss Y of the best new trial.

    `limit` (draw, 1) is the largest expected loss Q that is close enough, in score units. The
    terms are log P(one trial measures worse than an edge), shape (draw, edge), with the best seen
    for the last edge; P(Q ≤ limit | Y in the middle of a panel), shape (draw, panel); and that
    probability for the best seen, shape (draw,).
    """
    best = search.on_scale(search.best_loss)
    low_and_high = panel_edges(search, np.maximum(best - search.alpha, 0.0), MAX_TRIALS, *_PANELS)
    # The panels end at the best seen, even if it is better than the optimum.
    edges = np.minimum(search.alpha + np.concatenate(low_and_high, axis=1), best)
    log_worse = log_survival(edges, search.law)
    log_worse[:, 0] = 0.0
    middle = 0.5 * (edges[:, 1:] + edges[:, :-1])
    limit = limit_on_scale(search, limit)
    close = log_chance_given_measured(middle, np.broadcast_to(limit, middle.shape), search.law)
    seen_close = log_chance_given_measured(best, limit, search.law_of_mean(search.best_seeds))
    return log_worse, np.exp(close), np.exp(seen_close[:, 0])


def limit_on_scale(search: FittedSearch, limit: Array) -> Array:
    """Return the mean on the scale of runs whose expected loss is `limit`, shape (draw, 1)."""

    def solve(scale: Scale, alpha: Array, beta: Array, sigma: Array, limit: Array) -> Array:
        if scale.name == "identity":
            return limit
        from scipy.optimize.elementwise import find_root

        def excess(mean: Array, sigma: Array, wanted: Array) -> Array:
            return search.sign * scale.expected_score(search.sign * mean, sigma) - wanted

        # Every expected loss is at most that of β; α makes the equation solvable there.
        beyond = excess(beta, sigma, limit) <= 0.0
        wanted = np.where(beyond, excess(alpha, sigma, np.zeros_like(limit)), limit)
        return np.where(beyond, beta, find_root(excess, (alpha, beta), args=(sigma, wanted)).x)

    return search.map_by_scale(solve, search.alpha, search.beta, search.sigma, limit)
