"""Verdicts of `check_random_search` on random searches and on samplers that learn.

`power` runs real Optuna studies of several samplers on several objectives. It counts verdicts at
40, 60 and 100 trials, with the space inferred and declared. `designs` draws 100 points of
stratified and quasi-random designs in spaces of several kinds. `level` draws random searches from
many kinds of space and counts their verdicts. Results are appended to a CSV file, and a second run
continues where the first stopped.
"""

import argparse
import collections
import csv
import pathlib
import warnings

import numpy as np
import pandas as pd
from scipy import stats
from scipy.stats import qmc

import leadline as ll
from leadline.data.trials import Trials
from leadline.datasets import read_catalogue
from leadline.search_audit.random_search import check_random_search

SIZES = (40, 60, 100)
SAMPLERS = {
    "random": ("RandomSampler", {}),
    "tpe": ("TPESampler", {}),
    "univariate-tpe": ("TPESampler", {"multivariate": False}),
    "cma-es": ("CmaEsSampler", {}),
    "nsga-ii": ("NSGAIISampler", {"population_size": 20}),
    "gp": ("GPSampler", {}),  # needs torch
    "sobol": ("QMCSampler", {}),
    "scrambled-sobol": ("QMCSampler", {"scramble": True}),
    "halton": ("QMCSampler", {"qmc_type": "halton"}),
    "scrambled-halton": ("QMCSampler", {"qmc_type": "halton", "scramble": True}),
}


def unit(value: float, low: float, high: float, log: bool = False) -> float:
    return np.log(value / low) / np.log(high / low) if log else (value - low) / (high - low)


def mixed(trial, rng) -> float:
    lr = unit(trial.suggest_float("lr", 1e-5, 1e-1, log=True), 1e-5, 1e-1, True)
    momentum = trial.suggest_float("momentum", 0.0, 0.99)
    decay = unit(trial.suggest_float("wd", 1e-6, 1e-2, log=True), 1e-6, 1e-2, True)
    batch = unit(trial.suggest_int("batch", 8, 256, log=True), 8, 256, True)
    layers = trial.suggest_int("layers", 1, 8)
    best = {"sgd": 0.05, "adam": 0, "lamb": 0.2}
    loss = 0.3 + best[trial.suggest_categorical("optimizer", list(best))]
    loss += 4 * (lr - 0.6 - 0.1 * (momentum - 0.5)) ** 2 + 0.5 * (momentum - 0.7) ** 2
    loss += 0.3 * (decay - 0.3) ** 2 + 0.1 * (batch - 0.2) ** 2 + 0.02 * (layers - 4) ** 2 / 4
    return loss + 0.01 * rng.standard_normal()


def floats2(trial, rng) -> float:
    x, y = trial.suggest_float("x", -5, 10), trial.suggest_float("y", 0, 15)
    valley = y - 5.1 / (4 * np.pi**2) * x * x + 5 / np.pi * x - 6
    return valley**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10


def rosen4(trial, rng) -> float:
    x = np.array([trial.suggest_float(f"x{i}", -2, 2) for i in range(4)])
    return float(np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))


def ellipse8(trial, rng) -> float:
    x = np.array([trial.suggest_float(f"x{i}", 0, 1) for i in range(8)])
    curvature = 10.0 ** (-np.arange(8) / 3.5)
    optimum = np.array([0.7, 0.2, 0.5, 0.9, 0.1, 0.6, 0.3, 0.8])
    return float(np.sum(curvature * (x - optimum) ** 2) + 0.02 * rng.standard_normal())


def logs3(trial, rng) -> float:
    """Return the loss of a plateau with a bowl; a quarter of the space diverges."""
    lr = unit(trial.suggest_float("lr", 1e-4, 10, log=True), 1e-4, 10, True)
    decay = unit(trial.suggest_float("wd", 1e-5, 100, log=True), 1e-5, 100, True)
    gap = unit(trial.suggest_float("gap", 0.01, 1, log=True), 0.01, 1, True)
    if lr - 0.3 * gap > 0.75:
        return float("nan")
    bowl = 1 / (1 + np.exp(12 * ((lr - 0.45) ** 2 * 20 - 0.5)))
    return float(2.3 - 1.8 * bowl * (1 - max(0, decay - 0.6) * 2) + 0.02 * rng.standard_normal())


def discrete(trial, rng) -> float:
    depth = trial.suggest_int("depth", 1, 16)
    width = trial.suggest_int("width", 16, 512, step=16)
    activation = {"relu": 0.05, "gelu": 0, "silu": 0.02, "tanh": 0.2}
    loss = 0.1 + activation[trial.suggest_categorical("act", list(activation))]
    norm = {"batch": 0, "layer": 0.03, "none": 0.3}
    loss += norm[trial.suggest_categorical("norm", list(norm))]
    loss += 0.01 * abs(trial.suggest_int("patience", 1, 20) - 10) / 10
    loss += 0.02 * (depth - 6) ** 2 / 10 + 0.5 * ((width - 300) / 512) ** 2
    return loss + 0.01 * rng.standard_normal()


def conditional(trial, rng) -> float:
    """Return a loss with two parameters that depend on a choice; CMA-ES steers the other two."""
    optimizer = trial.suggest_categorical("optimizer", ["sgd", "adam"])
    lr = unit(trial.suggest_float("lr", 1e-5, 1, log=True), 1e-5, 1, True)
    if optimizer == "sgd":
        loss = (trial.suggest_float("momentum", 0, 0.99) - 0.9) ** 2 + (lr - 0.8) ** 2 * 3
    else:
        loss = (trial.suggest_float("beta2", 0.9, 0.9999) - 0.99) ** 2
        loss += (lr - 0.4) ** 2 * 3 + 0.02
    return loss + (trial.suggest_float("dropout", 0, 0.5) - 0.1) ** 2 + 0.01 * rng.standard_normal()


OBJECTIVES = {
    objective.__name__: objective
    for objective in (mixed, floats2, rosen4, ellipse8, logs3, discrete, conditional)
}


def run_study(sampler: str, objective: str, seed: int, n: int):
    """Return the data frame of a study and the distributions of its parameters."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    name, options = SAMPLERS[sampler]
    rng = np.random.default_rng(seed + 1000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = optuna.create_study(sampler=getattr(optuna.samplers, name)(seed=seed, **options))
        study.optimize(lambda trial: OBJECTIVES[objective](trial, rng), n_trials=n)
    space = {name: d for trial in study.trials for name, d in trial.distributions.items()}
    return study.trials_dataframe(attrs=("number", "value", "params")), space


def as_trials(frame: pd.DataFrame) -> Trials:
    columns = {"trial": frame["number"], "score": frame["value"]}
    for name in frame.columns:
        if name.startswith("params_"):
            columns[f"param:{name.removeprefix('params_')}"] = frame[name]
    return Trials(pd.DataFrame(columns), "minimize")


def declared(space) -> dict[str, tuple[object, ...]]:
    """Return Optuna's distributions as `check_random_search` takes them."""
    found: dict[str, tuple[object, ...]] = {}
    for name, distribution in space.items():
        if hasattr(distribution, "choices"):
            found[name] = ("categorical", *distribution.choices)
            continue
        kind = "integer" if type(distribution).__name__.startswith("Int") else "uniform"
        kind = f"log-{kind}" if distribution.log else kind
        step = (distribution.step,) if distribution.step else ()
        found[name] = (kind, distribution.low, distribution.high, *step)
    return found


def power(arguments, done: set[tuple[str, ...]]):
    for sampler in arguments.samplers:
        n = 60 if sampler == "gp" else max(SIZES)
        for objective in OBJECTIVES:
            for seed in range(arguments.seeds):
                key = (sampler, objective, str(seed))
                if key in done:
                    continue
                frame, space = run_study(sampler, objective, seed, n)
                for size in (size for size in SIZES if size <= n):
                    trials = as_trials(frame.iloc[:size])
                    yield (*key, size, "inferred", verdict_on(trials, None))
                    if size == 60:
                        yield (*key, size, "declared", verdict_on(trials, declared(space)))


SHAPES = {
    "uniform": lambda rng, n: rng.uniform(*np.sort(rng.normal(size=2)), n),
    "log-uniform": lambda rng, n: 10 ** rng.uniform(-rng.integers(2, 7), 0, n),
    "integer": lambda rng, n: rng.integers(1, rng.integers(3, 200), n),
    "log-integer": lambda rng, n: np.round(2 ** rng.uniform(0, rng.integers(3, 10), n)),
    "rounded": lambda rng, n: np.round(rng.uniform(0, 1, n), 2),
    "power of two": lambda rng, n: 2 ** rng.integers(3, 9, n),
    "choices": lambda rng, n: rng.choice(list("abcdefgh")[: rng.integers(2, 8)], n),
    "normal": lambda rng, n: rng.normal(size=n),
    "log-normal": lambda rng, n: rng.lognormal(sigma=1.5, size=n),
    "beta": lambda rng, n: rng.beta(5, 2, n),
    "unequal choices": lambda rng, n: rng.choice(["a", "b", "c"], n, p=[0.8, 0.15, 0.05]),
}
PLAIN = list(SHAPES)[:7]


def random_space(rng, n: int, kind: str) -> dict[str, object]:
    """Return n random configurations of two to eight parameters."""
    d = int(rng.integers(1, 9))
    if kind == "lists":
        # Drawn without replacement, as scikit-learn draws from lists.
        levels = [np.sort(10 ** rng.uniform(-4, 0, rng.integers(3, 9))) for _ in range(max(3, d))]
        cells = int(np.prod([len(level) for level in levels]))
        drawn = rng.choice(cells, min(n, int(0.7 * cells)), replace=False)
        indices = np.unravel_index(drawn, [len(level) for level in levels])
        return {
            f"p{j}": level[index]
            for j, (level, index) in enumerate(zip(levels, indices, strict=True))
        }
    pool = list(SHAPES) if kind == "any shape" else PLAIN
    params = {f"p{j}": SHAPES[rng.choice(pool)](rng, n) for j in range(d)}
    if kind == "conditional":
        gate = rng.random(n) < 0.5
        params = {"gate": np.where(gate, "on", "off"), **params}
        params["p0"] = np.where(gate, SHAPES["log-uniform"](rng, n), np.nan)
        # A range that depends on another parameter.
        params["epochs"] = rng.integers(10, 100, n)
        params["warmup"] = np.floor(rng.random(n) * params["epochs"])
    return params


def random_search(seed: int, kind: str) -> Trials:
    rng = np.random.default_rng([seed, len(kind)])
    n = int(np.exp(rng.uniform(np.log(20), np.log(1000))))
    table = pd.DataFrame(random_space(rng, n, kind)).add_prefix("param:")
    n = len(table)
    loss = rng.normal(0, rng.uniform(0, 1), n)
    for name in table:
        if pd.api.types.is_numeric_dtype(table[name]):
            loss += (table[name].rank(pct=True).fillna(0.5) - rng.random()) ** 2
    loss = np.round(loss, int(rng.integers(1, 6)))
    loss[rng.random(n) < rng.choice([0.0, 0.1, 0.4])] = np.nan
    return Trials(table.assign(score=loss), "minimize")


def level(arguments, done: set[tuple[str, ...]]):
    for kind in ("plain", "any shape", "conditional", "lists"):
        for seed in range(arguments.seeds):
            key = (kind, "simulated", str(seed))
            if key not in done:
                trials = random_search(seed, kind)
                yield (*key, len(trials.table), "inferred", verdict_on(trials, None))
    for name in read_catalogue()["datasets"]:
        if ("bundled", name, "0") not in done:
            trials = ll.load_dataset(name)
            yield "bundled", name, "0", len(trials.table), "inferred", verdict_on(trials, None)


DESIGNS = {
    "Latin hypercube": lambda n, d, seed: qmc.LatinHypercube(d, rng=seed).random(n),
    "Sobol": lambda n, d, seed: qmc.Sobol(d, rng=seed).random(n),
    "Halton": lambda n, d, seed: qmc.Halton(d, rng=seed).random(n),
    "random": lambda n, d, seed: np.random.default_rng(seed).random((n, d)),
}
LAWS = {
    "continuous": [lambda u: u, lambda u: 10 ** (-5 + 4 * u)],
    "integer": [lambda u: np.floor(1 + 16 * u), lambda u: np.floor(2 ** (3 + 6 * u))],
    "choice": [lambda u: np.array(list("abcde"))[(5 * u).astype(int)], lambda u: u > 0.5],
    "other": [stats.norm.ppf, stats.beta(2, 5).ppf],
}
DESIGN_SPACES = {
    "uniform and log-uniform": ["continuous"],
    "normal and beta": ["other"],
    "half of them uniform": ["continuous", "other"],
    "one of three continuous": ["continuous", "integer", "choice"],
    "integers and choices": ["integer", "choice"],
    "a random 30 % missing": ["continuous"],
}


def designs(arguments, done: set[tuple[str, ...]]):
    warnings.simplefilter("ignore")  # Sobol's sequence wants powers of two
    for space, kinds in DESIGN_SPACES.items():
        for design, draw in DESIGNS.items():
            for d in (2, 5, 8):
                for seed in range(arguments.seeds):
                    key = (f"{design}, {space}", str(d), str(seed))
                    if key in done:
                        continue
                    rng = np.random.default_rng(seed + 99)
                    unit = np.clip(draw(100, d, seed), 1e-9, 1 - 1e-9)
                    unit = unit[rng.random(100) < 0.7] if "missing" in space else unit
                    laws = [LAWS[kinds[j % len(kinds)]] for j in range(d)]
                    columns = {
                        f"param:p{j}": law[rng.integers(len(law))](unit[:, j])
                        for j, law in enumerate(laws)
                    }
                    loss = ((unit - 0.4) ** 2).sum(axis=1) + 0.05 * rng.normal(size=len(unit))
                    trials = Trials(pd.DataFrame(columns).assign(score=loss), "minimize")
                    yield (*key, len(unit), "inferred", verdict_on(trials, None))


def verdict_on(trials: Trials, space) -> str:
    return check_random_search(trials, space=space).query("evidence == 'overall'").verdict.iloc[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("question", choices=["power", "designs", "level"])
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("random-search"))
    parser.add_argument("--seeds", type=int, default=20, help="studies per sampler and objective")
    parser.add_argument("--samplers", nargs="+", default=[s for s in SAMPLERS if s != "gp"])
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    path = arguments.work / f"{arguments.question}.csv"
    header = ["kind", "objective", "seed", "trials", "space", "verdict"]
    if not path.exists():
        path.write_text(",".join(header) + "\n")
    done = {tuple(row) for row in pd.read_csv(path, dtype=str)[header[:3]].to_numpy().tolist()}
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        for row in {"power": power, "designs": designs, "level": level}[arguments.question](
            arguments, done
        ):
            writer.writerow(row)
            file.flush()
    results = pd.read_csv(path)
    by = ["kind", *(["objective"] * (arguments.question != "designs"))]
    by += ["space", "trials"] * (arguments.question == "power")
    counts = results.groupby(by)["verdict"].agg(
        lambda verdicts: ", ".join(f"{n} {v}" for v, n in collections.Counter(verdicts).items())
    )
    print(counts.to_string())


if __name__ == "__main__":
    main()
