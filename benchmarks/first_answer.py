"""Time to the first answer, of a refit and of a saved fit's answers, and quality of the sampling.

    uv run python benchmarks/first_answer.py process TRIALS.csv
    uv run python benchmarks/first_answer.py whole TRIALS.csv
    uv run python benchmarks/first_answer.py search TRIALS.csv
    uv run python benchmarks/first_answer.py saved FIT.nc
    uv run python benchmarks/first_answer.py stages -- fit TRIALS.csv --score error ...

`process` times two kinds of process in turn: `leadline fit` on a file, and a normal model on the
same scores with the same imports, compiling, sampling, diagnostics and writing. `whole` does so
for a fit with automatic thresholds, pictures and a report. `search` prints divergences, ESS, R-hat
and seconds of sampling per seed, and compares a refit of the compiled model on another search with
a fresh fit. `saved` times the commands that answer from a saved fit, and commands with a mistake,
which they refuse. `stages` runs a command, such as `demo`, and prints the seconds of each of its
stages.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

TAIL_FRACTION = 0.2

# All imports and steps of `leadline fit`, with another model.
_NORMAL = """
import sys
import leadline.cli.console, leadline.inference.fit, leadline.inference.posterior
import leadline.inference.thresholds, leadline.inference.tree
import arviz_stats
import numpy as np
import pymc as pm
import xarray as xr
from leadline.data.tails import cut_tail
from leadline.inference.sampler import Sampler
from leadline.io.table import read_table

path, score, direction, output = sys.argv[1:]
trials = read_table(path, score=score, direction=direction)
tail = cut_tail(trials, tail_fraction={fraction})
with pm.Model() as model:
    scores = pm.Data("scores", tail["loss"].to_numpy())
    mean = pm.Normal("mean", tail["threshold"].item(), 1.0)
    sd = pm.HalfNormal("sd", 1.0)
    pm.Normal("loss", mean, sd, observed=scores)
tree = Sampler().compile(model).sample(1)
posterior = tree["posterior"].to_dataset()
print(arviz_stats.rhat(posterior), arviz_stats.ess(posterior, method="bulk"))
print(arviz_stats.ess(posterior, method="tail"), arviz_stats.summary(tree))
tree.to_netcdf(output + "/fit.nc", engine="h5netcdf")
"""


def seconds(command: list[str], code: int = 0) -> tuple[float, float]:
    """Return the wall-clock and CPU seconds of a process; raise unless it exits with `code`."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != code:
        raise RuntimeError(output.decode())
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime


def measure_process(
    path: Path, score: str, direction: str, repeats: int, *, whole: bool = False
) -> None:
    """Print the seconds of both processes and their ratio; `whole` is a fit without options."""
    fit = [sys.executable, "-m", "leadline", "fit", str(path), "--score", score]
    fit += ["--direction", direction, "--seed", "1"]
    if not whole:
        fit += ["--tail-fraction", str(TAIL_FRACTION), "--no-pictures"]
    fit.append("-o")
    normal = [sys.executable, "-c", _NORMAL.format(fraction=TAIL_FRACTION), str(path), score]
    normal.append(direction)
    walls, cpus = [], []
    print("       leadline fit (wall, CPU)   Normal (wall, CPU)   ratios")
    with tempfile.TemporaryDirectory() as folder:
        for run in range(repeats + 1):
            new = Path(folder, f"normal-{run}")
            new.mkdir()
            (wall, cpu), (wall_normal, cpu_normal) = (
                seconds([*fit, f"{folder}/fit-{run}"]),
                seconds([*normal, str(new)]),
            )
            print(
                f"{'warm-up' if run == 0 else run!s:7s} {wall:10.1f} s {cpu:8.1f} s"
                f" {wall_normal:12.1f} s {cpu_normal:8.1f} s"
                f"   {wall / wall_normal:.2f}, {cpu / cpu_normal:.2f}",
                flush=True,
            )
            # The first run of each kind fills the caches on disk.
            if run > 0:
                walls.append(wall / wall_normal)
                cpus.append(cpu / cpu_normal)
    print(
        f"median ratio of wall-clock time {statistics.median(walls):.2f}, "
        f"of CPU time {statistics.median(cpus):.2f} (at most {1.8 if whole else 1.5})"
    )


def measure_search(path: Path, score: str, direction: str, seeds: int) -> None:
    """Print the quality and speed of sampling the compiled model, and the cost of a refit."""
    import arviz_stats
    import numpy as np

    import leadline as ll
    from leadline.inference.candidates import candidates_of
    from leadline.inference.sampler import Sampler
    from leadline.models import independent

    priors = ll.Priors()
    bundled = ll.load_dataset("digits-boosting")
    # One mean score per trial: no replicates, as in the file.
    means = ll.from_scores(bundled.per_trial()["score"], direction=bundled.direction)
    first, other = (
        candidates_of(
            trials, trials.searches[0], priors, fractions={TAIL_FRACTION: 1.0}, resolution=0
        )[0]
        for trials in (ll.read_table(path, score=score, direction=direction), means)
    )
    sampler = Sampler()
    compiled = sampler.compile(independent.build(first, priors))
    for seed in range(1, seeds + 1):
        start, cpu = time.perf_counter(), time.process_time()
        tree = compiled.sample(seed)
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
        posterior = tree["posterior"].to_dataset()
        bulk, tail = (arviz_stats.ess(posterior, method=kind) for kind in ("bulk", "tail"))
        print(
            f"seed {seed}: {int(tree['sample_stats']['diverging'].sum())} divergences, "
            f"ESS {min(float(v.min()) for v in bulk.values()):.0f} (bulk), "
            f"{min(float(v.min()) for v in tail.values()):.0f} (tail), "
            f"R-hat {max(float(v.max()) for v in arviz_stats.rhat(posterior).values()):.4f}, "
            f"{tree['sample_stats']['n_steps'].mean():.1f} steps per draw, "
            f"{wall:.2f} s ({cpu:.2f} s CPU)"
        )
    start = time.perf_counter()
    again = compiled.with_data(independent.data_of(other))
    overhead = time.perf_counter() - start
    refit = again.sample(1)["posterior"].to_dataset()
    fresh = sampler.compile(independent.build(other, priors)).sample(1)["posterior"].to_dataset()
    equal = all(np.array_equal(refit[name], fresh[name]) for name in fresh.data_vars)
    sizes = [tail["n_tail"].item() for tail in (first, other)]
    print(
        f"refit of {sizes[0]} scores to {sizes[1]}: {overhead:.4f} s and sampling; "
        f"{'equal to' if equal else 'DIFFERENT from'} a fresh fit"
    )


def measure_saved(path: Path, repeats: int) -> None:
    """Print the median seconds of commands on a saved fit, each a process of its own."""
    fit = str(path)
    commands = {
        **{name: ([name, fit], 0) for name in ("summary", "check", "compare", "forecast")},
        "summary --ci-prob 7": (["summary", fit, "--ci-prob", "7"], 1),
        "check of a missing file": (["check", f"{fit}.missing"], 1),
    }
    print("command                       wall      CPU")
    for name, (arguments, code) in commands.items():
        command = [sys.executable, "-m", "leadline", *arguments]
        runs = [seconds(command, code) for _ in range(repeats)]
        wall, cpu = (statistics.median(times) for times in zip(*runs, strict=True))
        print(f"{name:24s} {wall:7.2f} s {cpu:6.2f} s", flush=True)


def measure_stages(command: list[str]) -> None:
    """Run a command in this process; print the seconds of its stages, and of compiling.

    A stage has the imports that it is the first to need. The first answer is that of a single
    search, which a fit of several prints before it goes on.
    """
    from leadline.cli.main import main as leadline
    from leadline.inference.progress import Progress

    clock = _Clock()
    original = Progress.start, Progress.compiling, Progress.answer

    def start(self: Progress, stage: str, steps: int = 1, units: str = "") -> None:
        clock.enter(stage)
        original[0](self, stage, steps, units)

    @contextmanager
    def compiling(self: Progress) -> Iterator[None]:
        stage = clock.enter("compiling")
        with original[1](self):
            yield
        clock.enter(stage)

    def answer(self: Progress, make: object) -> None:
        original[2](self, make)
        clock.answered()

    Progress.start, Progress.compiling, Progress.answer = start, compiling, answer
    code = leadline(command)
    clock.enter("")
    print(clock.table().round(1).to_string())
    print(f"first answer after {clock.first_answer:.1f} s")
    sys.exit(code)


class _Clock:
    """Wall-clock and CPU seconds by stage, since the start of the process."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}
        self.stage, self.first_answer = "importing and reading", float("nan")
        self._began, self._cpu = time.perf_counter(), 0.0
        self._start = self._began - time.process_time()

    def enter(self, stage: str) -> str:
        """Begin a stage, and return the one that ends."""
        ended, now, cpu = self.stage, time.perf_counter(), time.process_time()
        own = self.seconds.setdefault(ended, [0.0, 0.0])
        own[0] += now - self._began
        own[1] += cpu - self._cpu
        self.stage, self._began, self._cpu = stage, now, cpu
        return ended

    def answered(self) -> None:
        """Take the time of the first answer."""
        if self.first_answer != self.first_answer:
            self.first_answer = time.perf_counter() - self._start

    def table(self) -> pd.DataFrame:
        """Return one row per stage, and their sum."""
        table = pd.DataFrame(self.seconds, index=["wall", "CPU"]).T
        table.loc["all"] = table.sum()
        return table


def main() -> None:
    """Run the chosen measurement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("measurement", choices=["process", "whole", "search", "saved", "stages"])
    parser.add_argument(
        "file", nargs="+", metavar="FILE", help="TRIALS.csv or FIT.nc, or -- and a command"
    )
    parser.add_argument("--score", default="error")
    parser.add_argument("--direction", default="minimize")
    parser.add_argument("--repeats", type=int, default=3, help="timed runs of each process")
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    path = Path(arguments.file[0])
    columns = path, arguments.score, arguments.direction
    if arguments.measurement == "stages":
        measure_stages(arguments.file)
    elif arguments.measurement == "saved":
        measure_saved(path, arguments.repeats)
    elif arguments.measurement in ("process", "whole"):
        whole = arguments.measurement == "whole"
        measure_process(*columns, arguments.repeats, whole=whole)
    else:
        measure_search(*columns, arguments.seeds)


if __name__ == "__main__":
    main()
