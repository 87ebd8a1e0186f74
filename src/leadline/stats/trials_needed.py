"""`trials_needed`: how many further trials bring the best one close to the optimum."""

from numbers import Real

import numpy as np
import numpy.typing as npt
import xarray as xr

from leadline.distributions.array_functions import log_survival
from leadline.errors import LeadlineError, format_value
from leadline.stats.best_measured import lowest_deviation
from leadline.stats.convergence import convergence
from leadline.stats.fitted_search import (
    FittedSearch,
    direction_sign,
    fitted_parts,
    search_names,
    validate_tree,
)
from leadline.stats.forecast import BestSeen
from leadline.stats.selection_bias import log_chance_expected_below

Array = npt.NDArray[np.float64]

MAX_TRIALS = 100_000
"""More trials than this are not counted: the answer is then infinite."""

# Numbers of cells of the measured loss of the best new trial, below α and from there to the best
# seen. With twice as many the probability changes by less than 1e-3.
_CELLS = (32, 64)
_BLOCK = 500


def trials_needed(
    tree: xr.DataTree, within: float | str, *, probability: float = 0.9
) -> xr.DataArray:
    """Return how many further random trials bring the best one within reach of the optimum.

    The trial that is kept is the one that measured best, those of the search included. What counts
    is its expected score, not its lucky measurement: whether it is within `within` of the optimum.
    The number is the smallest for which that has the given probability, all that is uncertain
    (the optimum itself, and what the trials will be) taken together.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    within : float or str
        How close, in score units, above 0; or relative to the optimum, as in ``"1%"``.
    probability : float
        In (0, 1).

    Returns
    -------
    DataArray
        Dims (search): 0 where the best seen is close enough already; infinite where more than
        `MAX_TRIALS` are needed, which ``attrs["max_trials"]`` holds. Where ``attrs["problems"]``
        names any, sampling has not converged: do not rely on it.

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit or an option is not valid.

    Notes
    -----
    For one draw, with F the law of the measured loss Y of a trial, Q its expected loss, b the best
    seen and a the optimum::

        P(m) = (1 − F(b))^m P(Q ≤ a + within | Y = b)
               + ∫_{−∞}^{b} m f(y) (1 − F(y))^(m−1) P(Q ≤ a + within | Y = y) dy

    averaged over the draws.
    """
    validate_tree(tree)
    amount, relative = validate_within(within)
    validate_probability(probability)
    names = search_names(tree)
    needed = []
    for name in names:
        curve = _Closeness(tree, name, amount, relative)
        needed.append(_smallest(curve, float(probability)))
    return xr.DataArray(
        needed,
        {name: tree["posterior"][name] for name in ("search", "task", "model")},
        dims="search",
        name="trials_needed",
        attrs={
            "within": str(within),
            "probability": float(probability),
            "max_trials": MAX_TRIALS,
            "direction": tree.attrs["direction"],
            "problems": ", ".join(convergence(tree).problems),
        },
    )


def chance_within(
    tree: xr.DataTree, within: float | str, trials: npt.ArrayLike, search: str
) -> Array:
    """Return the probability that after m further trials the best is within reach of the optimum.

    Parameters
    ----------
    tree, within
        As in `trials_needed`.
    trials : array_like
        Numbers of further trials m, 0 or more.
    search : str
        Name of the search.

    Returns
    -------
    ndarray, shape (trials,)
    """
    validate_tree(tree)
    curve = _Closeness(tree, search, *validate_within(within))
    return np.array([curve(float(m)) for m in np.asarray(trials, dtype=float).reshape(-1)])


def validate_probability(probability: object) -> None:
    """Raise `LeadlineError` unless it is a number between 0 and 1."""
    number = isinstance(probability, Real) and not isinstance(probability, bool)
    if not number or not 0 < float(probability) < 1:  # type: ignore[arg-type]
        raise LeadlineError(f"probability must be between 0 and 1, got {format_value(probability)}")


def validate_within(within: object) -> tuple[float, bool]:
    """Return the amount, and whether it is relative to the optimum; or raise `LeadlineError`."""
    value, relative = within, False
    if isinstance(within, str) and within.strip().endswith("%"):
        value, relative = within.strip()[:-1], True
    try:
        amount = np.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        amount = np.nan
    if not 0 < amount < np.inf:
        raise LeadlineError(
            "within must be above 0, a number in score units or a share of the optimum as in "
            f"'1%'; got {format_value(within)}"
        )
    return (amount / 100.0, True) if relative else (amount, False)


def _smallest(curve: "_Closeness", probability: float) -> float:
    """Return the smallest m with that probability, infinite beyond `MAX_TRIALS`."""
    if curve(0.0) >= probability:
        return 0.0
    if curve(float(MAX_TRIALS)) < probability:
        return np.inf
    # The expected score of the best gets better with every trial, so that halving finds it.
    low, high = 0, MAX_TRIALS
    while high - low > 1:
        middle = int(np.sqrt(max(low, 1) * high)) if high > 4 * max(low, 1) else (low + high) // 2
        middle = min(max(middle, low + 1), high - 1)
        low, high = (low, middle) if curve(float(middle)) >= probability else (middle, high)
    return float(high)


class _Closeness:
    """P(m) of `trials_needed` for one search, with all that does not depend on m computed once."""

    def __init__(self, tree: xr.DataTree, search: str, amount: float, relative: bool) -> None:
        seen = BestSeen.of(tree, search)
        optimum = tree["posterior"]["optimum"].sel(search=search).transpose("chain", "draw")
        loss_of_optimum = direction_sign(tree) * optimum.to_numpy().reshape(-1, 1)
        distance = np.abs(loss_of_optimum) * amount if relative else amount
        parts = [
            _cells(block, seen, (loss_of_optimum + distance)[block.rows])
            for part in fitted_parts(tree, search)
            for block in part.blocks(_BLOCK)
        ]
        log_worse, close, seen_close = zip(*parts, strict=True)
        self.log_worse = np.concatenate(log_worse)
        self.close = np.concatenate(close)
        self.seen_close = np.concatenate(seen_close)

    def __call__(self, m: float) -> float:
        worse = np.exp(m * self.log_worse)
        new = ((worse[:, :-1] - worse[:, 1:]) * self.close).sum(axis=1)
        return float((new + worse[:, -1] * self.seen_close).mean())


def _cells(search: FittedSearch, seen: BestSeen, limit: Array) -> tuple[Array, Array, Array]:
    """Return what P(m) is made of, for some draws.

    Parameters
    ----------
    search : FittedSearch
        Some draws of a search.
    seen : BestSeen
        The best seen.
    limit : ndarray, shape (draw, 1)
        The largest expected loss that is close enough, in score units.

    Returns
    -------
    log_worse : ndarray, shape (draw, edge)
        Log-probability that one trial measures worse than an edge of the cells; the last edge
        is the best seen.
    close : ndarray, shape (draw, cell)
        P(Q ≤ limit | Y in the middle of the cell).
    seen_close : ndarray, shape (draw,)
        The same of the best seen.
    """
    best = float(search.sign * search.scale.forward(np.float64(search.sign * seen.loss)))
    below, above = _CELLS
    depth = np.arcsinh(lowest_deviation(MAX_TRIALS))
    low = -search.sigma * np.sinh(depth * np.arange(below, 0, -1) / below)
    gap = np.maximum(best - search.alpha, 0.0)
    smallest = np.maximum(
        search.sigma,
        (search.beta - search.alpha) * (1e-2 / MAX_TRIALS) ** (2.0 / search.gamma),
    )
    high = smallest * np.sinh(np.arcsinh(gap / smallest) * np.arange(above + 1) / above)
    # Where the best seen is past the optimum, cells end there.
    edges = np.minimum(search.alpha + np.concatenate([low, high], axis=1), best)
    log_worse = log_survival(edges, search.law)
    log_worse[:, 0] = 0.0
    middle = 0.5 * (edges[:, 1:] + edges[:, :-1])
    on_scale = limit_on_scale(search, limit)
    close = log_chance_expected_below(search, middle, np.broadcast_to(on_scale, middle.shape))
    at_best = np.full_like(search.alpha, best)
    seen_close = log_chance_expected_below(search, at_best, on_scale, seen.seeds)
    return log_worse, np.exp(close), np.exp(seen_close[:, 0])


def limit_on_scale(search: FittedSearch, limit: Array) -> Array:
    """Return the mean on the scale of trials whose expected loss is `limit`, shape (draw, 1)."""
    if search.scale.name == "identity":
        return limit
    from scipy.optimize.elementwise import find_root

    def excess(place: Array, sigma: Array, wanted: Array) -> Array:
        return search.sign * search.scale.expected_score(search.sign * place, sigma) - wanted

    # Beyond β every trial is close enough.
    beyond = search.expected_in_score_units(search.beta) <= limit
    wanted = np.where(beyond, search.expected_in_score_units(search.alpha), limit)
    found = find_root(excess, (search.alpha, search.beta), args=(search.sigma, wanted))
    return np.where(beyond, search.beta, found.x)
