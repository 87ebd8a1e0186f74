"""How long ten thousand trials take to be read from every source: CPU seconds, limit ten."""

import logging
import pathlib
import sys
import tempfile
import time
import warnings

import numpy as np
import pandas as pd

import leadline as ll

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests"))

from helpers_stores import (
    MLFLOW_TABLES,
    OPTUNA_TABLES,
    configurations,
    mlflow_files,
    mlflow_rows,
    optuna_rows,
    write_files,
    write_journal,
    write_keras_tuner,
    write_ray,
    write_tables,
    write_wandb,
)

N = 10_000
SECONDS = 10.0
MINIMIZE = {"direction": "minimize"}


def optuna_database(folder):
    write_tables(folder / "study.db", OPTUNA_TABLES, optuna_rows(N))
    return ll.read_optuna, folder / "study.db", {}


def optuna_journal(folder):
    return ll.read_optuna, write_journal(folder / "journal.log", N), {}


def optuna_study(folder):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    drawn_from = dict.fromkeys(
        ("lr", "momentum", "decay", "dropout"), optuna.distributions.FloatDistribution(0, 1)
    ) | {"act": optuna.distributions.CategoricalDistribution(["relu", "tanh", "gelu"])}
    study = optuna.create_study()
    study.add_trials(
        optuna.trial.create_trial(value=k / N, params=own, distributions=drawn_from)
        for k, own in enumerate(configurations(N))
    )
    return ll.read_optuna, study, {}


def mlflow(folder):
    path = write_tables(folder / "mlflow.db", MLFLOW_TABLES, mlflow_rows(N))
    return ll.read_mlflow, path, MINIMIZE


def mlflow_store(folder):
    return ll.read_mlflow, write_files(folder / "mlruns", mlflow_files(N)), MINIMIZE


def wandb_logs(folder):
    return ll.read_wandb, write_wandb(folder / "wandb", N), {**MINIMIZE, "score": "loss"}


def wandb_files(folder):
    written = write_wandb(folder / "wandb", N, "log files")
    return ll.read_wandb, written, {**MINIMIZE, "score": "loss"}


def ray(folder):
    return ll.read_ray, write_ray(folder / "exp", N), MINIMIZE


def keras_tuner(folder):
    return ll.read_keras_tuner, write_keras_tuner(folder / "project", N), {}


def export(folder):
    table = pd.DataFrame(configurations(N)).assign(Name="run", State="finished", loss=np.arange(N))
    table.to_csv(folder / "wandb.csv", index=False)
    params = ["lr", "momentum", "decay", "dropout", "act"]
    return ll.read_wandb_csv, folder / "wandb.csv", {**MINIMIZE, "score": "loss", "params": params}


def trials_dataframe(folder):
    table = pd.DataFrame(configurations(N)).add_prefix("params_")
    table = table.assign(number=range(N), value=np.arange(N) / N, state="COMPLETE")
    table.to_csv(folder / "study.csv")
    return ll.read_optuna, folder / "study.csv", MINIMIZE


def table(folder):
    rows = pd.DataFrame(configurations(N)).assign(loss=np.arange(N) / N, time=np.arange(N) % 7)
    rows.to_csv(folder / "t.csv", sep=";", decimal=",", index=False)
    params = ["lr", "momentum", "decay", "dropout", "act"]
    return ll.read_table, folder / "t.csv", {**MINIMIZE, "score": "loss", "params": params}


def sklearn(folder):
    results = {"params": configurations(N), "mean_test_score": np.arange(N) / N}
    return ll.read_sklearn, results, {}


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    sources = [
        optuna_database,
        optuna_journal,
        optuna_study,
        mlflow,
        mlflow_store,
        wandb_logs,
        wandb_files,
    ]
    sources += [ray, keras_tuner, export]
    sources += [trials_dataframe, table, sklearn]
    print("| source | CPU s | wall s |\n| --- | --- | --- |")
    for source in sources:
        with tempfile.TemporaryDirectory() as folder:
            read, where, arguments = source(pathlib.Path(folder))
            busy, start = time.process_time(), time.perf_counter()
            trials = read(where, **arguments)
            busy, waited = time.process_time() - busy, time.perf_counter() - start
        if str(trials) != f"{N} trials: {N} complete, 0 failed" or trials.n_params != 5:
            sys.exit(f"{source.__name__}: read {trials} with {trials.n_params} parameters")
        late = "" if busy < SECONDS else f" (limit {SECONDS:g})"
        print(f"| {source.__name__} | {busy:.2f}{late} | {waited:.2f} |", flush=True)


if __name__ == "__main__":
    main()
