"""Coverage of 80 % intervals of the tuning curve on real searches.

For each file, 48 random trials are fitted with `threshold="auto"` and with each fixed tail
fraction. The 80 % equal-tailed interval of the median tuning curve at k = 8..128 is compared with
the curve of all trials. The point fit of opda at tail fraction 0.3 and its 80 % confidence bands
use the same trials. Results are appended to a CSV file, and a second run continues where the first
stopped.

    python benchmarks/curve_coverage.py --data DIR [--replications 40] [--work DIR]

DIR holds `convnext_imagenet.csv` and `deberta_mnli.csv`, with a column `error`.
"""

import argparse
import functools
import logging
import pathlib
import warnings

import numpy as np
import opda.nonparametric
import opda.parametric
import pandas as pd
import xarray as xr

import leadline as ll

SIZE = 48
BUDGETS = np.array([8, 16, 32, 64, 128])
FIXED = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
PROB = 0.8
SETTINGS = {"draws": 500, "tune": 500, "chains": 4, "progressbar": False}
# Number of hyperparameters of each search.
FILES = {"convnext_imagenet": 7, "deberta_mnli": 5}
# DeBERTa's scores lie on a known grid, which a subsample does not always show.
RESOLUTION = {"convnext_imagenet": 0.0, "deberta_mnli": 1 / 9815}


def read(folder: pathlib.Path, name: str) -> np.ndarray:
    """Return the errors of all trials, inf for failed ones."""
    table = pd.read_csv(folder / f"{name}.csv")
    return table["error"].fillna(np.inf).to_numpy()


def true_curve(error: np.ndarray) -> np.ndarray:
    """Return the median best of k trials drawn with replacement from all trials."""
    level = -np.expm1(np.log(0.5) / BUDGETS)
    return np.sort(error)[np.ceil(level * len(error)).astype(int) - 1]


def rows_of(method: str, tree: xr.DataTree) -> list[dict]:
    """Return the posterior median and the interval of the median tuning curve."""
    draws = ll.tuning_curve(tree, BUDGETS).isel(search=0).transpose("chain", "draw", "budget")
    draws = draws.to_numpy().reshape(-1, len(BUDGETS))
    low, high = np.quantile(draws, [(1 - PROB) / 2, (1 + PROB) / 2], axis=0)
    return rows(method, np.median(draws, axis=0), low, high)


def rows(method: str, point: np.ndarray, low: np.ndarray, high: np.ndarray) -> list[dict]:
    return [
        {"method": method, "k": k, "point": p, "low": a, "high": b}
        for k, p, a, b in zip(BUDGETS, point, low, high, strict=True)
    ]


def by_opda(error: np.ndarray) -> list[dict]:
    """Return the rows of opda: its point fit at tail fraction 0.3 and its 80 % bands."""
    # A failed trial gets error 1: outside the tail only its count matters.
    finite = np.where(np.isfinite(error), error, 1.0)
    threshold = np.sort(finite)[round(0.3 * len(finite)) - 1]
    generator = np.random.default_rng(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = opda.parametric.NoisyQuadraticDistribution.fit(
            finite,
            limits=(-np.inf, threshold),
            constraints={"convex": True},
            generator=generator,
        )
        point = fitted.quantile_tuning_curve(BUDGETS, minimize=True)
        lower, _, upper = opda.nonparametric.EmpiricalDistribution.confidence_bands(
            finite, PROB, 0.0, 1.0, generator=generator, n_jobs=1
        )
    # The upper band of the distribution function gives the lower tuning curve.
    low = upper.quantile_tuning_curve(BUDGETS, minimize=True)
    high = lower.quantile_tuning_curve(BUDGETS, minimize=True)
    nothing = np.full(len(BUDGETS), np.nan)
    return rows("opda fit", point, nothing, nothing) + rows("opda bands", nothing, low, high)


def replicate(name: str, error: np.ndarray, seed: int) -> list[dict]:
    """Return the rows of one subsample."""
    sample = np.random.default_rng(100 + seed).choice(error, SIZE, replace=False)
    fit = functools.partial(
        ll.fit,
        ll.from_scores(sample, direction="minimize"),
        priors=ll.Priors(max_effective_dim=FILES[name]),
        resolution=RESOLUTION[name],
        random_seed=seed,
        **SETTINGS,
    )
    automatic = fit()
    result = rows_of("auto", automatic)
    for fraction in FIXED:
        # More trials than have a score.
        if round(fraction * SIZE) <= np.isfinite(sample).sum():
            result += rows_of(f"fixed {fraction:g}", fit(tail_fraction=fraction))
    result += by_opda(sample)
    candidates = automatic["candidates"].isel(search=0)
    mixture = np.unique(automatic["posterior"]["candidate"])
    for row in result:
        row |= {"file": name, "replication": seed}
        row["divergences"] = int(candidates["divergences"][mixture].sum())
        row["refitted"] = int(candidates["refitted"].sum())
    return result


def run(data: pathlib.Path, path: pathlib.Path, replications: int) -> None:
    """Append each replication that `path` lacks."""
    done = set()
    if path.exists():
        table = pd.read_csv(path)
        done = set(zip(table["file"], table["replication"], strict=True))
    errors = {name: read(data, name) for name in FILES}
    for seed in range(replications):
        for name in FILES:
            if (name, seed) not in done:
                found = pd.DataFrame(replicate(name, errors[name], seed))
                found.to_csv(path, mode="a", header=not path.exists(), index=False)


def report(data: pathlib.Path, path: pathlib.Path) -> None:
    """Print coverage, interval score times 1000 and RMSE times 1000, by method."""
    table = pd.read_csv(path)
    truth = pd.concat(
        [
            pd.DataFrame({"file": name, "k": BUDGETS, "truth": true_curve(read(data, name))})
            for name in FILES
        ]
    )
    table = table.merge(truth, on=["file", "k"])
    outside = (table["low"] - table["truth"]).clip(lower=0) + (table["truth"] - table["high"]).clip(
        lower=0
    )
    table["interval score"] = table["high"] - table["low"] + 2 / (1 - PROB) * outside
    table["coverage"] = (outside == 0).where(table["low"].notna())
    table["squared"] = (table["point"] - table["truth"]) ** 2
    for name, part in table.groupby("file"):
        print(f"\n{name}: {part['replication'].nunique()} subsamples of {SIZE} trials")
        means = part.pivot_table(
            index="method", columns="k", values=["coverage", "interval score", "squared"]
        )
        for what, factor in (("coverage", 1), ("interval score", 1000), ("RMSE", 1000)):
            column = np.sqrt(means["squared"]) if what == "RMSE" else means[what].astype(float)
            column = (factor * column).dropna(how="all")
            column["mean"] = column.mean(axis=1)
            print(f"{what}{' x 1000' if factor > 1 else ''}\n{column.round(2).to_string()}")
        squared = part.pivot_table(index="replication", columns=["method", "k"], values="squared")
        opda = squared["opda fit"]
        more = squared["auto"] - opda
        error = more.std() / np.sqrt(len(more))
        shares = (
            f"{a:+.2f} ± {b:.2f}"
            for a, b in zip(more.mean() / opda.mean(), error / opda.mean(), strict=True)
        )
        print(
            f"squared error beyond opda's, as a share of it, and its standard error at each k: "
            f"{', '.join(shares)}"
        )
        auto = part[part["method"] == "auto"].drop_duplicates("replication")
        print(f"divergences {auto['divergences'].sum()}, refits {auto['refitted'].sum()}")


def main() -> None:
    """Run the missing replications, then report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--replications", type=int, default=40)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("."))
    options = parser.parse_args()
    # Failed checks are no part of this measurement.
    logging.getLogger("leadline").setLevel(logging.ERROR)
    path = options.work / "coverage.csv"
    run(options.data, path, options.replications)
    report(options.data, path)


if __name__ == "__main__":
    main()
