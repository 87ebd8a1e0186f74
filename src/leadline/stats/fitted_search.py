"""One search of a fit as arrays: the noisy quadratic of every draw, and the observed losses."""

import dataclasses
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from leadline.data.scale import SCALES
from leadline.data.trials import LOSS_SIGNS
from leadline.distributions.array_functions import NoisyQuadraticParams, log_survival
from leadline.errors import LeadlineError, format_value
from leadline.stats.guided import guided_losses
from leadline.stats.reported import has_trials, reported_scores
from leadline.stats.surface_tree import COMPARISONS, PICTURES, is_surface, learned_searches

Array = npt.NDArray[np.float64]
"""Losses, probabilities and parameters."""

# P(Y > β + 9 σ) is below 1e-18: no trial measures worse.
_END_OF_NOISE = 9.0

# Attributes of `FittedSearch` with an axis of draws.
_PARAMETERS = ("alpha", "beta", "gamma", "sigma", "threshold")
_GUIDED = ("guided_alpha", "guided_beta", "guided_gamma")
_PER_DRAW = (*_PARAMETERS, *_GUIDED, "tail_fraction", "scale", "n_tail", "chain", "draw")

# Variables of a fit, by group.
_NEEDED = {
    "posterior": "optimum effective_dim noise_sd tail_fraction spread threshold candidate",
    "constant_data": "threshold n_trials n_tail trial_score trial_first_score trial_search",
    "candidates": "scale n_tail weight",
}

_NEEDED_OF_SURFACES = {
    "posterior": "optimum noise_sd best_seen_expected best_setting",
    "constant_data": "n_trials trial_score trial_search",
}


@dataclasses.dataclass(frozen=True)
class FittedSearch:
    """All draws of one search, chain after chain.

    Losses are on the scale of each draw's candidate (identity, log or logit), and negated where
    scores are maximised. "Losses in score units" are scores, so negated. Arrays with an axis of
    draws have shape (draw, 1), except `scale`, `chain` and `draw`, of shape (draw,).
    """

    name: str
    sign: float
    """1 when scores are minimised, −1 when they are maximised."""
    alpha: Array
    beta: Array
    gamma: Array
    sigma: Array
    threshold: Array
    """Largest loss that follows the noisy quadratic of alpha, beta, gamma and sigma."""
    tail_fraction: Array
    """Probability that one evaluation of a random trial is beyond (better than) the threshold."""
    scale: npt.NDArray[np.str_]
    n_tail: npt.NDArray[np.int64]
    """Number of trials beyond the threshold."""
    chain: npt.NDArray[np.int64]
    """Label of the chain of each draw."""
    draw: npt.NDArray[np.int64]
    """Label of each draw in its chain."""
    losses: Array
    """Losses in score units of the completed trials, from best to worst."""
    n_trials: int
    """Number of trials, the failed and the pruned included."""
    best_loss: float
    """Best measured loss, in score units, the mean over `best_seeds` seeds."""
    best_seeds: int
    bound: float
    """Smallest loss, in score units, that the bounds of the score allow; −inf for none. Measured
    losses that the noise would take beyond it are at it."""
    plateau: bool
    """True if the tail is a plateau: all trials beyond the threshold have the best loss."""
    guided_best: bool
    """True if the trial that measured best is guided: no random draw of the law."""
    guided_alpha: Array
    """Smallest expected loss of a guided trial, nan without guided trials."""
    guided_beta: Array
    guided_gamma: Array
    resolution: float
    """Spacing in score units of the grid on which `best_loss` and new scores are recorded; 0 for
    none. A mean over several seeds lies between the lines of a grid."""

    @property
    def law(self) -> NoisyQuadraticParams:
        """Alpha, beta, gamma and sigma, each of shape (draw, 1)."""
        return self.law_of_mean(1)

    def law_of_mean(self, seeds: float) -> NoisyQuadraticParams:
        """Return the parameters for the mean over `seeds` evaluations of a trial."""
        return self.alpha, self.beta, self.gamma, self.sigma / np.sqrt(seeds)

    def isel(self, draw: slice | npt.NDArray[Any]) -> "FittedSearch":
        """Return some of the draws, by position or by a mask."""
        arrays: dict[str, Any] = {name: getattr(self, name)[draw] for name in _PER_DRAW}
        return dataclasses.replace(self, **arrays)

    def map_by_scale(self, function: Callable[..., Array], *values: npt.ArrayLike) -> Array:
        """Return ``function(scale, *values)``, called once per `Scale` with the draws on it.

        The values broadcast to shape (draw, point).
        """
        _, *arrays = np.broadcast_arrays(self.alpha, *values)
        result = np.empty(arrays[0].shape)
        for name in np.unique(self.scale):
            rows = self.scale == name
            result[rows] = function(SCALES[name], *(array[rows] for array in arrays))
        return result

    def on_scale(self, loss: npt.ArrayLike) -> Array:
        """Return losses in score units as losses on the scale, infinite beyond its ends."""
        score = self.sign * np.asarray(loss, dtype=float)
        with np.errstate(divide="ignore"):
            return self.sign * self.map_by_scale(
                lambda scale, x: scale.forward(np.clip(x, scale.lower, scale.upper)), score
            )

    def in_score_units(self, loss: Array) -> Array:
        """Return losses on the scale as losses in score units, shape (draw, point)."""
        scores = self.map_by_scale(lambda scale, x: scale.inverse(x), self.sign * loss)
        return np.maximum(self.sign * scores, self.bound)

    def score_units_per_unit(self, loss: Array) -> Array:
        """Return the derivative of a loss in score units by the loss on the scale."""
        return self.map_by_scale(
            lambda scale, x: np.exp(-scale.log_slope(scale.inverse(x))), self.sign * loss
        )

    def expected_in_score_units(self, loss: Array) -> Array:
        """Return in score units the mean loss of runs whose mean on the scale is `loss`."""
        scores = self.map_by_scale(
            lambda scale, mean, sd: scale.expected_score(mean, sd), self.sign * loss, self.sigma
        )
        return np.maximum(self.sign * scores, self.bound)

    def log_worse(self, loss: npt.ArrayLike, seeds: float = 1.0) -> Array:
        """Return log P(the mean over `seeds` evaluations of a trial is worse than `loss`).

        The loss is in score units and broadcasts to the result's shape (draw, point).
        """
        on_scale = self.on_scale(loss)
        finite = np.isfinite(on_scale)
        inside = log_survival(np.where(finite, on_scale, self.alpha), self.law_of_mean(seeds))
        worse = np.where(finite, inside, np.where(on_scale < 0, 0.0, -np.inf))
        # No score is better than the bound.
        return np.where(np.asarray(loss, dtype=float) <= self.bound, 0.0, worse)


def fitted_search(tree: xr.DataTree, name: str) -> FittedSearch:
    """Return one search of a fit, ready for array code.

    If all trials are beyond the threshold, the noisy quadratic is all that is known of worse
    losses; it then holds up to its end.
    """
    posterior, candidates, constant = (
        tree[group].dataset.sel(search=name)
        for group in ("posterior", "candidates", "constant_data")
    )
    sign = direction_sign(tree)
    candidate = _column(posterior["candidate"])[:, 0].astype(int)
    labels = {dim: posterior[dim].to_numpy().astype(int) for dim in ("chain", "draw")}
    best_loss, best_seeds = best_trial(tree, name)
    found, _ = guided_losses(tree, name, sign)
    # Fits stored before the group existed hold the parameters on the log and logit scales in
    # variables of their own, and the threshold as a score.
    stored = "noisy_quadratic" in tree.children
    if stored:
        group = tree["noisy_quadratic"].dataset.sel(search=name)
        law = {parameter: _column(group[parameter]) for parameter in _PARAMETERS}
    else:
        prefix = "law_" if "law_optimum" in posterior else ""
        alpha = sign * _column(posterior[f"{prefix}optimum"])
        law = {
            "alpha": alpha,
            "beta": alpha + _column(posterior[f"{prefix}spread"]),
            "gamma": _column(posterior["effective_dim"]),
            "sigma": _column(posterior[f"{prefix}noise_sd"]),
            "threshold": sign * _column(posterior["threshold"]),
        }
    guided = dict.fromkeys(_GUIDED, np.full_like(law["alpha"], np.nan))
    if stored and "guided_alpha" in tree["noisy_quadratic"]:
        guided = {parameter: _column(group[parameter]) for parameter in _GUIDED}
    search = FittedSearch(
        name=name,
        sign=sign,
        **law,
        **guided,
        guided_best=bool(len(found)) and float(found.min()) == best_loss,
        tail_fraction=_column(posterior["tail_fraction"]),
        scale=candidates["scale"].to_numpy().astype(str)[candidate],
        n_tail=candidates["n_tail"].to_numpy().astype(int)[candidate, None],
        chain=np.repeat(labels["chain"], posterior.sizes["draw"]),
        draw=np.tile(labels["draw"], posterior.sizes["chain"]),
        losses=completed_losses(tree, name),
        n_trials=int(constant["n_trials"]),
        best_loss=best_loss,
        best_seeds=best_seeds,
        bound=search_bound(tree),
        plateau=plateau_trials(tree, name) > 0,
        resolution=float(constant["resolution"]) if best_seeds == 1 else 0.0,
    )
    only_tail = search.n_tail == search.n_trials
    fraction = np.where(only_tail, 1.0, search.tail_fraction)
    if search.plateau:
        return dataclasses.replace(search, tail_fraction=fraction)
    threshold = search.threshold if stored else search.on_scale(search.threshold)
    return dataclasses.replace(
        search,
        threshold=np.where(only_tail, search.beta + _END_OF_NOISE * search.sigma, threshold),
        tail_fraction=fraction,
    )


def search_bound(tree: xr.DataTree) -> float:
    """Return the smallest loss that the bounds of the score allow, −inf for none or unknown."""
    low, high = json.loads(tree.attrs.get("settings", "{}")).get("bounds", (None, None))
    best = low if direction_sign(tree) > 0 else high
    return -np.inf if best is None else direction_sign(tree) * float(best)


def _column(draws: xr.DataArray) -> Array:
    """Return draws chain after chain, shape (draw, 1)."""
    return draws.transpose("chain", "draw").to_numpy().reshape(-1, 1).astype(float)


def map_searches(
    tree: xr.DataTree,
    answer: Callable[[FittedSearch], Array],
    coords: Mapping[str, npt.ArrayLike] | None = None,
) -> xr.DataArray:
    """Return an answer for each draw of each search, dims (chain, draw, search, *coords).

    `answer` takes a `FittedSearch` and returns an array of shape (draw, *coords); `coords` are the
    coordinates of the dims that it adds.
    """
    posterior = tree["posterior"].dataset
    own = {name: np.asarray(values) for name, values in (coords or {}).items()}
    shape = posterior.sizes["chain"], posterior.sizes["draw"], *map(len, own.values())
    answers = [answer(fitted_search(tree, name)).reshape(shape) for name in search_names(tree)]
    shared = {name: posterior[name] for name in ("chain", "draw", "search", "task", "model")}
    return xr.DataArray(
        np.stack(answers, axis=2), shared | own, dims=("chain", "draw", "search", *own)
    )


def validate_tree(
    tree: object, *, surface: bool = False, asked: str = "this answer"
) -> xr.DataTree:
    """Return the tree when it is the result of a fit, else raise `LeadlineError`.

    `surface` is whether the answer can be had from a surface too, and `asked` what the user asked
    for that cannot.
    """
    if not isinstance(tree, xr.DataTree):
        raise LeadlineError(
            f"expected the DataTree that leadline.fit returns, got {type(tree).__name__}"
            + "; xarray.open_datatree opens a saved one" * isinstance(tree, str | os.PathLike)
        )
    if is_surface(tree) and not surface:
        sampler = str(tree.attrs.get("search_sampler") or "unknown")
        remedy = "If the search was random, fit the trials again without model='surface'"
        if sampler != "unknown" and learned_searches(tree):
            remedy = f"The law is about random draws, not about trials of {sampler}"
        several = len(set(tree["posterior"].dataset["model"].to_numpy())) > 1
        pictures = [name for name in PICTURES if several or name not in COMPARISONS]
        compare = "compare (fully tuned), " if several else ""
        raise LeadlineError(
            f"{asked} needs the quadratic law, and the fit is a surface, which has summary, "
            f"forecast, {compare}check, sentence, report, and the pictures "
            f"{', '.join(pictures)}. {remedy}"
        )
    for group, names in (_NEEDED_OF_SURFACES if is_surface(tree) else _NEEDED).items():
        for name in names.split():
            if group not in tree.children or name not in tree[group].data_vars:
                raise LeadlineError(f"not a leadline fit: there is no {name} in group {group}")
    if tree.attrs.get("direction") not in LOSS_SIGNS:
        raise LeadlineError(
            "not a leadline fit: its attribute 'direction' is "
            f"{format_value(tree.attrs.get('direction'))}, not 'minimize' or 'maximize'"
        )
    return tree


def validate_rope(tree: xr.DataTree, rope: float) -> None:
    """Raise `LeadlineError` if there is a `rope` and no models to compare."""
    models = set(tree["posterior"].dataset["model"].to_numpy().tolist())
    if rope and len(models) == 1:
        raise LeadlineError("`rope` is for a comparison of models, and this fit has one model")


def direction_sign(tree: xr.DataTree) -> float:
    """Return 1 when scores are minimised, −1 when they are maximised."""
    return LOSS_SIGNS[tree.attrs["direction"]]


def search_names(tree: xr.DataTree) -> list[str]:
    """Return the names of the searches."""
    return [str(name) for name in tree["posterior"].dataset["search"].to_numpy()]


def plateau_trials(tree: xr.DataTree, search: str) -> int:
    """Return the number of trials on the plateau in which a search ends, 0 where it has a law."""
    constant = tree["constant_data"].dataset
    if "plateau" not in constant:
        return 0
    return int(constant["plateau"].fillna(0).sel(search=search))


def trial_data(tree: xr.DataTree, search: str, name: str) -> Array:
    """Return a variable of `constant_data` for the trials of a search, shape (trial,)."""
    constant = tree["constant_data"].dataset
    return constant[name].to_numpy()[constant["trial_search"].to_numpy().astype(str) == search]


def completed_losses(tree: xr.DataTree, search: str, *, scores: str = "trial_score") -> Array:
    """Return the losses in score units of the completed trials, from best to worst.

    `scores` is "trial_score", the mean over the seeds of each trial, or "trial_first_score", the
    score of its first seed alone.
    """
    score = trial_data(tree, search, scores)
    return np.sort(direction_sign(tree) * score[np.isfinite(score)])


def best_seen(tree: xr.DataTree) -> xr.DataArray:
    """Return the best score of each search, dims (search).

    Reported bests count only where a search has no trials of its own.
    """
    names = search_names(tree)
    best = [direction_sign(tree) * best_trial(tree, name)[0] for name in names]
    return xr.DataArray(best, {"search": names}, dims="search", name="best_seen")


def best_runs(tree: xr.DataTree) -> list[int]:
    """Return the number of runs of which the best score of each search is the mean."""
    return [best_trial(tree, name)[1] for name in search_names(tree)]


def best_trial(tree: xr.DataTree, search: str) -> tuple[float, int]:
    """Return the best measured loss of a search, in score units, and its number of seeds.

    Guided trials count too. Among trials with equal losses, the one with the most seeds counts.
    Without trials, the best
    reported score counts, as one seed.
    """
    sign = direction_sign(tree)
    if not has_trials(tree, search):
        return float((sign * reported_scores(tree, search)).min()), 1
    losses = sign * trial_data(tree, search, "trial_score")
    replicates = trial_data(tree, search, "trial_replicates")
    guided, guided_replicates = guided_losses(tree, search, sign)
    losses = np.concatenate([losses, guided])
    best = np.nanmin(losses)
    return float(best), int(np.concatenate([replicates, guided_replicates])[losses == best].max())
