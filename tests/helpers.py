"""What several tests need: searches with a known law, and fits that were never sampled."""

import dataclasses
import pickle
from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import ndtr
from scipy.stats import lognorm

from leadline.data.scale import SCALES
from leadline.data.tails import cut_tail
from leadline.data.trials import Trials
from leadline.distributions.array_functions import log_survival
from leadline.inference.posterior import noisy_quadratic_of, scores_of_quadratic
from leadline.inference.thresholds import p_value_of
from leadline.inference.tree import join_groups, mixture_tree, provenance
from leadline.models.priors import Priors
from leadline.stats.diagnostics import diagnose

# The law of every simulated search, in losses.
ALPHA, SPREAD, GAMMA, SIGMA = 0.2, 0.6, 2.0, 0.02
LEVELS = (np.arange(4000) + 0.5) / 4000


def simulate_losses(
    n: int, seed: int, law: tuple[float, float, float, float] = (ALPHA, SPREAD, GAMMA, SIGMA)
) -> tuple[np.ndarray, np.ndarray]:
    """Return the expected and the measured losses of n random trials."""
    alpha, spread, gamma, sigma = law
    rng = np.random.default_rng(seed)
    expected = alpha + spread * rng.random(n) ** (2.0 / gamma)
    return expected, expected + sigma * rng.standard_normal(n)


def reference_cdf(
    loss: np.ndarray | float, alpha: float, spread: float, gamma: float, sigma: float
) -> np.ndarray:
    """Return P(Y <= loss) as the mean of Φ over equally likely expected losses."""
    expected = alpha + spread * LEVELS ** (2.0 / gamma)
    return ndtr((np.asarray(loss)[..., None] - expected) / sigma).mean(axis=-1)


def make_trials(
    direction: str = "minimize",
    n: int = 120,
    n_failed: int = 10,
    searches: tuple[tuple[str, str], ...] = (("digits", "mlp"),),
) -> Trials:
    """Return searches from the law, the first trials failed, each search 0.05 worse."""
    sign = 1.0 if direction == "minimize" else -1.0
    tables = []
    for place, (task, model) in enumerate(searches):
        _, loss = simulate_losses(n, 100 + place)
        loss = loss + 0.05 * place
        loss[:n_failed] = np.nan
        tables.append(pd.DataFrame({"task": task, "model": model, "score": sign * loss}))
    table = pd.concat(tables, ignore_index=True)
    return Trials(table, direction, metric="log_loss", source="simulated.csv")


def make_repeated_trials(n: int = 60, n_repeated: int = 30) -> Trials:
    """Return a search whose best trials have three seeds each, the last two 0.001 better."""
    table = make_trials(n=n).table.drop(columns=["trial", "replicate"]).sort_values("score")
    repeated = table.iloc[:n_repeated].assign(trial=range(n_repeated))
    parts = [
        repeated.assign(replicate=seed, score=repeated["score"] - 0.001 * (seed > 0))
        for seed in range(3)
    ]
    single = table.iloc[n_repeated:].assign(trial=range(n_repeated, n), replicate=0)
    return Trials(pd.concat([*parts, single], ignore_index=True), "minimize", metric="log_loss")


def make_tree(
    trials: Trials | None = None,
    tail_fraction: float = 0.4,
    chains: int = 4,
    draws: int = 150,
    spread_of_draws: float = 1.0,
    integer: bool = False,
    divergences: int = 0,
) -> xr.DataTree:
    """Return what a fit would, with independent draws around the true law for a posterior.

    A tree is made once a process, and copied.
    """
    trials = make_trials() if trials is None else trials
    how = tail_fraction, chains, draws, spread_of_draws, integer, divergences
    key = pickle.dumps((trials, how))
    if key not in _MADE:
        _MADE[key] = _make_tree(trials, *how)
    return _MADE[key].copy(deep=True)


_MADE: dict[bytes, xr.DataTree] = {}


def _make_tree(
    trials: Trials,
    tail_fraction: float,
    chains: int,
    draws: int,
    spread_of_draws: float,
    integer: bool,
    divergences: int,
) -> xr.DataTree:
    rng = np.random.default_rng(7)
    groups = []
    for place, pair in enumerate(trials.searches):
        tails = cut_tail(trials.search(*pair), tail_fraction=tail_fraction, max_effective_dim=10)
        posterior = make_draws(tails, place, rng, (chains, draws), spread_of_draws, integer)
        part = make_part(tails, posterior, divergences)
        groups.append(_tree_of(trials, pair, [part], [1.0]))
    return _with_attributes(trials, join_groups(groups))


def make_averaged_tree(
    trials: Trials,
    tail_fractions: Sequence[float],
    weights: Sequence[float],
    scale: str = "identity",
) -> xr.DataTree:
    """Return what an automatic fit of one search would, as `make_tree` does."""
    parts = []
    for place, fraction in enumerate(tail_fractions):
        tails = cut_tail(trials, tail_fraction=fraction, scale=SCALES[scale], max_effective_dim=10)
        plain = cut_tail(trials, tail_fraction=fraction)
        posterior = make_draws(plain, 0, np.random.default_rng(place), (2, 200), 1.0, False)
        if scale != "identity":
            posterior = _on_log_scale(posterior)
        parts.append(make_part(tails, posterior, informative=False))
    return _with_attributes(trials, _tree_of(trials, trials.searches[0], parts, weights))


def make_part(
    tails: xr.Dataset, posterior: xr.Dataset, divergences: int = 0, informative: bool = True
) -> xr.DataTree:
    """Return draws of one search as `leadline.inference.posterior` does, without sampling."""
    shape = posterior["optimum"].shape[:2]
    diverging = np.zeros(shape, dtype=bool)
    diverging[0, :divergences] = True
    statistics = xr.Dataset({"diverging": (("chain", "draw"), diverging)})
    n = tails.sizes["tail_trial"]
    density = _log_density(posterior) * informative
    losses = np.repeat(density.to_numpy() / n, n, axis=-1)
    likelihood = {"loss": ((*density.dims[:2], "tail_trial"), losses)}
    repeated = int((tails["replicates"] > 1).sum())
    if repeated:
        zeros = np.zeros((*shape, repeated))
        likelihood["seed_variance"] = (*density.dims[:2], "repeated_trial"), zeros
    prior = lognorm.logpdf(posterior["gap"], s=1.0, scale=2.0) * informative
    quadratic = noisy_quadratic_of(posterior, tails)
    part = xr.DataTree.from_dict(
        {
            "posterior": posterior.assign(scores_of_quadratic(quadratic, tails)),
            "noisy_quadratic": quadratic,
            "pooled": xr.Dataset(),
            "sample_stats": statistics,
            "log_likelihood": xr.Dataset(likelihood),
            "log_prior": xr.Dataset({"gap": (density.dims, prior)}),
            "tails": tails,
        }
    )
    drawn = posterior[["optimum", "effective_dim", "noise_sd", "spread"]]
    part.attrs.update(dataclasses.asdict(diagnose(drawn, statistics)), target_accept=0.95)
    return part


def _tree_of(
    trials: Trials, pair: tuple[str, str], parts: Sequence[xr.DataTree], weights: Sequence[float]
) -> dict[str, xr.Dataset]:
    """Return the groups of one search whose fits are mixed in turn by their weights."""
    evidence = pd.DataFrame(
        {
            "kept": [weight > 0 for weight in weights],
            "weight": weights,
            "elpd": np.nan,
            "refitted": 0,
            "p_value": [p_value_of(part, seed=1) for part in parts],
        }
    )
    chains, draws = parts[0]["posterior"]["optimum"].shape[:2]
    order = np.random.default_rng(0).permutation(draws)
    component = np.searchsorted(np.cumsum(weights) / np.sum(weights), (order + 0.5) / draws)
    index = np.tile(np.arange(draws), (chains, 1))
    return mixture_tree(trials, [pair], parts, [evidence], np.tile(component, (chains, 1)), index)


def _with_attributes(trials: Trials, groups: dict[str, xr.Dataset]) -> xr.DataTree:
    tree = xr.DataTree.from_dict(groups)
    tree.attrs.update(provenance(trials, Priors(), {"model": "single"}))
    # Processes that run tests compare what each of them has made.
    tree.attrs["created_at"] = "2026-01-01T00:00:00+00:00"
    return tree


def _on_log_scale(posterior: xr.Dataset) -> xr.Dataset:
    """Return the law of the logs of losses with about the given optimum and spread."""
    optimum = posterior["optimum"].clip(min=0.1)
    return posterior.assign(
        optimum=np.log(optimum),
        spread=np.log1p(posterior["spread"] / optimum),
        noise_sd=posterior["noise_sd"] / optimum,
    )


def _log_density(posterior: xr.Dataset) -> xr.DataArray:
    """Return the log-density of normal draws, up to a constant: the likelihood they would have."""
    total = xr.zeros_like(posterior["optimum"])
    for name in ("optimum", "noise_sd", "effective_dim"):
        values = posterior[name]
        total = total - 0.5 * ((values - values.mean()) / values.std()) ** 2
    return total


def make_draws(
    tails: xr.Dataset,
    place: int,
    rng: np.random.Generator,
    shape: tuple[int, int],
    scale: float,
    integer: bool,
) -> xr.Dataset:
    noise = rng.standard_normal((4, *shape)) * scale
    names = ("threshold", "tail_scale", "noise_scale")
    theta, tail_scale, noise_scale = (float(tails[name][0]) for name in names)
    # The draws of alpha stop at the threshold.
    alpha = np.minimum(ALPHA + 0.05 * place + 0.008 * noise[0], theta - 0.02)
    spread = SPREAD * np.exp(0.1 * noise[1])
    gamma = GAMMA * np.exp(0.15 * noise[2])
    sigma = SIGMA * np.exp(0.25 * noise[3])
    if integer:
        gamma = np.clip(np.round(gamma + 0.4 * noise[1]), 1, 3)
    law = (part.reshape(-1, 1) for part in (alpha, alpha + spread, gamma, sigma))
    fraction = -np.expm1(log_survival(np.full((1, 1), theta), tuple(law)))
    dims = ("chain", "draw", "search")
    values = {
        "optimum": tails.attrs["loss_sign"] * alpha,
        "effective_dim": gamma,
        "noise_sd": sigma,
        "tail_fraction": np.reshape(fraction, shape),
        "spread": spread,
        "gap": (theta + 2.0 * sigma - alpha) / (tail_scale + sigma / 2.0),
        "noise_ratio": sigma / noise_scale,
        "reach": ((theta + 2.0 * sigma - alpha) / spread) ** (gamma / 2.0),
    }
    coords = {"chain": np.arange(shape[0]), "draw": np.arange(shape[1])}
    posterior = xr.Dataset(
        {name: (dims, value[..., None]) for name, value in values.items()}, coords
    )
    if integer:
        weights = np.stack([0.6 * (gamma == j) + 0.4 / 3 for j in (1, 2, 3)], axis=-1)
        posterior["effective_dim_probability"] = (*dims, "dimension"), weights[:, :, None, :]
        posterior = posterior.assign_coords(dimension=[1, 2, 3])
    return posterior
