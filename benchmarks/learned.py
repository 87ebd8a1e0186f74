"""Coverage of 80 % intervals of the optimum for studies of samplers that learn.

Studies of 50, 100 and 200 trials by Optuna's TPE and CMA-ES are fitted with `model="surface"`, and
with a plug-in Gaussian process (Matérn 5/2, one length scale per hyperparameter, at the maximum of
the likelihood; the smallest of functions sampled from it). An interval of the optimum covers if it
meets the range between the lowest mean over seeds and its value on other seeds.

Studies by TPE with a random share of a quarter are fitted with the law, by default and with guided
trials as evidence, and beside them studies of as many random trials: the interval of the first
should be no wider.

Results are appended to CSV files in the folder of `--work`, and a second run continues where the
first stopped.

    python benchmarks/learned.py [--data DIR] [--work DIR] [--seeds 10] [--sizes 50 100 200]

DIR holds `table_mlp_*.parquet` and `table_fcnet_*.parquet`: a column per hyperparameter and per
seed. Without it, only functions with noise are searched.
"""

import argparse
import functools
import logging
import pathlib
import time
import warnings

import learned_studies
import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

import leadline as ll
from leadline.data.surface_trials import surface_trials
from leadline.errors import LeadlineError

PROB = 0.8
ENDS = ((1 - PROB) / 2, (1 + PROB) / 2)
SETTINGS = {"draws": 200, "tune": 250, "chains": 2, "random_seed": 0, "progressbar": False}
KEY = ["family", "sampler", "seed", "size"]
_PLUG_IN_POINTS, _PLUG_IN_DRAWS = 500, 200


def by_surface(trials: ll.Trials) -> dict:
    """Return the intervals of the optimum and of the best trial re-run."""
    start = time.process_time()
    fit = ll.fit(trials, model="surface", **SETTINGS)
    posterior = fit["posterior"].dataset.isel(search=0)
    surface = fit["surfaces/0"].attrs
    ends = posterior[["optimum", "best_seen_expected"]].quantile(ENDS, ("chain", "draw"))
    low, high = ends["optimum"].to_numpy()
    again_low, again_high = ends["best_seen_expected"].to_numpy()
    return {
        "low": low,
        "high": high,
        "again_low": again_low,
        "again_high": again_high,
        "divergences": surface["divergences"],
        "max_rhat": surface["max_rhat"],
        "seconds": time.process_time() - start,
    }


def by_plug_in(trials: ll.Trials) -> dict:
    """Return the same of a Gaussian process at the maximum of its likelihood."""
    start = time.process_time()
    search = surface_trials(trials, np.random.default_rng(0))
    sign, cube = search.sign, search.cube
    loss = sign * search.scores
    centre, spread = loss.mean(), loss.std()
    points, _ = cube.embed(cube.seen)
    dims = points.shape[1]
    kernel = ConstantKernel(1.0, (1e-2, 1e2)) * Matern(np.full(dims, 0.5), (1e-2, 1e2), nu=2.5)
    kernel += WhiteKernel(0.1, (1e-5, 1e1))
    model = GaussianProcessRegressor(kernel, alpha=1e-8, n_restarts_optimizer=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(points[search.configuration], (loss - centre) / spread)
    generator = np.random.default_rng(0)
    means = np.bincount(search.configuration, loss) / search.replicates
    centres = cube.seen[np.repeat(np.argsort(means)[:40], 5)]
    where = [cube.draw(_PLUG_IN_POINTS, generator), cube.seen, cube.near(centres, 0.1, generator)]
    candidates = cube.embed(np.concatenate(where))[0]
    # Without the white part: expected scores, not measured ones.
    smooth = GaussianProcessRegressor(model.kernel_.k1, alpha=model.kernel_.k2.noise_level)
    smooth.optimizer = None
    smooth.fit(points[search.configuration], (loss - centre) / spread)
    lowest = smooth.sample_y(candidates, _PLUG_IN_DRAWS, random_state=0).min(axis=0)
    mean, sd = smooth.predict(points[search.best][None], return_std=True)
    low, high = np.sort(sign * (centre + spread * np.quantile(lowest, ENDS)))
    width = 1.2816 * sd[0]
    again = np.sort(sign * (centre + spread * (mean[0] + np.array([-width, width]))))
    seconds = time.process_time() - start
    ends = {"low": low, "high": high, "again_low": again[0], "again_high": again[1]}
    return ends | {"seconds": seconds}


def by_law(trials: ll.Trials, **options: bool) -> dict:
    """Return the same of the quadratic law."""
    start = time.process_time()
    fit = ll.fit(trials, random_seed=0, progressbar=False, **options)
    dims = ("chain", "draw")
    optimum = fit["posterior"]["optimum"].isel(search=0).quantile(ENDS, dims).to_numpy()
    again = fit["best_seen"]["expected_score"].isel(search=0).quantile(ENDS, dims).to_numpy()
    return {
        "low": optimum[0],
        "high": optimum[1],
        "again_low": again[0],
        "again_high": again[1],
        "plateau": "plateau" in fit["constant_data"],
        "problems": bool(len(ll.summary(fit)["warning"].iloc[0])),
        "seconds": time.process_time() - start,
    }


METHODS = {
    "surface": by_surface,
    "plug-in": by_plug_in,
    "law": by_law,
    "guided-evidence": functools.partial(by_law, guided_evidence=True),
}
SAMPLERS = dict.fromkeys(("law", "guided-evidence"), learned_studies.SHARED)
SIZES = dict.fromkeys(SAMPLERS, (100, 200))


def run(options: argparse.Namespace) -> None:
    """Append the rows that the files lack, one file per method."""
    names = options.families or learned_studies.names_in(options.data)
    for seed in range(options.first_seed, options.seeds):
        for size in options.sizes:
            for name in names:
                what = learned_studies.family(name, options.data)
                for method in options.methods:
                    if size not in SIZES.get(method, (50, 100, 200)):
                        continue
                    for sampler in SAMPLERS.get(method, learned_studies.SAMPLERS):
                        _run_one(what, sampler, seed, size, method, options.work)


def _run_one(
    what: learned_studies.Family,
    sampler: str,
    seed: int,
    size: int,
    method: str,
    work: pathlib.Path,
) -> None:
    key = dict(zip(KEY, (what.name, sampler, seed, size), strict=True))
    path = work / f"learned-{method}.csv"
    if path.exists():
        done = pd.read_csv(path)
        if (done[KEY] == pd.Series(key)).all(axis=1).any():
            return
    table = learned_studies.study(what, sampler, seed, work / "studies").iloc[:size]
    trials = learned_studies.trials_of(what, table, sampler)
    sign = 1.0 if what.direction == "minimize" else -1.0
    best = int((sign * table["score"]).to_numpy().argmin())
    truth = {"optimum": what.optimum, "corrected": what.corrected}
    truth["again"] = float(table["expected"].iloc[best])
    try:
        row = key | METHODS[method](trials) | truth
    except LeadlineError as error:
        # Such as fewer than 20 random trials.
        logging.getLogger("leadline").error("%s: %s", key, error)
        return
    pd.DataFrame([row]).to_csv(path, mode="a", header=not path.exists(), index=False)


def judge(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with coverage and interval score of the optimum and of the re-run."""
    first, last = (table[["optimum", "corrected"]].agg(how, axis=1) for how in ("min", "max"))
    outside = (table["low"] - last).clip(lower=0) + (first - table["high"]).clip(lower=0)
    again = (table["again_low"] <= table["again"]) & (table["again"] <= table["again_high"])
    return table.assign(
        covered=outside == 0,
        score=table["high"] - table["low"] + 2 / (1 - PROB) * outside,
        again_covered=again,
    )


def report(work: pathlib.Path) -> None:
    """Print coverage and interval scores by family, size and method."""
    judged = {
        method: judge(pd.read_csv(path)).set_index(KEY)
        for method in METHODS
        if (path := work / f"learned-{method}.csv").exists()
    }
    for method, table in judged.items():
        what = table[["covered", "again_covered"]].astype(float)
        # Studies of random trials are there to be compared with.
        own = what.drop("random", level="sampler", errors="ignore")
        by_family = own.groupby("family").mean().assign(studies=own.groupby("family").size())
        by_family["below 0.60"] = by_family["covered"] < 0.6
        print(f"\n{method}: {len(table)} studies\n{by_family.round(2).to_string()}")
        print(f"mean over families: {by_family[['covered', 'again_covered']].mean().round(3)}")
        by_sampler = what.groupby(["sampler", "size"])
        shares, count = by_sampler.mean(), by_sampler.size()
        print(shares.round(2).to_string())
        error = np.sqrt((shares * (1.0 - shares)).div(count, axis=0))
        print(f"standard errors\n{error.round(2).to_string()}")
        print(f"CPU seconds, median: {table['seconds'].median():.1f}")
    for method in SAMPLERS.keys() & judged.keys():
        law = judged[method].reset_index()
        law["width"] = law["high"] - law["low"]
        rows = ["family", "seed", "size"]
        width = law.pivot_table("width", index=rows, columns="sampler").dropna()
        ratio = np.log(width["tpe-share"] / width["random"].where(width["random"] > 0.0)).dropna()
        by_family = np.exp(ratio.groupby("family").mean()).round(2)
        print(f"\n{method}: width, random share over random\n{by_family}")
        print(f"geometric mean over {len(ratio)} studies: {np.exp(ratio.mean()):.2f}")
    if {"surface", "plug-in"} <= judged.keys():
        scores = pd.concat({name: table["score"] for name, table in judged.items()}, axis=1)
        ratio = np.log(scores["surface"] / scores["plug-in"]).dropna().groupby("family").mean()
        print(f"\ninterval score, surface over plug-in\n{np.exp(ratio).round(2).to_string()}")
        print(f"geometric mean over families: {np.exp(ratio.mean()):.2f}")


def main() -> None:
    """Run the missing studies, then report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("."))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--sizes", type=int, nargs="+", default=[50, 100, 200])
    parser.add_argument("--families", nargs="+")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--report", action="store_true", help="report without running")
    options = parser.parse_args()
    logging.getLogger("leadline").setLevel(logging.ERROR)
    if not options.report:
        run(options)
    report(options.work)


if __name__ == "__main__":
    main()
