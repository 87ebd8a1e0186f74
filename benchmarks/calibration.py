"""Simulation-based calibration of the models: ranks of the truth in the posterior are uniform.

Talts et al. (2018, arXiv:1804.06788), Säilynoja, Bürkner and Vehtari (2022,
doi:10.1007/s11222-022-10090-6). Parameters are drawn from the prior, trials from the quadratic law
with those parameters, and the model is fitted to the trials in the tail. Thresholds and tail scales
are fixed, so that the prior does not depend on the data. Searches are drawn again if one of them
has fewer than two trials in the tail, none outside, or no repeated trial in the tail although some
were repeated. Ranks stay uniform because that depends on the data alone. Searches are fitted as
`leadline.fit` fits them: alone by importance sampling, or together in two stages. Results are
appended to a CSV file, and a second run continues where the first stopped.

    python benchmarks/calibration.py DESIGN [--replications 200] [--work DIR]

DESIGN is single, guided (a single search with guided trials), hierarchical or crossed.
"""

import argparse
import pathlib
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr
from scipy.stats import binom

import leadline as ll
from leadline.data.tails import cut_tail, join_tails
from leadline.distributions.array_functions import log_survival, quantile
from leadline.errors import LeadlineError
from leadline.inference.fit_searches import fit_searches
from leadline.inference.posterior import MODELS, PosteriorSampler
from leadline.inference.sampler import Sampler
from leadline.models.crossed import NOT_BEYOND
from leadline.models.guided import guided_start

N_TRIALS = 40
MAX_DIM = 4.0
# Seeds per repeated trial, and the share of repeated trials in every other search.
SEEDS, REPEATED = 3, 0.25
DRAWS = 4000
# (task, model) of each search.
DESIGNS = {
    "single": [(0, 0)],
    "guided": [(0, 0)],
    "hierarchical": [(task, 0) for task in range(6)],
    "crossed": [(task, model) for task in range(4) for model in range(3)],
}
# The default priors of the crossed model allow unrealistic tasks, with optima thirty tail scales
# beyond the threshold, whose fits take minutes each; these priors are as wide as real tasks.
NARROWER = {
    "pooled_gap": ll.Prior("LogNormal", mu=0.693, sigma=0.3),
    "gap_scatter": ll.Prior("LogNormal", mu=-1, sigma=0.3),
}
# Guided trials beyond the threshold, in turn.
GUIDED = (4, 25)
LAW = ("optimum", "spread", "effective_dim", "noise_sd")
SEARCH_PARAMETERS = ("optimum", "effective_dim", "noise_sd", "reach")
STANDARDISED = "_offset"


class Drawn(NamedTuple):
    """Trials drawn from the prior, and the tail of each search."""

    trials: ll.Trials
    tails: list[xr.Dataset]


def threshold_and_scale(design: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the threshold and the tail scale of each search: fixed, but not all equal."""
    rng = np.random.default_rng(1)
    size = len(DESIGNS[design])
    return rng.normal(0.0, 0.5, size), np.exp(rng.normal(0.0, 0.3, size))


def draw_search(
    law: tuple[float, ...],
    labels: tuple[int, int],
    threshold: float,
    scale: float,
    repeat: bool,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, xr.Dataset] | None:
    """Return a search drawn from the law and its tail, or None where it cannot be fitted."""
    alpha, spread, gamma, sigma = law
    replicates = np.ones(N_TRIALS, dtype=int)
    if repeat:
        replicates[: round(REPEATED * N_TRIALS)] = SEEDS
    expected = alpha + spread * rng.random(N_TRIALS) ** (2.0 / gamma)
    scores = expected[:, None] + sigma * rng.standard_normal((N_TRIALS, SEEDS))
    trial, seed = np.nonzero(np.arange(SEEDS) < replicates[:, None])
    table = pd.DataFrame(
        {
            "task": f"t{labels[0]}",
            "model": f"m{labels[1]}",
            "trial": trial,
            "replicate": seed,
            "score": scores[trial, seed],
        }
    )
    try:
        tail = cut_tail(
            ll.Trials(table, "minimize"),
            threshold=threshold,
            resolution=0,
            min_tail=2,
            max_effective_dim=MAX_DIM,
        )
    except LeadlineError:
        return None
    if repeat and not (tail["replicates"] > 1).any():
        return None
    tail = tail.assign(tail_scale=("search", [scale]), noise_scale=("search", [scale]))
    return table, tail


def draw_guided(
    law: tuple[float, ...], threshold: float, count: int, rng: np.random.Generator
) -> np.ndarray:
    """Return losses of guided trials given that they are beyond the threshold, by inversion."""
    params = tuple(np.array([[part]]) for part in law)
    points = np.array([[threshold]])
    log_above = log_survival(points, params)
    log_below = np.log(-np.expm1(log_above)) + np.log(rng.random((1, count)))
    return quantile(log_below, np.log(-np.expm1(log_below)), params)[0]


class Design:
    """One design: its model, and searches drawn from its prior."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.pairs = DESIGNS[name]
        self.module = MODELS["single" if name == "guided" else name]
        self.thresholds, self.scales = threshold_and_scale(name)
        self.priors = ll.Priors(
            max_effective_dim=MAX_DIM, **(NARROWER if name == "crossed" else {})
        )
        # The prior depends on thresholds and tail scales alone; any trials will do.
        example = self.draw_searches(
            self.thresholds - 2.0 * self.scales,
            4.0 * self.scales,
            np.full(len(self.pairs), 2.0),
            0.2 * self.scales,
            rng=np.random.default_rng(2),
        )
        assert example is not None
        tails = join_tails(example.tails)
        if name == "guided":
            tails = self.with_guided(tails, np.zeros(2))
        model = self.build(tails)
        prior = pm.sample_prior_predictive(
            100_000 if len(self.pairs) == 1 else 20_000,
            model=model,
            var_names=[variable.name for variable in [*model.free_RVs, *model.deterministics]],
            random_seed=3,
        )["prior"].to_dataset()
        # A crossed prior is conditioned on optima beyond their edges.
        self.prior = prior.isel(draw=(prior["gap"] > 2 * NOT_BEYOND).all(("chain", "search")))

    def build(self, tails: xr.Dataset) -> pm.Model:
        return self.module.build(tails, self.priors)

    def draw_searches(self, *law: np.ndarray, rng: np.random.Generator) -> Drawn | None:
        """Return all searches, or None where one of them cannot be fitted."""
        tables, tails = [], []
        for index, (labels, *own) in enumerate(
            zip(self.pairs, self.thresholds, self.scales, strict=True)
        ):
            parameters = tuple(part[index] for part in law)
            search = draw_search(parameters, labels, *own, repeat=index % 2 == 0, rng=rng)
            if search is None:
                return None
            tables.append(search[0])
            tails.append(search[1])
        return Drawn(ll.Trials(pd.concat(tables, ignore_index=True), "minimize"), tails)

    def with_guided(self, tails: xr.Dataset, loss: np.ndarray) -> xr.Dataset:
        """Return tails with the losses of guided trials."""
        nothing = np.zeros(len(loss))
        return tails.assign(
            guided_loss=("guided_trial", loss),
            guided_replicates=("guided_trial", nothing + 1.0),
            guided_width=("guided_trial", nothing),
            guided_search=("guided_trial", nothing.astype(int)),
        )

    def draw(self, replication: int) -> tuple[xr.Dataset, Drawn]:
        """Return parameters drawn from the prior, and searches drawn with them."""
        rng = np.random.default_rng([4, replication])
        while True:
            truth = self.prior.isel(chain=0, draw=int(rng.integers(self.prior.sizes["draw"])))
            law = (
                truth[name].to_numpy()
                for name in ("optimum", "spread", "effective_dim", "noise_sd")
            )
            drawn = self.draw_searches(*law, rng=rng)
            if drawn is None:
                continue
            if self.name == "guided":
                alpha, sigma, gamma, root = (
                    truth[name].item()
                    for name in ("optimum", "noise_sd", "guided_dim", "guided_root")
                )
                edge = self.thresholds[0] + 2.0 * sigma
                law = (guided_start(alpha, edge, gamma, root), edge, gamma, sigma)
                count = GUIDED[replication % len(GUIDED)]
                own = (law, self.thresholds[0], count, rng)
                drawn.tails[0] = self.with_guided(drawn.tails[0], draw_guided(*own))
            return truth, drawn

    def parameters(self, posterior: xr.Dataset) -> list[str]:
        # Two stages have further parameters.
        names = [str(name) for name in posterior.data_vars if name in self.prior]
        if len(self.pairs) == 1:
            return names
        shared = [
            name
            for name in names
            if "search" not in posterior[name].dims
            and not name.endswith(STANDARDISED)
            and name != "task_scale"  # measured
        ]
        return [*shared, *SEARCH_PARAMETERS]


class Fitter:
    """Fits the searches of a design as `leadline.fit` does."""

    def __init__(self, design: Design) -> None:
        self.alone = len(design.pairs) == 1
        kind = "single" if self.alone else design.name
        self.sampler = PosteriorSampler(kind, design.priors, "continuous", Sampler())

    def fit(self, drawn: Drawn, replication: int) -> tuple[xr.Dataset, dict[str, float]]:
        """Return draws of the parameters, and how the sampler did."""
        seed = np.random.SeedSequence([5, replication])
        if self.alone:
            fit = self.sampler.sample(drawn.tails[0], seed)
            statistics = fit["sample_stats"].dataset
            # Without steps: drawn by importance sampling.
            steps = float(statistics["n_steps"].mean()) if "n_steps" in statistics else 0.0
            found = {"divergences": int(fit.attrs["divergences"]), "steps": steps}
            return fit["posterior"].to_dataset(), found
        candidates = [[tail] for tail in drawn.tails]
        groups = fit_searches(drawn.trials, candidates, self.sampler, seed, {})
        names = ("divergences", "max_rhat", "min_ess_bulk")
        found = {name: float(groups["pooled"].attrs[name]) for name in names}
        own = groups["posterior"][list(SEARCH_PARAMETERS)]
        return xr.merge([groups["pooled"], own], compat="override"), found


def run(design: Design, path: pathlib.Path, replications: int) -> None:
    """Append each replication that `path` lacks."""
    done = set(pd.read_csv(path)["replication"]) if path.exists() else set()
    fitter = Fitter(design)
    for replication in range(replications):
        if replication in done:
            continue
        truth, drawn = design.draw(replication)
        posterior, found = fitter.fit(drawn, replication)
        rows = []
        for name in design.parameters(posterior):
            below = (posterior[name] < truth[name].to_numpy()).mean(("chain", "draw"))
            rows += [
                {"replication": replication, "parameter": name, "index": index, "pit": value}
                for index, value in enumerate(np.atleast_1d(below.to_numpy()))
            ]
        table = pd.DataFrame(rows).assign(**found)
        table.to_csv(path, mode="a", header=not path.exists(), index=False)


def report(design: str, path: pathlib.Path, picture: pathlib.Path, draws: int = DRAWS) -> None:
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
            pit = (curve["pit"].to_numpy() * draws + 0.5) / (draws + 1)
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
    options.work.mkdir(parents=True, exist_ok=True)
    path = options.work / f"calibration-{options.design}.csv"
    run(Design(options.design), path, options.replications)
    report(options.design, path, options.work / f"calibration-{options.design}.png")


if __name__ == "__main__":
    main()
