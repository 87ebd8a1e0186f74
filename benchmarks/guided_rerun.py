"""Simulate the re-run of the best trial of a random share, and count how often its interval holds.

Searches are those of `benchmarks/guided.py` with 25 random trials and 75 guided ones, fitted by
default, without guided evidence. Printed are how often the best trial is guided, how often 80 %
intervals hold its expected score and the optimum, and the mean width and bias of the first. Two
methods stand beside it: the measured score with the noise of one run, and the same truncated at the
optimum of each draw. A search takes a CPU second.

    python benchmarks/guided_rerun.py [--replications 20]
"""

import argparse
import logging

import numpy as np
import pandas as pd
from guided import DIMS, GUIDED, NOISE, SAMPLERS, SPREAD, excesses
from scipy.special import ndtr, ndtri

import leadline as ll

RANDOM = 25
ENDS = (0.1, 0.9)


def one(gamma: float, sampler: str, replication: int) -> dict:
    """Return what intervals of one search hold."""
    rng = np.random.default_rng([int(gamma), SAMPLERS.index(sampler), replication, 7])
    random = SPREAD * rng.random(RANDOM) ** (2.0 / gamma)
    expected = np.concatenate([random, excesses(sampler, gamma, rng)])
    score = expected + NOISE * rng.standard_normal(len(expected))
    drawn = ["random"] * RANDOM + ["guided"] * GUIDED
    both = ll.Trials(pd.DataFrame({"score": score, "drawn": drawn}), "minimize")
    fit = ll.fit(both, random_seed=1, progressbar=False)
    best = int(score.argmin())
    row = {"gamma": gamma, "sampler": sampler, "guided": best >= RANDOM}
    low, high = fit["posterior"]["optimum"].quantile(ENDS).to_numpy()
    row["optimum"] = low <= 0.0 <= high
    law = fit["noisy_quadratic"].dataset
    alpha, sigma = (law[name].to_numpy().ravel() for name in ("alpha", "sigma"))
    level = rng.permutation((np.arange(len(alpha)) + 0.5) / len(alpha))
    worse = ndtr((alpha - score[best]) / sigma)
    truncated = score[best] + sigma * ndtri(np.clip(worse + level * (1.0 - worse), 0, 1 - 1e-15))
    draws = {
        "re-run": fit["best_seen"]["expected_score"].to_numpy().ravel(),
        "measured": score[best] + sigma * ndtri(level),
        "truncated": np.maximum(truncated, alpha),
    }
    for name, own in draws.items() if row["guided"] else ():
        low, high = np.quantile(own, ENDS)
        row[name] = low <= expected[best] <= high
        row |= {f"{name}, width": high - low, f"{name}, bias": own.mean() - expected[best]}
    return row


def main() -> None:
    """Simulate, and print a row per effective dimension and sampler."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replications", type=int, default=20)
    count = parser.parse_args().replications
    logging.getLogger("leadline").setLevel(logging.ERROR)
    rows = [one(*own, number) for number in range(count) for own in _cells()]
    print(pd.DataFrame(rows).groupby(["gamma", "sampler"]).mean().round(3).to_string())


def _cells() -> list[tuple[float, str]]:
    return [(gamma, sampler) for gamma in DIMS for sampler in SAMPLERS]


if __name__ == "__main__":
    main()
