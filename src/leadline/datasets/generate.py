"""Make the bundled searches: ``python -m leadline.datasets.generate --work WORK --output DIR``.

Requires ``pip install leadline[datasets]``. The script runs every model on every task, three
quarters of an hour on one core. It writes one CSV per search, with one row per evaluation, and
``datasets.json``, which describes them. After an interruption, the same command continues.

Every evaluation is one line of JSON, appended to ``WORK/<search>.jsonl`` when it ends. Its
configuration and training seed depend only on the name of the search, the trial, the replicate and
the root seed. Restarts or more trials therefore change no evaluation.
"""

import argparse
import dataclasses
import datetime
import json
import math
import platform
import time
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.metadata import version
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leadline.datasets.load import read_catalogue

try:
    from threadpoolctl import threadpool_limits

    from leadline.datasets.training import TASKS, DivergedError, Task, predict_held_out, score
except ModuleNotFoundError as error:
    raise ImportError(
        f"making the bundled searches needs {error.name}; install it with "
        'pip install "leadline[datasets]"'
    ) from error

Record = dict[str, Any]

SPACES: dict[str, dict[str, dict[str, Any]]] = read_catalogue()["spaces"]
"""Distribution of every parameter of a model, the same on all tasks."""


@dataclasses.dataclass(frozen=True)
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
    record = evaluate_configuration(model, parameters, data, seed)
    return {
        "trial": trial,
        "replicate": replicate,
        "seed": seed,
        "parameters": parameters,
        **record,
    }


def evaluate_configuration(
    model: str, parameters: dict[str, float], data: Task, seed: int
) -> Record:
    """Return the scores of a configuration (NaN after divergence) and the seconds it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        log_loss, error = score(predict_held_out(model, parameters, data, seed), data.y_test)
    except DivergedError:
        log_loss, error = math.nan, math.nan
    return {
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


def _format_digits(value: float, digits: int) -> str:
    return "" if math.isnan(value) else f"{value:.{digits}g}"


def write_search(task: str, model: str, records: Sequence[Record], path: Path) -> None:
    """Write the records of one search, in the order in which they ran."""
    rows = [
        {
            "task": task,
            "model": model,
            # Numbers start from 1.
            "trial": record["trial"] + 1,
            "replicate": record["replicate"] + 1,
            "log_loss": _format_digits(record["log_loss"], 6),
            "error": _format_digits(record["error"], 6),
            "status": "failed" if math.isnan(record["log_loss"]) else "complete",
            # Processor time: wall-clock time depends on the load of the machine.
            "cost": _format_digits(record["cpu"], 4),
            "order": order,
            **{f"param:{name}": f"{record['parameters'][name]:.6g}" for name in SPACES[model]},
        }
        for order, record in enumerate(records, start=1)
    ]
    pd.DataFrame(rows).to_csv(path, index=False, lineterminator="\n")


def write_catalogue(plan: Plan, folder: Path) -> None:
    """Write the bundled ``datasets.json``, with the sizes and the origin of new data."""
    catalogue = read_catalogue()
    for name, load_task in TASKS.items():
        data = load_task()
        catalogue["tasks"][name] |= {
            "training_rows": len(data.y_train),
            "held_out_rows": len(data.y_test),
            "features": data.x_train.shape[1],
            "classes": len(set(data.y_train.tolist())),
        }
    catalogue["made"] = {
        "by": "python -m leadline.datasets.generate",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "plan": dataclasses.asdict(plan),
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "scipy", "scikit-learn", "mlxtend")},
        "machine": f"{platform.system()} {platform.machine()}",
    }
    text = json.dumps(catalogue, indent=1, ensure_ascii=False)
    (folder / "datasets.json").write_text(text + "\n")


def _run(search: tuple[str, str], plan: Plan, work: Path, output: Path) -> str:
    started = time.perf_counter()
    records = run_search(*search, plan, work)
    name = "-".join(search)
    write_search(*search, records, output / f"{name}.csv")
    return f"{name}: {len(records)} evaluations, {time.perf_counter() - started:.0f} s"


def generate(plan: Plan, work: Path, output: Path, jobs: int) -> Iterator[str]:
    """Run all searches in `jobs` processes, write the data files, and yield a line per search.

    `work` is the folder for unfinished work, which is resumed; `output` that for the data files.
    """
    output.mkdir(parents=True, exist_ok=True)
    run = partial(_run, plan=plan, work=work, output=output)
    # Spawned, because forking a process with OpenMP threads can hang.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(run, product(TASKS, SPACES))
    write_catalogue(plan, output)


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(
        prog="python -m leadline.datasets.generate",
        description="Run the random searches that leadline bundles.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--work", type=Path, required=True, help="folder of unfinished work")
    parser.add_argument("--output", type=Path, required=True, help="folder for the data files")
    parser.add_argument("--jobs", type=int, default=1, help="searches that run at a time")
    helps = {
        "trials": "trials per search",
        "replicated": "trials with all seeds",
        "seeds": "seeds of those trials",
        "seed": "root of all random numbers",
    }
    for name, text in helps.items():
        parser.add_argument(f"--{name}", type=int, default=getattr(Plan, name), help=text)
    options = parser.parse_args()
    plan = Plan(**{name: getattr(options, name) for name in helps})
    for line in generate(plan, options.work, options.output, options.jobs):
        print(line, flush=True)


if __name__ == "__main__":
    main()
