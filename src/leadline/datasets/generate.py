"""Make the bundled searches: ``python -m leadline.datasets.generate --work DIR --output DIR``.

Requires ``pip install leadline[datasets]``. The script runs every model on every task, three
quarters of an hour on one core. It writes one CSV per search, with one row per evaluation, and
``datasets.json``, which describes them. After an interruption, the same command continues.
"""

import argparse
import csv
import dataclasses
import datetime
import json
import math
import platform
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.metadata import version
from itertools import product
from multiprocessing import get_context
from pathlib import Path

try:
    from leadline.datasets.load import read_catalogue
    from leadline.datasets.run import SPACES, Plan, Record, run_search
    from leadline.datasets.tasks import TASKS
except ModuleNotFoundError as error:
    raise ImportError(
        f"making the bundled searches needs {error.name}; install it with "
        'pip install "leadline[datasets]"'
    ) from error


def _format_digits(value: float, digits: int) -> str:
    return "" if math.isnan(value) else f"{value:.{digits}g}"


def write_search(task: str, model: str, records: Sequence[Record], path: Path) -> None:
    """Write the records of one search, in the order in which they ran."""
    with path.open("w", newline="") as file:
        header = [name for name in read_catalogue()["columns"] if name != "param:*"]
        header += [f"param:{name}" for name in SPACES[model]]
        writer = csv.DictWriter(file, header, lineterminator="\n")
        writer.writeheader()
        for order, record in enumerate(records, start=1):
            row = {
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
            }
            values = {
                f"param:{name}": f"{record['parameters'][name]:.6g}" for name in SPACES[model]
            }
            writer.writerow(row | values)


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
