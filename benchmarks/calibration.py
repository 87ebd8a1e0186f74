"""Simulation-based calibration of the models: ranks of the truth in the posterior are uniform.

Talts et al. (2018, arXiv:1804.06788), Säilynoja, Bürkner and Vehtari (2022,
doi:10.1007/s11222-022-10090-6). Parameters are drawn from the prior, trials from the quadratic law
with those parameters, and the model is fitted to the trials in the tail. Thresholds and tail scales
are fixed, so that the prior does not depend on the data. A search with fewer than two trials in the
tail is drawn again; ranks stay uniform because that depends on the data alone. The compiled model
is refitted. Results are appended to a CSV file, and a second run continues where the first stopped.

    python benchmarks/calibration.py single|hierarchical|crossed [--replications 200] [--work DIR]
"""

import argparse
import pathlib

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr
from scipy.stats import binom

from leadline.data.regime import Regime
from leadline.data.scale import SCALES
from leadline.inference.sampling import Sampler
from leadline.models import crossed, hierarchical, several, single
from leadline.models.priors import Prior, Priors

N_TRIALS = 40
MAX_DIM = 4.0
# Seeds per repeated trial, and the share of repeated trials in every other search.
SEEDS, REPEATED = 3, 0.25
CHAINS, DRAWS = 2, 800
# (task, model) of each search.
DESIGNS = {
    "single": [(0, 0)],
    "hierarchical": [(task, 0) for task in range(6)],
    "crossed": [(task, model) for task in range(4) for model in range(3)],
}
# The default priors of the crossed model allow unrealistic tasks, with optima thirty tail scales
# beyond the threshold, whose fits take minutes each; these priors are as wide as real tasks.
NARROWER = {
    "pooled_gap": Prior("LogNormal", mu=0.693, sigma=0.3),
    "gap_scatter": Prior("LogNormal", mu=-1, sigma=0.3),
}
SEARCH_PARAMETERS = ("optimum", "effective_dim", "noise_sd", "reach")
LATENT = "_departure"


def threshold_and_scale(design: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the threshold and the tail scale of each search: fixed, but not all equal."""
    rng = np.random.default_rng(1)
    size = len(DESIGNS[design])
    return rng.normal(0.0, 0.5, size), np.exp(rng.normal(0.0, 0.3, size))


def regime_of(
    law: tuple[float, ...], threshold: float, scale: float, repeat: bool, rng: np.random.Generator
) -> Regime | None:
    """Return a search drawn from the law, or None with fewer than two trials in the tail."""
    alpha, spread, gamma, sigma = law
    replicates = np.ones(N_TRIALS, dtype=int)
    if repeat:
        replicates[: round(REPEATED * N_TRIALS)] = SEEDS
    expected = alpha + spread * rng.random(N_TRIALS) ** (2.0 / gamma)
    seeds = expected[:, None] + sigma * rng.standard_normal((N_TRIALS, SEEDS))
    seeds = np.ma.array(seeds, mask=np.arange(SEEDS) >= replicates[:, None])
    mean = seeds.mean(axis=1).filled(np.nan)
    squares = ((seeds - mean[:, None]) ** 2).sum(axis=1).filled(0.0)
    rows = np.flatnonzero(mean <= threshold)
    if len(rows) < 2:
        return None
    groups, counts = np.unique(replicates, return_counts=True)
    return Regime(
        loss=mean[rows],
        cell=np.zeros(len(rows)),
        replicates=replicates[rows],
        sum_of_squares=squares[rows],
        group_replicates=groups,
        group_trials=counts,
        group_in_regime=np.array([(replicates[rows] == group).sum() for group in groups]),
        threshold=threshold,
        tail_scale=scale,
        resolution=0.0,
        rows=rows,
        log_slope=np.zeros(len(rows)),
        scale=SCALES["identity"],
    )


class Design:
    """One design: its model, and searches drawn from its prior."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.pairs = DESIGNS[name]
        self.thresholds, self.scales = threshold_and_scale(name)
        rng = np.random.default_rng(2)
        typical = (-2.0, 4.0, 2.0, 0.2)
        example = [
            regime_of(
                (t + s * typical[0], s * typical[1], typical[2], s * typical[3]),
                t,
                s,
                self.repeats(index),
                rng,
            )
            for index, (t, s) in enumerate(zip(self.thresholds, self.scales, strict=True))
        ]
        narrower = NARROWER if name == "crossed" else {}
        self.priors = Priors(max_effective_dim=MAX_DIM, **narrower)
        self.model = self.build(example)
        self.prior = pm.sample_prior_predictive(
            100_000 if name == "single" else 20_000,
            model=self.model,
            var_names=[
                variable.name for variable in [*self.model.free_RVs, *self.model.deterministics]
            ],
            random_seed=3,
        )["prior"].to_dataset()

    def repeats(self, index: int) -> bool:
        return index % 2 == 0

    def inputs(self, regimes: list[Regime]) -> list[several.Search]:
        return [
            several.Search(regime, MAX_DIM, task=task, model=model)
            for regime, (task, model) in zip(regimes, self.pairs, strict=True)
        ]

    def build(self, regimes: list[Regime]) -> pm.Model:
        if self.name == "single":
            return single.build(regimes[0], MAX_DIM, 1.0, self.priors)
        module = hierarchical if self.name == "hierarchical" else crossed
        return module.build(self.inputs(regimes), 1.0, self.priors)

    def data(self, regimes: list[Regime]) -> dict:
        if self.name == "single":
            return single.data_of(regimes[0], MAX_DIM, 1.0)
        module = hierarchical if self.name == "hierarchical" else crossed
        return module.data_of(self.inputs(regimes), 1.0)

    def draw(self, replication: int) -> tuple[xr.Dataset, list[Regime]]:
        """Return parameters drawn from the prior, and searches drawn with them."""
        rng = np.random.default_rng([4, replication])
        while True:
            truth = self.prior.isel(chain=0, draw=int(rng.integers(self.prior.sizes["draw"])))
            law = [
                np.atleast_1d(truth[name].to_numpy())
                for name in ("optimum", "spread", "effective_dim", "noise_sd")
            ]
            regimes = []
            for index, (t, s) in enumerate(zip(self.thresholds, self.scales, strict=True)):
                one = regime_of(tuple(part[index] for part in law), t, s, self.repeats(index), rng)
                if one is None or (not one.repeated.size and self.repeats(index)):
                    break
                regimes.append(one)
            else:
                return truth, regimes

    def parameters(self, posterior: xr.Dataset) -> list[str]:
        shared = [
            str(name)
            for name in posterior.data_vars
            if "search" not in posterior[name].dims and not str(name).endswith(LATENT)
        ]
        own = [] if self.name == "single" else list(SEARCH_PARAMETERS)
        return shared + own


def run(design: Design, path: pathlib.Path, replications: int) -> None:
    """Append each replication that `path` lacks."""
    done = set(pd.read_csv(path)["replication"]) if path.exists() else set()
    sampler = Sampler(draws=DRAWS // CHAINS, tune=600, chains=CHAINS, progressbar=False)
    compiled = None
    for replication in range(replications):
        if replication in done:
            continue
        truth, regimes = design.draw(replication)
        if compiled is None:
            compiled = sampler.compile(design.build(regimes))
        drawn = compiled.with_data(design.data(regimes)).sample(replication)
        posterior = drawn["posterior"].to_dataset()
        rows = []
        for name in design.parameters(posterior):
            below = (posterior[name] < truth[name]).mean(("chain", "draw"))
            rows += [
                {"replication": replication, "parameter": name, "index": index, "pit": value}
                for index, value in enumerate(np.atleast_1d(below.to_numpy()))
            ]
        table = pd.DataFrame(rows)
        statistics = drawn["sample_stats"]
        table["divergences"] = int(statistics["diverging"].sum())
        table["steps"] = float(statistics["n_steps"].mean())
        table.to_csv(path, mode="a", header=not path.exists(), index=False)


def report(design: str, path: pathlib.Path, picture: pathlib.Path) -> None:
    """Print the ECDFs that leave the 95 % simultaneous band, and draw all of them."""
    table = pd.read_csv(path)
    n = table["replication"].nunique()
    once = table.drop_duplicates("replication")["divergences"]
    print(f"{design}: {n} replications, {int((once > 0).sum())} with divergences")
    names = list(dict.fromkeys(table["parameter"]))
    columns = min(4, len(names))
    figure, axes = plt.subplots(
        -(-len(names) // columns),
        columns,
        figsize=(3 * columns, 2.6 * -(-len(names) // columns)),
        squeeze=False,
        layout="constrained",
        sharex=True,
        sharey=True,
    )
    grid = np.linspace(0, 1, 200)
    low, high = _band(n, grid)
    own = {"inside": 0, "outside": 0}
    for axis, name in zip(axes.flat, names, strict=False):
        part = table[table["parameter"] == name]
        outside = 0
        for _, curve in part.groupby("index"):
            # The middle of the rank's bin: a truth below all draws is not exactly at 0.
            pit = (curve["pit"].to_numpy() * DRAWS + 0.5) / (DRAWS + 1)
            ecdf = (pit[:, None] <= grid).mean(axis=0) - grid
            axis.plot(grid, ecdf, color="C0", lw=1, alpha=0.8)
            outside += bool(((ecdf < low - 1e-9) | (ecdf > high + 1e-9)).any())
        axis.fill_between(grid, low, high, color="0.85", zorder=0)
        curves = part["index"].nunique()
        axis.set_title(f"{name}: {outside} of {curves} outside", fontsize=8)
        print(f"  {name}: {outside} of {curves} outside")
        own["outside"] += outside
        own["inside"] += curves - outside
    for axis in axes.flat[len(names) :]:
        axis.set_visible(False)
    figure.savefig(picture, dpi=110)
    print(f"  {own}; {picture}")


def _band(n: int, grid: np.ndarray, prob: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Return the simultaneous band of ECDF minus uniform, by simulation."""
    rng = np.random.default_rng(0)
    uniform = np.sort(rng.random((2000, n)), axis=1)
    counts = np.stack([np.searchsorted(row, grid, side="right") for row in uniform])
    # A curve is judged by its smallest pointwise tail probability over the grid.
    tail = np.minimum(binom.cdf(counts, n, grid), binom.sf(counts - 1, n, grid))[:, 1:-1]
    level = np.quantile(tail.min(axis=1), 1 - prob)
    low = binom.ppf(level, n, grid) / n - grid
    high = binom.isf(level, n, grid) / n - grid
    return low, high


def main() -> None:
    """Run the missing replications, then report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("design", choices=list(DESIGNS))
    parser.add_argument("--replications", type=int, default=200)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("."))
    options = parser.parse_args()
    path = options.work / f"calibration-{options.design}.csv"
    run(Design(options.design), path, options.replications)
    report(options.design, path, options.work / f"calibration-{options.design}.png")


if __name__ == "__main__":
    main()
