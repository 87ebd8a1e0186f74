"""How far can answers from 40 to 80 trials be trusted: comparisons, surfaces, and the prior's mark.

Two models on three data sets, 40 random trials each, are drawn from bowls with two to five
hyperparameters: the score is quadratic near its optimum and levels off far from it, a tenth of the
trials fail, and each model has the same hyperparameters on all data sets. The true difference is
known, fully tuned and after 100 trials.

    python benchmarks/few_trials.py compare --work DIR     # half a minute per example; continues
    python benchmarks/few_trials.py beside --work DIR      # half a minute per search; continues
    python benchmarks/few_trials.py prior --work DIR       # ten seconds per search; continues

`compare` fits each example (two chains of 500 draws), and counts how often a model that is better
with probability 0.9 or more is worse in truth. `beside` fits random searches of 80 trials by the
law and by a surface, and compares both with the truth: the optimum, and the expected score of the
trial that measured best. `prior` fits searches of the same kind alone, with the default priors and
with one of them moved by half its sd to either side. The *weight* of the prior is the part of its
move that the posterior follows: 0 if the scores decide, 1 if the prior does. It is compared with
the mark `decided_by_prior`.
"""

import argparse
import dataclasses
import pathlib

import numpy as np
import pandas as pd
import xarray as xr

import leadline as ll
from leadline.stats.best_seen import best_seen_expected
from leadline.stats.compare import compare_once
from leadline.stats.decided_by_prior import decided_by_prior

TASKS, MODELS, TRIALS, FAILED = ("a", "b", "c"), ("first", "second"), 40, 0.1
BUDGET = 100
SURE = 0.9
SHORT = {"chains": 2, "draws": 500, "tune": 700}
BESIDE = 80
# The standard deviation of the true difference between the models: overall, and per data set.
EFFECT, INTERACTION = 0.03, 0.02


@dataclasses.dataclass(frozen=True)
class Bowl:
    """The expected loss of one model on one data set, and the noise of a run."""

    optimum: float
    height: float
    weights: np.ndarray
    centre: np.ndarray
    noise: float

    def expected(self, points: np.ndarray) -> np.ndarray:
        """Return expected losses of points of the unit cube, shape (..., hyperparameter)."""
        distance = (self.weights * (points - self.centre) ** 2).sum(axis=-1)
        return self.optimum + self.height * -np.expm1(-distance)

    def trials(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return the expected and the measured losses of random trials; failed ones are nan."""
        expected = self.expected(rng.random((n, len(self.centre))))
        measured = expected + self.noise * rng.standard_normal(n)
        measured[rng.random(n) < FAILED] = np.nan
        return expected, measured

    def after(self, budget: int, rng: np.random.Generator, runs: int = 2000) -> float:
        """Return the median over runs of the expected loss of the best measured of k trials."""
        expected, measured = self.trials(runs * budget, rng)
        measured = np.where(np.isnan(measured), np.inf, measured).reshape(runs, budget)
        best = measured.argmin(axis=1)
        return float(np.median(expected.reshape(runs, budget)[np.arange(runs), best]))


def draw_bowls(rng: np.random.Generator) -> dict[tuple[str, str], Bowl]:
    """Return the bowl of each (task, model)."""
    effect = EFFECT * rng.standard_normal() / 2
    names = {model: int(rng.integers(2, 6)) for model in MODELS}
    weights = {model: np.exp(rng.normal(1.0, 1.0, names[model])) for model in MODELS}
    bowls = {}
    for task in TASKS:
        base, height = rng.uniform(0.1, 0.4), rng.uniform(0.2, 0.5)
        noise = height * rng.uniform(0.01, 0.06)
        for model, sign in zip(MODELS, (-1.0, 1.0), strict=True):
            own = sign * effect + INTERACTION * rng.standard_normal() / np.sqrt(2)
            scatter = np.exp(0.3 * rng.standard_normal(names[model]))
            centre = rng.uniform(0.15, 0.85, names[model])
            bowls[task, model] = Bowl(base + own, height, weights[model] * scatter, centre, noise)
    return bowls


def draw_table(bowls: dict[tuple[str, str], Bowl], rng: np.random.Generator) -> pd.DataFrame:
    return pd.concat(
        pd.DataFrame({"task": task, "model": model, "score": bowl.trials(TRIALS, rng)[1]})
        for (task, model), bowl in bowls.items()
    )


def compare_rows(number: int) -> list[dict[str, object]]:
    """Return a row per data set and overall, fully tuned and at the budget."""
    rng = np.random.default_rng([1, number])
    bowls = draw_bowls(rng)
    trials = ll.Trials(draw_table(bowls, rng).reset_index(drop=True), "minimize")
    fit = ll.fit(trials, random_seed=number, progressbar=False, **SHORT)
    rows = []
    for budget in (None, BUDGET):
        found = compare_once(fit, budget=budget)
        pair = found.sel(model=MODELS[0], other_model=MODELS[1])
        truth = {}
        for task in TASKS:
            first, second = (
                bowls[task, model].optimum if budget is None else bowls[task, model].after(100, rng)
                for model in MODELS
            )
            truth[task] = second - first
        scale = {task: float(found["scale"].sel(task=task)) for task in TASKS}
        overall = float(np.mean([truth[task] / scale[task] for task in TASKS]))
        shared = {"search": number, "budget": budget or 0, "problems": found.attrs["problems"]}
        shared["marked"] = sum("optimum" in own for own in decided_by_prior(fit))
        tails = fit["candidates"].dataset
        heaviest = tails["weight"].fillna(0.0).argmax("candidate")
        shared["fewest_used"] = int(tails["n_tail"].isel(candidate=heaviest).min())
        for task in TASKS:
            row = {"where": task, "p": float(pair["p_better"].sel(task=task)), "truth": truth[task]}
            rows.append(shared | row)
        rows.append(
            shared | {"where": "overall", "p": float(pair["p_better_overall"]), "truth": overall}
        )
    return rows


def report_comparisons(rows: pd.DataFrame) -> None:
    rows = rows.assign(sure=np.maximum(rows["p"], 1 - rows["p"]))
    rows["wrong"] = (rows["p"] > 0.5) != (rows["truth"] > 0)
    rows["overall"] = rows["where"] == "overall"
    for low, high in ((0.5, 0.6), (0.6, 0.8), (0.8, 0.9), (0.9, 0.99), (0.99, 1.01)):
        part = rows[(rows["sure"] >= low) & (rows["sure"] < high)]
        table = part.groupby(["overall", "budget"])["wrong"].agg(["sum", "count"])
        expected = part.groupby(["overall", "budget"])["sure"].mean()
        print(f"P from {low} to {min(high, 1)}")
        print(table.assign(expected=(1 - expected).round(2)).to_string())


def beside_rows(number: int) -> list[dict[str, object]]:
    """Return a row per answer: the truth, and what the law and the surface say of it."""
    rng = np.random.default_rng([3, number])
    bowl = draw_bowls(rng)[TASKS[0], MODELS[0]]
    points = rng.random((BESIDE, len(bowl.centre)))
    expected = bowl.expected(points)
    scores = expected + bowl.noise * rng.standard_normal(BESIDE)
    scores[rng.random(BESIDE) < FAILED] = np.nan
    table = {"score": scores, "task": "t", "model": "m"}
    table |= {f"param:x{axis}": points[:, axis] for axis in range(len(bowl.centre))}
    trials = ll.Trials(pd.DataFrame(table), "minimize")
    law = ll.fit(trials, random_seed=number, progressbar=False)
    surface = ll.fit(trials, model="surface", random_seed=number, progressbar=False)
    rows = []
    answers = {
        "optimum": (bowl.optimum, law["posterior"]["optimum"], surface["posterior"]["optimum"]),
        "re-run": (
            float(expected[np.nanargmin(scores)]),
            best_seen_expected(law),
            surface["posterior"]["best_seen_expected"],
        ),
    }
    for name, (truth, by_law, by_surface) in answers.items():
        row = {"search": number, "name": name, "truth": truth, "noise": bowl.noise}
        row |= {"hyperparameters": len(bowl.centre), "failed": surface.attrs["failed_checks"]}
        for kind, draws in (("law", by_law), ("surface", by_surface)):
            low, high = np.quantile(draws.to_numpy(), [0.1, 0.9])
            row |= {f"{kind}_mean": float(draws.mean()), f"{kind}_low": low, f"{kind}_high": high}
        rows.append(row)
    return rows


def report_beside(rows: pd.DataFrame) -> None:
    for kind in ("law", "surface"):
        inside = (rows[f"{kind}_low"] <= rows["truth"]) & (rows["truth"] <= rows[f"{kind}_high"])
        rows[f"{kind}_covers"] = inside
        rows[f"{kind}_error"] = ((rows[f"{kind}_mean"] - rows["truth"]) / rows["noise"]).abs()
        rows[f"{kind}_width"] = (rows[f"{kind}_high"] - rows[f"{kind}_low"]) / rows["noise"]
    rows["surface_closer"] = rows["surface_error"] < rows["law_error"]
    covers = [f"{kind}_covers" for kind in ("law", "surface")]
    print(rows.groupby("name")[[*covers, "surface_closer"]].mean().round(2).to_string())
    sizes = [f"{kind}_{size}" for kind in ("law", "surface") for size in ("error", "width")]
    print(rows.groupby("name")[sizes].median().round(2).to_string())


def prior_rows(number: int) -> list[dict[str, object]]:
    """Return a row per quantity: the weight of its prior, and whether it is marked."""
    rng = np.random.default_rng([2, number])
    bowl = draw_bowls(rng)[TASKS[0], MODELS[0]]
    n = int(rng.choice([20, 40, 100, 400]))
    scores = bowl.trials(n, rng)[1]
    trials = ll.Trials(pd.DataFrame({"score": scores, "task": "t", "model": "m"}), "minimize")

    def posterior(**moved: ll.Prior) -> xr.DataTree:
        priors = ll.Priors(**moved)
        return ll.fit(
            trials, threshold=threshold, priors=priors, random_seed=number, progressbar=False
        )

    # The same tail for all priors: it would otherwise be chosen again.
    threshold = float(np.nanquantile(scores, 0.5))
    plain = posterior()
    marked = decided_by_prior(plain)[0]
    rows = []
    lognormal = {"optimum": ("gap", 0.693), "noise_sd": ("noise_ratio", -1.2)}
    for name, (prior, mu) in lognormal.items():
        shifts = []
        for move in (-0.5, 0.5):
            moved = posterior(**{prior: ll.Prior("LogNormal", mu=mu + move, sigma=1)})
            variable = "gap" if name == "optimum" else "noise_ratio"
            shifts.append(np.log(moved["posterior"][variable].to_numpy()).mean())
        own = np.log(plain["posterior"]["gap" if name == "optimum" else "noise_ratio"].to_numpy())
        truth = bowl.optimum if name == "optimum" else bowl.noise
        draws = plain["posterior"][name].to_numpy()
        rows.append(
            {"search": number, "n": n, "name": name, "marked": name in marked}
            | {"weight": shifts[1] - shifts[0], "log_sd": own.std(), "truth": truth}
            | {"mean": draws.mean(), "sd": draws.std(), "ratio": np.log(draws).mean()}
            | {"lower": np.quantile(draws, 0.055), "upper": np.quantile(draws, 0.945)}
        )
    shifts = []
    for scale in (2 * np.exp(-0.5), 2 * np.exp(0.5)):
        moved = posterior(effective_dim=ll.Prior("Exponential", scale=scale))
        shifts.append(np.log(moved["posterior"]["effective_dim"].to_numpy() - 1.0).mean())
    draws = plain["posterior"]["effective_dim"].to_numpy()
    rows.append(
        {"search": number, "n": n, "name": "effective_dim", "marked": "effective_dim" in marked}
        | {"weight": shifts[1] - shifts[0], "log_sd": np.log(draws - 1.0).std()}
        | {"mean": draws.mean(), "sd": draws.std()}
    )
    return rows


def report_priors(rows: pd.DataFrame) -> None:
    print(rows.groupby(["name", "marked"])["weight"].describe().round(2).to_string())
    print(rows.to_string())


MEASUREMENTS = {
    "compare": (compare_rows, report_comparisons),
    "beside": (beside_rows, report_beside),
    "prior": (prior_rows, report_priors),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("measurement", choices=tuple(MEASUREMENTS))
    parser.add_argument("--examples", type=int, default=20)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("benchmarks-work"))
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    file = arguments.work / f"{arguments.measurement}.csv"
    rows = pd.read_csv(file) if file.exists() else pd.DataFrame()
    measure, report = MEASUREMENTS[arguments.measurement]
    for number in range(arguments.examples):
        if len(rows) and number in set(rows["search"]):
            continue
        own = measure(number)
        rows = pd.concat([rows, pd.DataFrame(own)], ignore_index=True)
        rows.to_csv(file, index=False)
    report(rows)


if __name__ == "__main__":
    main()
