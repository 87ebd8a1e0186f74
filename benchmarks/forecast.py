"""Coverage and Brier score of forecasts on real searches.

48 random trials of each search are fitted with `threshold="auto"`, and the forecast of the best of
50 more is compared with 50 of the other trials: 60 subsamples of each of two files, and 60 of the
bundled searches, 5 per search. Results are appended to a CSV file, and a second run continues where
the first stopped.

    python benchmarks/forecast.py --data DIR [--replications 60] [--work DIR]

DIR holds `convnext_imagenet.csv` and `deberta_mnli.csv`, with a column `error`.
"""

import argparse
import logging
import pathlib

import numpy as np
import pandas as pd

import leadline as ll

SIZE, AHEAD = 48, 50
PROB = 0.8
SETTINGS = {"draws": 500, "tune": 500, "chains": 4, "progressbar": False}
BUNDLED = "bundled"
# Number of hyperparameters of each file, and the spacing of its scores (0: no grid).
FILES = {"convnext_imagenet": (7, 0.0), "deberta_mnli": (5, 1 / 9815)}


def searches(data: pathlib.Path) -> dict[str, tuple[np.ndarray, int, float | None]]:
    """Return per search the losses (inf: failed), the number of hyperparameters, the resolution."""
    found: dict = {}
    for name, (dim, resolution) in FILES.items():
        error = pd.read_csv(data / f"{name}.csv")["error"].fillna(np.inf).to_numpy()
        found[name] = error, dim, resolution
    trials = ll.load_dataset("all")
    for task, model in trials.searches:
        search = trials.search(task=task, model=model)
        # One evaluation per trial, as in the trials that are forecast.
        first = search.table.drop_duplicates("trial")
        loss = first["score"].where(first["status"] == "complete").fillna(np.inf).to_numpy()
        found[f"{BUNDLED}: {task} / {model}"] = loss, len(search.params), None
    return found


def replicate(loss: np.ndarray, dim: int, resolution: float | None, seed: int) -> dict[str, float]:
    """Return the forecast for one subsample, and the outcome."""
    shuffled = np.random.default_rng([7, seed]).permutation(loss)
    seen, ahead = shuffled[:SIZE], shuffled[SIZE : SIZE + AHEAD]
    tree = ll.fit(
        ll.from_scores(seen, direction="minimize"),
        priors=ll.Priors(max_effective_dim=dim),
        resolution=resolution,
        random_seed=seed,
        **SETTINGS,
    )
    mixture = np.unique(tree["posterior"]["candidate"])
    found = ll.forecast(tree, [AHEAD]).isel(search=0, trials=0)
    low, high = np.quantile(found["best"], [(1 - PROB) / 2, (1 + PROB) / 2])
    return {
        "low": low,
        "high": high,
        "p_gain": float(found["p_gain"]),
        "gain_mean": float(found["gain_mean"]),
        "best_seen": seen.min(),
        "best": ahead.min(),
        "divergences": int(tree["candidates"]["divergences"][0, mixture].sum()),
    }


def run(data: pathlib.Path, path: pathlib.Path, replications: int) -> None:
    """Append each replication that `path` lacks."""
    done = set()
    if path.exists():
        table = pd.read_csv(path)
        done = set(zip(table["search"], table["replication"], strict=True))
    every = searches(data)
    bundled = sum(name.startswith(BUNDLED) for name in every)
    for seed in range(replications):
        for name, (loss, dim, resolution) in every.items():
            if (name, seed) in done or (
                name.startswith(BUNDLED) and seed >= -(-replications // bundled)
            ):
                continue
            row = {"search": name, "replication": seed}
            row |= replicate(loss, dim, resolution, seed)
            pd.DataFrame([row]).to_csv(path, mode="a", header=not path.exists(), index=False)


def report(path: pathlib.Path) -> None:
    """Print coverage of the best of the next trials, and the Brier score of P(gain > 0)."""
    table = pd.read_csv(path)
    table["file"] = table["search"].where(~table["search"].str.startswith(BUNDLED), BUNDLED)
    # With scores on a grid, the ends of an interval are possible scores.
    table["covered"] = table["best"].between(table["low"] - 1e-12, table["high"] + 1e-12)
    table["gained"] = table["best"] < table["best_seen"]
    table["gain"] = (table["best_seen"] - table["best"]).clip(lower=0)
    print(f"{SIZE} trials seen, best of the next {AHEAD}, {100 * PROB:g} % intervals")
    parts = [*table.groupby("file"), ("all", table)]
    for name, part in parts:
        rate = part["gained"].mean()
        brier = ((part["p_gain"] - part["gained"]) ** 2).mean()
        figures = {
            "covered": part["covered"].mean(),
            "below": (part["best"] < part["low"]).mean(),
            "above": (part["best"] > part["high"]).mean(),
            "P(gain)": part["p_gain"].mean(),
            "gained": rate,
            "Brier": brier,
            "of base rate": rate * (1 - rate),
            "mean gain": part["gain_mean"].mean(),
            "came": part["gain"].mean(),
        }
        words = ", ".join(f"{what} {figure:.3g}" for what, figure in figures.items())
        divergences = part["divergences"].sum()
        print(f"{name}: {len(part)} subsamples, {divergences:.0f} divergences; {words}")


def main() -> None:
    """Run the missing replications, then report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--replications", type=int, default=60)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("."))
    options = parser.parse_args()
    # Failed checks are no part of this measurement.
    logging.getLogger("leadline").setLevel(logging.ERROR)
    path = options.work / "forecast.csv"
    run(options.data, path, options.replications)
    report(path)


if __name__ == "__main__":
    main()
