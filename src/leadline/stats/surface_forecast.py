"""The gain of further random trials, by the functions drawn from a surface."""

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.special import ndtr

from leadline.data.surface_scores import SurfaceScores
from leadline.data.trials import LOSS_SIGNS
from leadline.errors import LeadlineError
from leadline.stats.best_seen import best_seen_expected
from leadline.stats.intervals import SAMPLE_DIMS, estimate
from leadline.stats.noise_of_seeds import seeds_clause
from leadline.stats.rounding import percent
from leadline.stats.surface_tree import FUNCTIONS, is_surface, scores_of, surface_groups

Floats = npt.NDArray[np.float64]

# Panels of the best measured loss.
_PANELS = 64

# Losses at which the distribution of a random trial is evaluated.
_LEVELS = 96

# Fixed, so that one fit always gives the same predictive draws.
_SEED = 20261129


def surface_forecast(
    tree: xr.DataTree, search: str, sizes: Floats, seen: float, minimum_gain: float
) -> dict[str, Floats]:
    """Return the outcome of m further random trials of one search.

    Each draw of the posterior is a function; its trials are random points of the space with a
    deviation and noise of their own, and fail as often as they did. `seen` is the best measured
    score. `best`, the best measured score, and `expected_gain`, the gain of its expected score over
    that of the best trial, have shape (chain, draw, trials); they are drawn apart from each other.
    `p_gain`, the probability of a measured gain above `minimum_gain`, and `expected_gain_mean`, the
    mean over all sequences, have shape (trials,).

    Raises `LeadlineError` for more trials than random points are stored.
    """
    group, functions = surface_groups(tree)[search], surface_groups(tree, FUNCTIONS)[search]
    smooth = functions["random_loss"].to_numpy().astype(float)
    most = smooth.shape[-1]
    if (sizes > most).any() or (sizes != np.round(sizes)).any():
        raise LeadlineError(
            f"a surface forecasts whole numbers of trials up to {most:,}, got {sizes.max():g}"
        )
    scores = scores_of(group)
    own, noise = (functions[name].to_numpy()[..., None] for name in ("own_sd", "noise"))
    constant = tree["constant_data"].dataset.sel(search=search)
    complete = float(constant["n_complete"] / constant["n_trials"])
    generator = np.random.default_rng(_SEED)
    mean = smooth + own * generator.standard_normal(smooth.shape)
    measured = mean + noise * generator.standard_normal(smooth.shape)
    measured = np.where(generator.random(smooth.shape) < complete, measured, np.inf)
    places = np.arange(most)
    lowest = np.minimum.accumulate(measured, axis=-1)
    # The position of the best of the first m.
    position = np.maximum.accumulate(np.where(measured == lowest, places, 0), axis=-1)
    last = sizes.astype(int) - 1
    best_mean = np.take_along_axis(mean, position[..., last], axis=-1)
    best = _scores_of_losses(scores, lowest[..., last])
    again = tree["posterior"].dataset["best_seen_expected"].sel(search=search).to_numpy()
    expected = scores.expected_score(best_mean, noise)
    gain = scores.sign * (again[..., None] - expected)
    kept = scores.sign * (seen - best) > 0.0
    one = complete * _share_better(
        smooth, np.hypot(own, noise)[..., 0], scores.loss_of(seen - scores.sign * minimum_gain)
    )
    # Apart from the trials above: quantiles of so few sequences would fall in steps.
    again_drawn = _best_losses(smooth, np.hypot(own, noise)[..., 0], complete, sizes, generator)
    return {
        "best": _scores_of_losses(scores, again_drawn),
        "expected_gain": np.where(kept, gain, 0.0),
        "expected_gain_mean": _mean_gain(group, functions, sizes, seen, again, complete),
        "p_gain": -np.expm1(sizes * np.log1p(-one)[..., None]).mean(axis=(0, 1)),
    }


def _scores_of_losses(scores: SurfaceScores, losses: Floats) -> Floats:
    """Return measured scores of standardised losses, the worst possible where infinite."""
    failed = np.isinf(losses)
    found = scores.expected_score(np.where(failed, 0.0, losses), np.zeros(()))
    return np.where(failed, scores.sign * np.inf, found)


def _best_losses(
    smooth: Floats, sd: Floats, complete: float, sizes: Floats, generator: np.random.Generator
) -> Floats:
    """Return the best measured loss of m random trials, (chain, draw, trials), inf if all fail.

    It is a quantile of the distribution of the best, exact for the random points of each function;
    one uniform number per draw serves all m, and stratified ones make quantiles over draws smooth.
    """
    draws, most = sd.size, smooth.shape[-1]
    level = (generator.permutation(draws) + generator.random(draws)) / draws
    found = np.empty((draws, len(sizes)))
    # Dense where the best of many trials are.
    steps = np.linspace(0.0, 1.0, _LEVELS) ** 2
    for index, (mean, own) in enumerate(zip(smooth.reshape(-1, most), sd.ravel(), strict=True)):
        low, high = mean.min() - 6.0 * own, mean.max() + 6.0 * own
        losses = low + (high - low) * steps
        share = complete * ndtr((losses[:, None] - mean) / own).mean(axis=1)
        wanted = -np.expm1(np.log1p(-level[index]) / sizes)
        own_best = np.interp(np.log(wanted), np.log(share + 1e-300), losses)
        found[index] = np.where(wanted < share[-1], own_best, np.inf)
    return found.reshape(*sd.shape, len(sizes))


def _mean_gain(
    group: xr.DataTree,
    functions: xr.DataTree,
    sizes: Floats,
    seen: float,
    again: Floats,
    complete: float,
) -> Floats:
    """Return the mean gain of the expected score of the best of m further trials, (trials,).

    The distribution of the best is exact for the random points of each function. The mean is
    negative where what measures better is more often luck, as in the draws.
    """
    scores = scores_of(group)
    limit, total = scores.loss_of(seen), np.zeros(len(sizes))
    draws = [
        functions[name].to_numpy().astype(float) for name in ("random_loss", "own_sd", "noise")
    ]
    for smooth, own, noise, best in zip(
        draws[0].reshape(-1, draws[0].shape[-1]),
        *(own.ravel() for own in draws[1:]),
        again.ravel(),
        strict=True,
    ):
        sd = float(np.hypot(own, noise))
        low = min(float(smooth.min()), limit) - 6.0 * sd
        edges = np.linspace(low, min(limit, float(smooth.max()) + 6.0 * sd), _PANELS + 1)
        below = complete * ndtr((edges[:, None] - smooth) / sd).mean(axis=1)
        middle = 0.5 * (edges[1:] + edges[:-1])[:, None]
        weight = np.exp(-0.5 * ((middle - smooth) / sd) ** 2) + 1e-300
        near = (weight * smooth).sum(axis=1) / weight.sum(axis=1)
        mean = near + (own / sd) ** 2 * (middle[:, 0] - near)
        gain = scores.sign * (best - scores.expected_score(mean, np.full(_PANELS, noise)))
        reached = -np.expm1(sizes[:, None] * np.log1p(-np.minimum(below, 1.0 - 1e-12)))
        total += np.diff(reached, axis=1) @ gain
    return np.asarray(total / again.size)


def headroom_of(tree: xr.DataTree) -> xr.DataArray:
    """Return what a perfect search would gain over the best trial re-run, in score units.

    It keeps that trial where the optimum of a draw is no better: the mean is at least the
    difference of the two means.
    """
    posterior, sign = tree["posterior"].dataset, LOSS_SIGNS[tree.attrs["direction"]]
    again = posterior["best_seen_expected"] if is_surface(tree) else best_seen_expected(tree)
    return (sign * (again - posterior["optimum"])).clip(min=0.0)


def perfect_search_sentences(
    tree: xr.DataTree, prob: float, minimum_gain: float | None = None
) -> list[str]:
    """Return what a perfect search would gain in words, one sentence per search.

    `prob` is the probability of the intervals; gains above `minimum_gain`, by default above the
    noise of one run, are worth having.
    """
    headroom, sentences = headroom_of(tree), []
    noise = tree["posterior"].dataset["noise_sd"]
    above = (headroom > (noise if minimum_gain is None else minimum_gain)).mean(SAMPLE_DIMS)
    amount = "the noise of one run" if minimum_gain is None else f"{minimum_gain:g}"
    names = headroom["search"].to_numpy().astype(str)
    for name in names:
        where = f" in {name}" if len(names) > 1 else ""
        seeds = seeds_clause(tree, name) if minimum_gain is None else ""
        sentences.append(
            f"A perfect search would gain {estimate(headroom.sel(search=name), prob)} over the "
            f"best trial re-run{where} (mean and {100 * prob:g} % interval), more than {amount} "
            f"with probability {percent(float(above.sel(search=name)))}{seeds}."
        )
    return sentences


def _share_better(smooth: Floats, sd: Floats, loss: float) -> Floats:
    """Return the probability that a random trial measures below a loss, (chain, draw)."""
    share = ndtr((loss - smooth) / sd[..., None]).mean(axis=-1)
    # A share of 1 has no logarithm of the rest.
    return np.asarray(np.minimum(share, 1.0 - 1e-12))
