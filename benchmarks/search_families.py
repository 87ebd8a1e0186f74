"""Searches for `real_searches.py`, with what is known of the truth: data files and simulations.

A family has pools, and a search is n trials drawn from a pool. Losses are scores, negated where
scores are maximised. The true tuning curve of a finite pool is that of all its trials, for budgets
up to a quarter of the pool. The files are described in the folder of `--data`.
"""

import dataclasses
import functools
import itertools
import pathlib
import zlib
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

import leadline as ll
from leadline.distributions.array_functions import quantile

BUDGETS = np.array([8, 16, 32, 64, 100, 250, 500, 1000])
"""Numbers of trials at which tuning curves are compared."""
# A search of n trials is asked about budgets up to this many times n.
_FARTHEST = 3
# The noise is that among this share of the best configurations: of a table, where noise grows with
# the loss and has heavy tails, and of the 100 repeated trials of a bundled search.
_BEST_OF_TABLE, _BEST_OF_REPEATED = 0.05, 0.2
# A score is capped if more than this share of the trials of a table have its best value.
_CAPPED = 0.01
_EXACT_LAWS = tuple(itertools.product((1.0, 2.0, 3.0), (0.02, 0.05, 0.1)))
# (hyperparameters that matter, those of them whose optimum lies beyond the edge of the space).
_BOWLS = ((1, 0), (2, 0), (3, 0))
_CUT_BOWLS = ((2, 1), (2, 2), (3, 1))
_INERT = 2
_POOL_OF_SIMULATIONS = 400_000


@dataclasses.dataclass(frozen=True)
class Case:
    """One search, and the truth about it in losses: nan where it is not known."""

    trials: ll.Trials
    budgets: np.ndarray
    curve: np.ndarray
    """Median best measured loss of k trials, shape (budget,)."""
    optimum: float = np.nan
    optimum_error: float = 0.0
    noise_sd: float = np.nan
    effective_dim: float = np.nan
    best_expected: float = np.nan
    """Expected loss of the trial that measured best; in a table, its mean over the other seeds."""


@dataclasses.dataclass(frozen=True)
class Family:
    """Pools, the sizes of searches drawn from them, and the function that draws one."""

    pools: Sequence[str]
    sizes: Sequence[int]
    draw: Callable[[str, int, np.random.Generator], Case]
    is_real: bool = True
    whole: int = 0
    """Searches of this size are whole pools, and one is drawn from each."""


def seed_of(*labels: object) -> int:
    """Return the seed of a search: the same in every run, independent of other searches."""
    return zlib.crc32("/".join(map(str, labels)).encode())


def budgets_of(n: int, pool: float) -> np.ndarray:
    """Return the budgets asked about, for n trials drawn from a pool of so many."""
    return BUDGETS[min(pool / 4, _FARTHEST * n) >= BUDGETS]


def median_best(loss: np.ndarray, budgets: np.ndarray) -> np.ndarray:
    """Return the median best of k losses drawn with replacement; failed trials are infinite."""
    level = -np.expm1(np.log(0.5) / budgets)
    return np.sort(loss)[np.ceil(level * len(loss)).astype(int) - 1]


def from_pool(
    table: pd.DataFrame, n: int, rng: np.random.Generator, direction: str, **truth: float
) -> Case:
    """Return n rows of a table with columns `score` and `param:*`; nan scores are failures.

    A column `expected` has expected losses.
    """
    sign = 1.0 if direction == "minimize" else -1.0
    loss = np.where(np.isfinite(table["score"]), sign * table["score"], np.inf)
    budgets = budgets_of(n, len(table))
    rows = rng.choice(len(table), min(n, len(table)), replace=False)
    sample = table.iloc[rows].reset_index(drop=True)
    if "expected" in sample:
        truth["best_expected"] = float(sample["expected"][loss[rows].argmin()])
        sample = sample.drop(columns="expected")
    return Case(ll.Trials(sample, direction), budgets, median_best(loss, budgets), **truth)


def _scores(table: pd.DataFrame, score: str, params: Sequence[str]) -> pd.DataFrame:
    """Return the columns `score` and `param:*` of a table."""
    return table[[score, *params]].rename(
        columns={score: "score"} | {name: f"param:{name}" for name in params}
    )


@functools.cache
def _paper(path: pathlib.Path) -> pd.DataFrame:
    table = pd.read_csv(path)
    params = [name for name in table.columns if name not in ("trial", "error", "status")]
    return _scores(table, "error", params)


@functools.cache
def _bundled(name: str) -> tuple[pd.DataFrame, float]:
    """Return the first seed of each trial, and the noise sd among the best repeated trials."""
    table = ll.load_dataset(name).table
    first = table[~table.duplicated("trial")]
    params = [column for column in table.columns if column.startswith("param:")]
    seeds = table.groupby("trial")["score"].agg(["mean", "var", "count"])
    repeated = seeds[(seeds["count"] > 1) & seeds["mean"].notna()]
    best = repeated.nsmallest(round(_BEST_OF_REPEATED * len(repeated)), "mean")
    return first[["score", *params]], float(np.sqrt(best["var"].mean()))


def _draw_bundled(pool: str, n: int, rng: np.random.Generator) -> Case:
    table, noise_sd = _bundled(pool)
    return from_pool(table, n, rng, "minimize", noise_sd=noise_sd)


@functools.cache
def _openml(path: pathlib.Path) -> dict[str, pd.DataFrame]:
    table = pd.read_parquet(path)
    keep = ["score", *(name for name in table.columns if name.startswith("param:"))]
    return {str(task): own[keep] for task, own in table.groupby("task")}


@functools.cache
def _steplaw(path: pathlib.Path) -> dict[str, pd.DataFrame]:
    table = pd.read_csv(path)
    return {str(task): _scores(own, "loss", ["lr", "bs"]) for task, own in table.groupby("task")}


@functools.cache
def _seeds_table(path: pathlib.Path) -> tuple[pd.DataFrame, np.ndarray, pd.DataFrame]:
    """Return hyperparameters, scores (row, seed), and the truth per seed.

    Columns of the truth are `optimum`, `optimum_error` and `noise_sd`. A seed may shift all scores
    at once (a split): its optimum is shifted as good configurations are on average. The best mean
    over seeds is too good, because it was selected. The score in a seed of the configuration with
    the best mean over the others is too poor. The optimum is midway, its error half their distance.
    """
    table = pd.read_parquet(path)
    scores = table[[name for name in table.columns if name.startswith("seed_")]].to_numpy(float)
    loss = np.where(np.isfinite(scores), _sign_of(path) * scores, np.inf)
    seeds = loss.shape[1]
    good = loss[np.argsort(loss.mean(axis=1))[: round(_BEST_OF_TABLE * len(loss))]]
    shift = good.mean(axis=0) - good.mean()
    residual = good - good.mean(axis=1, keepdims=True) - shift
    level = loss - shift
    others = (level.sum(axis=1, keepdims=True) - level) / (seeds - 1)
    held_out = np.mean([level[others[:, seed].argmin(), seed] for seed in range(seeds)])
    best = level.mean(axis=1).min()
    truth = {
        "optimum": 0.5 * (best + held_out) + shift,
        "optimum_error": 0.5 * abs(held_out - best),
        "noise_sd": np.sqrt((residual**2).sum() / ((len(good) - 1) * (seeds - 1))),
    }
    params = table[[name for name in table.columns if name.startswith("param:")]]
    return params, scores, pd.DataFrame(truth)


def _sign_of(path: pathlib.Path) -> float:
    """Return 1 for tables of errors, and −1 for tables of accuracies."""
    return 1.0 if "fcnet" in path.name else -1.0


def _is_capped(path: pathlib.Path) -> bool:
    """Return whether many configurations of a table have its best score."""
    loss = _sign_of(path) * pd.read_parquet(path, columns=["seed_0"])["seed_0"]
    return bool((loss == loss.min()).mean() > _CAPPED)


def _draw_table(path: pathlib.Path, n: int, rng: np.random.Generator) -> Case:
    params, scores, truth = _seeds_table(path)
    seed = int(rng.integers(scores.shape[1]))
    direction = "minimize" if _sign_of(path) > 0 else "maximize"
    others = _sign_of(path) * np.delete(scores, seed, axis=1).mean(axis=1)
    own = params.assign(score=scores[:, seed], expected=others)
    return from_pool(own, n, rng, direction, **truth.iloc[seed].to_dict())


def _draw_exact(pool: str, n: int, rng: np.random.Generator) -> Case:
    gamma, sigma = map(float, pool.split(", "))
    expected = rng.random(n) ** (2.0 / gamma)
    loss = expected + sigma * rng.standard_normal(n)
    budgets = budgets_of(n, np.inf)
    log_worse = np.log(0.5) / budgets[None, :]
    law = tuple(np.array([[value]]) for value in (0.0, 1.0, gamma, sigma))
    curve = quantile(np.log(-np.expm1(log_worse)), log_worse, law)[0]
    return Case(
        ll.from_scores(loss, direction="minimize"),
        budgets,
        curve,
        optimum=0.0,
        noise_sd=sigma,
        effective_dim=gamma,
        best_expected=expected[loss.argmin()],
    )


def _draw_bowl(pool: str, n: int, rng: np.random.Generator) -> Case:
    """Return a search on a smooth bowl with cubic and quartic terms, in a cube.

    The loss is a sum over the hyperparameters of a z² (1 + b z + z²/2), which has one minimum, at
    z = 0, plus noise of 0.01 to 0.1 times the median depth. Where the box cuts the bowl, z = 0
    lies up to half an edge outside. Two more hyperparameters have no effect.
    """
    dims, cut = map(int, pool.split(", "))
    steep = np.exp(rng.uniform(np.log(0.3), np.log(3.0), dims))
    skew = rng.uniform(-1.0, 1.0, dims)
    center = rng.uniform(0.25, 0.75, dims)
    center[:cut] = -rng.uniform(0.1, 0.5, cut)

    def evaluate(x: np.ndarray) -> np.ndarray:
        z = 2.0 * (x[..., :dims] - center)
        return (steep * z**2 * (1.0 + skew * z + 0.5 * z**2)).sum(axis=-1)

    # Each term grows with the distance from its minimum.
    optimum = float(evaluate(np.clip(center, 0.0, 1.0)))
    everything = evaluate(rng.random((_POOL_OF_SIMULATIONS, dims)))
    depth = float(np.median(everything)) - optimum
    sigma = depth * np.exp(rng.uniform(np.log(0.01), np.log(0.1)))
    everything += sigma * rng.standard_normal(len(everything))
    x = rng.random((n, dims + _INERT))
    table = pd.DataFrame(x, columns=[f"param:x{number}" for number in range(x.shape[1])])
    budgets = budgets_of(n, np.inf)
    expected = evaluate(x)
    loss = expected + sigma * rng.standard_normal(n)
    return Case(
        ll.Trials(table.assign(score=loss), "minimize"),
        budgets,
        median_best(everything, budgets),
        optimum=optimum,
        noise_sd=sigma,
        effective_dim=float(dims + cut),
        best_expected=expected[loss.argmin()],
    )


def _labels(cells: Sequence[tuple[float, float]]) -> list[str]:
    return [f"{first:g}, {second:g}" for first, second in cells]


@functools.cache
def find_families(data: pathlib.Path | None) -> dict[str, Family]:
    """Return the families whose data are there, by name; simulations and bundled ones always."""
    tasks, models = ("digits", "textures", "mnist", "breast-cancer"), ("mlp", "boosting", "kernel")
    bundled = [f"{task}-{model}" for model in models for task in tasks]
    families = {"bundled": Family(bundled, (48, 200, 400), _draw_bundled, whole=400)}
    if data is not None:
        families |= _from_files(data)
    return families | {
        "exact law": Family(_labels(_EXACT_LAWS), (48, 200, 1000, 5000), _draw_exact, False),
        "bowl": Family(_labels(_BOWLS), (48, 200, 1000), _draw_bowl, False),
        "cut bowl": Family(_labels(_CUT_BOWLS), (48, 200, 1000), _draw_bowl, False),
    }


def _from_files(data: pathlib.Path) -> dict[str, Family]:
    """Return the families of the data folder."""
    families = {}
    paper = [data / f"{name}.csv" for name in ("convnext_imagenet", "deberta_mnli")]
    if all(path.exists() for path in paper):
        families["paper"] = Family(
            [path.stem for path in paper],
            (48, 200),
            lambda pool, n, rng: from_pool(_paper(data / f"{pool}.csv"), n, rng, "minimize"),
        )
    if (path := data / "steplaw_dense.csv").exists():
        steplaw = _steplaw(path)
        families["steplaw"] = Family(
            list(steplaw),
            (24,),
            lambda pool, n, rng: from_pool(steplaw[pool], n, rng, "minimize"),
        )
    for name in ("random_forest", "adaboost"):
        if (path := data / "bulk" / f"openml_{name}.parquet").exists():
            tasks = _openml(path)
            families[f"OpenML {name.replace('_', ' ')}"] = Family(
                list(tasks),
                (64, 200),
                lambda pool, n, rng, tasks=tasks: from_pool(tasks[pool], n, rng, "maximize"),
            )
    tables = {path.stem: path for path in sorted((data / "bulk").glob("table_*.parquet"))}
    kinds = {
        stem: "capped table" if _is_capped(path) else " ".join(stem.split("_")[:2])
        for stem, path in tables.items()
    }
    for kind in sorted(set(kinds.values())):
        families[kind] = Family(
            [stem for stem, own in kinds.items() if own == kind],
            (48, 200, 1000),
            lambda pool, n, rng: _draw_table(tables[pool], n, rng),
        )
    return families
