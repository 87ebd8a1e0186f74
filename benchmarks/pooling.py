"""Gain of a hierarchy over separate fits, on the 17 tasks of `steplaw_dense.csv`.

    python benchmarks/pooling.py posterior --data DIR
    python benchmarks/pooling.py held-out --data DIR

DIR holds `steplaw_dense.csv`, with columns `task`, `lr`, `bs` and `loss`.

`posterior` fits 24 random rows per task at tail fraction 0.6 with three seeds, then all rows at
tail fraction 0.3. It prints the quality of the sampling, the posterior sd of the optima beside that
of 17 separate fits, and their distance to the minimum of the full grid. `held-out` fits 12 rows per
task and predicts the scores of the others in the tail. A hierarchy whose priors contain what all
rows show about the population predicts them too: an upper limit of the gain of pooling.
"""

import argparse
import pathlib
import time

import arviz_stats
import numpy as np
import pandas as pd
import pytensor
import pytensor.tensor as pt
import xarray as xr

import leadline as ll
from leadline.data.tails import cut_tail, join_tails
from leadline.distributions.kernels import noisy_quadratic
from leadline.inference.sampler import CompiledModel, Sampler
from leadline.models import hierarchical, independent

POOLED = (
    "pooled_effective_dim",
    "effective_dim_scatter",
    "pooled_noise_ratio",
    "noise_ratio_scatter",
    "pooled_gap",
    "gap_scatter",
)


def read(folder: pathlib.Path) -> dict[str, pd.DataFrame]:
    """Return the rows of each task."""
    table = pd.read_csv(folder / "steplaw_dense.csv")
    return dict(list(table.groupby("task", sort=False)))


def tail_of(rows: pd.DataFrame, fraction: float) -> xr.Dataset:
    """Return the tail of a task; two hyperparameters were searched."""
    trials = ll.from_scores(rows["loss"], direction="minimize")
    return cut_tail(trials, tail_fraction=fraction, min_tail=2, max_effective_dim=2.0)


def draw(tasks: dict[str, pd.DataFrame], size: int, seed: int) -> list[np.ndarray]:
    """Return the indices of random rows per task."""
    rng = np.random.default_rng(seed)
    return [rng.choice(len(rows), size, replace=False) for rows in tasks.values()]


def separately(compiled: CompiledModel, tail: xr.Dataset, seed: int) -> xr.Dataset:
    data = independent.data_of(tail)
    return compiled.with_data(data).sample_carefully(seed, seed + 1000)["posterior"].to_dataset()


def measure_posterior(tasks: dict[str, pd.DataFrame]) -> None:
    """Print the results of `posterior`."""
    truth = np.array([rows["loss"].min() for rows in tasks.values()])
    rows = draw(tasks, 24, 0)
    few = [
        tail_of(table.iloc[index], 0.6) for table, index in zip(tasks.values(), rows, strict=True)
    ]
    many = [tail_of(table, 0.3) for table in tasks.values()]
    sampler = Sampler()
    compiled = sampler.compile(hierarchical.build(join_tails(few), ll.Priors()))
    means = {}
    for name, tails, seeds in (("24 rows", few, (1, 2, 3)), ("all rows", many, (1,))):
        for seed in seeds:
            data = hierarchical.data_of(join_tails(tails))
            start = time.perf_counter()
            drawn = compiled.with_data(data).sample_carefully(seed, seed + 1000)
            seconds = time.perf_counter() - start
            posterior = drawn["posterior"].to_dataset()
            ess = min(float(v.min()) for v in arviz_stats.ess(posterior).values())
            rhat = max(float(v.max()) for v in arviz_stats.rhat(posterior).values())
            optimum = posterior["optimum"]
            mean, sd = (
                getattr(optimum, what)(("chain", "draw")).to_numpy() for what in ("mean", "std")
            )
            means[name] = sd
            print(
                f"{name}, seed {seed}: "
                f"{int(drawn['sample_stats']['diverging'].sum())} divergences, "
                f"min ESS {ess:.0f}, R-hat {rhat:.4f}, {seconds:.1f} s; sd of optimum: mean "
                f"{sd.mean():.5f}, smallest {sd.min():.2e}; distance to the grid's minimum at most "
                f"{np.abs(mean - truth).max():.4f}, root mean square in sds "
                f"{np.sqrt((((mean - truth) / sd) ** 2).mean()):.2f}"
            )
            print(
                "   ",
                ", ".join(
                    f"{one} {float(posterior[one].mean()):.2f} ± {float(posterior[one].std()):.2f}"
                    for one in POOLED
                ),
                flush=True,
            )
    alone = sampler.compile(independent.build(few[0], ll.Priors()))
    fits = [separately(alone, tail, index)["optimum"] for index, tail in enumerate(few)]
    mean, sd = (np.array([float(getattr(fit, what)()) for fit in fits]) for what in ("mean", "std"))
    ratio = means["24 rows"].mean() / sd.mean()
    print(
        f"separate fits: mean sd {sd.mean():.5f}; the hierarchy's is {ratio:.2f} of it; "
        f"distance at most {np.abs(mean - truth).max():.4f}, root mean square in sds "
        f"{np.sqrt((((mean - truth) / sd) ** 2).mean()):.2f}"
    )


def predictive() -> object:
    """Return a function for the mean log-density of scores, given that they are in the tail."""
    loss, edge = pt.vector("loss"), pt.scalar("edge")
    law = [pt.tensor(name, shape=(None, 1)) for name in ("alpha", "beta", "gamma", "sigma")]
    conditional = noisy_quadratic.logpdf(loss[None, :], *law) - noisy_quadratic.logcdf(edge, *law)
    mean = pt.logsumexp(conditional, axis=0) - pt.log(law[0].shape[0])
    return pytensor.function([loss, edge, *law], mean)


def priors_of_population(tasks: dict[str, pd.DataFrame], sampler: Sampler) -> ll.Priors:
    """Return priors that are narrow around the pooled parameters of all rows."""
    tails = join_tails([tail_of(table, 0.6) for table in tasks.values()])
    compiled = sampler.compile(hierarchical.build(tails, ll.Priors()))
    posterior = compiled.sample_carefully(1, 1001)["posterior"].to_dataset()
    means = {name: float(np.log(posterior[name]).mean()) for name in POOLED}
    # The prior of the effective dimension is on its excess over 1.
    means["pooled_effective_dim"] = float(np.log(posterior["pooled_effective_dim"] - 1).mean())
    return ll.Priors(**{k: ll.Prior("LogNormal", mu=mean, sigma=0.03) for k, mean in means.items()})


def measure_held_out(tasks: dict[str, pd.DataFrame], draws: int) -> None:
    """Print the results of `held-out`."""
    sampler = Sampler(draws=500, tune=1000)
    density = predictive()
    knowing = priors_of_population(tasks, sampler)
    joint: dict[str, CompiledModel] = {}
    alone = None
    gain = {name: np.zeros((draws, len(tasks))) for name in ("hierarchy", "knowing hierarchy")}
    for seed in range(draws):
        rows = draw(tasks, 12, seed)
        tails = [
            tail_of(table.iloc[index], 0.6)
            for table, index in zip(tasks.values(), rows, strict=True)
        ]
        if alone is None:
            for name, priors in zip(gain, (ll.Priors(), knowing), strict=True):
                joint[name] = sampler.compile(hierarchical.build(join_tails(tails), priors))
            alone = sampler.compile(independent.build(tails[0], ll.Priors()))
        data = hierarchical.data_of(join_tails(tails))
        together = {
            name: compiled.with_data(data).sample_carefully(seed, seed + 1000)["posterior"]
            for name, compiled in joint.items()
        }
        for number, (tail, table, index) in enumerate(
            zip(tails, tasks.values(), rows, strict=True)
        ):
            others = np.delete(table["loss"].to_numpy(), index)
            edge = float(tail["threshold"][0])
            others = others[others <= edge]
            fits = {
                name: posterior.to_dataset().isel(search=number)
                for name, posterior in together.items()
            }
            fits["alone"] = separately(alone, tail, 100 * seed + number)
            score = {}
            for name, posterior in fits.items():
                law = {
                    one: posterior[one].to_numpy().reshape(-1, 1)
                    for one in ("optimum", "spread", "effective_dim", "noise_sd")
                }
                alpha = law["optimum"]
                beta = alpha + law["spread"]
                score[name] = density(
                    others, edge, alpha, beta, law["effective_dim"], law["noise_sd"]
                ).mean()
            for name, gained in gain.items():
                gained[seed, number] = score[name] - score["alone"]
        print(f"draw {seed}:", {k: v[seed].round(3).tolist() for k, v in gain.items()}, flush=True)
    for name, gained in gain.items():
        mean = gained.mean(axis=0)
        print(
            f"the {name} predicts better in {int((mean > 0).sum())} of {len(tasks)} tasks; "
            f"mean gain {mean.mean():.3f} nats per score, smallest {mean.min():.3f}"
        )


def main() -> None:
    """Run the chosen measurement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("measurement", choices=["posterior", "held-out"])
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--draws", type=int, default=5)
    options = parser.parse_args()
    tasks = read(options.data)
    if options.measurement == "posterior":
        measure_posterior(tasks)
    else:
        measure_held_out(tasks, options.draws)


if __name__ == "__main__":
    main()
