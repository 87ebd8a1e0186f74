"""The observed losses beyond reach of the law, with uncertain shares (Rubin's Bayesian bootstrap).

The body of a search are its trials that are not beyond the threshold. It has the probability
1 − F(θ). How that is shared among its trials is uncertain too: each posterior draw has shares
from a Dirichlet distribution with all parameters 1, the failed trials together as one category
(Rubin 1981, doi:10.1214/aos/1176345338). They are independent of the law of the tail.

The shares of all trials would be one such Dirichlet distribution, and that of the tail its
marginal, Beta(r, n − r) for r of n trials. A fit has Beta(r + 1, n − r + 1) instead, because the
prior of the noiseless tail probability is uniform (`leadline.models.priors`). Given the share of
the tail, the relative shares of the others are those of the bootstrap of the body alone.

In all functions `search` is one search of a fit and `budgets` the numbers of trials k, shape
(budget,). Results have shape (draw, budget) and are losses in score units.
"""

import zlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from leadline.stats.fitted_search import Array, FittedSearch

Rows = npt.NDArray[np.intp]

# Fixed, so that one fit, saved or not, has the same shares in all of its answers.
_SEED = 19810130
# Shares in memory at a time: 8 MB.
_BLOCK = 2**20
# A budget for which a trial's W^k is below exp(−_NEGLIGIBLE) gives that trial no weight.
_NEGLIGIBLE = 100.0


def cumulative_weights(search: FittedSearch) -> Iterator[tuple[Rows, Array, Array]]:
    """Yield positions of some draws, their cumulative weights, and the sums of their weights.

    A share is a weight divided by the sum of the weights it belongs to. Cumulative weights have
    shape (draw, trial + 1): 0, then those of the completed trials from best to worst. The sum,
    (draw, 1), includes the failed trials. Weights belong to a draw by its labels: some draws of a
    fit have the shares that they have among all.
    """
    n_complete = len(search.losses)
    step = max(_BLOCK // (n_complete + 1), 1)
    for chain in np.unique(search.chain):
        rows = np.flatnonzero(search.chain == chain)
        labels = search.draw[rows]
        seed = [_SEED, zlib.crc32(search.name.encode()), int(chain)]
        completed, failed = (np.random.default_rng([*seed, part]) for part in (0, 1))
        end = int(labels.max()) + 1
        for start in range(0, end, step):
            # Normalised exponential variables have a Dirichlet distribution; gamma variables add
            # up. All draws of the block take theirs, wanted or not.
            size = min(step, end - start)
            weights = completed.standard_exponential((size, n_complete))
            lost = failed.standard_gamma(search.n_trials - n_complete, size=(size, 1))
            block = (start <= labels) & (labels < start + step)
            own = labels[block] - start
            cumulative = np.zeros((len(own), n_complete + 1))
            np.cumsum(weights[own], axis=1, out=cumulative[:, 1:])
            yield rows[block], cumulative, cumulative[:, -1:] + lost[own]


def body_share(search: FittedSearch, loss: Array) -> Array:
    """Return the probability that one trial completes with at most a loss, shape (draw, point).

    `loss` is (point,) or (draw, point). At losses better than the threshold, results have no
    meaning.
    """
    ranks = np.searchsorted(search.losses, loss, side="right")
    ranks = np.broadcast_to(ranks, (len(search.tail_fraction), ranks.shape[-1]))
    share = np.empty(ranks.shape)
    for draws, cumulative, total in cumulative_weights(search):
        tail = np.take_along_axis(cumulative, search.n_tail[draws], axis=1)
        reached = np.take_along_axis(cumulative, ranks[draws], axis=1)
        share[draws] = (reached - tail) / np.maximum(total - tail, 1e-300)
    return search.tail_fraction + (1.0 - search.tail_fraction) * share


def body_quantile(search: FittedSearch, level: Array) -> Array:
    """Return the quantile at `level` (1 or draw, budget) of the loss of one trial.

    It is an observed loss, or infinite for a failed trial. Results at levels up to F(θ) have no
    meaning.
    """
    losses = np.append(search.losses, np.inf)
    share = (level - search.tail_fraction) / np.maximum(1.0 - search.tail_fraction, 1e-300)
    rank = np.empty(share.shape, dtype=int)
    for draws, cumulative, total in cumulative_weights(search):
        tail = np.take_along_axis(cumulative, search.n_tail[draws], axis=1)
        wanted = tail + share[draws] * (total - tail)
        for row, ends, values in zip(draws, cumulative, wanted, strict=True):
            rank[row] = np.searchsorted(ends, values)
    return losses[np.clip(rank - 1, search.n_tail, len(search.losses))]


def add_body_mean(search: FittedSearch, budgets: Array, tail: Array) -> Array:
    """Return the mean of the best loss of k trials, given that one of them completes.

    `tail` (draw, budget) is the part of it from beyond the threshold, E[loss; loss < θ].
    """
    outside = 1.0 - probability_beyond(search, budgets)
    first = int(search.n_tail.min())
    body = search.losses[first:]
    body_mean, all_fail = np.zeros((2, *tail.shape))
    for draws, cumulative, total in cumulative_weights(search):
        beyond = np.take_along_axis(cumulative, search.n_tail[draws], axis=1)
        # W, the probability that one trial outside the tail is worse than each of its trials. The
        # best of k is with probability W^k. W is 1 for the trials in the tail of this draw.
        with np.errstate(divide="ignore", invalid="ignore"):
            log_worse = np.log((total - cumulative[:, first:]) / (total - beyond))
        log_worse = np.minimum(np.nan_to_num(log_worse, nan=-np.inf, neginf=-np.inf), 0.0)
        likeliest = log_worse.max(axis=0)
        for number, budget in enumerate(budgets):
            # The last trial that the best of k can be, but for a negligible probability.
            last = int(np.searchsorted(-likeliest, _NEGLIGIBLE / budget))
            worse = np.exp(budget * log_worse[:, : last + 1])
            body_mean[draws, number] = -np.diff(worse, axis=1) @ body[: worse.shape[1] - 1]
            all_fail[draws, number] = np.exp(budget * log_worse[:, -1])
    return (tail + outside * body_mean) / (1.0 - outside * all_fail)


def probability_beyond(search: FittedSearch, budgets: Array) -> Array:
    """Return the probability that the best of k trials is beyond θ."""
    with np.errstate(divide="ignore"):
        return -np.expm1(budgets[None, :] * np.log1p(-search.tail_fraction))


def plateau_quantile(search: FittedSearch, budgets: Array, prob: float | Array) -> Array:
    """Return the quantile at `prob` of the best loss of k trials of a search with a plateau."""
    level = -np.expm1(np.log1p(-prob) / budgets[None, :])
    beyond = level <= search.tail_fraction
    return np.where(beyond, search.best_loss, body_quantile(search, level))


def plateau_mean(search: FittedSearch, budgets: Array) -> Array:
    """Return the mean of the best loss of k trials of a search with a plateau, if one completes."""
    tail = search.best_loss * probability_beyond(search, budgets)
    return add_body_mean(search, budgets, tail)
