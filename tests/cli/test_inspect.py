"""`leadline inspect`: what a source holds, in a few lines and without a fit."""

import json
import sqlite3
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
from helpers_readers import digests
from helpers_stores import (
    OPTUNA_TABLES,
    configurations,
    mlflow_files,
    mlflow_meta,
    optuna_rows,
    wandb_log,
    write_files,
    write_ray,
    write_tables,
)

from leadline.cli.main import main

N = 40


@pytest.fixture
def inspected(tmp_path, capsys, monkeypatch):
    """Return a function from the arguments of the command to its lines."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, code=0):
        before = digests(tmp_path)
        assert main(["inspect", *arguments]) == code
        assert digests(tmp_path) == before
        captured = capsys.readouterr()
        assert (captured.err == "") == (code == 0)
        return captured.out or captured.err

    return run


def test_a_study_is_described(inspected, tmp_path):
    write_tables(tmp_path / "study.db", OPTUNA_TABLES, optuna_rows(N))
    text = inspected("study.db")
    words = [f"{N} trials: {N} complete", "best value 0 (minimize)", "5 hyperparameters", "'lr'"]
    for word in [*words, "looks like a random search", "what further trials would bring"]:
        assert word in text


def test_every_study_of_several_is_described(inspected, tmp_path):
    path = write_tables(tmp_path / "study.db", OPTUNA_TABLES, optuna_rows(N))
    learned = [(k, "tpe:relative_params:0", json.dumps("{}")) for k in range(30, N + 1)]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO studies VALUES (2, 'small')")
        connection.execute("INSERT INTO study_directions VALUES (2, 'MAXIMIZE', 2, 0)")
        connection.execute("UPDATE trials SET study_id = 2 WHERE trial_id > 25")
        connection.executemany("INSERT INTO trial_system_attributes VALUES (?, ?, ?)", learned)
        connection.commit()
    text = inspected("study.db")
    words = ["2 studies", "--study-name", "study 'big': 25 trials", "study 'small'", "TPESampler"]
    for word in [*words, "`leadline fit study.db --study-name small --surface`", "(minimize)"]:
        assert word in text


def test_metrics_and_an_unknown_direction(inspected, tmp_path):
    contents = mlflow_files(N)
    for k in range(N):
        contents[f"1/run{k}/metrics/acc"] = f"1 {k} 1\n"
    second = {"2/meta.yaml": "experiment_id: '2'\nname: other\n"}
    second["2/run/meta.yaml"] = mlflow_meta("run")
    write_files(tmp_path / "mlruns", contents | second)
    text = inspected("mlruns")
    words = ["2 experiments", "--experiment big", "2 metrics", "acc: 0 to 39", "loss: 0 to 0.975"]
    for word in [*words, "1 parent run left out", "experiment 'other'"]:
        assert word in text
    asked = inspected("mlruns", "--experiment", "big", "--score", "acc")
    assert "acc 0 to 39" in asked
    assert "--direction minimize" in asked


def test_other_folders_are_described(inspected, tmp_path):
    write_ray(tmp_path / "exp", N)
    assert "loss 0 to 0.975" in inspected("exp")
    logs = [wandb_log(f"id{k}", {"lr": k / 7}, [{"loss": k}], sweep="ab"[k % 2]) for k in range(6)]
    paths = [f"run-20260301_00000{k}-id{k}/run-id{k}.wandb" for k in range(6)]
    write_files(tmp_path / "wandb", dict(zip(paths, logs, strict=True)))
    text = inspected("wandb")
    for word in ("2 sweeps", "--sweep a", "3 trials", "too few complete trials"):
        assert word in text


def test_the_columns_of_a_table_are_described(inspected, tmp_path):
    frame = pd.DataFrame(configurations(N)).assign(loss=np.arange(N) / N, state="ok", note="")
    frame.loc[3, "loss"] = np.nan
    frame.to_csv(tmp_path / "t.csv", index=False)
    text = inspected("t.csv")
    for word in (
        f"{N} rows",
        "--score loss",
        "loss: 39 numbers, 0 to 0.975, 1 empty",
        "'relu'",
        "note: empty",
    ):
        assert word in text
    known = inspected("t.csv", "--score", "loss", "--direction", "maximize", "--params", "lr")
    assert "best loss 0.975 (maximize)" in known
    assert "1 hyperparameter: 'lr'" in known
    assert "no hyperparameters are known" in inspected("t.csv", "--score", "loss")


def test_a_column_of_repeated_numbers_has_their_count(inspected, tmp_path):
    values = [0.5, 0.5, 0.25, ""]
    pd.DataFrame({"model": ["a", "a", "b", "b"], "level": values}).to_csv("t.csv", index=False)
    text = inspected("t.csv")
    # The only column of numbers.
    for word in ("level: 3 numbers (2 different), 0.25 to 0.5, 1 empty", "--score level"):
        assert word in text
    frame = pd.DataFrame({"lr": [0.1, 0.2], "depth": [1, 2]})
    frame.to_csv("u.csv", index=False)
    assert "--score COLUMN" in inspected("u.csv")


def test_what_holds_for_all_searches_is_said_once(inspected, tmp_path):
    scores = np.random.default_rng(0).random(90)
    frame = pd.DataFrame({"data": np.repeat(["a", "b", "c"], 30), "error": scores})
    frame.to_csv("t.csv", index=False)
    text = inspected("t.csv", "--score", "error", "--direction", "minimize", "--task", "data")
    assert text.count("best error") == 3
    assert text.count("no hyperparameters are known") == 1


@pytest.mark.parametrize(("random", "refused"), [(15, True), (25, False)])
def test_the_limit_of_a_random_share_is_applied(inspected, tmp_path, random, refused):
    frame = pd.DataFrame(configurations(60)).assign(loss=np.random.default_rng(0).random(60))
    frame["drawn"] = np.where(np.arange(60) < random, "random", "guided")
    frame.to_csv("t.csv", index=False)
    options = ["--score", "loss", "--direction", "minimize", "--params", "lr", "momentum"]
    text = inspected("t.csv", *options)
    assert f"{random} trials at random, by themselves:" in text
    assert ("refused by" in text) == refused
    # The printed line can be typed.
    line = f"`leadline fit t.csv {' '.join(options)} --surface`"
    assert (line in text) == refused
    assert ("which of 2 hyperparameters matter" in text) != refused


def test_a_direction_against_the_name_is_doubted(inspected, tmp_path):
    frame = pd.DataFrame({"loss": np.random.default_rng(0).random(30)})
    frame.to_csv("t.csv", index=False)
    for direction, doubted in (("minimize", False), ("maximize", True)):
        text = inspected("t.csv", "--score", "loss", "--direction", direction)
        assert ("is the direction right?" in text) == doubted
    assert "is the direction right?" not in inspected("t.csv", "--score", "loss")


def test_what_cannot_be_read_is_one_line(inspected, tmp_path):
    (tmp_path / "t.xlsx").write_bytes(b"PK")
    assert "'.xlsx'" in inspected("t.xlsx", code=1)
    assert "no file 'absent.db'" in inspected("absent.db", code=1)
