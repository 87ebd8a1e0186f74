"""Folders that Ray Tune wrote (fixtures/make_ray.py), and ones with something wrong."""

import json
import pickle
import shutil
from pathlib import Path

import pandas as pd
import pytest
from helpers_readers import Trap, digests, edit_json, refused

from leadline.errors import NotRecordedError
from leadline.io.ray import is_experiment, read_ray

FIXTURES = Path(__file__).parent / "fixtures"
ASKED = {"score": "loss", "direction": "minimize"}


@pytest.fixture
def folder(tmp_path):
    """Return a copy of the random search that may be changed."""
    return Path(shutil.copytree(FIXTURES / "ray_random", tmp_path / "exp"))


def test_a_random_search_is_read_with_all_its_trials():
    trials = read_ray(FIXTURES / "ray_random", **ASKED)
    # Three crashed after a first result, whose loss is there; one ended with NaN.
    assert str(trials) == "14 trials: 10 complete, 4 failed"
    assert trials.params == ["param:lr", "param:model.act", "param:model.width"]
    table = trials.table
    assert set(table["param:model.act"]) == {"relu", "tanh"}
    assert table["order"].tolist() == list(range(14))
    assert table["trial"].tolist()[:2] == ["a67c7_00000", "a67c7_00001"]
    assert table["score"].iloc[0] == 0.3353893386989771
    complete = table["status"] == "complete"
    assert set(table["budget"][complete]) == {3.0}
    assert (table["cost"] > 0).all()
    assert trials.sampler == "basic variants"
    assert any("never varied" in note and "seed" in note for note in trials.notes)
    assert (trials.source, set(table["task"])) == ("ray_random", {"ray_random"})


@pytest.mark.parametrize("with_config", [False, True])
@pytest.mark.parametrize("with_state", [False, True])
def test_progress_as_a_table_gives_the_same_trials(folder, with_config, with_state):
    for trial in folder.glob("train_*"):
        results = [json.loads(line) for line in (trial / "result.json").read_text().splitlines()]
        config = json.loads((trial / "params.json").read_text())
        rows = [flatten(own | ({"config": config} if with_config else {})) for own in results]
        pd.DataFrame(rows).to_csv(trial / "progress.csv", index=False)
        (trial / "result.json").unlink()
        if with_config:
            (trial / "params.json").unlink()
    if not with_state:
        for path in (*folder.glob("experiment_state-*"), *folder.glob("basic-variant-*")):
            path.unlink()
    before = digests(folder)
    assert is_experiment(folder) or with_config
    trials = read_ray(folder, **ASKED)
    expected = read_ray(FIXTURES / "ray_random", **ASKED)
    columns = ["trial", "score", "status", "budget", "cost", *expected.params]
    pd.testing.assert_frame_equal(
        trials.table[columns].sort_values("trial", ignore_index=True),
        expected.table[columns].sort_values("trial", ignore_index=True),
        check_dtype=False,
    )
    assert digests(folder) == before


def flatten(result, prefix=""):
    """Return a result as Ray writes it to a table."""
    found = {}
    for key, value in result.items():
        if isinstance(value, dict):
            found |= flatten(value, f"{prefix}{key}/")
        else:
            found[f"{prefix}{key}"] = value
    return found


@pytest.mark.parametrize(
    ("content", "failed"),
    [("", True), ("loss\n", True), ("loss,a\n0.5,1\n0.7", False), (b"\xff\x00,loss\n1,2\n", False)],
)
def test_a_cut_off_table_ends_with_its_last_complete_row(folder, content, failed):
    trial = min(folder.glob("train_*"))
    (trial / "result.json").unlink()
    path = trial / "progress.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    trials = read_ray(folder, **ASKED, early_stopped="complete")
    assert (trials.table["status"].iloc[0] == "failed") == failed


def test_a_nested_metric_and_a_direction_are_asked_for():
    trials = read_ray(FIXTURES / "ray_random", score="eval/accuracy", direction="maximize")
    assert trials.metric == "eval/accuracy"
    assert trials.table["score"].between(0, 1).sum() == 10
    with refused("score", "'loss', 'eval/accuracy'", error=NotRecordedError):
        read_ray(FIXTURES / "ray_random")
    with refused("direction", error=NotRecordedError):
        read_ray(FIXTURES / "ray_random", score="loss")
    with refused("'los'", "'loss'", "score"):
        read_ray(FIXTURES / "ray_random", score="los", direction="minimize")


def test_a_metric_that_the_experiment_names_is_the_score(folder):
    (path,) = folder.glob("experiment_state-*.json")
    edit_json(path, lambda state: state["runner_data"].update(_metric="loss"))
    assert read_ray(folder, direction="minimize").metric == "loss"


def test_trials_that_asha_stopped_are_refused_or_pruned():
    folder = FIXTURES / "ray_asha"
    with refused("4 trials of 8", "iteration 3", "early_stopped='pruned'", "'complete'"):
        read_ray(folder, **ASKED)
    trials = read_ray(folder, **ASKED, early_stopped="pruned")
    assert str(trials) == "8 trials: 4 complete, 0 failed, 4 pruned"
    assert set(trials.table["budget"][trials.table["status"] == "complete"]) == {3.0}
    every = read_ray(folder, **ASKED, early_stopped="complete")
    assert str(every) == "8 trials: 8 complete, 0 failed"
    with refused("early_stopped", "'pruned'", "'complete'", "'yes'"):
        read_ray(folder, **ASKED, early_stopped="yes")


def test_a_searcher_and_population_based_training_are_refused(folder):
    searched = FIXTURES / "ray_optuna"
    with refused("search_gen_state", "assume_random=True", "random_start=N"):
        read_ray(searched, **ASKED)
    assert len(read_ray(searched, **ASKED, assume_random=True).table) == 4
    first = read_ray(searched, **ASKED, random_start=2)
    assert (len(first.table), first.sampler) == (2, "random start")
    (folder / "pbt_global.txt").write_text("[]\n")
    with refused("'pbt_global.txt'", "population-based"):
        read_ray(folder, **ASKED)


def test_no_pickle_in_the_folder_is_ever_loaded_and_nothing_is_written(
    folder, tmp_path, monkeypatch
):
    monkeypatch.setenv("LEADLINE_TRAP", str(tmp_path / "sprung"))
    trap = pickle.dumps(Trap())
    (state,) = folder.glob("basic-variant-state-*.json")
    trial = next(path for path in folder.iterdir() if path.is_dir())
    for path in (state, folder / "tuner.pkl", folder / "trainable.pkl", trial / "error.pkl"):
        path.write_bytes(trap)
    (path,) = folder.glob("experiment_state-*.json")
    fallback = {"_type": "CLOUDPICKLE_FALLBACK", "value": trap.hex()}
    edit_json(path, lambda state: state["runner_data"].update(_stopper=fallback))
    before = digests(folder)
    assert len(read_ray(folder, **ASKED).table) == 14
    assert not (tmp_path / "sprung").exists()
    assert digests(folder) == before
    # The trap works.
    pickle.loads(trap)
    assert (tmp_path / "sprung").exists()


def test_without_the_state_statuses_come_from_the_files(folder):
    for path in folder.glob("*.json"):
        path.unlink()
    trials = read_ray(folder, **ASKED)
    assert str(trials) == "14 trials: 10 complete, 4 failed"
    assert trials.table["score"].equals(read_ray(FIXTURES / "ray_random", **ASKED).table["score"])
    assert any("experiment_state" in note for note in trials.notes)


def test_trials_that_never_reported_count(folder):
    trial = sorted(path for path in folder.iterdir() if path.is_dir())[0]
    with (trial / "result.json").open("a") as file:
        file.write('{"loss": 0.0')  # a last line that was cut off is none
    assert read_ray(folder, **ASKED).table["score"].iloc[0] == 0.3353893386989771
    (trial / "result.json").write_text("")
    assert read_ray(folder, **ASKED).counts()["failed"] == 5
    shutil.rmtree(trial)
    assert str(read_ray(folder, **ASKED)) == "14 trials: 9 complete, 5 failed"
    (path,) = folder.glob("experiment_state-*.json")
    path.write_text(
        path.read_text().replace('\\"status\\": \\"TERMINATED\\"', '\\"status\\": \\"RUNNING\\"', 1)
    )
    assert read_ray(folder, **ASKED).counts()["running"] == 1


def test_a_parameter_tells_replicates_apart(folder):
    for number, path in enumerate(sorted(folder.rglob("params.json"))):
        path.write_text(json.dumps({"lr": 0.1 * (number // 2 + 1), "seed": number % 2}))
    trials = read_ray(folder, **ASKED, replicate="seed")
    assert trials.counts()["trials"] == 7
    assert set(trials.table["replicate"]) == {0, 1}


def test_other_folders_are_refused(folder, tmp_path):
    with refused("absent", error=FileNotFoundError):
        read_ray(tmp_path / "absent", **ASKED)
    assert not (tmp_path / "absent").exists()
    with refused("ray_versions.txt", error=NotADirectoryError):
        read_ray(FIXTURES / "ray_versions.txt", **ASKED)
    with refused("'exp'"):
        read_ray(tmp_path, **ASKED)
    (tmp_path / "empty").mkdir()
    with refused("empty: ", "params.json"):
        read_ray(tmp_path / "empty", **ASKED)


@pytest.mark.parametrize("content", [b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000, b""])
@pytest.mark.parametrize("name", ["experiment_state-*.json", "*/params.json", "*/result.json"])
def test_damaged_files_are_named(folder, name, content):
    path = sorted(folder.glob(name))[0]
    path.write_bytes(content)
    if path.name == "result.json" and not content:
        assert len(read_ray(folder, **ASKED).table) == 14  # it reported nothing
        return
    with refused("exp: ", path.name) as error:
        read_ray(folder, **ASKED)
    assert len(str(error.value)) < 400


def test_a_state_of_another_version_is_refused(folder):
    (path,) = folder.glob("experiment_state-*.json")
    path.write_text('{"trial_data": [3]}')
    with refused("trial 1", path.name, "Ray 2.7"):
        read_ray(folder, **ASKED)
