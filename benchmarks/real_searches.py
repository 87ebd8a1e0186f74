"""Coverage, interval scores and errors of the default fit on hundreds of real searches.

Each search is n trials from a family of `search_families.py`, fitted with `leadline.fit` and its
defaults, except that there are 2 chains of 500 draws. 80 % equal-tailed intervals of the median
tuning curve, the optimum and the noise are compared with the truth, as far as it is known.

    python benchmarks/real_searches.py --data DIR --label NAME [--searches 60] [--quick]
    python benchmarks/real_searches.py --compare NAME OTHER

The folder WORK/NAME has one row per fit, and a second run continues where the first stopped. A
run without `--data` covers the bundled and the simulated searches. `--opda` measures the point
fit of opda at tail fraction 0.3 instead; `--tail-fraction` a single threshold. The tables are made
by `interval_scores.py`.
"""

import argparse
import concurrent.futures
import csv
import json
import logging
import math
import multiprocessing
import pathlib
import subprocess
import time
import warnings
from collections.abc import Iterator

import interval_scores
import numpy as np
import xarray as xr
from search_families import BUDGETS, Case, find_families, seed_of

import leadline as ll
from leadline.stats.best_seen import best_seen_expected

OPDA_FRACTION = 0.3
QUICK_SEARCHES, QUICK_LARGEST = 12, 1000
ENDS = ((1 - interval_scores.PROB) / 2, 0.5, (1 + interval_scores.PROB) / 2)
PARAMETERS = ("optimum", "noise_sd", "effective_dim", "best_expected")

Task = tuple[str, str, int, int]
"""Family, pool, number of trials, and which search of that size."""

_POINTS = (*map(str, BUDGETS), *PARAMETERS)
FIELDS = (
    *("family", "pool", "n", "index", "is_real", "cpu_seconds", "error"),
    *("n_tail", "kept", "rejected", "divergences", "checks", "figures", "thresholds"),
    *(f"{name}_{part}" for name in _POINTS for part in ("truth", "low", "mid", "high")),
    "optimum_error",
)


def plan(options: argparse.Namespace) -> Iterator[Task]:
    """Return the searches, so that any first part of them covers all families and sizes."""
    cells = [
        (name, family, n)
        for name, family in find_families(options.data).items()
        for n in family.sizes
        if (not options.families or name in options.families)
        and (not options.sizes or n in options.sizes)
        and n <= options.largest
    ]
    for index in range(options.searches):
        for name, family, n in cells:
            if n != family.whole or index < len(family.pools):
                yield name, family.pools[index % len(family.pools)], n, index


def measure(task: Task, options: argparse.Namespace) -> dict[str, object]:
    """Return the row of one search."""
    # Failed checks are columns; notes on trials are not measured.
    logging.getLogger("leadline").setLevel(logging.ERROR)
    name, pool, n, index = task
    family, seed = find_families(options.data)[name], seed_of(*task)
    case = family.draw(pool, n, np.random.default_rng(seed))
    row: dict[str, object] = {"family": name, "pool": pool, "n": n, "index": index}
    row |= {"is_real": int(family.is_real), "optimum_error": case.optimum_error}
    row |= {f"{k}_truth": value for k, value in zip(case.budgets, case.curve, strict=True)}
    row |= {f"{parameter}_truth": getattr(case, parameter) for parameter in PARAMETERS}
    start = time.process_time()
    try:
        found = by_opda(case) if options.opda else by_leadline(case, seed, options)
    except Exception as error:
        found = {"error": f"{type(error).__name__}: {error}"}
    return row | found | {"cpu_seconds": round(time.process_time() - start, 2)}


def by_leadline(case: Case, seed: int, options: argparse.Namespace) -> dict[str, object]:
    """Return the intervals and the checks of a fit."""
    tree = ll.fit(
        case.trials,
        tail_fraction=options.tail_fraction,
        # The draws are known to be random; a table of few values can look like a grid.
        assume_random=True,
        draws=options.draws,
        tune=options.draws,
        chains=options.chains,
        random_seed=seed,
        progressbar=False,
    )
    sign = 1.0 if case.trials.direction == "minimize" else -1.0
    row = intervals(map(str, case.budgets), sign * ll.tuning_curve(tree, case.budgets))
    posterior = tree["posterior"].dataset
    row |= intervals(["optimum"], sign * posterior["optimum"])
    row |= intervals(["best_expected"], sign * best_seen_expected(tree))
    for name in ("noise_sd", "effective_dim"):
        row |= intervals([name], posterior[name])
    checks = ll.check(tree)
    made = checks[checks["passed"].notna()]
    labels = made["check"]
    figures = dict(zip(labels, made["figure"].round(5), strict=True))
    candidates = tree["candidates"].dataset.isel(search=0)
    weight = candidates["weight"].to_numpy()
    return row | {
        "n_tail": int(candidates["n_tail"].to_numpy()[weight.argmax()]),
        "kept": int((weight > 0).sum()),
        "rejected": int((weight == 0).sum()),
        "divergences": int(figures.get("divergences", 0)),
        "checks": json.dumps(labels[~made["passed"]].tolist()),
        "figures": json.dumps(figures),
        "thresholds": json.dumps(
            {
                name: candidates[name].to_numpy().round(4).tolist()
                for name in ("n_tail", "weight", "p_value", "elpd")
            }
        ),
    }


def intervals(names: Iterator[str] | list[str], draws: xr.DataArray) -> dict[str, object]:
    """Return the ends and the median of draws of one search, per name."""
    values = draws.isel(search=0).transpose("chain", "draw", ...).to_numpy()
    columns = values.reshape(values.shape[0] * values.shape[1], -1)
    ends = np.quantile(columns, ENDS, axis=0)
    return {
        f"{name}_{part}": value
        for name, own in zip(names, ends.T, strict=True)
        for part, value in zip(("low", "mid", "high"), own, strict=True)
    }


def by_opda(case: Case) -> dict[str, object]:
    """Return the point fit of opda, as medians without intervals."""
    import opda.parametric

    sign = 1.0 if case.trials.direction == "minimize" else -1.0
    loss = sign * case.trials.table["score"].to_numpy(dtype=float)
    finite = np.isfinite(loss)
    # A failed trial is worse than any other: outside the tail only its count matters.
    loss = np.where(finite, loss, loss[finite].max() + np.ptp(loss[finite]))
    threshold = np.sort(loss)[round(OPDA_FRACTION * len(loss)) - 1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = opda.parametric.NoisyQuadraticDistribution.fit(
            loss,
            limits=(-np.inf, threshold),
            constraints={"convex": True},
            generator=np.random.default_rng(0),
        )
        curve = fitted.quantile_tuning_curve(case.budgets, minimize=True)
    row: dict[str, object] = {
        f"{k}_mid": value for k, value in zip(case.budgets, curve, strict=True)
    }
    return row | {"optimum_mid": fitted.a, "noise_sd_mid": fitted.o, "effective_dim_mid": fitted.c}


def results(tasks: list[Task], options: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Return the rows of the searches, as they are finished."""
    if options.processes == 1:
        yield from (measure(task, options) for task in tasks)
        return
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(options.processes, context) as pool:
        waiting = [pool.submit(measure, task, options) for task in tasks]
        for future in concurrent.futures.as_completed(waiting):
            yield future.result()


def run(options: argparse.Namespace, folder: pathlib.Path) -> None:
    """Append a row for each planned search that the folder lacks."""
    folder.mkdir(parents=True, exist_ok=True)
    validate_settings(options, folder / "settings.json")
    path = folder / "fits.csv"
    done = interval_scores.finished(path)
    tasks = [task for task in plan(options) if task not in done]
    print(f"{len(tasks)} searches to fit, {len(done)} done: {path}", flush=True)
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        if not file.tell():
            writer.writeheader()
        for row in results(tasks, options):
            writer.writerow(row)
            file.flush()


def validate_settings(options: argparse.Namespace, path: pathlib.Path) -> None:
    """Record what decides the rows of a folder; exit if it holds those of another fit."""
    names = ("opda", "tail_fraction", "draws", "chains")
    git = ["git", "describe", "--always", "--dirty", "--abbrev=9"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    settings = {name: getattr(options, name) for name in names}
    if path.exists():
        recorded = json.loads(path.read_text())
        if {name: recorded[name] for name in names} != settings:
            raise SystemExit(f"{path} has other settings: {recorded}; choose another --label")
        if recorded["commit"] != commit:
            print(f"rows of {recorded['commit']} are continued with {commit}")
    else:
        path.write_text(json.dumps(settings | {"commit": commit}))


def main() -> None:
    """Fit the missing searches and print the tables, or compare two folders."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, help="folder of files that are not bundled")
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("benchmarks-work"))
    parser.add_argument("--label", default="fits", help="folder of the results, in WORK")
    parser.add_argument("--families", nargs="+", default=[])
    parser.add_argument("--sizes", nargs="+", type=int, default=[], help="numbers of trials")
    parser.add_argument("--searches", type=int, default=60, help="per family and size; 0: report")
    parser.add_argument("--quick", action="store_true", help="ten minutes on two cores")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--chains", type=int, default=2)
    parser.add_argument("--tail-fraction", type=float, help="in place of automatic thresholds")
    parser.add_argument("--opda", action="store_true", help="the point fit of opda")
    parser.add_argument("--compare", nargs=2, metavar="LABEL", help="of two finished runs")
    options = parser.parse_args()
    options.largest = math.inf
    if options.quick:
        options.searches, options.largest = QUICK_SEARCHES, QUICK_LARGEST
    if options.compare:
        print(interval_scores.compare(*(options.work / label for label in options.compare)))
        return
    run(options, options.work / options.label)
    print(interval_scores.report(options.work / options.label))


if __name__ == "__main__":
    main()
