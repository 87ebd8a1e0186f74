"""Run one random search, one evaluation at a time, and survive being stopped.

Every evaluation is one line of JSON, appended to ``DIR/<search>.jsonl`` as soon as it is done. A
second run reads that file and goes on where the first stopped. The configuration and the training
seed of an evaluation depend on nothing but the search's name, the trial, the replicate and the
root seed, so neither restarts nor more trials change what is evaluated.
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
from leadline.datasets.spaces import SPACES, draw_configuration
from leadline.datasets.tasks import TASKS, Task

Record = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """How many evaluations a search has.

    Attributes
    ----------
    trials
        Number of configurations, drawn independently.
    replicated
        How many of them, the first ones, are evaluated with several training seeds. Being the
        first of a random sequence they are a random subset, chosen without regard to the score.
    seeds
        How many training seeds those get; all others get one.
    seed
        Root of all random numbers.
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
    """Return the finished evaluations of a search, in the order they ran.

    A last line cut off by a stop is removed from the file, so that the next append starts a line
    of its own.
    """
    if not path.exists():
        return []
    text = path.read_text()
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole)
    return [json.loads(line) for line in whole.splitlines()]


def _random(plan: Plan, name: str, *key: int) -> np.random.SeedSequence:
    return np.random.SeedSequence([plan.seed, zlib.crc32(name.encode()), *key])


def configuration(plan: Plan, task: str, model: str, trial: int) -> dict[str, float]:
    """Return the configuration of one trial of the search `task`-`model`."""
    rng = np.random.default_rng(_random(plan, f"{task}-{model}", trial))
    return draw_configuration(SPACES[model], rng)


def evaluate(plan: Plan, task: str, model: str, data: Task, trial: int, replicate: int) -> Record:
    """Return one evaluation: its configuration, seed, scores (NaN when it diverged) and cost."""
    parameters = configuration(plan, task, model, trial)
    seed = int(_random(plan, f"{task}-{model}", trial, 1 + replicate).generate_state(1)[0])
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
    """Run what `plan` asks for and `work` does not hold yet; return all records.

    Raises
    ------
    ValueError
        If `work` holds evaluations of another seed or another search space.
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
    todo = [key for key in plan.evaluations() if key not in done]
    if not todo:
        return records
    data = TASKS[task].load()
    work.mkdir(parents=True, exist_ok=True)
    # One thread: a second would cost more than it brings on data this small, and the costs would
    # depend on what else the machine does. One line at a time: a stop loses one evaluation.
    with threadpool_limits(1), path.open("a", buffering=1) as file:
        for trial, replicate in todo:
            records.append(evaluate(plan, task, model, data, trial, replicate))
            file.write(json.dumps(records[-1]) + "\n")
    return records
