"""Run one random search, one evaluation at a time, and resume it after an interruption.

Every evaluation is one line of JSON, appended to ``WORK/<search>.jsonl`` when it ends. A second
run reads that file and continues. The configuration and the training seed of an evaluation depend
only on the name of the search, the trial, the replicate and the root seed. Restarts or more trials
therefore change no evaluation.
"""

import json
import math
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from leadline.datasets.learners import DivergedError, predict_held_out, score
from leadline.datasets.load import read_catalogue
from leadline.datasets.tasks import TASKS, Task

Record = dict[str, Any]

SPACES: dict[str, dict[str, dict[str, Any]]] = read_catalogue()["spaces"]
"""Distribution of every parameter of a model, the same on all tasks."""


@dataclass(frozen=True)
class Plan:
    """The number of evaluations of a search.

    `trials` configurations are drawn independently. The first `replicated` of them, a random subset
    chosen without regard to the score, are trained with `seeds` training seeds each, the others
    with one. `seed` is the root of all random numbers.
    """

    trials: int = 400
    replicated: int = 100
    seeds: int = 3
    seed: int = 20251123

    def evaluations(self) -> Iterator[tuple[int, int]]:
        """Yield (trial, replicate): every trial once, then the further seeds."""
        yield from ((trial, 0) for trial in range(self.trials))
        for replicate in range(1, self.seeds):
            yield from ((trial, replicate) for trial in range(min(self.replicated, self.trials)))


def read_records(path: Path) -> list[Record]:
    """Return the finished evaluations of a search, in the order in which they ran.

    An incomplete last line, left by an interruption, is removed from the file. The next record
    then starts on a line of its own.
    """
    if not path.exists():
        return []
    text = path.read_text()
    complete = text[: text.rfind("\n") + 1]
    if complete != text:
        path.write_text(complete)
    return [json.loads(line) for line in complete.splitlines()]


def draw_parameter(parameter: dict[str, Any], rng: np.random.Generator) -> float:
    """Return one draw of an entry of `SPACES`, rounded to the six digits that the data files hold.

    The `distribution` is "uniform" or "log-uniform" on [`low`, `high`]; with `integer` the draw is
    rounded to the nearest integer.
    """
    low, high = parameter["low"], parameter["high"]
    if parameter["distribution"] == "log-uniform":
        value = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    else:
        value = float(rng.uniform(low, high))
    value = float(round(value)) if parameter["integer"] else float(f"{value:.6g}")
    # Rounding can leave the interval.
    return min(max(value, low), high)


def _seed_sequence(plan: Plan, search: str, *key: int) -> np.random.SeedSequence:
    return np.random.SeedSequence([plan.seed, zlib.crc32(search.encode()), *key])


def configuration(plan: Plan, task: str, model: str, trial: int) -> dict[str, float]:
    """Return the configuration of one trial of the search `task`-`model`."""
    rng = np.random.default_rng(_seed_sequence(plan, f"{task}-{model}", trial))
    return {name: draw_parameter(parameter, rng) for name, parameter in SPACES[model].items()}


def evaluate(plan: Plan, task: str, model: str, data: Task, trial: int, replicate: int) -> Record:
    """Return one evaluation: configuration, seed, scores (NaN after divergence) and cost."""
    parameters = configuration(plan, task, model, trial)
    sequence = _seed_sequence(plan, f"{task}-{model}", trial, 1 + replicate)
    seed = int(sequence.generate_state(1)[0])
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        log_loss, error = score(predict_held_out(model, parameters, data, seed), data.y_test)
    except DivergedError:
        log_loss, error = math.nan, math.nan
    return {
        "trial": trial,
        "replicate": replicate,
        "seed": seed,
        "parameters": parameters,
        "log_loss": log_loss,
        "error": error,
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
    }


def run_search(task: str, model: str, plan: Plan, work: Path) -> list[Record]:
    """Run the evaluations of `plan` that `work` lacks; return all records.

    Raises `ValueError` if `work` holds evaluations of another seed or another search space.
    """
    path = work / f"{task}-{model}.jsonl"
    records = read_records(path)
    for record in records:
        if record["parameters"] != configuration(plan, task, model, record["trial"]):
            raise ValueError(
                f"{path} was made with another seed or search space (trial {record['trial']} "
                "differs); use a new --work folder"
            )
    done = {(record["trial"], record["replicate"]) for record in records}
    remaining = [key for key in plan.evaluations() if key not in done]
    if not remaining:
        return records
    data = TASKS[task]()
    work.mkdir(parents=True, exist_ok=True)
    # One thread: on data this small a second costs more than it gains, and costs would depend on
    # the load of the machine. Line buffering: an interruption loses one evaluation.
    with threadpool_limits(1), path.open("a", buffering=1) as file:
        for trial, replicate in remaining:
            records.append(evaluate(plan, task, model, data, trial, replicate))
            file.write(json.dumps(records[-1]) + "\n")
    return records
