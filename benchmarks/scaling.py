"""Growth of the time of a joint fit with the number of searches and of trials.

The searches are simulated, over one space. The tail fraction is fixed, so that there is one joint
fit, and the model is compiled before the clock starts. Seconds are the CPU time of this process
with all chains, which other work on the machine changes little.

    python benchmarks/scaling.py [--searches 10 30 100 300] [--trials 100 400 1600] [--draws 1000]
"""

import argparse
import dataclasses
import resource
import time

import numpy as np
import pandas as pd

import leadline as ll
from leadline.data.tails import join_tails
from leadline.inference.candidates import candidates_of
from leadline.inference.joint_fit import joint_sampler
from leadline.inference.posterior import PosteriorSampler
from leadline.inference.sampler import Sampler

TAIL_FRACTION = 0.3
FEW_SEARCHES, FEW_TRIALS = 10, 100


def simulate(searches: int, trials: int, seed: int) -> ll.Trials:
    """Return searches whose parameters differ as those of one space do."""
    rng = np.random.default_rng(seed)
    tables = []
    for number in range(searches):
        gamma = 1.0 + np.exp(rng.normal(0.0, 0.2))
        spread = np.exp(rng.normal(0.0, 0.3))
        expected = rng.normal() + spread * rng.random(trials) ** (2.0 / gamma)
        loss = expected + 0.03 * spread * rng.standard_normal(trials)
        tables.append(pd.DataFrame({"task": f"t{number}", "score": loss}))
    return ll.Trials(pd.concat(tables, ignore_index=True), "minimize")


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(searches: int, trials: int, draws: int) -> dict[str, float]:
    """Return the seconds and the sampling quality of one joint fit; it adapts for `draws` draws."""
    table = simulate(searches, trials, seed=1)
    priors = ll.Priors(max_effective_dim=5)
    tails = join_tails(
        [
            candidates_of(table, pair, priors, fractions={TAIL_FRACTION: 1.0})[0]
            for pair in table.searches
        ]
    )
    settings = joint_sampler(Sampler(draws, draws, 4), searches)
    posterior = PosteriorSampler("hierarchical", priors, "continuous", settings)
    quick = dataclasses.replace(settings, draws=2, tune=2, chains=1)
    dataclasses.replace(posterior, sampler=quick).sample(tails, np.random.SeedSequence(1))
    used, start = cpu(), time.perf_counter()
    fit = posterior.sample(tails, np.random.SeedSequence(1))
    return {
        "searches": searches,
        "trials": trials,
        "CPU s": cpu() - used,
        "wall s": time.perf_counter() - start,
        "divergences": fit.attrs["divergences"],
        "R-hat": fit.attrs["max_rhat"],
        "ESS": fit.attrs["min_ess_bulk"],
        "steps": float(fit["sample_stats"]["n_steps"].mean()),
    }


def power(x: pd.Series, y: pd.Series) -> float:
    """Return the slope of log y against log x."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def main() -> None:
    """Print one table for searches and one for trials, each with its power."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--searches", type=int, nargs="+", default=[10, 30, 100, 300])
    parser.add_argument("--trials", type=int, nargs="+", default=[100, 400, 1600])
    parser.add_argument("--draws", type=int, default=1000)
    options = parser.parse_args()
    for what, sizes in (("searches", options.searches), ("trials", options.trials)):
        rows = []
        for size in sizes:
            counts = (size, FEW_TRIALS) if what == "searches" else (FEW_SEARCHES, size)
            rows.append(measure(*counts, options.draws))
            print(pd.DataFrame(rows[-1:]).round(3).to_string(index=False), flush=True)
        table = pd.DataFrame(rows)
        per_step = table["CPU s"] / table["steps"]
        print(
            f"CPU time grows with the number of {what} to the power "
            f"{power(table[what], table['CPU s']):.2f}, that of one step to "
            f"{power(table[what], per_step):.2f}"
        )


if __name__ == "__main__":
    main()
