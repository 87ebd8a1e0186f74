"""Simulate guided trials: a bad sampler must teach nothing of the optimum, a good one more.

Searches have random trials from the quadratic law with the optimum at 0, and guided trials by
samplers of several kinds. Each is fitted without its guided trials, with them, and with them but no
distance of the sampler from the optimum, so that their excess is a plain exponential. Results are
appended to a CSV file, and a second run continues where the first stopped.

    python benchmarks/guided.py [--replications 20] [--work DIR]
"""

import argparse
import logging
import pathlib

import numpy as np
import pandas as pd

import leadline as ll

RANDOM, GUIDED = 30, 75
SPREAD, NOISE = 1.0, 0.03
DIMS = (2.0, 5.0)
ENDS = (0.1, 0.9)
FITS = {
    "distance": ll.Priors(),
    # As good as none: a thousandth of a scale.
    "no distance": ll.Priors(guided_root=ll.Prior("HalfNormal", sigma=0.03)),
}


def excesses(sampler: str, gamma: float, rng: np.random.Generator) -> np.ndarray:
    """Return expected losses of guided trials over the optimum, (trial,)."""
    u = rng.random(GUIDED)
    if sampler == "at random":
        return SPREAD * u ** (2.0 / gamma)
    if sampler == "far":
        return 0.5 + 2.0 * u
    if sampler == "stuck":
        # In a basin whose depth is a fifth of the range above the optimum.
        return 0.2 + 0.02 * rng.exponential(size=GUIDED)
    # Half of the trials still explore.
    near = rng.exponential({"good": 0.05, "found it": 0.002}[sampler], GUIDED)
    return np.where(u < 0.5, near, SPREAD * rng.random(GUIDED) ** (2.0 / gamma))


SAMPLERS = ("at random", "far", "stuck", "good", "found it")


def one(gamma: float, sampler: str, replication: int) -> dict:
    """Return intervals of the optimum, and its posterior mean and sd, by kind of fit."""
    rng = np.random.default_rng([int(gamma), SAMPLERS.index(sampler), replication])
    random = SPREAD * rng.random(RANDOM) ** (2.0 / gamma)
    expected = np.concatenate([random, excesses(sampler, gamma, rng)])
    table = pd.DataFrame(
        {
            "score": expected + NOISE * rng.standard_normal(len(expected)),
            "drawn": ["random"] * RANDOM + ["guided"] * GUIDED,
        }
    )
    row = {"gamma": gamma, "sampler": sampler, "replication": replication}
    alone = ll.Trials(table.iloc[:RANDOM].drop(columns="drawn"), "minimize")
    settings = {"random_seed": 1, "progressbar": False}
    fits = {"without": ll.fit(alone, **settings)}
    both = ll.Trials(table, "minimize")
    fits |= {
        name: ll.fit(both, guided_evidence=True, priors=own, **settings)
        for name, own in FITS.items()
    }
    for name, fit in fits.items():
        optimum = fit["posterior"]["optimum"]
        low, high = optimum.quantile(ENDS).to_numpy()
        row |= {f"{name} low": low, f"{name} high": high}
        row |= {f"{name} mean": float(optimum.mean()), f"{name} sd": float(optimum.std())}
    return row


def report(path: pathlib.Path) -> None:
    """Print coverage, width and shift against the fit without guided trials."""
    table = pd.read_csv(path)
    rows = []
    for (gamma, sampler), own in table.groupby(["gamma", "sampler"]):
        row = {"gamma": gamma, "sampler": sampler, "searches": len(own)}
        for name in ("without", *FITS):
            covered = (own[f"{name} low"] <= 0.0) & (own[f"{name} high"] >= 0.0)
            row[f"{name}: covered"] = covered.mean()
            if name != "without":
                width = np.log(own[f"{name} high"] - own[f"{name} low"])
                width -= np.log(own["without high"] - own["without low"])
                shift = (own[f"{name} mean"] - own["without mean"]) / own["without sd"]
                row |= {f"{name}: width": np.exp(width.mean()), f"{name}: shift": shift.mean()}
        rows.append(row)
    print(pd.DataFrame(rows).round(2).to_string(index=False))


def main() -> None:
    """Run the missing searches, then report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replications", type=int, default=20)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("."))
    options = parser.parse_args()
    logging.getLogger("leadline").setLevel(logging.ERROR)
    path = options.work / "guided.csv"
    done = set()
    if path.exists():
        keys = pd.read_csv(path)[["gamma", "sampler", "replication"]]
        done = set(keys.itertuples(index=False, name=None))
    for replication in range(options.replications):
        for gamma in DIMS:
            for sampler in SAMPLERS:
                if (gamma, sampler, replication) in done:
                    continue
                row = pd.DataFrame([one(gamma, sampler, replication)])
                row.to_csv(path, mode="a", header=not path.exists(), index=False)
    report(path)


if __name__ == "__main__":
    main()
