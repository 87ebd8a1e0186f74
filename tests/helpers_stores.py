"""Stores of other tools written in bulk, faster than the tools themselves would write them.

The schemas are those of the tools. The tests of each reader use stores that the tools wrote.
"""

import json
import sqlite3
import struct
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd

OPTUNA_TABLES = {
    "studies": "study_id INTEGER, study_name TEXT",
    "study_directions": "study_direction_id INTEGER, direction TEXT, study_id INTEGER, "
    "objective INTEGER",
    "study_system_attributes": "study_id INTEGER, key TEXT, value_json TEXT",
    "trials": "trial_id INTEGER PRIMARY KEY, number INTEGER, study_id INTEGER, state TEXT, "
    "datetime_start TEXT, datetime_complete TEXT",
    "trial_user_attributes": "trial_id INTEGER, key TEXT, value_json TEXT",
    "trial_system_attributes": "trial_id INTEGER, key TEXT, value_json TEXT",
    "trial_params": "trial_id INTEGER, param_name TEXT, param_value FLOAT, distribution_json TEXT",
    "trial_values": "trial_id INTEGER, objective INTEGER, value FLOAT, value_type TEXT",
}
MLFLOW_TABLES = {
    "experiments": "experiment_id INTEGER, name TEXT, lifecycle_stage TEXT",
    "runs": "run_uuid TEXT PRIMARY KEY, name TEXT, status TEXT, start_time BIGINT, "
    "end_time BIGINT, lifecycle_stage TEXT, experiment_id INTEGER",
    "latest_metrics": "key TEXT, value FLOAT, timestamp BIGINT, step BIGINT, is_nan BOOLEAN, "
    "run_uuid TEXT",
    "params": "key TEXT, value TEXT, run_uuid TEXT",
    "tags": "key TEXT, value TEXT, run_uuid TEXT",
}


def write_tables(path: Path, tables: dict[str, str], rows: dict[str, list[tuple]]) -> Path:
    """Write an SQLite database with these tables, by name, and rows in them."""
    with closing(sqlite3.connect(path)) as connection:
        for name, columns in tables.items():
            connection.execute(f"CREATE TABLE {name} ({columns})")
        for name, own in rows.items():
            for row in own:
                marks = ", ".join("?" * len(row))
                connection.execute(f"INSERT INTO {name} VALUES ({marks})", row)
        connection.commit()
    return path


def configurations(n: int, seed: int = 0) -> list[dict[str, object]]:
    """Return hyperparameters of n trials, five for each."""
    rng = np.random.default_rng(seed)
    numbers = pd.DataFrame(rng.random((n, 4)), columns=["lr", "momentum", "decay", "dropout"])
    return numbers.assign(act=rng.choice(["relu", "tanh", "gelu"], n)).to_dict("records")


def optuna_rows(n: int) -> dict[str, list[tuple]]:
    """Return the rows of a study with n complete trials."""
    range_of = {"step": None, "low": 0.0, "high": 1.0, "log": False}
    number = json.dumps({"name": "FloatDistribution", "attributes": range_of})
    choices = ["relu", "tanh", "gelu"]
    choice = json.dumps({"name": "CategoricalDistribution", "attributes": {"choices": choices}})
    params = []
    for k, own in enumerate(configurations(n), start=1):
        params += [(k, name, own[name], number) for name in own if name != "act"]
        params.append((k, "act", choices.index(str(own["act"])), choice))
    ids = range(1, n + 1)
    start, end = "2026-01-01 00:00:00.000000", "2026-01-01 00:01:00.500000"
    return {
        "studies": [(1, "big")],
        "study_directions": [(1, "MINIMIZE", 1, 0)],
        "trials": [(k, k - 1, 1, "COMPLETE", start, end) for k in ids],
        "trial_params": params,
        "trial_values": [(k, 0, (k - 1) / n, "FINITE") for k in ids],
        "trial_user_attributes": [(k, "seed", str(k)) for k in ids],
    }


def mlflow_rows(n: int) -> dict[str, list[tuple]]:
    """Return the rows of an experiment with n finished runs below a parent."""
    runs = [f"run{k}" for k in range(n)]
    return {
        "experiments": [(1, "big", "active")],
        "runs": [
            (run, run, "FINISHED", 1000 * k, 1000 * k + 5, "active", 1)
            for k, run in enumerate(["parent", *runs])
        ],
        "latest_metrics": [("loss", k / n, 0, 0, 0, run) for k, run in enumerate(runs)],
        "params": [
            (name, str(value), run)
            for own, run in zip(configurations(n), runs, strict=True)
            for name, value in own.items()
        ],
        "tags": [("mlflow.parentRunId", "parent", run) for run in runs],
    }


def mlflow_meta(run: str, start: int = 0, **changed: object) -> str:
    """Return the `meta.yaml` of a run, as MLflow writes it."""
    meta = {
        "artifact_uri": f"mlflow-artifacts:/1/{run}/artifacts",
        "end_time": start + 5,
        "entry_point_name": "''",
        "experiment_id": "'1'",
        "lifecycle_stage": "active",
        "run_id": run,
        "run_name": f"name-{run}",
        "source_type": 4,
        "start_time": start,
        "status": 3,
        "tags": "[]",
        "user_id": "someone",
    }
    return "".join(f"{key}: {value}\n" for key, value in (meta | changed).items())


def mlflow_files(n: int) -> dict[str, str]:
    """Return a file store of MLflow, texts by path, with n finished runs below a parent."""
    contents = {"1/meta.yaml": "experiment_id: '1'\nlifecycle_stage: active\nname: big\n"}
    contents["1/parent/meta.yaml"] = mlflow_meta("parent")
    for k, own in enumerate(configurations(n)):
        run = f"1/run{k}"
        contents[f"{run}/meta.yaml"] = mlflow_meta(f"run{k}", 1000 * (k + 1))
        lines = [f"{1000 * k} 9.5 0\n", f"{1000 * k + 1} {k / n!r} 1\n"]
        contents[f"{run}/metrics/loss"] = "".join(lines)
        contents[f"{run}/tags/mlflow.parentRunId"] = "parent"
        for name, value in own.items():
            contents[f"{run}/params/{name}"] = str(value)
    return contents


def write_files(folder: Path, contents: Mapping[str, str | bytes]) -> Path:
    """Write files, text or bytes by path, into a folder."""
    for path, content in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def wandb_log(
    run: str,
    config: Mapping[str, object],
    summaries: Sequence[Mapping[str, object]],
    exit_code: int | None = 0,
    **texts: str,
) -> bytes:
    """Return the binary log of a run of W&B; texts are `project`, `name` and `sweep`."""

    def varint(value: int) -> bytes:
        high, low = divmod(value, 128)
        return bytes([low]) if not high else bytes([low | 128]) + varint(high)

    def message(number: int, content: bytes | str | int) -> bytes:
        if isinstance(content, int):
            return varint(number << 3) + varint(content)
        content = content.encode() if isinstance(content, str) else content
        return varint(number << 3 | 2) + varint(len(content)) + content

    def updates(values: Mapping[str, object]) -> bytes:
        items = [message(2, key) + message(16, json.dumps(own)) for key, own in values.items()]
        return b"".join(message(1, item) for item in items)

    numbers = {"project": 3, "name": 8, "sweep": 12}
    about = message(1, run) + message(4, updates(config))
    about += b"".join(message(numbers[kind], text) for kind, text in texts.items())
    records = [message(21, b""), message(17, about + message(17, message(1, 1_700_000_000)))]
    records += [message(3, updates(own)) for own in summaries]
    records += [] if exit_code is None else [message(18, message(1, exit_code))]
    content = b":W&B\xe1\xbe\x00"
    for number, record in enumerate(records):
        record = message(1, number) + record
        first = True
        while record or first:
            left = 32_768 - len(content) % 32_768
            if left < 7:
                content += bytes(left)
                continue
            piece, record = record[: left - 7], record[left - 7 :]
            kind = (1 if first else 4) if not record else (2 if first else 3)
            content += struct.pack("<IHB", 0, len(piece), kind) + piece
            first = False
    return content


def wandb_run(k: int, n: int, own: Mapping[str, object], form: str = "log") -> dict[str, bytes]:
    """Return the files of run k of n, by path; `form` is "log", "files" or both: "log files"."""
    folder = f"run-20260301_{k // 3600:02}{k // 60 % 60:02}{k % 60:02}-id{k}"
    summaries = [{"loss": 9.5, "_step": 0}, {"loss": k / n, "_runtime": 5, "_step": 1}]
    found = {f"{folder}/files/requirements.txt": b""}
    if "log" in form:
        found[f"{folder}/run-id{k}.wandb"] = wandb_log(f"id{k}", own, summaries, project="big")
    if "files" in form:
        lines = [f"{name}:\n  desc: null\n  value: {json.dumps(own[name])}\n" for name in own]
        found[f"{folder}/files/config.yaml"] = "".join(["wandb_version: 1\n", *lines]).encode()
        found[f"{folder}/files/wandb-summary.json"] = json.dumps(summaries[-1]).encode()
    return found


def write_wandb(folder: Path, n: int, form: str = "log") -> Path:
    """Write the folder `wandb` of n finished runs, as W&B does offline, or online with "files"."""
    for k, own in enumerate(configurations(n)):
        write_files(folder, wandb_run(k, n, own, form))
    return folder


def write_journal(path: Path, n: int) -> Path:
    """Write Optuna's journal of a study with n complete trials."""
    rows = optuna_rows(n)
    log: list[dict] = [{"op_code": 0, "worker_id": "w", "study_name": "big", "directions": [1]}]
    start = "2026-01-01T00:00:00.000000+00:00"
    of_trial: dict[int, list[tuple]] = {}
    for trial, *param in rows["trial_params"]:
        of_trial.setdefault(trial, []).append(tuple(param))
    names = ("param_name", "param_value_internal", "distribution")
    for k in range(n):
        log.append({"op_code": 4, "worker_id": "w", "study_id": 0, "datetime_start": start})
        trial = {"worker_id": "w", "trial_id": k}
        for param in of_trial[k + 1]:
            log.append({"op_code": 5, **trial, **dict(zip(names, param, strict=True))})
        end = {"state": 1, "values": [k / n], "datetime_complete": start}
        log.append({"op_code": 6, **trial, **end})
    path.write_text("".join(json.dumps(own, separators=(",", ":")) + "\n" for own in log))
    return path


def write_ray(folder: Path, n: int) -> Path:
    """Write the folder of a Ray Tune experiment with n trials."""
    trials = []
    for k, own in enumerate(configurations(n)):
        trial = folder / f"train_{k:05d}"
        trial.mkdir(parents=True)
        (trial / "params.json").write_text(json.dumps({"optimizer": own}))
        result = {"loss": k / n, "training_iteration": 1, "time_total_s": 1.0, "trial_id": str(k)}
        (trial / "result.json").write_text(json.dumps(result) + "\n")
        state = {"trial_id": f"t{k}", "status": "TERMINATED", "relative_logdir": trial.name}
        trials.append([json.dumps(state), "{}"])
    state = {"trial_data": trials, "runner_data": {"_metric": "loss"}}
    (folder / "experiment_state-2026-01-01_00-00-00.json").write_text(json.dumps(state))
    return folder


def write_keras_tuner(folder: Path, n: int) -> Path:
    """Write the folder of a Keras Tuner project with n trials."""
    for k, own in enumerate(configurations(n)):
        trial = folder / f"trial_{k:05d}"
        trial.mkdir(parents=True)
        metric = {"direction": "min", "observations": [{"value": [k / n], "step": 0}]}
        content = {
            "trial_id": f"{k:05d}",
            "hyperparameters": {"space": [], "values": own},
            "metrics": {"metrics": {"val_loss": metric}},
            "score": k / n,
            "status": "COMPLETED",
        }
        (trial / "trial.json").write_text(json.dumps(content))
    return folder
