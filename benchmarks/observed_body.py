"""Coverage of tuning curves where they lie in the observed body, with and without its bootstrap.

Searches of 1,000 trials are drawn from known laws and fitted at tail fraction 0.02, about that of
the automatic threshold. For k up to 32 the best of k lies at the joint of tail and body or in the
body. The 80 % interval of its median is compared with the truth, once as it is and once with equal
shares of the body, where only the tail fraction varies. Results are appended to a file, and a
second run continues where the first stopped.

    python benchmarks/observed_body.py [--replications 60] [--work DIR]
"""

import argparse
import json
import logging
import pathlib
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import xarray as xr

import leadline as ll
from leadline.stats import observed_body
from leadline.stats.fitted_search import FittedSearch

SIZE, FRACTION, PROB = 1000, 0.02, 0.8
BUDGETS = np.array([2, 8, 32, 128])
# Effective dimension and noise sd; the noiseless losses lie between 0 and 1.
LAWS = ((1.0, 0.02), (2.0, 0.05), (3.0, 0.05))
SETTINGS = {"draws": 500, "tune": 500, "chains": 2, "progressbar": False}


def draw(gamma: float, noise: float, n: int, seed: int) -> np.ndarray:
    """Return n losses of a law."""
    rng = np.random.default_rng(seed)
    return rng.random(n) ** (2 / gamma) + noise * rng.standard_normal(n)


def equal_shares(search: FittedSearch) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield the same share for each trial of the body, in place of `cumulative_weights`."""
    draws, n = len(search.alpha), len(search.losses)
    counts = np.broadcast_to(np.arange(n + 1.0), (draws, n + 1))
    yield np.arange(draws), counts, np.full((draws, 1), float(search.n_trials))


def interval_with(shares: Callable[..., object], tree: xr.DataTree) -> np.ndarray:
    """Return the ends of the interval of the median curve, shape (2, budget)."""
    original = observed_body.cumulative_weights
    observed_body.cumulative_weights = shares  # type: ignore[assignment]
    try:
        draws = ll.tuning_curve(tree, BUDGETS).isel(search=0)
    finally:
        observed_body.cumulative_weights = original
    return draws.quantile([(1 - PROB) / 2, (1 + PROB) / 2], ("chain", "draw")).to_numpy()


def run(path: pathlib.Path, replications: int) -> None:
    """Append each replication that the file lacks."""
    lines = path.read_text().splitlines() if path.exists() else []
    done = {(row["gamma"], row["noise"], row["seed"]) for row in map(json.loads, lines)}
    ways = {"bootstrap": observed_body.cumulative_weights, "equal shares": equal_shares}
    for gamma, noise in LAWS:
        level = -np.expm1(np.log(0.5) / BUDGETS)
        truth = np.quantile(draw(gamma, noise, 2_000_000, seed=0), level)
        for seed in range(1, replications + 1):
            if (gamma, noise, seed) in done:
                continue
            trials = ll.from_scores(draw(gamma, noise, SIZE, seed), direction="minimize")
            tree = ll.fit(trials, tail_fraction=FRACTION, random_seed=seed, **SETTINGS)
            for way, shares in ways.items():
                low, high = interval_with(shares, tree)
                miss = np.maximum(low - truth, 0) + np.maximum(truth - high, 0)
                row = {"gamma": gamma, "noise": noise, "seed": seed, "shares": way}
                row |= {f"cover {k}": bool(m == 0) for k, m in zip(BUDGETS, miss, strict=True)}
                score = high - low + 2 / (1 - PROB) * miss
                row |= {f"score {k}": s for k, s in zip(BUDGETS, score, strict=True)}
                with path.open("a") as file:
                    file.write(json.dumps(row) + "\n")


def main() -> None:
    """Run what is missing and print mean coverage and interval scores."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--replications", type=int, default=60)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("."))
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    path = arguments.work / "observed_body.jsonl"
    run(path, arguments.replications)
    table = pd.DataFrame([json.loads(line) for line in path.read_text().splitlines()])
    means = table.drop(columns="seed").groupby(["gamma", "noise", "shares"]).mean()
    print(means.round(4).to_string())


if __name__ == "__main__":
    main()
