"""Hundreds of searches: fits of each alone, pooled in two stages.

    python benchmarks/many.py real --data ../shared/data/bulk --work DIR [--workers 2]
    python benchmarks/many.py stages --work DIR [--design bundled|steplaw|simulated-30]
    python benchmarks/many.py scale --work DIR [--searches 30 100 300] [--workers 2]

`real`: two models on the tasks of OpenML, 64 trials drawn of each search, against the truth of all
trials. `stages`: two stages against the joint model at the same thresholds. `scale`: time and
memory by the number of searches. All continue where an earlier run stopped. Seconds are CPU seconds
of this process and its children. Their simulation-based calibration is that of `calibration.py`.
"""

import argparse
import json
import math
import pathlib
import resource
import time

import numpy as np
import pandas as pd
import scaling
import xarray as xr

import leadline as ll
from leadline.data.tails import join_tails
from leadline.inference.candidates import candidates_of, space_names
from leadline.inference.joint_fit import joint_sampler
from leadline.inference.posterior import PosteriorSampler
from leadline.inference.read_netcdf import read_netcdf
from leadline.inference.sampler import Sampler
from leadline.stats.diagnostics import convergence
from leadline.stats.tuning_curve import tuning_curve

MODELS = ("random_forest", "adaboost")
TRIALS, BUDGET = 64, 100
FRACTION = 0.3
OF_SEARCHES = ("optimum", "effective_dim", "noise_sd", "reach")
SEED = 1


def cpu() -> float:
    """Return the CPU seconds of this process and its children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(own.ru_utime + own.ru_stime for own in used)


def memory() -> float:
    """Return the largest memory of this process so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def add_time(work: pathlib.Path, name: str, began: float, used: float) -> None:
    """Add the seconds of a stage to a file, as several runs may share it."""
    path = work / "times.json"
    times = json.loads(path.read_text()) if path.exists() else {}
    wall, own = times.get(name, (0.0, 0.0))
    times[name] = wall + time.perf_counter() - began, own + cpu() - used
    path.write_text(json.dumps(times))
    print(name, "wall {:.0f} s, CPU {:.0f} s in all runs".format(*times[name]), flush=True)


def read_real(data: pathlib.Path, seed: int = SEED) -> tuple[ll.Trials, pd.DataFrame]:
    """Return 64 trials drawn of each search, and all trials."""
    tables = [pd.read_parquet(data / f"openml_{model}.parquet") for model in MODELS]
    everything = pd.concat(tables, ignore_index=True)
    everything["task"] = everything["task"].astype(str)
    rng = np.random.default_rng(seed)
    drawn = [
        own.iloc[rng.permutation(len(own))[:TRIALS]]
        for _, own in everything.groupby(["task", "model"])
    ]
    table = pd.concat(drawn, ignore_index=True)
    return ll.Trials(table, "maximize", metric="accuracy", source="OpenML"), everything


def true_best(scores: np.ndarray, budget: int) -> float:
    """Return the expected best of `budget` scores drawn without replacement."""
    ordered, n = np.sort(scores), len(scores)
    # P(the best is the i-th smallest), by ratios of binomial coefficients.
    above = np.zeros(n)
    above[-1] = budget / n
    for place in range(n - 2, budget - 2, -1):
        above[place] = above[place + 1] * (place + 2 - budget) / (place + 1)
    return float(above @ ordered)


def run_real(options: argparse.Namespace) -> None:
    """Fit, pool, and compare the probabilities with the truth of all trials."""
    work = options.work / "real"
    work.mkdir(parents=True, exist_ok=True)
    trials, everything = read_real(options.data, options.rows)
    used, began = cpu(), time.perf_counter()
    fits = ll.fit_many(trials, executor=options.workers, folder=work / "fits", random_seed=SEED)
    add_time(work, "fit", began, used)
    print(fits, fits.table["error"][fits.table["error"] != ""].to_dict())
    file = work / "pooled.nc"
    if not file.exists():
        used, began = cpu(), time.perf_counter()
        pooled = ll.pool(fits, executor=options.workers, random_seed=SEED)
        add_time(work, "pool", began, used)
        file.write_bytes(pooled.to_netcdf(engine="h5netcdf"))
    pooled = read_netcdf(file)
    print(f"memory {memory():.2f} GB")
    print("shared", {k: round(float(pooled["pooled"].attrs[k]), 4) for k in
                     ("divergences", "max_rhat", "min_ess_bulk", "min_ess_tail")})  # fmt: skip
    print("all", convergence(pooled).message, pooled.attrs["failed_checks"])
    found = pooled["candidates"]
    print("overlap", np.quantile(found["overlap"], [0, 0.1, 0.5, 1]).round(3))
    # The truth is of measured scores: nobody ran these configurations again.
    for kind in ("measured", "expected"):
        table = probabilities(fits, pooled, everything, kind)
        table.to_csv(work / f"probabilities-{kind}.csv")
        print(kind, scores(table).round(4).to_dict(), flush=True)
        print(calibration_table(table).round(3).to_string())


def probabilities(
    fits: ll.Fits, pooled: xr.DataTree, everything: pd.DataFrame, kind: str
) -> pd.DataFrame:
    """Return P(the first model is better at the budget) per task, and the truth."""
    draws = tuning_curve(pooled, [BUDGET], kind=kind).isel(budget=0)
    by_pair = {
        (str(own["task"].item()), str(own["model"].item())): own.to_numpy().ravel()
        for own in (draws.isel(search=place) for place in range(draws.sizes["search"]))
    }
    rng, rows = np.random.default_rng(SEED), {}
    for task in dict.fromkeys(task for task, _ in fits):
        if not all((task, model) in fits for model in MODELS):
            continue
        best = {
            model: true_best(
                everything.query("task == @task and model == @model")["score"].to_numpy(), BUDGET
            )
            for model in MODELS
        }
        alone = [
            tuning_curve(fits[task, model], [BUDGET], kind=kind).to_numpy().ravel()
            for model in MODELS
        ]
        apart = best[MODELS[0]] - best[MODELS[1]]
        rows[task] = {
            # Equal but for rounding, as where both reach an accuracy of 1.
            "truth": 0.5 if abs(apart) < 1e-9 else float(apart > 0.0),
            "apart": apart,
            "pooled": _chance(*(by_pair[task, model] for model in MODELS)),
            # Draws of separate fits are independent.
            "alone": _chance(rng.permutation(alone[0]), alone[1]),
        }
    table = pd.DataFrame(rows).T
    return table.assign(base_rate=table["truth"].mean())


def _chance(first: np.ndarray, second: np.ndarray) -> float:
    """Return P(first > second); equal draws count half."""
    return float(np.mean(first > second) + 0.5 * np.mean(first == second))


def scores(table: pd.DataFrame) -> pd.Series:
    """Return the Brier score of each way to the probabilities."""
    names = ("pooled", "alone", "base_rate")
    return pd.Series({name: ((table[name] - table["truth"]) ** 2).mean() for name in names})


def calibration_table(table: pd.DataFrame, bins: int = 4) -> pd.DataFrame:
    """Return the share of tasks where the first model is better, by the probability given."""
    rows = []
    for name in ("pooled", "alone"):
        place = np.minimum((table[name] * bins).astype(int), bins - 1)
        for index, own in table.groupby(place):
            rows.append({"of": name, "from": index / bins, "tasks": len(own),
                         "mean P": own[name].mean(), "share": own["truth"].mean()})  # fmt: skip
    return pd.DataFrame(rows)


def searches_of(design: str, data: pathlib.Path) -> tuple[ll.Trials, str, float]:
    """Return the trials of a design, the kind of its joint model, and its tail fraction."""
    if design == "bundled":
        return ll.load_dataset("all"), "crossed", FRACTION
    if design == "steplaw":
        table = pd.read_csv(data.parent / "steplaw_dense.csv")
        rng = np.random.default_rng(SEED)
        parts = [own.iloc[rng.permutation(len(own))[:24]] for _, own in table.groupby("task")]
        trials = ll.read_table(
            pd.concat(parts), score="loss", direction="minimize", task="task", params=["lr", "bs"]
        )
        return trials, "hierarchical", 0.5
    count = int(design.removeprefix("simulated-"))
    return scaling.simulate(count, 100, seed=SEED), "hierarchical", FRACTION


def run_stages(options: argparse.Namespace) -> None:
    """Compare two stages with the joint model, parameter by parameter."""
    trials, kind, fraction = searches_of(options.design, options.data)
    options.work.mkdir(parents=True, exist_ok=True)
    file = options.work / f"joint-{options.design}.nc"
    if not file.exists():
        used = cpu()
        spaces = space_names(trials)
        cuts = [
            candidates_of(trials, pair, ll.Priors(), fractions={fraction: 1.0}, space=spaces[pair])
            for pair in trials.searches
        ]
        settings = joint_sampler(Sampler(draws=2000), len(cuts))
        posterior = PosteriorSampler(kind, ll.Priors(), "continuous", settings)
        tails = join_tails([own[0] for own in cuts])
        joint = posterior.sample(tails, np.random.SeedSequence(SEED))
        print(options.design, "joint CPU s", round(cpu() - used), dict(joint.attrs), flush=True)
        kept = xr.DataTree.from_dict(
            {name: joint[name].to_dataset() for name in ("posterior", "pooled")}
        )
        file.write_bytes(kept.to_netcdf(engine="h5netcdf"))
    joint = read_netcdf(file)
    used = cpu()
    stages = ll.fit(
        trials, kind, tail_fraction=fraction, draws=2000, random_seed=SEED + 1, progressbar=False
    )
    print("two stages CPU s", round(cpu() - used), stages["pooled"].attrs, flush=True)
    rows = []
    shared = [name for name in stages["pooled"].data_vars if name != "task_scale"]  # measured
    for group, names in {"posterior": OF_SEARCHES, "pooled": shared}.items():
        for name in names:
            if name not in joint[group]:
                continue
            got, expected = (np.asarray(own[group][name]) for own in (stages, joint))
            got, expected = (own.reshape(math.prod(own.shape[:2]), -1) for own in (got, expected))
            apart = (got.mean(0) - expected.mean(0)) / expected.std(0)
            wider = got.std(0) / expected.std(0)
            figures = {"mean": np.abs(apart).mean(), "largest": np.abs(apart).max()}
            figures |= {"sd from": wider.min(), "sd to": wider.max()}
            rows.append({"parameter": name} | figures)
    print(pd.DataFrame(rows).round(3).to_string(index=False))


def run_scale(options: argparse.Namespace) -> None:
    """Print CPU seconds and memory by the number of searches, and the power of the cost."""
    rows = []
    for count in options.searches:
        work = options.work / f"scale-{count}"
        work.mkdir(parents=True, exist_ok=True)
        file = work / "row.json"
        if not file.exists():
            trials = scaling.simulate(count, 100, seed=SEED)
            used, began = cpu(), time.perf_counter()
            fits = ll.fit_many(
                trials, executor=options.workers, folder=work / "fits", random_seed=SEED,
                priors=ll.Priors(max_effective_dim=5),
            )  # fmt: skip
            add_time(work, "fit", began, used)
            used, began = cpu(), time.perf_counter()
            pooled = ll.pool(fits, executor=options.workers, random_seed=SEED)
            add_time(work, "pool", began, used)
            times = json.loads((work / "times.json").read_text())
            row = {"searches": count, "GB": memory()}
            row |= {f"{name} CPU s": own[1] for name, own in times.items()}
            shared = pooled["pooled"].attrs
            row |= {name: float(shared[name]) for name in ("max_rhat", "min_ess_bulk")}
            file.write_text(json.dumps(row))
        rows.append(json.loads(file.read_text()))
        print(pd.DataFrame(rows[-1:]).round(3).to_string(index=False), flush=True)
    table = pd.DataFrame(rows)
    if len(table) > 1:
        total = table["fit CPU s"] + table["pool CPU s"]
        print("power of the cost", round(scaling.power(table["searches"], total), 2))


def main() -> None:
    """Run one of the benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("real", "stages", "scale"))
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../shared/data/bulk"))
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("many"))
    parser.add_argument("--workers", type=int)
    parser.add_argument("--rows", type=int, default=SEED, help="seed of the rows drawn by `real`")
    parser.add_argument("--design", default="simulated-30")
    parser.add_argument("--searches", type=int, nargs="+", default=[30, 100, 300])
    options = parser.parse_args()
    runs = {"real": run_real, "stages": run_stages, "scale": run_scale}
    runs[options.what](options)


if __name__ == "__main__":
    main()
