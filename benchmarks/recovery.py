"""Coverage of intervals on data drawn from the model, and success of P(gamma = j).

For each cell (gamma, noise sd, number of trials, direction), searches are drawn from the noisy
quadratic with optimum 0 and spread 1, and fitted at tail fraction 0.5 through one compiled model.
The result is how often the 89 % equal-tailed intervals of optimum, effective dimension and noise sd
cover the truth. With `--integer` it is how often P(gamma = truth) is the largest. With
`--automatic` searches of 1,000 and 5,000 trials are fitted with `leadline.fit` and its thresholds,
and the intervals are those of 80 %.

Results are appended to a CSV file, and a second run continues where the first stopped.
"""

import argparse
import csv
import itertools
import logging
import pathlib

import numpy as np
import pandas as pd
import xarray as xr

import leadline as ll
from leadline.data.tails import cut_tail
from leadline.inference.sampler import Sampler
from leadline.models import independent

PROB = {"continuous": 0.89, "automatic": 0.8}
TAIL_FRACTION = 0.5
MAX_DIM = 6.0
CELLS = [
    (gamma, sigma, n, direction)
    for n, gamma, sigma, direction in itertools.product(
        (64, 512), (1.5, 2.0, 3.0), (0.0, 0.02, 0.1), ("minimize", "maximize")
    )
]
INTEGER_CELLS = [
    (gamma, sigma, 512, "minimize")
    for gamma, sigma in itertools.product((1.0, 2.0, 3.0), (0.0, 0.02, 0.1))
]
AUTOMATIC_CELLS = [
    (gamma, sigma, n, "minimize")
    for n, gamma, sigma in itertools.product((1000, 5000), (1.0, 2.0, 3.0), (0.02, 0.05, 0.1))
]


def draw(gamma: float, sigma: float, n: int, direction: str, replication: int) -> ll.Trials:
    """Return a search of n trials with optimum 0 and spread 1."""
    cell = [int(10 * gamma), int(1000 * sigma), n, direction == "maximize", replication]
    rng = np.random.default_rng(cell)
    loss = rng.random(n) ** (2 / gamma) + sigma * rng.standard_normal(n)
    return ll.from_scores(loss if direction == "minimize" else -loss, direction=direction)


class Fitter:
    """Fit searches of any size through one compiled model."""

    def __init__(self, effective_dim: str, priors: ll.Priors, draws: int, chains: int) -> None:
        sampler = Sampler(draws, draws, chains, options={"cores": 1})
        first = self._tail(draw(2.0, 0.02, 64, "minimize", 0))
        self.compiled = sampler.compile(independent.build(first, priors, effective_dim))

    def _tail(self, trials: ll.Trials) -> xr.Dataset:
        return cut_tail(trials, tail_fraction=TAIL_FRACTION, max_effective_dim=MAX_DIM)

    def __call__(self, trials: ll.Trials, seed: int) -> tuple[xr.Dataset, xr.Dataset]:
        """Return the draws of the search and the sampler statistics."""
        data = independent.data_of(self._tail(trials))
        drawn = self.compiled.with_data(data).sample(seed)
        return drawn["posterior"].to_dataset().isel(search=0), drawn["sample_stats"].to_dataset()


class AutomaticFitter:
    """Fit searches as users do, with automatic thresholds and default priors."""

    def __init__(self, draws: int, chains: int) -> None:
        # Options of NUTS, such as `cores`, would ask for NUTS.
        self.settings = {"draws": draws, "chains": chains}

    def __call__(self, trials: ll.Trials, seed: int) -> tuple[xr.Dataset, xr.Dataset]:
        """Return the draws of the search and the sampler statistics."""
        tree = ll.fit(trials, random_seed=seed, progressbar=False, **self.settings)
        return tree["posterior"].to_dataset().isel(search=0), tree["sample_stats"].to_dataset()


def continuous_row(posterior: xr.Dataset, truth: dict[str, float]) -> dict[str, float]:
    """Return the rank of the truth among the draws and the posterior sd, per parameter."""
    row = {}
    for name, value in truth.items():
        draws = posterior[name].values.ravel()
        row[f"rank_{name}"] = float((draws < value).mean())
        row[f"sd_{name}"] = float(draws.std())
    return row


def run(path: pathlib.Path, cells, replications: int, kind: str, options) -> None:
    """Fit each replication of each cell that `path` lacks."""
    done = set()
    if path.exists():
        table = pd.read_csv(path)
        done = set(zip(*(table[c] for c in ("gamma", "sigma", "n", "direction", "i")), strict=True))
    fitter: Fitter | AutomaticFitter
    if kind == "automatic":
        fitter = AutomaticFitter(options.draws, options.chains)
    else:
        fitter = Fitter(kind, options.priors, options.draws, options.chains)
    for i in range(replications):
        for gamma, sigma, n, direction in cells:
            if (gamma, sigma, n, direction, i) in done:
                continue
            posterior, statistics = fitter(draw(gamma, sigma, n, direction, i), seed=i)
            row = {"gamma": gamma, "sigma": sigma, "n": n, "direction": direction, "i": i}
            row["divergences"] = int(statistics["diverging"].sum())
            if kind == "integer":
                probability = posterior["effective_dim_probability"].mean(("chain", "draw"))
                row["best"] = int(probability.idxmax())
                row["p_truth"] = float(probability.sel(dimension=int(gamma)))
            else:
                truth = {"optimum": 0.0, "effective_dim": gamma, "noise_sd": sigma}
                row |= continuous_row(posterior, truth)
            with path.open("a", newline="") as file:
                writer = csv.DictWriter(file, row)
                if file.tell() == 0:
                    writer.writeheader()
                writer.writerow(row)


def report(path: pathlib.Path, kind: str) -> pd.DataFrame:
    """Return by cell the coverage, or the share of replications that find the truth."""
    table = pd.read_csv(path)
    if kind == "integer":
        found = table["best"] == table["gamma"]
        return (
            table.assign(found=found).groupby(["n", "gamma", "sigma"])[["found", "p_truth"]].mean()
        )
    low, high = (1 - PROB[kind]) / 2, (1 + PROB[kind]) / 2
    names = ["optimum", "effective_dim", "noise_sd"]
    for name in names:
        table[name] = table[f"rank_{name}"].between(low, high).astype(float)
    table.loc[table["sigma"] == 0, "noise_sd"] = np.nan
    cells = table.groupby(["n", "gamma", "sigma", "direction"])
    result = cells[[*names, "sd_optimum", "sd_effective_dim", "divergences"]].mean()
    result["replications"] = cells.size()
    return result


def main() -> None:
    """Run the missing replications, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("benchmarks-work"))
    parser.add_argument("--replications", type=int, default=100)
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--integer", action="store_true")
    kinds.add_argument("--automatic", action="store_true")
    parser.add_argument(
        "--only",
        nargs=3,
        type=float,
        metavar=("N", "GAMMA", "NOISE"),
        help="one cell of the grid, in all its directions",
    )
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--chains", type=int, default=2)
    options = parser.parse_args()
    options.priors = ll.Priors(max_effective_dim=MAX_DIM)
    # Failed checks are no part of this measurement.
    logging.getLogger("leadline").setLevel(logging.ERROR)
    options.work.mkdir(exist_ok=True)
    kind = "integer" if options.integer else "automatic" if options.automatic else "continuous"
    path = options.work / f"recovery-{kind}.csv"
    cells = {"integer": INTEGER_CELLS, "automatic": AUTOMATIC_CELLS}.get(kind, CELLS)
    if options.only:
        size, *law = options.only
        cells = [cell for cell in cells if cell[:3] == (*law, size)]
        if not cells:
            parser.error("--only: no such cell of the grid")
    run(path, cells, options.replications, kind, options)
    result = report(path, kind)
    print(result.round(3).to_string())
    print(result.mean(numeric_only=True).round(3).to_string())


if __name__ == "__main__":
    main()
