"""Scaling laws on simulated searches: calibration, and the power of the check of the law.

    python benchmarks/scaling_simulated.py calibration [--replications 200] [--work DIR]
    python benchmarks/scaling_simulated.py kink [--replications 20] [--work DIR]

`calibration` is simulation-based calibration (Talts et al. 2018, arXiv:1804.06788) as in
`benchmarks/calibration.py`, through the two stages of `leadline.fit`: eight searches of different
size and data, with fixed thresholds and tail scales, each fitted alone and then together. Ranks of
the parameters of the law should be uniform. `kink` fits ten searches of 60 trials along one law
that holds, and along two that bend in the middle, and counts how often the check `scaling law`
fails. Results are appended to files in WORK, and a second run continues.
"""

import argparse
import pathlib

import calibration
import numpy as np
import pandas as pd
import xarray as xr

import leadline as ll
from leadline.checks.scaling import MIN_P_VALUE, smoothness_p_value
from leadline.inference import two_stages
from leadline.inference.posterior import PosteriorSampler
from leadline.inference.sampler import Sampler
from leadline.models import scaling

SIZES = np.array([1.0, 1.0, 4.0, 4.0, 16.0, 16.0, 64.0, 64.0])
DATA = np.array([1.0, 30.0, 3.0, 100.0, 1.0, 30.0, 3.0, 100.0])
LAW = ("middle", "irreducible", "size_part", "size_exponent", "data_part", "data_exponent")
PARAMETERS = (*LAW, "misfit")
# Draws that are inferred from, of each search, and the last exponents of the laws of `kink`.
POOL = 1000
EXPONENTS = {"holds": 0.3, "ends": 0.03, "steepens": 1.0}


class Design(calibration.Design):
    """Eight searches whose optima follow a law drawn from the prior."""

    def build(self, tails: xr.Dataset):
        return scaling.build(with_sizes(tails), self.priors)


def with_sizes(tails: xr.Dataset) -> xr.Dataset:
    return tails.assign(size=("search", SIZES), data=("search", DATA))


def calibrate(path: pathlib.Path, replications: int) -> None:
    """Append each replication that `path` lacks."""
    calibration.DESIGNS["scaling"] = [(task, 0) for task in range(len(SIZES))]
    calibration.MODELS = {**calibration.MODELS, "scaling": scaling}
    design = Design("scaling")
    done = set(pd.read_csv(path)["replication"]) if path.exists() else set()
    sampler = Sampler(draws=500, tune=500, chains=2)
    alone = PosteriorSampler("single", design.priors, "continuous", sampler)
    together = PosteriorSampler("scaling", design.priors, "continuous", sampler)
    for replication in range(replications):
        if replication in done:
            continue
        truth, tails = design.draw(replication)
        tails = with_sizes(tails)
        seeds = np.random.SeedSequence([5, replication]).spawn(len(SIZES) + 2)
        groups = [
            {str(name): node.dataset for name, node in fit.children.items()}
            for fit in (
                alone.sample(part_of(tails, search), seeds[search]) for search in range(len(SIZES))
            )
        ]
        draws = two_stages.draws_alone(groups, tails, "scaling")
        some = xr.concat([own.isel(draw=slice(None, POOL)) for own in draws], dim="search")
        drawn, _ = two_stages._sample_shared(some, tails, together, (seeds[-2], seeds[-1]))
        posterior = drawn["posterior"].to_dataset()
        rows = [
            {
                "replication": replication,
                "parameter": name,
                "index": 0,
                "pit": float((posterior[name] < truth[name]).mean()),
                "divergences": int(drawn["sample_stats"]["diverging"].sum()),
            }
            for name in PARAMETERS
        ]
        pd.DataFrame(rows).to_csv(path, mode="a", header=not path.exists(), index=False)


def part_of(tails: xr.Dataset, search: int) -> xr.Dataset:
    """Return the tail of one search."""
    own = {
        "search": np.array([search]),
        "tail_trial": np.flatnonzero(tails["tail_search"].to_numpy() == search),
        "replicate_count": np.flatnonzero(tails["group_search"].to_numpy() == search),
    }
    part = tails.isel(own)
    return part.assign(tail_search=0 * part["tail_search"], group_search=0 * part["group_search"])


def bent(replication: int, kind: str) -> ll.Trials:
    """Return ten searches whose optima follow a law of size, up to its middle or to its end."""
    rng = np.random.default_rng([7, replication])
    tables = []
    for place, size in enumerate(np.geomspace(1e6, 1e9, 10)):
        x = np.log(size) - np.log(10**7.5)
        part = 0.4 * np.exp(-(EXPONENTS[kind] if x > 0 else EXPONENTS["holds"]) * x)
        optimum = 1.5 + part + 0.004 * rng.standard_normal()
        loss = optimum + 0.4 * rng.random(60) + 0.005 * rng.standard_normal(60)
        params = {"param:lr": rng.random(60), "param:decay": rng.random(60)}
        tables.append(pd.DataFrame({"task": f"n{place}", "score": loss, "size": size} | params))
    return ll.Trials(pd.concat(tables, ignore_index=True), "minimize", source=kind)


def kink(path: pathlib.Path, replications: int) -> None:
    """Append the p-value of each simulated law, and print how often the check fails."""
    done = set()
    if path.exists():
        done = set(pd.read_csv(path)[["kind", "replication"]].itertuples(index=False, name=None))
    for replication in range(replications):
        for kind in EXPONENTS:
            if (kind, replication) in done:
                continue
            tree = ll.fit(
                bent(replication, kind),
                tail_fraction=0.45,
                random_seed=replication,
                progressbar=False,
            )
            row = {"kind": kind, "replication": replication, "p_value": smoothness_p_value(tree)}
            row |= {name: float(tree["pooled"][name].mean()) for name in ("misfit",)}
            pd.DataFrame([row]).to_csv(path, mode="a", header=not path.exists(), index=False)
    table = pd.read_csv(path)
    table["fails"] = table["p_value"] < MIN_P_VALUE
    print(table.groupby("kind")[["p_value", "fails", "misfit"]].mean().round(3).to_string())


def main() -> None:
    """Run one of the parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=("calibration", "kink"))
    parser.add_argument("--replications", type=int)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("."))
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    if options.part == "kink":
        kink(options.work / "scaling-kink.csv", options.replications or 20)
        return
    path = options.work / "calibration-scaling.csv"
    calibrate(path, options.replications or 200)
    calibration.report("scaling", path, options.work / "calibration-scaling.png")


if __name__ == "__main__":
    main()
