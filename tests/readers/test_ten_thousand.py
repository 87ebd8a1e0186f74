"""Ten thousand trials are read in under five seconds from every source."""

import time

import numpy as np
import pandas as pd
import pytest
from helpers_stores import (
    MLFLOW_TABLES,
    OPTUNA_TABLES,
    configurations,
    mlflow_rows,
    optuna_rows,
    write_journal,
    write_keras_tuner,
    write_ray,
    write_tables,
)

import leadline as ll

N = 10_000
SECONDS = 5.0
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


def ray(folder):
    return ll.read_ray, write_ray(folder / "exp", N), MINIMIZE


def keras_tuner(folder):
    return ll.read_keras_tuner, write_keras_tuner(folder / "project", N), {}


def export(folder):
    table = pd.DataFrame(configurations(N)).assign(Name="run", State="finished", loss=np.arange(N))
    table.to_csv(folder / "wandb.csv", index=False)
    params = ["lr", "momentum", "decay", "dropout", "act"]
    return ll.read_wandb_csv, folder / "wandb.csv", {**MINIMIZE, "score": "loss", "params": params}


def sklearn(folder):
    results = {"params": configurations(N), "mean_test_score": np.arange(N) / N}
    return ll.read_sklearn, results, {}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "source",
    [optuna_database, optuna_journal, optuna_study, mlflow, ray, keras_tuner, export, sklearn],
)
def test_ten_thousand_trials(tmp_path, source):
    read, where, arguments = source(tmp_path)
    start = time.process_time()  # of this process, whatever else the machine is doing
    trials = read(where, **arguments)
    seconds = time.process_time() - start
    assert str(trials) == f"{N} trials: {N} complete, 0 failed"
    assert trials.n_params == 5
    print(f"{source.__name__}: {seconds:.2f} s")
    assert seconds < SECONDS
