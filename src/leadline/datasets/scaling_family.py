"""Make the bundled scaling family: ``python -m leadline.datasets.scaling_family --output DIR``.

Requires ``pip install leadline[datasets]``. The model `mlp` is tuned by random search on the task
`digits` at each of `WIDTHS` hidden units and each of `SHARES` of the training rows, in about two
minutes on one core. The held-out rows are the same for all. Its size is the number of weights, its
data the number of training rows. Configurations and training seeds depend on the names of the
searches and the root seed alone.
"""

import argparse
import dataclasses
import math
import zlib
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leadline.datasets.generate import Plan, configuration, evaluate_configuration
from leadline.datasets.training import SPLIT_SEED, TASKS, Task

TASK, MODEL = "digits", "mlp"
# Four units cannot tell ten classes apart: their loss is far above the law of wider networks.
WIDTHS, SHARES = (8, 16, 32, 64), (0.25, 0.5, 1.0)
PLAN = Plan(trials=60, replicated=0, seeds=1)


def part_of(data: Task, share: float) -> Task:
    """Return the task with a share of its training rows; smaller shares are parts of larger."""
    order = np.random.default_rng(SPLIT_SEED).permutation(len(data.y_train))
    rows = np.sort(order[: round(share * len(order))])
    return dataclasses.replace(data, x_train=data.x_train[rows], y_train=data.y_train[rows])


def weights(data: Task, width: int) -> int:
    """Return the number of weights and biases of the network."""
    inputs, classes = data.x_train.shape[1], len(np.unique(data.y_train))
    return (inputs + 1) * width + (width + 1) * classes


def run_family(plan: Plan = PLAN) -> Iterator[dict[str, Any]]:
    """Train all configurations of all searches; yield a row of the file for each."""
    everything = TASKS[TASK]()
    for width, share in product(WIDTHS, SHARES):
        data = part_of(everything, share)
        name = f"width {width}, {len(data.y_train)} rows"
        for trial in range(plan.trials):
            parameters = configuration(plan, name, MODEL, trial) | {"hidden_width": float(width)}
            key = [plan.seed, zlib.crc32(name.encode()), trial, 1]
            seed = int(np.random.SeedSequence(key).generate_state(1)[0])
            record = evaluate_configuration(MODEL, parameters, data, seed)
            failed = math.isnan(record["log_loss"])
            # The width is the same for all trials of a search: no hyperparameter.
            del parameters["hidden_width"]
            yield {
                "task": name,
                "size": weights(data, width),
                "data": len(data.y_train),
                "trial": trial + 1,
                **{metric: _digits(record[metric], 6) for metric in ("log_loss", "error")},
                "status": "failed" if failed else "complete",
                "cost": _digits(record["cpu"], 4),
                **{f"param:{key}": f"{value:.6g}" for key, value in parameters.items()},
            }


def _digits(value: float, digits: int) -> str:
    return "" if math.isnan(value) else f"{value:.{digits}g}"


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(
        prog="python -m leadline.datasets.scaling_family",
        description="Run the random searches of the bundled scaling family.",
    )
    parser.add_argument("--output", type=Path, required=True, help="folder for the data file")
    path = parser.parse_args().output / f"{TASK}-scaling.csv"
    pd.DataFrame(run_family()).to_csv(path, index=False, lineterminator="\n")
    print(path)


if __name__ == "__main__":
    main()
