"""Scaling laws of tuned models on real tasks, some of which are held out.

    python benchmarks/scaling_law.py --data DIR [--draws 10] [--work DIR]

DIR holds `steplaw_dense.csv`, the grids of learning rate and batch size of 17 language models (Li
et al. 2025, arXiv:2503.04715), with columns `task`, `params`, `tokens`, `lr`, `bs` and `loss`.

It fits 24 random rows of each of the 12 tasks with the smallest product of size and data, and
predicts the tuned optimum of the other five. The truth is the best of all rows of a task, as
re-runs would score it. Beside it stands what Hoffmann et al. (2022, arXiv:2203.15556) do: a sum of
powers fitted to the best-seen losses, with a Huber loss of their logarithms. Then 24 rows of all 17
tasks are fitted. Results are appended to files in WORK, and a second run continues.
`benchmarks/scaling_simulated.py` has the calibration.
"""

import argparse
import itertools
import pathlib
import time

import numpy as np
import pandas as pd
from scipy.optimize import minimize

import leadline as ll

ROWS, HELD_OUT, CI = 24, 5, 0.8
# Enough for an interval; all draws of a fit are for the last fit, of all tasks.
FEWER = {"draws": 500, "tune": 500, "chains": 2}
_HUBER = 1e-3


def read(folder: pathlib.Path) -> pd.DataFrame:
    """Return all rows, tasks in the order of the product of their size and data."""
    table = pd.read_csv(folder / "steplaw_dense.csv")
    product = table["params"].astype(float) * table["tokens"].astype(float)
    return table.assign(product=product).sort_values("product", kind="stable")


def trials_of(rows: pd.DataFrame) -> ll.Trials:
    return ll.read_table(
        rows,
        score="loss",
        direction="minimize",
        task="task",
        size="params",
        data="tokens",
        params=["lr", "bs"],
    )


def fit(rows: pd.DataFrame, seed: int, **options):
    return ll.fit(
        trials_of(rows), random_seed=seed, assume_random=True, progressbar=False, **options
    )


def best_seen(rows: pd.DataFrame) -> pd.DataFrame:
    """Return size, data and the smallest loss of each task, in order."""
    grouped = rows.groupby("task", sort=False)
    return grouped.agg(size=("params", "first"), data=("tokens", "first"), loss=("loss", "min"))


def truth_of(table: pd.DataFrame, path: pathlib.Path) -> pd.Series:
    """Return the expected loss of the best of all rows of each task."""
    if not path.exists():
        # In random order: the rows of a grid have one of their own.
        summary = ll.summary(fit(table.sample(frac=1.0, random_state=0), 0, model="single"))
        summary[["best_seen", "best_seen_expected", "optimum", "noise_sd"]].to_csv(path)
    return pd.read_csv(path, index_col="search")["best_seen_expected"]


def least_squares(points: pd.DataFrame) -> np.ndarray:
    """Return (log E, log A, log B, a, b) of the law of Chinchilla, fitted to best-seen losses.

    A and B are the parts at the geometric means, which only changes the starts.
    """
    log_n, log_d = np.log(points["size"].to_numpy(float)), np.log(points["data"].to_numpy(float))
    x, y, target = log_n - log_n.mean(), log_d - log_d.mean(), np.log(points["loss"].to_numpy())

    def objective(p: np.ndarray) -> tuple[float, np.ndarray]:
        parts = np.exp([p[0] + 0.0 * x, p[1] - p[3] * x, p[2] - p[4] * y])
        total = parts.sum(axis=0)
        apart = np.log(total) - target
        small = np.abs(apart) <= _HUBER
        value = np.where(small, 0.5 * apart**2, _HUBER * (np.abs(apart) - 0.5 * _HUBER))
        slope = np.clip(apart, -_HUBER, _HUBER) / total * parts
        gradient = [*slope.sum(axis=1), -(slope[1] * x).sum(), -(slope[2] * y).sum()]
        return 1e6 * float(value.sum()), 1e6 * np.array(gradient)

    levels, exponents = np.log([0.1, 0.5]), [0.2, 0.5]
    starts = itertools.product(np.log([0.5, 1.0, 1.5, 2.0]), levels, levels, exponents, exponents)
    found = [minimize(objective, start, jac=True, method="L-BFGS-B") for start in starts]
    return np.asarray(min(found, key=lambda run: run.fun).x)


def law(p: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return that law at logs of size and data from the geometric means."""
    return np.exp(p[0]) + np.exp(p[1] - p[3] * x) + np.exp(p[2] - p[4] * y)


def steplaw(folder: pathlib.Path, draws: int, work: pathlib.Path) -> None:
    """Fit and predict, append to `work`, and print the table."""
    table = read(folder)
    truth = truth_of(table, work / "steplaw-truth.csv")
    tasks = list(table["task"].unique())
    known, asked = tasks[:-HELD_OUT], tasks[-HELD_OUT:]
    path, fits = work / "steplaw-held-out.csv", work / "steplaw-fits.csv"
    done = set(pd.read_csv(path)["draw"]) if path.exists() else set()
    for draw in range(draws):
        if draw in done:
            continue
        rows = draw_rows(table, draw)
        few = rows[rows["task"].isin(known)]
        points, new = best_seen(few), best_seen(table).loc[asked]
        start = time.process_time()
        tree = fit(few, draw, **FEWER)
        seconds = time.process_time() - start
        found = ll.scaling_law(tree, size=new["size"].to_numpy(), data=new["data"].to_numpy())
        optimum = found["optimum"].to_numpy().reshape(-1, HELD_OUT).T
        low, high = np.quantile(optimum, [0.5 - CI / 2, 0.5 + CI / 2], axis=1)
        p = least_squares(points)
        log_n, log_d = (np.log(points[name].to_numpy(float)) for name in ("size", "data"))
        ordinary = law(
            p,
            np.log(new["size"].to_numpy(float)) - log_n.mean(),
            np.log(new["data"].to_numpy(float)) - log_d.mean(),
        )
        result = pd.DataFrame(
            {
                "draw": draw,
                "task": asked,
                "truth": truth[asked].to_numpy(),
                "mean": optimum.mean(axis=1),
                "median": np.median(optimum, axis=1),
                "low": low,
                "high": high,
                "huber": ordinary,
            }
        )
        append(fits, describe(tree, draw, "12 tasks", seconds) | {"huber_a": p[3], "huber_b": p[4]})
        result.to_csv(path, mode="a", header=not path.exists(), index=False)
        print(result.round(4).to_string(), flush=True)
    report_held_out(pd.read_csv(path))
    everything = work / "steplaw-all.csv"
    if not everything.exists():
        start = time.process_time()
        tree = fit(draw_rows(table, 0), 0)
        append(everything, describe(tree, 0, "17 tasks", time.process_time() - start))
    print(pd.read_csv(everything).round(4).T.to_string())


def draw_rows(table: pd.DataFrame, draw: int) -> pd.DataFrame:
    """Return `ROWS` random rows of each task."""
    rng = np.random.default_rng([22, draw])
    by_task = (own for _, own in table.groupby("task", sort=False))
    return pd.concat([own.iloc[rng.choice(len(own), ROWS, replace=False)] for own in by_task])


def describe(tree, draw: int, tasks: str, seconds: float) -> dict[str, object]:
    """Return how a fit was sampled, and its law."""
    from leadline.stats.diagnostics import convergence

    sampled, pooled = convergence(tree), tree["pooled"].dataset
    row: dict[str, object] = {"draw": draw, "tasks": tasks, "cpu": seconds}
    row |= {"divergences": sampled.divergences, "rhat": sampled.max_rhat}
    row |= {"ess": min(sampled.min_ess_bulk, sampled.min_ess_tail)}
    for name in ("irreducible", "size_exponent", "data_exponent", "outer_exponent", "misfit"):
        row |= {name: float(pooled[name].mean()), f"{name}_sd": float(pooled[name].std())}
    return row


def append(path: pathlib.Path, row: dict[str, object]) -> None:
    pd.DataFrame([row]).to_csv(path, mode="a", header=not path.exists(), index=False)


def report_held_out(result: pd.DataFrame) -> None:
    """Print coverage and errors, in all and by task."""
    inside = (result["low"] <= result["truth"]) & (result["truth"] <= result["high"])
    errors = {name: result[name] - result["truth"] for name in ("mean", "median", "huber")}
    columns = {f"{name} error": error for name, error in errors.items()}
    width = result["high"] - result["low"]
    table = pd.DataFrame({"task": result["task"], "inside": inside, "width": width, **columns})
    print(table.groupby("task", sort=False).mean().round(4).to_string())
    by_draw = inside.groupby(result["draw"]).sum()
    print("inside of 5, by draw:", by_draw.tolist(), "coverage", round(float(inside.mean()), 3))
    rmse = {name: float(np.sqrt((error**2).mean())) for name, error in errors.items()}
    print({name: round(value, 5) for name, value in rmse.items()})
    print("ratio to least squares:", round(rmse["mean"] / rmse["huber"], 3))


def main() -> None:
    """Run one of the parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("."))
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    if not (options.data / "steplaw_dense.csv").exists():
        print(f"skipped: no steplaw_dense.csv in {options.data}")
        return
    steplaw(options.data, options.draws, options.work)


if __name__ == "__main__":
    main()
