"""Projects that Keras Tuner wrote (fixtures/make_keras_tuner.py), and damaged copies of them."""

import shutil
from pathlib import Path

import pytest
from helpers_readers import edit_json, refused

from leadline.io.keras_tuner import read_keras_tuner

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture
def project(tmp_path):
    """Return a copy of the random search that may be changed."""
    return Path(shutil.copytree(FIXTURES / "keras_tuner_random", tmp_path / "project"))


def test_a_random_search_is_read_with_its_direction_and_space():
    trials = read_keras_tuner(FIXTURES / "keras_tuner_random")
    # One crashed, one reported NaN.
    assert str(trials) == "14 trials: 12 complete, 2 failed"
    assert (trials.direction, trials.metric, trials.sampler) == ("minimize", "val_loss", None)
    table = trials.table
    assert table["trial"].astype(int).tolist() == list(range(14))
    assert table["score"].min() == 0.036283310782787646
    assert trials.params == [f"param:{name}" for name in ("act", "dropout", "lr", "rate", "units")]
    assert trials.distributions == {
        "lr": ("log-uniform", 0.0001, 1.0),
        "units": ("integer", 16, 128, 16),
        "act": ("categorical", "relu", "tanh"),
        "dropout": ("categorical", False, True),
        "rate": ("uniform", 0.0, 0.5, 0.1),
    }
    assert any("epochs" in note for note in trials.notes)


def test_hyperband_and_bayesian_searches_are_refused():
    folder = FIXTURES / "keras_tuner_bayesian"
    # Keras Tuner waits for three trials that were completed; one of the first four failed.
    with refused("BayesianOptimization", "2 of 6", "model='surface'"):
        read_keras_tuner(folder)
    trials = read_keras_tuner(folder, random_start=3)
    assert (len(trials.table), trials.sampler) == (3, "random start")
    assert read_keras_tuner(folder, assume_random=True).sampler == "BayesianOptimization"
    with refused("first 4 trials", "random_start=6"):
        read_keras_tuner(folder, random_start=6)
    with refused("keras_tuner_hyperband", "Hyperband", "keras_tuner.RandomSearch"):
        read_keras_tuner(FIXTURES / "keras_tuner_hyperband")


def test_a_first_trial_of_default_values_is_left_out(project):
    values = {"lr": 0.0001, "units": 16, "act": "relu", "dropout": False, "epochs": 3}
    path = project / "trial_00" / "trial.json"
    edit_json(path, lambda trial: trial["hyperparameters"].update(values=values))
    trials = read_keras_tuner(project)
    assert len(trials.table) == 13
    assert any("trial 00 left out" in note for note in trials.notes)


def test_one_of_several_metrics_that_agree_with_the_scores_is_chosen(project):
    def copy(trial):
        metrics = trial["metrics"]["metrics"]
        if "val_loss" in metrics:
            metrics["loss"] = metrics["val_loss"]

    for path in project.glob("trial_*/trial.json"):
        edit_json(path, copy)
    with refused("'val_loss', 'loss'", "score"):
        read_keras_tuner(project)
    assert read_keras_tuner(project, score="val_loss").direction == "minimize"
    with refused("'val_accuracy'", "'val_loss', 'loss'"):
        read_keras_tuner(project, score="val_accuracy")
    with refused("direction='maximize'", "'minimize'"):
        read_keras_tuner(project, score="val_loss", direction="maximize")


def test_several_objectives_are_minimised_together(project):
    for path in project.glob("trial_*/trial.json"):
        edit_json(path, lambda trial: trial.update(score=trial["score"] and trial["score"] - 10))
    trials = read_keras_tuner(project)
    assert (trials.metric, trials.direction) == ("score", "minimize")


def test_an_infinite_range_is_no_evidence_of_the_space(project):
    def widen(oracle):
        for entry in oracle["hyperparameters"]["space"]:
            if entry["config"]["name"] == "units":
                entry["config"]["max_value"] = float("inf")

    edit_json(project / "oracle.json", widen)
    assert "units" not in read_keras_tuner(project).distributions


def test_a_grid_is_recognised_and_the_oracle_is_optional(project):
    edit_json(project / "oracle.json", lambda oracle: oracle.update(ordered_ids=[]))
    assert read_keras_tuner(project).sampler == "GridSearch"
    (project / "oracle.json").unlink()
    assert str(read_keras_tuner(project)) == "14 trials: 12 complete, 2 failed"


def test_other_folders_are_refused(project, tmp_path):
    with refused("'project'"):
        read_keras_tuner(tmp_path)
    with refused("absent", error=FileNotFoundError):
        read_keras_tuner(tmp_path / "absent")
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff", b'{"hyperparameters": 3}'])
@pytest.mark.parametrize("name", ["oracle.json", "trial_00/trial.json"])
def test_damaged_files_are_named(project, name, content):
    (project / name).write_bytes(content)
    if name == "oracle.json" and content in (b"{}", b'{"hyperparameters": 3}'):
        assert len(read_keras_tuner(project).table) == 14
        return
    with refused("project: ", f"/{Path(name).name}"):
        read_keras_tuner(project)
