"""What several tests need: searches with a known law, and fits that were never sampled."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from leadline.models.priors import Priors
from scipy.special import ndtr
from scipy.stats import lognorm

from leadline.data.prepare import PreparedSearch, prepare
from leadline.data.scale import SCALES
from leadline.data.trials import Trials, search_labels
from leadline.inference.averaging import AveragedSearch, FittedCandidate
from leadline.inference.candidates import Candidate
from leadline.inference.tail_fit import FittedTail, in_score_units
from leadline.inference.tree import combine, provenance, search_groups
from leadline.stats.diagnostics import diagnose
from leadline.stats.goodness_of_fit import tail_p_value

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


def make_tree(
    trials: Trials | None = None,
    tail_fraction: float = 0.4,
    chains: int = 4,
    draws: int = 150,
    spread_of_draws: float = 1.0,
    integer: bool = False,
    divergences: int = 0,
) -> xr.DataTree:
    """Return what a fit would, with independent draws around the true law for a posterior."""
    trials = make_trials() if trials is None else trials
    rng = np.random.default_rng(7)
    groups = []
    for place, (pair, label) in enumerate(
        zip(trials.searches, search_labels(trials.searches), strict=True)
    ):
        search = prepare(trials.search(*pair), Priors(), tail_fraction=tail_fraction)
        posterior = _draws(search, place, rng, (chains, draws), spread_of_draws, integer)
        diverging = np.zeros((chains, draws), dtype=bool)
        diverging[0, :divergences] = True
        statistics = xr.Dataset({"diverging": (("chain", "draw"), diverging)})
        counts = len(search.regime.group_trials)
        log_density = _log_density(posterior)[..., None]
        n_tail = search.regime.n_tail
        likelihood = {
            "loss": np.repeat(log_density / n_tail, n_tail, axis=-1),
            "in_regime": np.zeros((chains, draws, counts)),
        }
        repeated = search.regime.repeated.size
        if repeated:
            likelihood["seed_variance"] = np.zeros((chains, draws, repeated))
        prior = {"gap": lognorm.logpdf(posterior["gap"].to_numpy(), s=1.0, scale=2.0)}
        tail = FittedTail(search, posterior, statistics, likelihood, prior)
        groups.append(search_groups(averaged_alone(tail, tail_fraction), label))
    return combine(groups, provenance(trials, Priors(), {"model": "single"}))


def averaged_alone(tail: FittedTail, tail_fraction: float = np.nan) -> AveragedSearch:
    """Return a fitted tail as the only candidate of its search."""
    return averaged_with([tail], [1.0], [tail_fraction])


def averaged_with(
    tails: Sequence[FittedTail], weights: Sequence[float], tail_fractions: Sequence[float]
) -> AveragedSearch:
    """Return fitted tails as the candidates of a search, mixed in turn by their weights."""
    fitted = [
        FittedCandidate(
            Candidate(tail.search, fraction, 0.0),
            tail,
            tail_p_value(
                tail.search.regime.loss,
                tail.search.regime.cell,
                tail.search.regime.replicates,
                np.full_like(tail.law[0], tail.search.regime.threshold),
                tail.law,
                seed=1,
            ),
            diagnose(tail.posterior, tail.statistics),
            kept=weight > 0,
            weight=weight,
        )
        for tail, weight, fraction in zip(tails, weights, tail_fractions, strict=True)
    ]
    chains, draws = (tails[0].posterior.sizes[dim] for dim in ("chain", "draw"))
    order = np.random.default_rng(0).permutation(draws)
    ends = np.cumsum(weights) / np.sum(weights)
    component = np.searchsorted(ends, (order + 0.5) / draws)
    place = np.arange(draws)
    return AveragedSearch(fitted, np.tile(component, (chains, 1)), np.tile(place, (chains, 1)))


def make_averaged_tree(
    trials: Trials,
    tail_fractions: Sequence[float],
    weights: Sequence[float],
    scale: str = "identity",
) -> xr.DataTree:
    """Return what an automatic fit of one search would, as `make_tree` does."""
    tails = []
    for place, fraction in enumerate(tail_fractions):
        search = prepare(trials, Priors(), tail_fraction=fraction, scale=SCALES[scale])
        rng = np.random.default_rng(place)
        plain = prepare(trials, Priors(), tail_fraction=fraction)
        posterior = _draws(plain, 0, rng, (2, 200), 1.0, False)
        if scale != "identity":
            posterior = in_score_units(_on_log_scale(posterior), search)
        statistics = xr.Dataset({"diverging": (("chain", "draw"), np.zeros((2, 200), bool))})
        likelihood = {
            "loss": np.zeros((2, 200, search.regime.n_tail)),
            "in_regime": np.zeros((2, 200, len(search.regime.group_trials))),
        }
        if search.regime.repeated.size:
            likelihood["seed_variance"] = np.zeros((2, 200, search.regime.repeated.size))
        prior = {"gap": np.zeros((2, 200))}
        tails.append(FittedTail(search, posterior, statistics, likelihood, prior))
    groups = [search_groups(averaged_with(tails, weights, tail_fractions), "digits / mlp")]
    return combine(groups, provenance(trials, Priors(), {"model": "single"}))


def _on_log_scale(posterior: xr.Dataset) -> xr.Dataset:
    """Return the law of the logs of losses with about the given optimum and spread."""
    optimum = posterior["optimum"].clip(min=0.1)
    return posterior.assign(
        optimum=np.log(optimum),
        spread=np.log1p(posterior["spread"] / optimum),
        noise_sd=posterior["noise_sd"] / optimum,
    )


def _log_density(posterior: xr.Dataset) -> np.ndarray:
    """Return the log-density of normal draws, up to a constant: the likelihood they would have."""
    total = np.zeros(posterior["optimum"].shape)
    for name in ("optimum", "noise_sd", "effective_dim"):
        values = posterior[name].to_numpy()
        total -= 0.5 * ((values - values.mean()) / values.std()) ** 2
    return total


def _draws(
    search: PreparedSearch,
    place: int,
    rng: np.random.Generator,
    shape: tuple[int, int],
    scale: float,
    integer: bool,
) -> xr.Dataset:
    noise = rng.standard_normal((4, *shape)) * scale
    # The draws of alpha stop at the threshold.
    alpha = np.minimum(ALPHA + 0.05 * place + 0.008 * noise[0], search.regime.threshold - 0.02)
    spread = SPREAD * np.exp(0.1 * noise[1])
    gamma = GAMMA * np.exp(0.15 * noise[2])
    sigma = SIGMA * np.exp(0.25 * noise[3])
    if integer:
        gamma = np.clip(np.round(gamma + 0.4 * noise[1]), 1, 3)
    theta = search.regime.threshold
    fraction = [
        reference_cdf(theta, *law)
        for law in zip(*(part.ravel() for part in (alpha, spread, gamma, sigma)), strict=True)
    ]
    dims = ("chain", "draw")
    values = {
        "optimum": search.sign * alpha,
        "effective_dim": gamma,
        "noise_sd": sigma,
        "tail_fraction": np.reshape(fraction, shape),
        "spread": spread,
        "gap": (theta - alpha) / search.regime.tail_scale,
        "noise_ratio": sigma / search.regime.tail_scale,
        "reach": ((theta - alpha) / spread) ** (gamma / 2.0),
        "law_optimum": search.sign * alpha,
        "law_noise_sd": sigma,
        "law_spread": spread,
    }
    coords = {"chain": np.arange(shape[0]), "draw": np.arange(shape[1])}
    posterior = xr.Dataset({name: (dims, value) for name, value in values.items()}, coords)
    if integer:
        weights = np.stack([0.6 * (gamma == j) + 0.4 / 3 for j in (1, 2, 3)], axis=-1)
        posterior["effective_dim_probability"] = (*dims, "dimension"), weights
        posterior = posterior.assign_coords(dimension=[1, 2, 3])
    return posterior
