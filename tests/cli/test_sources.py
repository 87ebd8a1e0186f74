"""`leadline fit SOURCE`: databases, folders and files all end in the same table and files."""

import importlib
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers import make_tree, make_trials
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

from leadline.cli.main import main
from leadline.io.sources import source_stem

FIXTURES = Path(__file__).parent.parent / "io" / "fixtures"
N = 60
MINIMIZE = ["--direction", "minimize"]
PARAMS = ["lr", "momentum", "decay", "dropout", "act"]


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Return a folder with the same random search in the form of every source."""
    folder = tmp_path_factory.mktemp("stores")
    write_tables(folder / "study.db", OPTUNA_TABLES, optuna_rows(N))
    write_tables(folder / "mlflow.db", MLFLOW_TABLES, mlflow_rows(N))
    write_journal(folder / "journal.log", N)
    write_ray(folder / "ray_results" / "exp", N)
    write_keras_tuner(folder / "project", N)
    table = pd.DataFrame(configurations(N))
    loss = np.arange(N) / N
    table.assign(Name="run", State="finished", loss=loss).to_csv(folder / "wandb.csv", index=False)
    table.assign(loss=loss).to_csv(folder / "plain.csv", index=False)
    results = table.add_prefix("param_").assign(mean_test_neg_log_loss=-loss)
    results.to_csv(folder / "search.csv")
    return folder


@pytest.fixture
def fitted(stores, tmp_path, monkeypatch):
    """Work in a copy of these stores, with a made-up posterior; return the trials fitted."""
    monkeypatch.chdir(shutil.copytree(stores, tmp_path / "work"))
    calls = []

    def fake(trials, **settings):
        calls.append(trials)
        # One search stands for each of the sources, which have as many trials.
        tree = make_tree(make_trials(n=N, n_failed=0), draws=50)
        # Writing them takes a third of the time of these tests, which do not read them.
        for group in ("log_likelihood", "log_prior", "sample_stats"):
            del tree[group]
        return tree

    monkeypatch.setattr(importlib.import_module("leadline.inference.fit"), "fit", fake)
    return calls


@pytest.mark.parametrize(
    ("source", "options", "folder"),
    [
        ("sqlite:///study.db", [], "leadline-study"),
        ("study.db", [], "leadline-study"),
        ("journal.log", [], "leadline-journal"),
        ("sqlite:///mlflow.db", MINIMIZE, "leadline-mlflow"),
        ("ray_results/exp", MINIMIZE, "leadline-exp"),
        ("ray_results/exp/", MINIMIZE, "leadline-exp"),
        ("project", [], "leadline-project"),
        ("search.csv", [], "leadline-search"),
        ("wandb.csv", [*MINIMIZE, "--score", "loss", "--params", *PARAMS], "leadline-wandb"),
        ("plain.csv", [*MINIMIZE, "--score", "loss", "--params", *PARAMS], "leadline-plain"),
    ],
)
def test_all_sources_end_in_the_same_table_and_files(fitted, capsys, source, options, folder):
    assert main(["fit", source, *options, "--no-pictures"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert f"{N} trials: {N} complete, 0 failed" in captured.out
    for words in ("best seen", "optimum", "89 % interval", f"written to {folder}"):
        assert words in captured.out
    assert [path.name for path in Path(folder).iterdir()] == ["fit.nc"]
    (trials,) = fitted
    assert trials.direction == "minimize"
    np.testing.assert_allclose(trials.table["score"], np.arange(N) / N)
    assert trials.n_params == 5
    lr = "param:optimizer.lr" if "exp" in source else "param:lr"
    expected = [own["lr"] for own in configurations(N)]
    np.testing.assert_allclose(trials.table[lr].astype(float), expected)


def failed(capsys, *arguments, code=1):
    """Return the one line that a command fails with."""
    try:
        found = main(list(arguments))
    except SystemExit as stop:
        found = stop.code
    err = capsys.readouterr().err
    assert (found, err.count("\n")) == (code, 1)
    assert err.startswith("leadline")
    return err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sqlite:///mlflow.db"], "add --direction"),
        (["ray_results/exp"], "add --direction"),
        (["plain.csv", "--score", "loss"], "does not record direction"),
        (["plain.csv"], "'dropout', 'act', 'loss'"),
        (["plain.csv"], "add --score and --direction"),
        (["plain.csv", "--scor", "loss"], "Did you mean '--score'"),
        (["plain.csv", "--replicat", "seed"], "Did you mean '--replicate'"),
        (["wandb.csv", *MINIMIZE], "add --score"),
    ],
)
def test_what_is_not_recorded_is_a_usage_error(fitted, capsys, arguments, words):
    assert words in failed(capsys, "fit", *arguments, code=2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sqlite:///absent.db"], "no file 'absent.db'"),
        (["."], "is a directory, but no experiment of Ray Tune"),
        (["ray_results"], "it holds some, 'exp': give one"),
        (["redis://localhost"], "'redis' is no kind of URL that can be read"),
        (["other.db"], "neither a storage of Optuna nor a store of MLflow; its tables are 't'"),
        (["study.db", "--sweep", "x"], "study.db' is an Optuna study, for which --sweep means no"),
        (["study.db", "--direction", "maximize"], "'minimize' is recorded"),
        (["search.pkl"], "never loaded"),
        (["plain.csv", "--score", "los", *MINIMIZE], "Did you mean 'loss'"),
        (["two.db"], "as in --study-name big"),
        ([str(FIXTURES / "ray_asha"), "--score", "loss", *MINIMIZE], "--early-stopped pruned"),
    ],
)
def test_refusals_are_one_line(fitted, capsys, arguments, words):
    Path("search.pkl").write_bytes(b"\x80\x04.")
    with closing(sqlite3.connect("other.db")) as connection:
        connection.execute("CREATE TABLE t (x)")
    shutil.copy("study.db", "two.db")
    with closing(sqlite3.connect("two.db")) as connection:
        connection.execute("INSERT INTO studies VALUES (2, 'small')")
        connection.commit()
    before = sorted(Path().iterdir())
    message = failed(capsys, "fit", *arguments)
    assert words in message
    assert sorted(Path().iterdir()) == before


def test_options_reach_the_reader(fitted):
    folder = str(FIXTURES / "ray_asha")
    options = ["--score", "loss", *MINIMIZE, "--early-stopped", "pruned", "--replicate", "seed"]
    assert main(["fit", folder, *options, "--random-start", "6", "--no-pictures", "--quiet"]) == 0
    (trials,) = fitted
    assert trials.counts()["pruned"] > 0
    assert trials.counts()["trials"] == 6


def test_several_studies_are_fitted_together(fitted):
    with closing(sqlite3.connect("study.db")) as connection:
        connection.execute("INSERT INTO studies VALUES (2, 'small')")
        connection.execute("INSERT INTO study_directions VALUES (2, 'MINIMIZE', 2, 0)")
        connection.execute("UPDATE trials SET study_id = 2 WHERE trial_id > 40")
        connection.commit()
    for names in (["big", "small"], ["*"]):
        options = ["--study-name", *names, "--no-pictures", "--force"]
        assert main(["fit", "study.db", *options]) == 0
    for trials in fitted:
        assert trials.searches == [("big", "model"), ("small", "model")]
        assert len(trials.table) == N


def test_a_learned_study_is_refused_until_it_is_asked_for(fitted, capsys):
    learned = [(k, "tpe:relative_params:0", json.dumps("{}")) for k in range(11, N + 1)]
    with closing(sqlite3.connect("study.db")) as connection:
        connection.executemany("INSERT INTO trial_system_attributes VALUES (?, ?, ?)", learned)
        connection.commit()
    message = failed(capsys, "fit", "study.db")
    assert "TPESampler chose 50 of 60 trials" in message
    assert "fit with --surface" in message
    assert main(["fit", "study.db", "--random-start", "10", "--no-pictures"]) == 0
    assert main(["fit", "study.db", "--assume-random", "--no-pictures", "-o", "all"]) == 0
    assert [len(trials.table) for trials in fitted] == [10, N]


@pytest.mark.parametrize(
    ("source", "stem"),
    [
        ("runs.csv", "runs"),
        ("a/b.c/runs.csv.gz", "runs"),
        ("sqlite:///a/study.db", "study"),
        ("sqlite:////abs/study.db?mode=ro", "study"),
        ("postgresql://me:secret@host/optuna", "optuna"),
        ("http://127.0.0.1:5000", "127"),
        ("http://mlflow.example.com/", "mlflow"),
        ("ray_results/exp_2026-01-01/", "exp_2026-01-01"),
        ("...", "trials"),
    ],
)
def test_the_folder_is_named_after_the_source(source, stem):
    assert source_stem(source) == stem
