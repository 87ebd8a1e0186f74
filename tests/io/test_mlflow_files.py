"""The folder `mlruns` without MLflow; `test_mlflow.py` has stores that MLflow wrote."""

import os
from pathlib import Path

import numpy as np
import pytest
from helpers_readers import digests, refused
from helpers_stores import configurations, mlflow_files, mlflow_meta, write_files

from leadline.io.mlflow import read_mlflow
from leadline.io.sources import read_source

N = 40
ASKED = {"score": "loss", "direction": "minimize"}


@pytest.fixture
def mlruns(tmp_path):
    return write_files(tmp_path / "mlruns", mlflow_files(N))


@pytest.mark.parametrize("form", ["{}", "file:{}", "file://{}", "file://localhost{}", "{}/1"])
def test_a_store_and_an_experiment_are_read_and_stay_the_same(mlruns, form):
    before = digests(mlruns)
    trials = read_mlflow(form.format(mlruns), **ASKED)
    assert str(trials) == f"{N} trials: {N} complete, 0 failed"
    assert trials.table["score"].tolist() == [k / N for k in range(N)]
    assert trials.table["param:lr"].tolist() == [own["lr"] for own in configurations(N)]
    assert (trials.n_params, set(trials.table["task"])) == (5, {"big"})
    assert trials.notes == ("1 parent run left out: not a trial",)
    assert digests(mlruns) == before
    assert read_source(form.format(mlruns), ASKED).table.equals(trials.table)


def test_a_relative_url_names_a_folder(mlruns, monkeypatch):
    monkeypatch.chdir(mlruns.parent)
    for form in ("file:mlruns", "file://mlruns", "file:./mlruns", "file:%6Dlruns", "./mlruns"):
        assert len(read_source(form, ASKED).table) == N
    with refused("absent", error=FileNotFoundError):
        read_source("file:absent", ASKED)


def test_every_status_counts_as_in_a_database(mlruns):
    for status, stage in enumerate(["active"] * 5 + ["deleted"], start=1):
        changed = {"status": min(status, 5), "lifecycle_stage": stage}
        text = mlflow_meta(f"run{status}", 1000 * (status + 1), **changed)
        write_files(mlruns / "1", {f"run{status}/meta.yaml": text})
    trials = read_mlflow(mlruns, **ASKED)
    assert str(trials) == f"{N - 1} trials: {N - 5} complete, 2 failed, 2 running"
    assert "1 deleted run left out" in trials.notes


def test_the_score_is_the_value_at_the_last_step(mlruns):
    lines = {
        "run0": "5 0.7 9\n6 0.8 10\n7 0.9 2\n",
        "run1": "1 0.25\n",  # before MLflow 1.0
        "run2": "1 0.5 1 data 3f\n",  # with the name and the digest of a data set
        "run3": "1 nan 1\n",
        "run4": "1 0.5 1\r\n2 -inf 2\r\n",
        "run5": "",
        "run6": "1 1.7976931348623157e+308 1\n",  # how MLflow spells inf elsewhere
    }
    write_files(mlruns / "1", {f"{run}/metrics/loss": text for run, text in lines.items()})
    table = read_mlflow(mlruns, **ASKED).table
    assert table["score"].fillna(-1).tolist()[:7] == [0.8, 0.25, 0.5, -1, -1, -1, -1]
    assert table["status"].tolist()[:7] == ["complete"] * 3 + ["failed"] * 4


def test_hyperparameters_may_be_named(mlruns):
    write_files(mlruns / "1", {f"run{k}/params/seed": str(k % 2) for k in range(N)})
    write_files(mlruns / "1", {f"run{k}/params/opt/beta": str(k / 7) for k in range(N)})
    trials = read_mlflow(mlruns, **ASKED)
    assert trials.n_params == 6
    assert any("seed" in note for note in trials.notes)
    trials = read_mlflow(mlruns, **ASKED, params=["lr", "opt/beta"], replicate="seed")
    assert trials.params == ["param:lr", "param:opt.beta"]
    assert set(trials.table["replicate"]) == {0, 1}
    with refused("'beta'", "'opt/beta'", "params"):
        read_mlflow(mlruns, **ASKED, params=["beta"])


def test_experiments_are_named(mlruns):
    second = "experiment_id: '2'\nlifecycle_stage: active\nname: other\n"
    write_files(mlruns, {"2/meta.yaml": second, "2/run/meta.yaml": mlflow_meta("run")})
    write_files(mlruns, {"0/meta.yaml": "experiment_id: '0'\nname: Default\n"})
    write_files(mlruns, {".trash/3/meta.yaml": "experiment_id: '3'\nname: gone\n"})
    with refused("2 experiments with runs, 'big', 'other'", "experiment"):
        read_mlflow(mlruns, **ASKED)
    with refused("'othr'", "'big', 'other'", "Did you mean"):
        read_mlflow(mlruns, **ASKED, experiment="othr")
    for name in ("big", "1"):
        assert len(read_mlflow(mlruns, **ASKED, experiment=name).table) == N


def test_damaged_runs_are_left_out_with_a_note(mlruns):
    damaged = {"run0/meta.yaml": "", "run1/meta.yaml": "a: [", "run2/meta.yaml": b"\xff\xfe"}
    write_files(mlruns / "1", damaged)
    (mlruns / "1" / "run3" / "meta.yaml").unlink()
    trials = read_mlflow(mlruns, **ASKED)
    assert len(trials.table) == N - 4
    assert "4 runs left out" in " ".join(trials.notes)


@pytest.mark.parametrize(
    ("content", "words"),
    [("soon", ["metrics/loss"]), ("1 x 2\n", ["'x'"]), (b"\x80\x04.", ["metrics/loss"])],
)
def test_a_damaged_metric_is_named(mlruns, content, words):
    write_files(mlruns / "1", {"run7/metrics/loss": content})
    with refused("mlruns", *words):
        read_mlflow(mlruns, **ASKED)


def test_links_in_a_circle_are_not_followed(mlruns):
    (mlruns / "1" / "again").symlink_to(mlruns)
    (mlruns / "1" / "run0" / "params" / "again").symlink_to(mlruns / "1" / "run0")
    (mlruns / "loop").symlink_to(mlruns / "loop")
    trials = read_mlflow(mlruns, **ASKED)
    assert (len(trials.table), trials.n_params) == (N, 5)


def test_other_folders_are_refused_with_what_to_give(mlruns, monkeypatch):
    with refused("one run of MLflow", "mlruns"):
        read_mlflow(mlruns / "1" / "run0", **ASKED)
    with refused("'mlruns'", error=IsADirectoryError):
        read_source(str(mlruns.parent), ASKED)
    # With a database, MLflow keeps only artifacts in mlruns.
    write_files(mlruns.parent / "b", {"mlruns/1/run/artifacts/model": "", "mlflow.db": ""})
    for folder in ("b", "b/mlruns"):
        with refused("mlflow.db", error=IsADirectoryError):
            read_source(str(mlruns.parent / folder), ASKED)


@pytest.mark.skipif("LEADLINE_MLFLOW2" not in os.environ, reason="no store of MLflow 2")
def test_a_store_that_mlflow_2_wrote():
    store = Path(os.environ["LEADLINE_MLFLOW2"])
    before = digests(store)
    with refused("'sweep'", "'gone'", "parent"):
        read_mlflow(store, direction="minimize")
    trials = read_mlflow(store, direction="minimize", parent="sweep")
    np.testing.assert_allclose(trials.table["score"], np.arange(12) + 0.1)
    assert trials.params == ["param:lr", "param:optimizer.beta"]
    gone = read_source(str(store), {"direction": "minimize", "parent": ["sweep", "gone"]})
    assert gone.counts()["failed"] == 1
    assert digests(store) == before
