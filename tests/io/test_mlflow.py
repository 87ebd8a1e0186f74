"""Stores that MLflow itself wrote; `.ci/run` runs these with the extra `mlflow`."""

import math
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import warnings

import numpy as np
import pytest
from helpers_readers import digests, refused

from leadline.errors import NotRecordedError
from leadline.io.mlflow import read_mlflow
from leadline.io.mlflow_files import load_file_store

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    mlflow = pytest.importorskip("mlflow")

pytestmark = pytest.mark.filterwarnings("ignore")
SCORES = [0.5, math.inf, math.nan, 0.3, 0.2, 0.1]
ASKED = {"experiment": "digits", "score": "loss", "direction": "minimize"}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Return a database that MLflow wrote."""
    folder = tmp_path_factory.mktemp("mlflow")
    write_store(f"sqlite:///{folder}/mlflow.db")
    # Closed, or the file would still change.
    mlflow.set_tracking_uri(f"sqlite:///{folder}/other.db")
    return folder / "mlflow.db"


@pytest.fixture(scope="module")
def file_store(tmp_path_factory):
    """Return a file store that MLflow wrote, with the same runs as the database."""
    folder = tmp_path_factory.mktemp("files")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        write_store(f"file:{folder}/mlruns")
    mlflow.set_tracking_uri(f"sqlite:///{folder}/other.db")
    return folder / "mlruns"


def write_store(uri):
    """Write a sweep, the same with seeds and failures, two sweeps, an autologged one."""
    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient()

    def run(experiment, params, score, status="FINISHED", parent=None, name=None, **tags):
        if parent is not None:
            tags["mlflow.parentRunId"] = parent
        made = client.create_run(experiment, run_name=name, tags=tags).info.run_id
        for key, value in params.items():
            client.log_param(made, key, value)
        if score is not None:
            client.log_metric(made, "loss", 9.0, step=0)
            client.log_metric(made, "loss", score, step=1)
        client.set_terminated(made, status) if status != "RUNNING" else None
        return made

    digits = client.create_experiment("digits")
    parent = run(digits, {}, 0.0, name="sweep")
    for number, score in enumerate(SCORES):
        params = {"lr": 0.1 + number / 7, "depth": None if number % 2 else 3, "epochs": 5}
        run(digits, params, score, parent=parent)
    run(digits, {"lr": 0.01}, 0.001, "FAILED", parent)
    run(digits, {"lr": 0.02}, 0.001, "KILLED", parent)
    run(digits, {"lr": 0.03}, 0.001, "RUNNING", parent)
    client.delete_run(run(digits, {"lr": 0.04}, 0.001, parent=parent))

    seeds = client.create_experiment("seeds")
    for number in range(6):
        run(seeds, {"lr": 1 + number // 2}, float(number), seed=str(number % 2))

    several = client.create_experiment("several")
    for name in ("first", "second"):
        parent = run(several, {}, None, name=name)
        run(several, {"lr": 0.1}, 0.5, parent=parent)
    run(several, {"lr": 0.2}, 0.6, name="alone")

    auto = client.create_experiment("auto")
    autolog(auto)

    odd = client.create_experiment("odd names")
    for number in range(3):
        made = client.create_run(odd, run_name=f"λ {number}").info.run_id
        client.log_param(made, "optimizer/lr rate", f" {number}.5\n")
        client.log_param(made, "empty", "")
        for step in (2, 10, 1):  # steps may be logged in any order
            client.log_metric(made, "val/loss", step + number, step=step)
        client.set_terminated(made)
    client.delete_experiment(client.create_experiment("deleted"))


def autolog(experiment):
    from scipy.stats import uniform
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import RandomizedSearchCV

    mlflow.set_experiment(experiment_id=experiment)
    mlflow.sklearn.autolog(log_models=False, log_datasets=False, silent=True)
    x = np.arange(24.0).reshape(-1, 2)
    search = RandomizedSearchCV(Ridge(), {"alpha": uniform(0, 1)}, n_iter=7, random_state=0, cv=2)
    search.fit(x, x[:, 0])
    mlflow.sklearn.autolog(disable=True)


def check_digits(trials):
    # inf is stored as the largest float, NaN as 0: both are failures, as are FAILED and KILLED,
    # whose last metric is not a score.
    assert str(trials) == "9 trials: 4 complete, 4 failed, 1 running"
    table = trials.table
    assert table["status"].tolist()[:6] == ["complete", "failed", "failed"] + ["complete"] * 3
    assert table["score"].dropna().tolist() == [0.5, 0.3, 0.2, 0.1]
    assert trials.params == ["param:depth", "param:lr"]
    assert set(table["param:depth"].dropna()) == {"(None)", "3"}
    notes = " ".join(trials.notes)
    assert "1 parent run left out" in notes
    assert "epochs" in notes
    assert (table["cost"].dropna() >= 0).all()
    assert table["order"].is_monotonic_increasing
    assert set(table["task"]) == {"digits"}


@pytest.mark.parametrize("form", ["sqlite:///{}", "{}", "file://{}"])
def test_a_sweep_is_read_and_the_store_stays_the_same(store, form):
    before = digests(store.parent, "other.db")
    trials = read_mlflow(form.format(store), **ASKED)
    check_digits(trials)
    assert "1 deleted run left out" in trials.notes
    assert digests(store.parent, "other.db") == before


def test_unknown_and_unrecorded_names_are_refused(store):
    with refused("5 experiments", "'digits', 'seeds', 'several'"):
        read_mlflow(store)
    with refused("'wine'", "'digits'"):
        read_mlflow(store, experiment="wine")
    with refused("direction", error=NotRecordedError):
        read_mlflow(store, experiment="digits")
    with refused("'los'", "'loss'", "score"):
        read_mlflow(store, **{**ASKED, "score": "los"})
    assert len(read_mlflow(store, experiment="1", direction="minimize").table) == 9


def rows(trials):
    """Return what two stores of the same runs have in common."""
    table = trials.table.drop(columns=["trial", "cost", "order"])
    return table.to_csv(), trials.notes, trials.params


@pytest.mark.parametrize(
    "options",
    [
        ASKED,
        {"experiment": "seeds", "direction": "minimize", "replicate": "seed"},
        {"experiment": "several", "direction": "minimize", "parent": ["first", "second"]},
        {"experiment": "odd names", "direction": "minimize"},
    ],
)
def test_a_file_store_gives_the_table_of_a_database(store, file_store, options):
    before = digests(file_store.parent, "other.db")
    assert rows(read_mlflow(file_store, **options)) == rows(read_mlflow(store, **options))
    assert digests(file_store.parent, "other.db") == before


def test_a_file_store_has_the_values_that_mlflow_reads(file_store, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    client = mlflow.MlflowClient(tracking_uri=f"file:{file_store}")
    n_runs = 0
    for own in client.search_experiments():
        found = load_file_store(file_store, own.name) if own.experiment_id != "0" else None
        for run in client.search_runs([own.experiment_id]):
            (read,) = [other for other in found.runs if other.id == run.info.run_id]
            np.testing.assert_equal(dict(read.metrics), run.data.metrics)
            assert dict(read.params) == run.data.params
            assert dict(read.tags) == run.data.tags
            assert (read.name, read.status) == (run.info.run_name, run.info.status)
            assert (read.start, read.end) == (run.info.start_time, run.info.end_time)
            n_runs += 1
    assert n_runs == 30


def test_a_file_store_is_refused_as_a_database_is(file_store):
    with refused("5 experiments", "'auto', 'digits', 'odd names', 'seeds'"):
        read_mlflow(file_store)
    with refused("5 best of 7", "RandomizedSearchCV", "read_sklearn"):
        read_mlflow(file_store, experiment="auto", score="mean_test_score", direction="maximize")


def test_a_tag_or_a_parameter_tells_replicates_apart(store):
    trials = read_mlflow(store, experiment="seeds", direction="minimize", replicate="seed")
    assert str(trials) == "3 trials (6 evaluations): 3 complete, 0 failed"
    assert sorted(trials.per_trial()["score"]) == [0.5, 2.5, 4.5]


def test_sweeps_are_chosen_by_their_parent(store):
    asked = {"experiment": "several", "direction": "minimize"}
    with refused("'first', 'second'", "1 run outside", "parent"):
        read_mlflow(store, **asked)
    assert len(read_mlflow(store, **asked, parent="first").table) == 1
    assert len(read_mlflow(store, **asked, parent=["first", "second"]).table) == 2
    with refused("'third'", "'first', 'second'"):
        read_mlflow(store, **asked, parent="third")


def test_the_best_few_that_autolog_keeps_are_refused(store):
    with refused("5 best of 7", "RandomizedSearchCV", "read_sklearn"):
        read_mlflow(store, experiment="auto", score="mean_test_score", direction="maximize")


def test_a_missing_store_is_not_created(tmp_path):
    for form in ("sqlite:///{}", "{}", "file://{}"):
        with refused("absent.db", error=FileNotFoundError):
            read_mlflow(form.format(tmp_path / "absent.db"))
    with refused("no experiments with runs"):
        read_mlflow(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_tracking_server_gives_the_same_table(store):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--workers", "1"]
    command += ["--port", str(port), "--backend-store-uri", f"sqlite:///{store}"]
    address = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=store.parent,
        env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        start_new_session=True,
    )
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/health", timeout=5).close()
                break
            except OSError:
                assert server.poll() is None
                time.sleep(0.5)
        trials = read_mlflow(address, **ASKED)
    finally:
        os.killpg(server.pid, signal.SIGKILL)  # its workers too
        server.wait()
    check_digits(trials)
    stored = read_mlflow(store, **ASKED)
    assert sorted(trials.table["trial"]) == sorted(stored.table["trial"])


def test_a_server_that_is_not_there_is_named_without_the_password(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with refused("'127.0.0.1:9'") as error:
        read_mlflow("http://me:secret@127.0.0.1:9")
    assert "secret" not in str(error.value)
