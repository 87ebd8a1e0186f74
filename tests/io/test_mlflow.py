"""Stores that MLflow itself wrote; `.ci/run` runs these with the extra `mlflow`."""

import hashlib
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

from leadline.errors import LeadlineError, NotRecordedError
from leadline.io.mlflow import read_mlflow

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    mlflow = pytest.importorskip("mlflow")

pytestmark = pytest.mark.filterwarnings("ignore")
SCORES = [0.5, math.inf, math.nan, 0.3, 0.2, 0.1]
ASKED = {"experiment": "digits", "score": "loss", "direction": "minimize"}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Return a store: a sweep, the same with seeds and failures, two sweeps, an autologged one."""
    folder = tmp_path_factory.mktemp("mlflow")
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
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
    # Closed, or the file would still change.
    mlflow.set_tracking_uri(f"sqlite:///{folder}/other.db")
    return folder / "mlflow.db"


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


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


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
def test_a_sweep_is_read_and_the_store_stays_as_it_was(store, form):
    before = digest(store)
    trials = read_mlflow(form.format(store), **ASKED)
    check_digits(trials)
    assert "1 deleted run left out" in trials.notes
    assert digest(store) == before
    assert {path.name for path in store.parent.iterdir()} <= {"mlflow.db", "other.db", "mlruns"}


def test_what_is_not_recorded_is_asked_for(store):
    with pytest.raises(
        LeadlineError, match="4 experiments with runs, 'digits', 'seeds', 'several'"
    ):
        read_mlflow(store)
    with pytest.raises(LeadlineError, match="no experiment 'wine'; those with runs are 'digits'"):
        read_mlflow(store, experiment="wine")
    with pytest.raises(NotRecordedError, match="the direction is not recorded there"):
        read_mlflow(store, experiment="digits")
    with pytest.raises(LeadlineError, match=r"no metric 'los' for score.*Did you mean 'loss'"):
        read_mlflow(store, **{**ASKED, "score": "los"})
    assert len(read_mlflow(store, experiment="1", direction="minimize").table) == 9


def test_a_tag_or_a_parameter_tells_replicates_apart(store):
    trials = read_mlflow(store, experiment="seeds", direction="minimize", replicate="seed")
    assert str(trials) == "3 trials (6 evaluations): 3 complete, 0 failed"
    assert sorted(trials.per_trial()["score"]) == [0.5, 2.5, 4.5]


def test_sweeps_are_chosen_by_their_parent(store):
    asked = {"experiment": "several", "direction": "minimize"}
    with pytest.raises(LeadlineError, match="parent runs 'first', 'second' and 1 run outside of"):
        read_mlflow(store, **asked)
    assert len(read_mlflow(store, **asked, parent="first").table) == 1
    assert len(read_mlflow(store, **asked, parent=["first", "second"]).table) == 2
    with pytest.raises(LeadlineError, match="no parent run 'third'; there are 'first', 'second'"):
        read_mlflow(store, **asked, parent="third")


def test_the_best_few_that_autolog_keeps_are_refused(store):
    with pytest.raises(
        LeadlineError, match="only the 5 best of 7 candidates of RandomizedSearchCV"
    ):
        read_mlflow(store, experiment="auto", score="mean_test_score", direction="maximize")


def test_a_missing_store_is_not_created(tmp_path):
    for form in ("sqlite:///{}", "{}", "file://{}"):
        with pytest.raises(FileNotFoundError, match=r"absent\.db"):
            read_mlflow(form.format(tmp_path / "absent.db"))
    with pytest.raises(LeadlineError, match="a folder of runs is not read; give the database"):
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


def test_a_server_that_is_not_there_is_one_line(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(LeadlineError, match=r"'127\.0\.0\.1:9': MLflow cannot read it"):
        read_mlflow("http://me:secret@127.0.0.1:9")
