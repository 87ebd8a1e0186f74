"""Make the bundled searches: ``python -m leadline.datasets.generate --work DIR --output DIR``.

Needs ``pip install leadline[datasets]``. Runs every model on every task, three quarters of an hour
on one core, and writes the data files. Stop it whenever you like: the same command goes on where
it stopped.
"""

import argparse
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path

try:
    from leadline.datasets.assemble import write_catalogue, write_search
    from leadline.datasets.run import Plan, run_search
    from leadline.datasets.spaces import SPACES
    from leadline.datasets.tasks import TASKS
except ModuleNotFoundError as error:
    raise ImportError(
        f"making the bundled searches needs {error.name}; install it with "
        'pip install "leadline[datasets]"'
    ) from error


def _run(search: tuple[str, str], plan: Plan, work: Path, output: Path) -> str:
    started = time.perf_counter()
    records = run_search(*search, plan, work)
    name = "-".join(search)
    write_search(*search, records, output / f"{name}.csv")
    return f"{name}: {len(records)} evaluations, {time.perf_counter() - started:.0f} s"


def generate(plan: Plan, work: Path, output: Path, jobs: int) -> Iterator[str]:
    """Run all searches, `jobs` at a time, write the data files, and yield a line for each search.

    Parameters
    ----------
    plan : Plan
        How many evaluations, and the root seed.
    work, output : Path
        Folders for unfinished work, which is read back, and for the data files.
    jobs : int
        Processes; each runs one search on one thread.
    """
    output.mkdir(parents=True, exist_ok=True)
    run = partial(_run, plan=plan, work=work, output=output)
    # Spawned, because forking a process with OpenMP threads can hang.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(run, product(TASKS, SPACES))
    write_catalogue(plan, output)


def main() -> None:
    """Read the command line and run."""
    plan = Plan()
    parser = argparse.ArgumentParser(
        prog="python -m leadline.datasets.generate",
        description="Run the random searches that leadline bundles.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--work", type=Path, required=True, help="folder of unfinished work")
    parser.add_argument("--output", type=Path, required=True, help="folder for the data files")
    parser.add_argument("--jobs", type=int, default=1, help="searches at a time")
    parser.add_argument("--trials", type=int, default=plan.trials, help="trials a search")
    parser.add_argument("--replicated", type=int, default=plan.replicated, help="with all seeds")
    parser.add_argument("--seeds", type=int, default=plan.seeds, help="seeds of those trials")
    parser.add_argument("--seed", type=int, default=plan.seed, help="root of all random numbers")
    given = parser.parse_args()
    plan = Plan(given.trials, given.replicated, given.seeds, given.seed)
    for line in generate(plan, given.work, given.output, given.jobs):
        print(line, flush=True)


if __name__ == "__main__":
    main()
