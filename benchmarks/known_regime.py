"""Weight of thresholds beyond the known end of the quadratic law.

The best 15 % of 500 trials follow the noisy quadratic. The others are spread over a far wider
range, crowd behind the edge, or keep a distance from it. Each search is fitted with
`threshold="auto"`. The weight of tail fractions above twice the true one should be below 0.2.
Results are appended to a CSV file.

    python benchmarks/known_regime.py [--replications 20] [--work DIR]
"""

import argparse
import logging
import pathlib

import numpy as np
import pandas as pd

import leadline as ll

SIZE = 500
END = 0.15
GAMMAS = (1.5, 2.0, 3.0)
NOISE = 0.03
MAX_DIM = 6.0
SETTINGS = {"draws": 500, "tune": 500, "chains": 4, "progressbar": False}


def body(kind: str, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return losses that are worse than the edge at 1."""
    if kind == "sparse":
        return 1.0 + 15.0 * rng.random(size)
    if kind == "crowded":
        return 1.0 + 0.5 * rng.beta(1.0, 3.0, size)
    return 1.4 + 4.0 * rng.random(size)


def draw(kind: str, gamma: float, seed: int) -> ll.Trials:
    """Return a search with optimum 0 whose law ends at loss 1."""
    rng = np.random.default_rng([seed, round(10 * gamma), len(kind)])
    inside = round(END * SIZE)
    loss = rng.random(inside) ** (2.0 / gamma) + NOISE * rng.standard_normal(inside)
    every = np.concatenate([loss, body(kind, SIZE - inside, rng)])
    return ll.from_scores(rng.permutation(every), direction="minimize")


def run(path: pathlib.Path, replications: int) -> None:
    """Append each replication that `path` lacks."""
    done = set()
    if path.exists():
        table = pd.read_csv(path)
        done = set(zip(table["kind"], table["replication"], strict=True))
    for replication in range(replications):
        for kind in ("sparse", "crowded", "distant"):
            if (kind, replication) in done:
                continue
            gamma = GAMMAS[replication % len(GAMMAS)]
            tree = ll.fit(
                draw(kind, gamma, replication),
                priors=ll.Priors(max_effective_dim=MAX_DIM),
                resolution=0.0,
                random_seed=replication,
                **SETTINGS,
            )
            candidates = tree["candidates"].to_dataset().isel(search=0)
            fraction, weight = candidates["n_tail"] / SIZE, candidates["weight"]
            mixture = np.unique(tree["posterior"]["candidate"])
            optimum = tree["posterior"]["optimum"]
            row = {
                "kind": kind,
                "replication": replication,
                "gamma": gamma,
                "beyond": float(weight[fraction > 2 * END].sum()),
                "widest": float(fraction[mixture].max()),
                "deepest_weight": float(weight[0]),
                "optimum": float(optimum.mean()),
                "optimum_sd": float(optimum.std()),
                "divergences": int(candidates["divergences"][mixture].sum()),
                "refitted": int(candidates["refitted"].sum()),
            }
            pd.DataFrame([row]).to_csv(path, mode="a", header=not path.exists(), index=False)


def report(path: pathlib.Path) -> None:
    """Print the number of searches whose weight beyond twice the true end is below 0.2."""
    table = pd.read_csv(path)
    table["good"] = table["beyond"] < 0.2
    print(table.groupby("kind")[["good"]].agg(["sum", "count"]).to_string())
    means = ["beyond", "widest", "deepest_weight", "optimum", "optimum_sd"]
    print(table.groupby("kind")[means].mean().round(3).to_string())
    print(f"divergences {table['divergences'].sum()}, refits {table['refitted'].sum()}")


def main() -> None:
    """Run the missing replications, then report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replications", type=int, default=20)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("."))
    options = parser.parse_args()
    # Failed checks are no part of this measurement.
    logging.getLogger("leadline").setLevel(logging.ERROR)
    path = options.work / "known_regime.csv"
    run(path, options.replications)
    report(path)


if __name__ == "__main__":
    main()
