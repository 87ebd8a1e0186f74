"""From trials to a surface: the DataTree of `leadline.fit` with ``model="surface"``."""

import dataclasses
import json
import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr
from threadpoolctl import threadpool_limits

from leadline.data.surface_scores import (
    SurfaceScores,
    mean_by_trial,
    surface_scales,
    surface_scores,
)
from leadline.data.surface_trials import SurfaceTrials, surface_trials
from leadline.data.trials import LOSS_SIGNS, Trials, search_labels
from leadline.distributions.surface_kernels import (
    own_correlation,
    squared_by_axis,
    squared_distances,
)
from leadline.inference.compiled_models import compiled_model
from leadline.inference.sampler import CompiledModel, Sampler
from leadline.inference.surface_answers import surface_answers
from leadline.inference.surface_scale import choose_scale
from leadline.inference.tree import sampler_statistics
from leadline.models import surface as surface_model
from leadline.models.surface import SurfacePriors
from leadline.stats.diagnostics import MIN_ESS, diagnose
from leadline.stats.surface_paths import PARAMETERS
from leadline.stats.surface_tree import FUNCTIONS, GROUP, LAW_VARIABLES, LAWS

# A second run has the draws that the effective sample size lacks, with a margin, as the first one
# can seem better than it is.
_MARGIN, _MOST = 3, 8


def fit_surfaces(
    trials: Trials,
    sampler: Sampler,
    *,
    scale: str = "auto",
    priors: SurfacePriors | None = None,
    seed: np.random.SeedSequence,
) -> tuple[dict[str, xr.Dataset], list[str]]:
    """Return the groups of the tree of searches, each with a surface of its own, and notes."""
    priors = SurfacePriors() if priors is None else priors
    labels = dict(zip(trials.searches, search_labels(trials.searches), strict=True))
    posteriors: list[xr.Dataset] = []
    groups: dict[str, xr.Dataset] = {}
    notes: list[str] = []
    pairs = trials.with_trials
    seeds = [own.spawn(3) for own in seed.spawn(len(pairs))]
    # All before the first is sampled: one that is too small is refused at once.
    searches = [
        surface_trials(trials.search(*pair), np.random.default_rng(subset))
        for pair, (subset, *_) in zip(pairs, seeds, strict=True)
    ]
    sampler.progress.start("sampling", len(pairs), "searches")
    for number, (pair, search, own) in enumerate(zip(pairs, searches, seeds, strict=True)):
        sampler.progress.step(labels[pair])
        _, words, path_seed = own
        notes += search.notes
        scores, surface, tried = _best_scale(search, scale)
        draws, statistics = _sample(surface, priors, sampler, words)
        with threadpool_limits(1):
            answers, functions = surface_answers(
                search, scores, surface, draws, np.random.default_rng(path_seed)
            )
        labelled = {"search": [labels[pair]], "task": ("search", [pair[0]])}
        labelled["model"] = ("search", [pair[1]])
        posteriors.append(answers.expand_dims(search=1, axis=2).assign_coords(labelled))
        stored = draws.assign(
            loss=surface["loss"],
            replicates=surface["replicates"],
            points=(("trial", "hyperparameter"), search.cube.seen),
        )
        if "seed_variance" in surface:
            stored = stored.assign(surface[["seed_trial", "seed_freedom", "seed_variance"]])
        stored = xr.merge([stored, statistics])
        stored.attrs = {
            "search": labels[pair],
            "axes": json.dumps([dataclasses.asdict(axis) for axis in search.cube.axes]),
            "scores": scores.to_json(),
            "scales_tried": json.dumps(tried),
            "best": search.best,
            **dataclasses.asdict(diagnose(draws[list(PARAMETERS)], statistics)),
        }
        groups[f"{GROUP}/{number}"] = stored
        groups[f"{FUNCTIONS}/{number}"] = functions.assign_attrs(search=labels[pair])
    constant = _constant_data(trials, labels)
    return {
        "posterior": xr.concat(posteriors, "search", join="outer"),
        "constant_data": constant,
        **groups,
    }, notes


def with_laws(
    groups: Mapping[str, xr.Dataset], laws: Mapping[tuple[str, str], xr.Dataset]
) -> dict[str, xr.Dataset]:
    """Return the groups of surfaces with what the laws of some searches say.

    `laws` are draws by (task, model), with the variables of `LAW_VARIABLES`, nan for searches
    without a law. The group `laws` holds all of them. Those in `posterior` are as many per chain as
    of the surface, and independent of it.
    """
    found = dict(groups)
    if not laws:
        return found
    posterior = groups["posterior"]
    pairs = list(zip(posterior["task"].to_numpy(), posterior["model"].to_numpy(), strict=True))
    first = next(iter(laws.values()))["optimum"]
    sizes = {name: first.sizes[name] for name in ("chain", "draw")}
    columns = {
        name: np.stack(
            [
                laws[pair][variable].to_numpy().reshape(tuple(sizes.values()))
                if pair in laws
                else np.full(tuple(sizes.values()), np.nan)
                for pair in pairs
            ],
            axis=-1,
        )
        for variable, name in LAW_VARIABLES.items()
    }
    dims = ("chain", "draw", "search")
    coords = {name: np.arange(size) for name, size in sizes.items()}
    coords["search"] = posterior["search"].to_numpy()
    found[LAWS] = xr.Dataset({name: (dims, own) for name, own in columns.items()}, coords)
    shape = posterior.sizes["chain"], posterior.sizes["draw"]
    kept = np.linspace(0, np.prod(list(sizes.values())) - 1, np.prod(shape)).round().astype(int)
    thinned = {
        name: (dims, own.reshape(-1, len(pairs))[kept].reshape(*shape, -1))
        for name, own in columns.items()
    }
    found["posterior"] = posterior.assign(thinned)
    return found


def _best_scale(
    search: SurfaceTrials, scale: str
) -> tuple[SurfaceScores, xr.Dataset, dict[str, float]]:
    """Return the scores on the scale that was chosen, the data, and the evidence by scale."""
    names = surface_scales(search.scores, search.sign, scale, search.name)
    maps = [surface_scores(search.scores, search.sign, name, search.name) for name in names]
    surfaces = [_surface(search, own) for own in maps]
    if len(names) == 1:
        return maps[0], surfaces[0], {}
    best, found = choose_scale(surfaces)
    return maps[best], surfaces[best], dict(zip(names, found, strict=True))


def _surface(search: SurfaceTrials, scores: SurfaceScores) -> xr.Dataset:
    """Return the data of `leadline.models.surface` for one search on a scale."""
    losses = scores.forward(search.scores)
    owner, replicates = search.configuration, search.replicates
    mean = mean_by_trial(losses, owner)
    points, owners = search.cube.embed(search.cube.seen)
    pair = ("trial", "other_trial")
    surface = xr.Dataset(
        {
            "loss": ("trial", mean),
            "replicates": ("trial", replicates),
            "log_slope": ("trial", mean_by_trial(scores.log_slope(search.scores), owner)),
            "squared_distance": (
                ("hyperparameter", *pair),
                squared_by_axis(points, owners, len(search.cube.axes)),
            ),
            "own_correlation": (pair, own_correlation(squared_distances(points, points))),
        },
        {"hyperparameter": search.cube.names},
    )
    repeated = np.flatnonzero(replicates > 1)
    # Noise is reported for good trials, and is not the same for all on every scale.
    good = repeated[mean[repeated] <= np.median(mean)]
    repeated = good if len(good) else repeated
    if len(repeated):
        # Before bad losses are compressed.
        plain = scores.uncompressed(search.scores)
        apart = plain - mean_by_trial(plain, owner)[owner]
        squares = np.bincount(owner, weights=apart**2)[repeated]
        freedom = replicates[repeated] - 1
        # Seeds that agree to all digits would make the noise zero.
        variance = np.maximum(squares / freedom, 1e-8)
        surface["seed_trial"] = "repeated_trial", repeated
        surface["seed_freedom"] = "repeated_trial", freedom
        surface["seed_variance"] = "repeated_trial", variance
    return surface


def _sample(
    surface: xr.Dataset, priors: SurfacePriors, sampler: Sampler, seed: np.random.SeedSequence
) -> tuple[xr.Dataset, xr.Dataset]:
    """Return draws of the parameters, and the statistics of the sampler."""
    key = ("surface", priors, surface_model.structure(surface))
    compiled = compiled_model(key, sampler, lambda: surface_model.build(surface, priors))
    compiled = compiled.with_data(surface_model.data_of(surface))
    first, second = (int(word) for word in seed.generate_state(2))
    if sampler.extended:
        sampler.progress.may_repeat()
    draws, statistics = _draws(compiled.with_sampler(sampler), first, surface)
    found = diagnose(draws[list(PARAMETERS)], statistics)
    if sampler.extended and not found.ok:
        missing = MIN_ESS / min(found.min_ess_bulk, found.min_ess_tail)
        factor = min(max(2, math.ceil(_MARGIN * missing)), _MOST)
        again = dataclasses.replace(sampler, draws=factor * sampler.draws)
        diverged = int(statistics["diverging"].sum())
        sampler.progress.sampled(diverged, repeated="sampling again, more draws")
        draws, statistics = _draws(compiled.with_sampler(again), second, surface)
    return draws, statistics


def _draws(
    compiled: CompiledModel, seed: int, surface: xr.Dataset
) -> tuple[xr.Dataset, xr.Dataset]:
    # Chains run side by side; each needs one thread for its small matrices.
    with threadpool_limits(1):
        drawn = compiled.sample(seed)
    draws = drawn["posterior"].to_dataset()
    draws = draws.assign_coords(hyperparameter=surface["hyperparameter"])
    return draws, sampler_statistics(drawn["sample_stats"].to_dataset())


def _constant_data(trials: Trials, labels: Mapping[tuple[str, str], str]) -> xr.Dataset:
    tables = [trials.search(*pair).per_trial() for pair in trials.with_trials]
    names = [labels[pair] for pair in trials.with_trials]
    everything = pd.concat(
        [table.assign(search=name) for table, name in zip(tables, names, strict=True)],
        ignore_index=True,
    )
    complete = [int((table["status"] == "complete").sum()) for table in tables]
    constant = {
        "n_trials": ("search", [len(table) for table in tables]),
        "n_complete": ("search", complete),
        "score_scale": ("search", [_score_scale(table, trials.direction) for table in tables]),
        "trial_name": ("trial", everything["trial"].to_numpy(dtype=str)),
        "trial_score": ("trial", everything["score"].to_numpy(dtype=float)),
        "trial_replicates": ("trial", everything["replicates"].to_numpy(dtype=int)),
        "trial_search": ("trial", everything["search"].to_numpy(dtype=str)),
    }
    if "cost" in everything:
        constant["trial_cost"] = "trial", everything["cost"].to_numpy(dtype=float)
    return xr.Dataset(constant, {"search": names})


def _score_scale(table: pd.DataFrame, direction: str) -> float:
    """Return the distance in score units from the median trial to the best tenth."""
    loss = LOSS_SIGNS[direction] * table["score"].dropna()
    return float(loss.quantile(0.5) - loss.quantile(0.1)) or float(loss.std())
