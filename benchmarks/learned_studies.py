"""Studies by real Optuna samplers on tabulated trainings and on functions with noise.

`FAMILIES` names what is searched. A family knows its space, the score of a configuration and the
truth; a study is a table of trials in the order in which the sampler chose them, so that its first
50 or 100 trials are a shorter study. Studies are kept as CSV files.
"""

import dataclasses
import functools
import pathlib
import warnings
from collections.abc import Callable, Mapping

import numpy as np
import optuna
import pandas as pd

import leadline as ll
from leadline.io.optuna import DRAWN_ATTRIBUTE
from leadline.optuna import RandomShareSampler

LONGEST = 200
SHARE = 0.25
SAMPLERS = ("tpe", "cma-es")
SHARED = ("tpe-share", "random")
"""TPE with a quarter of random trials, and as many random trials."""
TABLES = ("mlp_car", "mlp_credit_g", "mlp_kc1", "mlp_phoneme")
TABLES += ("fcnet_naval_propulsion", "fcnet_protein_structure")


RECORDED = {
    "tpe": "TPESampler",
    "cma-es": "CmaEsSampler",
    "tpe-share": "RandomShareSampler",
    "random": "RandomSampler",
}


@dataclasses.dataclass(frozen=True)
class Family:
    """The search space of a study.

    `measure` maps parameters and a generator to a score with noise and its expectation. The truth
    of the optimum lies between `optimum` and `corrected`, which are equal where it is known.
    """

    name: str
    direction: str
    space: Mapping[str, tuple]
    measure: Callable[[Mapping, np.random.Generator], tuple[float, float]]
    optimum: float
    corrected: float
    metric: str = "score"


def branin(x: np.ndarray) -> float:
    a, b = 15 * x[0] - 5, 15 * x[1]
    valley = b - 5.1 / (4 * np.pi**2) * a * a + 5 / np.pi * a - 6
    return valley**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(a) + 10


def hartmann6(x: np.ndarray) -> float:
    width = np.array(
        [
            [10, 3, 17, 3.5, 1.7, 8],
            [0.05, 10, 17, 0.1, 8, 14],
            [3, 3.5, 1.7, 10, 17, 8],
            [17, 8, 0.05, 10, 0.1, 14],
        ]
    )
    centre = 1e-4 * np.array(
        [
            [1312, 1696, 5569, 124, 8283, 5886],
            [2329, 4135, 8307, 3736, 1004, 9991],
            [2348, 1451, 3522, 2883, 3047, 6650],
            [4047, 8828, 8732, 5743, 1091, 381],
        ]
    )
    depth = np.array([1.0, 1.2, 3.0, 3.2])
    return -float(depth @ np.exp(-np.sum(width * (x - centre) ** 2, axis=1)))


def rosenbrock4(x: np.ndarray) -> float:
    z = 4 * x - 2
    return float(np.sum(100 * (z[1:] - z[:-1] ** 2) ** 2 + (1 - z[:-1]) ** 2))


def ellipse8(x: np.ndarray) -> float:
    return float(4 * (x[0] - 0.7) ** 2 + (x[1] - 0.35) ** 2)


# Function, number of parameters, sd of the noise, optimum.
FUNCTIONS = {
    "branin": (branin, 2, 1.0, 0.397887),
    "hartmann6": (hartmann6, 6, 0.1, -3.32237),
    "rosenbrock4": (rosenbrock4, 4, 5.0, 0.0),
    "ellipse8": (ellipse8, 8, 0.05, 0.0),
}


def function_family(name: str) -> Family:
    function, dims, noise, optimum = FUNCTIONS[name]
    space = {f"x{index}": ("uniform", 0.0, 1.0) for index in range(dims)}

    def measure(params: Mapping, generator: np.random.Generator) -> tuple[float, float]:
        mean = function(np.array([params[own] for own in space]))
        return mean + noise * generator.standard_normal(), mean

    return Family(name, "minimize", space, measure, optimum, optimum)


def table_family(name: str, data: pathlib.Path) -> Family:
    """Return a family that looks configurations up; numbers are searched by their rank."""
    table = pd.read_parquet(data / f"table_{name}.parquet")
    scores = table.filter(like="seed_").to_numpy(dtype=float)
    params = table.filter(like="param:")
    direction = "maximize" if name.startswith("mlp") else "minimize"
    space, codes = {}, []
    for column in params:
        levels = sorted(params[column].unique().tolist())
        own = column.removeprefix("param:")
        text = isinstance(levels[0], str)
        space[own] = ("categorical", *levels) if text else ("integer", 0, len(levels) - 1)
        code = pd.Series(levels, index=levels) if text else pd.Series(range(len(levels)), levels)
        codes.append(params[column].map(code).tolist())
    row_of = {values: row for row, values in enumerate(zip(*codes, strict=True))}
    sign = 1.0 if direction == "minimize" else -1.0
    losses = sign * scores
    seeds = range(scores.shape[1])
    others = [np.delete(losses, seed, axis=1).mean(axis=1).argmin() for seed in seeds]
    corrected = float(np.mean([losses[row, seed] for seed, row in zip(seeds, others, strict=True)]))
    means = scores.mean(axis=1)

    def measure(params: Mapping, generator: np.random.Generator) -> tuple[float, float]:
        row = row_of[tuple(params[own] for own in space)]
        return float(scores[row, generator.integers(len(seeds))]), float(means[row])

    best = sign * float(losses.mean(axis=1).min())
    # An accuracy is at most 1, and a squared error at least 0.
    metric = "accuracy" if direction == "maximize" else "mse"
    return Family(name, direction, space, measure, best, sign * corrected, metric)


@functools.cache
def family(name: str, data: pathlib.Path) -> Family:
    return function_family(name) if name in FUNCTIONS else table_family(name, data)


def names_in(data: pathlib.Path | None) -> list[str]:
    """Return the families that the files in `data` allow."""
    tables = [own for own in TABLES if data and (data / f"table_{own}.parquet").exists()]
    return [*tables, *FUNCTIONS]


def _sampler(name: str, seed: int) -> optuna.samplers.BaseSampler:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name == "cma-es":
            return optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
        if name == "random":
            return optuna.samplers.RandomSampler(seed=seed)
        sampler = optuna.samplers.TPESampler(seed=seed)
        return RandomShareSampler(sampler, SHARE, seed) if name == "tpe-share" else sampler


def _suggest(trial: optuna.Trial, name: str, own: tuple) -> object:
    kind, *rest = own
    if kind == "categorical":
        return trial.suggest_categorical(name, rest)
    if kind == "integer":
        return trial.suggest_int(name, *rest)
    return trial.suggest_float(name, *rest)


def study(what: Family, sampler: str, seed: int, folder: pathlib.Path) -> pd.DataFrame:
    """Return a study of 200 trials: parameters, `score` and `expected`; made once, then read.

    With a random share it has the column `drawn` too.
    """
    path = folder / f"{what.name}-{sampler}-{seed}.csv"
    if path.exists():
        return pd.read_csv(path)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    generator = np.random.default_rng([seed, 17])
    rows = []

    def objective(trial: optuna.Trial) -> float:
        params = {name: _suggest(trial, name, own) for name, own in what.space.items()}
        score, expected = what.measure(params, generator)
        rows.append(params | {"score": score, "expected": expected})
        return score

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = optuna.create_study(direction=what.direction, sampler=_sampler(sampler, seed))
        made.optimize(objective, n_trials=LONGEST)
    table = pd.DataFrame(rows)
    if sampler == "tpe-share":
        table["drawn"] = [trial.user_attrs[DRAWN_ATTRIBUTE] for trial in made.trials]
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False)
    return table


def trials_of(what: Family, table: pd.DataFrame, sampler: str) -> ll.Trials:
    """Return the trials of a study with the distributions that it declared."""
    params = table[list(what.space)].add_prefix("param:")
    rows = params.assign(score=table["score"], trial=range(len(table)), order=range(len(table)))
    if "drawn" in table:
        rows["drawn"] = table["drawn"]
    return ll.Trials(
        rows,
        what.direction,
        metric=what.metric,
        sampler=RECORDED[sampler],
        distributions=dict(what.space),
    )
