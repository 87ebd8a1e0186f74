"""Write finished searches as the data files that `load_dataset` reads.

One CSV a search, one row an evaluation, and ``datasets.json``, which says what they are.
"""

import csv
import dataclasses
import datetime
import json
import math
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from leadline.datasets.learners import LEARNERS
from leadline.datasets.run import Plan, Record
from leadline.datasets.spaces import SPACES
from leadline.datasets.tasks import TASKS

CATALOGUE = "datasets.json"

COLUMNS = {
    "task": "name of the task",
    "model": "name of the model",
    "trial": "number of the configuration, from 1, in the order they were drawn",
    "replicate": "number of the training seed, from 1; the data split never changes",
    "log_loss": "nats, mean over the held-out rows; probabilities are clipped at 2.2e-16, so one "
    "row costs at most 36; empty when training diverged",
    "error": "share of the held-out rows that are misclassified; empty when training diverged",
    "status": "complete, or failed when weights or probabilities were not finite",
    "cost": "seconds of processor time to train and predict on one thread: the wall-clock time of "
    "a core that does nothing else",
    "order": "number of the evaluation in its search, from 1, in the order they ran",
    "param:*": "hyperparameters; units and distributions are under `spaces`",
}


def _digits(value: float, digits: int) -> str:
    return "" if math.isnan(value) else f"{value:.{digits}g}"


def write_search(task: str, model: str, records: Sequence[Record], path: Path) -> None:
    """Write the records of one search, in the order they ran."""
    parameters = SPACES[model]
    header = [name for name in COLUMNS if name != "param:*"]
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*header, *(f"param:{name}" for name in parameters)])
        for order, record in enumerate(records, start=1):
            failed = math.isnan(record["log_loss"])
            writer.writerow(
                [
                    task,
                    model,
                    # People count from 1.
                    record["trial"] + 1,
                    record["replicate"] + 1,
                    _digits(record["log_loss"], 6),
                    _digits(record["error"], 6),
                    "failed" if failed else "complete",
                    # Not the wall-clock time, which tells what else the machine was doing.
                    _digits(record["cpu"], 4),
                    order,
                    *(f"{record['parameters'][name]:.6g}" for name in parameters),
                ]
            )


def catalogue(plan: Plan) -> dict[str, Any]:
    """Return what there is to say about the searches of `plan`, ready for JSON."""
    tasks = {}
    for name, source in TASKS.items():
        data = source.load()
        tasks[name] = {
            "description": source.description,
            "data": source.data,
            "licence": source.licence,
            "training_rows": len(data.y_train),
            "held_out_rows": len(data.y_test),
            "features": data.x_train.shape[1],
            "classes": len(set(data.y_train.tolist())),
        }
    datasets = {
        f"{task}-{model}": {
            "description": f"{model} on {task}: {TASKS[task].description}",
            "task": task,
            "model": model,
            "space": model,
            "file": f"{task}-{model}.csv",
        }
        for task in TASKS
        for model in SPACES
    }
    return {
        "direction": "minimize",
        "metrics": ["log_loss", "error"],
        "columns": COLUMNS,
        "datasets": datasets,
        "tasks": tasks,
        "models": {name: {"description": one.description} for name, one in LEARNERS.items()},
        "spaces": {
            model: {name: dataclasses.asdict(parameter) for name, parameter in space.items()}
            for model, space in SPACES.items()
        },
        "made": {
            "by": "python -m leadline.datasets.generate",
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "plan": dataclasses.asdict(plan),
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "scipy", "scikit-learn", "mlxtend")},
            "machine": f"{platform.system()} {platform.machine()}",
        },
    }


def write_catalogue(plan: Plan, folder: Path) -> None:
    """Write `catalogue` to ``datasets.json`` in `folder`."""
    text = json.dumps(catalogue(plan), indent=1, ensure_ascii=False)
    (folder / CATALOGUE).write_text(text + "\n")
