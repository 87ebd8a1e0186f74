"""Optuna's `trials_dataframe`, in memory or written to a file, is read as the study would be."""

import optuna
import pytest
from helpers_readers import digests, refused

from leadline.errors import NotRecordedError
from leadline.io.optuna import read_optuna
from leadline.io.sources import read_source
from leadline.io.table import read_table

optuna.logging.set_verbosity(optuna.logging.ERROR)
MINIMIZE = {"direction": "minimize"}


def objective(trial):
    trial.set_user_attr("seed", trial.number % 2)
    lr = trial.suggest_float("lr", 1e-4, 1, log=True)
    kind = trial.suggest_categorical("kind", ["adam", "sgd"])
    decay = trial.suggest_float("decay", 0, 1) if kind == "sgd" else 0.5
    trial.report(lr, 1)
    if trial.number % 7 == 3:
        raise optuna.TrialPruned
    return float("nan") if trial.number % 7 == 5 else lr + decay


def run(sampler=None, n=30):
    study = optuna.create_study(
        study_name="study", sampler=sampler or optuna.samplers.RandomSampler(seed=1)
    )
    study.enqueue_trial({"lr": 0.5, "kind": "adam"})
    study.optimize(objective, n_trials=n)
    return study


@pytest.fixture(scope="module")
def study():
    return run()


def content(trials):
    return trials.table.to_csv(index=False), trials.notes, trials.direction


@pytest.mark.parametrize("written", ["", "csv", "semicolon", "jsonl", "parquet"])
@pytest.mark.parametrize("by", [None, "value", "params_lr"])
def test_a_frame_is_read_as_the_study(study, tmp_path, written, by):
    frame = study.trials_dataframe()
    source = frame if by is None else frame.sort_values(by)
    if written == "csv":
        source.to_csv(tmp_path / "study.csv")
    elif written == "semicolon":
        source.to_csv(tmp_path / "study.csv", sep=";", decimal=",")
    elif written == "jsonl":
        source = source.assign(duration=source["duration"].astype(str))
        source.to_json(tmp_path / "study.jsonl", orient="records", lines=True, date_format="iso")
    elif written == "parquet":
        source.to_parquet(tmp_path / "study.parquet")
    if written:
        (source,) = tmp_path.iterdir()
    before = digests(tmp_path)
    trials = read_optuna(source, **MINIMIZE)
    expected = read_optuna(study)
    trials.table["task"] = "study"
    assert trials.counts() == expected.counts()
    assert trials.counts()["pruned"] > 2 < trials.counts()["failed"]
    assert content(trials)[1:] == content(expected)[1:]
    if written != "jsonl":  # pandas rounds numbers in JSON
        assert content(trials) == content(expected)
    if written:
        assert len(read_source(str(source), MINIMIZE).table) == len(expected.table)
    assert digests(tmp_path) == before


def test_seeds_and_the_direction_are_asked_for(study):
    frame = study.trials_dataframe()
    with refused("direction", error=NotRecordedError):
        read_optuna(frame)
    trials = read_optuna(frame, direction="maximize", replicate="seed", score="value")
    assert set(trials.table["replicate"]) == {0, 1}
    assert trials.direction == "maximize"


def test_columns_may_be_cut_off(study):
    frame = study.trials_dataframe()
    few = frame[["value", "state", "params_lr", "params_kind"]]
    trials = read_optuna(few, **MINIMIZE)
    assert (trials.n_params, trials.counts()["pruned"]) == (2, 4)
    assert "no column 'number'" in " ".join(trials.notes)
    trials = read_optuna(few.drop(columns="state"), **MINIMIZE)
    assert "no column 'state'" in " ".join(trials.notes)
    assert (trials.counts()["failed"], trials.counts()["pruned"]) == (4, 0)
    with refused("value", "params_lr", "read_table"):
        read_optuna(frame[["params_lr", "state"]], **MINIMIZE)


def test_a_sampler_that_learned_is_noticed(tmp_path):
    frame = run(optuna.samplers.TPESampler(seed=1, multivariate=True), 20).trials_dataframe()
    frame.to_csv(tmp_path / "study.csv")
    for source in (frame, tmp_path / "study.csv"):
        with refused("TPESampler chose ", "model='surface'"):
            read_optuna(source, **MINIMIZE)
        assert len(read_optuna(source, **MINIMIZE, random_start=10).table) == 10


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_several_objectives_are_chosen_by_number_or_name(tmp_path):
    study = optuna.create_study(directions=["minimize", "maximize"])
    study.optimize(lambda trial: (trial.suggest_float("x", 0, 1), 2 + trial.number), n_trials=4)
    frame = study.trials_dataframe()
    with refused("2 objectives", "score"):
        read_optuna(frame, **MINIMIZE)
    for score in (1, "1", "values_1"):
        assert read_optuna(frame, **MINIMIZE, score=score).table["score"].tolist() == [2, 3, 4, 5]
    study.set_metric_names(["loss", "accuracy"])
    frame = study.trials_dataframe()
    frame.to_csv(tmp_path / "t.csv")
    trials = read_optuna(tmp_path / "t.csv", direction="maximize", score="accuracy")
    assert (trials.metric, trials.table["score"].max()) == ("accuracy", 5)
    single = run(n=3)
    single.set_metric_names(["loss"])
    assert read_optuna(single.trials_dataframe(), **MINIMIZE).metric == "loss"


def test_a_bad_state_or_value_is_named(study):
    frame = study.trials_dataframe()
    with refused("'state', row 2", "'DONE'"):
        read_optuna(frame.assign(state=["COMPLETE", *["DONE"] * 29]), **MINIMIZE)
    with refused("'value', row 1", "'low'"):
        read_optuna(frame.assign(value=["low"] * 30), **MINIMIZE)


def test_read_table_tells_what_reads_it(study):
    frame = study.trials_dataframe()
    with refused("read_optuna", "status='state'"):
        read_table(frame, score="value", **MINIMIZE)
    params = ["params_lr", "params_kind"]
    trials = read_table(frame, score="value", **MINIMIZE, status="state", params=params)
    assert trials.counts()["pruned"] == 4
