"""Hundreds of searches: fits of each alone, pooled in two stages.

    python benchmarks/many.py real --data ../shared/data/bulk --work DIR [--workers 2]
    python benchmarks/many.py stages --work DIR [--design bundled|steplaw|simulated]
    python benchmarks/many.py scale --work DIR [--searches 30 100 300] [--workers 2]
    python benchmarks/many.py sbc --work DIR [--replications 200]

`real`: two models on the tasks of OpenML, 64 trials drawn of each search, against the truth of all
trials. `stages`: two stages against the joint model at the same thresholds. `scale`: time and
memory by the number of searches. `sbc`: simulation-based calibration of the hierarchical model in
two stages (`calibration.py`). All continue where an earlier run stopped. Seconds are CPU seconds of
this process and its children.
"""

import argparse
import json
import pathlib
import resource
import time

import numpy as np
import pandas as pd
import xarray as xr

import leadline as ll
from leadline.stats.diagnostics import convergence
from leadline.stats.tuning_curve import tuning_curve

MODELS = ("random_forest", "adaboost")
TRIALS, BUDGET = 64, 100
FRACTION = 0.3
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
    trials, everything = read_real(options.data)
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
    pooled = xr.open_datatree(file, engine="h5netcdf").load()
    print(f"memory {memory():.2f} GB")
    print("shared", {k: round(float(pooled["pooled"].attrs[k]), 4) for k in
                     ("divergences", "max_rhat", "min_ess_bulk", "min_ess_tail")})  # fmt: skip
    print("all", convergence(pooled).message, pooled.attrs["failed_checks"])
    found = pooled["candidates"]
    print("again", int(np.nansum(found["again"])), "overlap",
          np.quantile(found["overlap"], [0, 0.1, 0.5, 1]).round(3))  # fmt: skip
    table = probabilities(fits, pooled, everything)
    table.to_csv(work / "probabilities.csv")
    print(scores(table).round(4).to_string())
    print(calibration_table(table).round(3).to_string())


def probabilities(fits: ll.Fits, pooled: xr.DataTree, everything: pd.DataFrame) -> pd.DataFrame:
    """Return P(the first model is better at the budget) per task, and the truth."""
    draws = tuning_curve(pooled, [BUDGET], kind="expected").isel(budget=0)
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
            tuning_curve(fits[task, model], [BUDGET], kind="expected").to_numpy().ravel()
            for model in MODELS
        ]
        first, second = (by_pair[task, model] for model in MODELS)
        rows[task] = {
            "truth": float(best[MODELS[0]] > best[MODELS[1]]),
            "apart": best[MODELS[0]] - best[MODELS[1]],
            "pooled": np.mean(first > second),
            # Draws of separate fits are independent.
            "alone": np.mean(rng.permutation(alone[0]) > alone[1]),
        }
    table = pd.DataFrame(rows).T
    return table.assign(base_rate=table["truth"].mean())


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


def main() -> None:
    """Run one of the benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("real", "stages", "scale", "sbc"))
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../shared/data/bulk"))
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("many"))
    parser.add_argument("--workers", type=int)
    parser.add_argument("--design", default="simulated")
    parser.add_argument("--searches", type=int, nargs="+", default=[30, 100, 300])
    parser.add_argument("--replications", type=int, default=200)
    options = parser.parse_args()
    {"real": run_real}[options.what](options)


if __name__ == "__main__":
    main()
