"""`read_table`: files and frames, columns by name, and one clear line for bad input."""

import gzip
import importlib
import json
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from helpers_readers import refused

from leadline.cli.wording import in_command_line_words
from leadline.data.trials import MERGED, Trials
from leadline.errors import LeadlineError
from leadline.inference.fit import fit
from leadline.io.table import read_table

SHARED = Path(__file__).parents[2] / ".." / "shared" / "data"

ROWS = [
    {"config": 1, "seed": 1, "loss": 0.5, "state": "ok", "lr": 0.1, "data": "mnist"},
    {"config": 1, "seed": 2, "loss": 0.7, "state": "ok", "lr": 0.1, "data": "mnist"},
    {"config": 2, "seed": 1, "loss": None, "state": "failed", "lr": 0.2, "data": "mnist"},
    {"config": 1, "seed": 1, "loss": 0.25, "state": "ok", "lr": 0.3, "data": "cifar"},
]
NAMES = {
    "score": "loss",
    "direction": "minimize",
    "task": "data",
    "trial": "config",
    "replicate": "seed",
    "status": "state",
    "params": ["lr"],
}


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(source: object, **arguments: object) -> Trials:
    return read_table(source, **{"score": "loss", "direction": "minimize", **arguments})


CSV = pd.DataFrame(ROWS).to_csv(index=False)
LINES = [json.dumps(row) for row in ROWS]
FILES = dict.fromkeys(("t.csv", "t.txt", "t", "t.CSV"), CSV) | {
    "t.tsv": CSV.replace(",", "\t"),
    "bom.csv": b"\xef\xbb\xbf" + CSV.encode(),
    "windows.csv": CSV.replace("\n", "\r\n"),
    "old-mac.csv": CSV.replace("\n", "\r"),
    "spaced.csv": CSV.replace(",", ", "),
    "t.csv.gz": gzip.compress(CSV.encode()),
    "t.jsonl": "\n\n".join(LINES),
    "t.ndjson": "\r\n".join(LINES),
    "t.jsonl.gz": gzip.compress("\n".join(LINES).encode()),
    "t.parquet": pd.DataFrame(ROWS).to_parquet(),
}


def check_rows(trials: Trials) -> None:
    table = trials.table
    assert table["score"].fillna(-1.0).tolist() == [0.5, 0.7, -1.0, 0.25]
    assert table["status"].tolist() == ["complete", "complete", "failed", "complete"]
    assert table["trial"].tolist() == [1, 1, 2, 1]
    assert table["replicate"].tolist() == [1, 2, 1, 1]
    assert table["param:lr"].tolist() == [0.1, 0.1, 0.2, 0.3]
    assert trials.searches == [("mnist", "model"), ("cifar", "model")]
    assert (trials.direction, trials.metric, trials.sampler) == ("minimize", "loss", None)
    assert str(trials) == "3 trials (4 evaluations) in 2 searches: 2 complete, 1 failed"


@pytest.mark.parametrize("name", FILES)
def test_every_file_format_gives_the_same_trials(tmp_path, name):
    path = write(tmp_path / name, FILES[name])
    for source in (path, str(path)):
        trials = read_table(source, **NAMES)
        check_rows(trials)
        assert trials.source == name


@pytest.mark.parametrize(
    ("frame", "source"),
    [
        (pd.DataFrame(ROWS), "pandas frame"),
        (pd.DataFrame(ROWS, index=[7, 7, 8, 8]), "pandas frame"),
        (pd.DataFrame(ROWS).convert_dtypes(), "pandas frame"),
        (pd.DataFrame(ROWS).astype({"state": "category", "data": "category"}), "pandas frame"),
        (pd.DataFrame(ROWS).astype(object), "pandas frame"),
        (pl.DataFrame(ROWS), "polars frame"),
        (pl.LazyFrame(ROWS), "polars frame"),
        (pl.DataFrame(ROWS).to_arrow(), "pyarrow frame"),
    ],
)
def test_every_frame_gives_the_same_trials(frame, source):
    trials = read_table(frame, **NAMES)
    check_rows(trials)
    assert trials.source == source


def test_columns_of_the_right_name_are_used_unasked():
    names = "task model trial replicate status cost order budget space param:lr loss epoch"
    rows = [["a", "m", 4, 2, "ok", 10, 1, 3, "s", 0.1, 0.5, 1]]
    rows += [["a", "n", 5, 3, "pruned", 20, 2, 4, "s", 0.2, 0.6, 2]]
    frame = pd.DataFrame(rows, columns=names.split())
    trials = read(frame)
    expected = [name for name in frame.columns if name not in ("loss", "epoch")]
    assert sorted(trials.table.columns) == sorted([*expected, "score"])
    for name in expected[:-1]:
        if name != "status":
            assert trials.table[name].tolist() == frame[name].tolist()


def test_a_named_column_replaces_the_one_of_the_right_name():
    frame = pd.DataFrame({"task": ["x", "x"], "trial": [1, 1], "run": [1, 2], "loss": [1.0, 2.0]})
    trials = read(frame, trial="run", model="task")
    assert trials.table["trial"].tolist() == [1, 2]
    assert trials.searches == [("task", "x")]


def test_one_search_needs_no_names(tmp_path):
    trials = read(write(tmp_path / "my.search.csv.gz", gzip.compress(b"loss\n0.5\n\n0.3\n\n")))
    assert trials.searches == [("my.search", "model")]
    # A blank line between rows is the only way one column can spell a failed trial.
    assert trials.table["status"].tolist() == ["complete", "failed", "complete"]
    assert trials.table["trial"].tolist() == [1, 2, 3]
    assert trials.n_params == 0


def test_the_counts_are_logged_and_nothing_is_printed(caplog, capsys):
    with caplog.at_level(logging.INFO, logger="leadline"):
        read(pd.DataFrame({"loss": [0.5, 0.4], "status": ["ok", "pruned"]}))
    assert "pandas frame: 2 trials: 1 complete, 0 failed, 1 pruned" in caplog.messages
    assert "the value of a pruned trial is not a score" in caplog.messages[1]
    assert capsys.readouterr() == ("", "")


def test_json_lines_may_have_nan_and_missing_keys(tmp_path):
    text = '{"loss": NaN, "lr": 1}\n{"loss": -Infinity}\n{"lr": 2, "loss": 0.5}\n{"lr": 3}\n'
    trials = read(write(tmp_path / "t.jsonl", text), params=["lr"])
    assert trials.table["status"].tolist() == ["failed", "failed", "complete", "failed"]
    assert trials.table["param:lr"].fillna(0).tolist() == [1, 0, 2, 3]


def test_names_may_be_unicode_and_long(tmp_path):
    name = "Verlust λ ∕ " + "x" * 500
    path = write(tmp_path / "größe.csv", f'{name},"a,b"\n0.5,1\n')
    trials = read(path, score=name, params=["a,b"])
    assert trials.metric == name
    assert list(trials.table.columns)[-1] == "param:a,b"


FRAME = pd.DataFrame({"val_loss": [0.5, 0.4], "lr": [0.1, 0.2], "seed": [1, 2]})


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"score": "val_los"}, ["'val_los' for score", "'val_loss', 'lr', 'seed'"]),
        ({"score": "VAL_LOSS"}, ["mean 'val_loss'"]),
        ({"task": "dataset"}, ["'dataset' for task"]),
        ({"params": ["lr", "depth"]}, ["'depth' for params"]),
        ({"params": ["val_loss"]}, ["'val_loss'", "as score", "as param:val_loss"]),
        ({"cost": "lr", "params": ["lr"]}, ["'lr'", "as cost", "as param:lr"]),
        ({"task": "lr", "model": "lr"}, ["'lr'", "as task", "as model"]),
        ({"replicate": "seed"}, ["'seed'", "trial='config'"]),
        ({"direction": "min"}, ["direction", "'minimize'", "'min'"]),
        ({"direction": None}, ["direction", "'maximize'", "None"]),
    ],
)
def test_bad_names_are_refused(arguments, named):
    with refused(*named):
        read_table(FRAME, **{"score": "val_loss", "direction": "minimize", **arguments})


def test_a_hyperparameter_is_no_score_and_has_one_name():
    frame = pd.DataFrame({"param:lr": [0.1], "lr": [0.1], "loss": [1.0]})
    with refused("as score", "as param:lr"):
        read(frame, score="param:lr")
    with refused("'lr'", "'param:lr'"):
        read(frame, params=["lr"])
    assert read(frame, params=["param:lr"]).params == ["param:lr"]
    assert read(frame.drop(columns="param:lr"), params=["lr", "lr"]).n_params == 1


@pytest.mark.parametrize(
    ("argument", "given"),
    [
        *(("score", given) for given in (None, 3)),
        *(("params", given) for given in ("lr", 3, [1])),
        ("task", ["a"]),
    ],
)
def test_arguments_of_the_wrong_type_are_refused(argument, given):
    with refused(argument, repr(given), error=TypeError):
        read_table(FRAME, **{"score": "val_loss", "direction": "minimize", argument: given})


@pytest.mark.parametrize("source", [None, 3, [0.1, 0.2], {"loss": [1]}, np.array([0.1]), b"t.csv"])
def test_other_sources_are_refused(source):
    with refused("path_or_frame", type(source).__name__, error=TypeError):
        read(source)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pl.DataFrame(),
        pd.DataFrame({"loss": []}),
        pl.DataFrame({"loss": []}),
        pd.DataFrame({"loss": [True, False]}),
        pl.DataFrame({"loss": [True, None]}),
        pl.DataFrame({"loss": [b"1"]}),
        pl.DataFrame({"loss": [[1.0]]}),
        pl.DataFrame({"loss": [None, None]}),
        pl.DataFrame({"loss": ["2020-01-01"]}).select(pl.col("loss").str.to_date()),
        pd.DataFrame({"loss": pd.to_timedelta([1], unit="s")}),
        pd.DataFrame({"loss": pd.Series([np.timedelta64(1, "ns")], dtype=object)}),
        pd.DataFrame([[1.0, 2.0]], columns=["loss", "loss"]),
        pd.DataFrame([[1.0, 2.0]]),
        pd.DataFrame([[1.0]], columns=pd.MultiIndex.from_tuples([("loss", "mean")])),
    ],
)
def test_bad_frames_are_refused(frame):
    with refused(f"{type(frame).__module__.split('.')[0]} frame: "):
        read(frame)


def test_decimals_and_nullable_numbers_are_numbers():
    for frame in (
        pl.DataFrame({"loss": ["0.5", "0.25"]}).select(pl.col("loss").cast(pl.Decimal(9, 2))),
        pd.DataFrame({"loss": pd.array([0.5, 0.25], dtype="Float32")}),
        pd.DataFrame({"loss": np.array([0.5, 0.25], dtype=np.float16)}),
        pd.DataFrame({"loss": np.array([0.5, 0.25], dtype=np.longdouble)}),
    ):
        assert read(frame).table["score"].tolist() == [0.5, 0.25]


def test_without_pyarrow_polars_works_and_parquet_says_what_to_install(tmp_path, monkeypatch):
    real = importlib.import_module

    def no_pyarrow(name: str, package: str | None = None) -> object:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, package)

    def never(*args: object, **kwargs: object) -> None:
        raise AssertionError("polars to pandas by way of pyarrow")

    path = write(tmp_path / "t.parquet", FILES["t.parquet"])
    monkeypatch.setattr(importlib, "import_module", no_pyarrow)
    monkeypatch.setattr(pl.DataFrame, "to_pandas", never)
    monkeypatch.setattr(pl.DataFrame, "to_arrow", never)
    with pytest.raises(ImportError, match=r'needs pyarrow.*pip install "leadline\[parquet\]"'):
        read_table(path, **NAMES)
    check_rows(read_table(pl.DataFrame(ROWS), **NAMES))


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not here")
def test_real_searches():
    convnext = read_table(
        SHARED / "convnext_imagenet.csv",
        score="error",
        direction="minimize",
        params=["epochs", "batch_size", "lr", "lr_peak_epoch", "momentum", "weight_decay"],
    )
    assert str(convnext) == "512 trials: 441 complete, 71 failed"
    assert convnext.searches == [("convnext_imagenet", "model")]
    assert convnext.n_params == 6
    steplaw = read_table(SHARED / "steplaw_dense.csv", score="loss", direction="minimize")
    assert len(steplaw.searches) == 17
    assert steplaw.counts()["complete"] == len(steplaw.table) == 1911


def test_the_unit_of_a_cost_is_the_name_of_its_column():
    frame = pd.DataFrame({"loss": [0.3, 0.2], "gpu_hours": [1.0, 2.0]})
    options = {"score": "loss", "direction": "minimize"}
    assert read_table(frame, **options, cost="gpu_hours").cost_unit == "gpu_hours"
    assert read_table(frame, **options).cost_unit == ""


def mistyped(**named):
    columns = {"val_f1": ["0.5", "0.4"], "kind": ["forest", "mlp"], "layers": ["1", "100"]}
    with pytest.raises(LeadlineError) as refusal:
        read_table(pd.DataFrame(columns), **({"score": "val_f1", "direction": "maximize"} | named))
    return str(refusal.value)


@pytest.mark.parametrize("typed", ["forest", "mlp"])
def test_a_name_in_place_of_its_column_is_recognised(typed):
    assert f"Did you mean the column 'kind', which holds '{typed}'?" in mistyped(model=typed)
    for similar in ({"model": "forrest"}, {"model": "100"}):
        assert "Did you mean" not in mistyped(**similar)


@pytest.mark.parametrize("typed", ["f1", "F1"])
def test_a_column_whose_name_has_the_typed_word_is_offered(typed):
    assert "Did you mean 'val_f1'?" in mistyped(score=typed)


def test_a_number_of_trials_in_place_of_a_column_is_told_where_it_belongs():
    message = mistyped(budget="100")
    assert "names a column" in message
    assert "`compare`, as budget=100" in message
    assert "`compare`, as --budget 100" in in_command_line_words(message)


def sized(**columns):
    table = {"task": ["a", "a", "b", "b"], "loss": [0.1, 0.2, 0.3, 0.4], "n": [1, 1, 2, 2]}
    return pd.DataFrame(table | columns)


def test_sizes_are_read_only_where_they_are_named():
    named = {"score": "loss", "direction": "minimize"}
    trials = read_table(sized(d=[5.0, 5.0, 7.0, 7.0]), size="n", data="d", **named)
    assert trials.table["size"].tolist() == [1.0, 1.0, 2.0, 2.0]
    assert trials.table["data"].tolist() == [5.0, 5.0, 7.0, 7.0]
    # Data sets and sizes of images are often called so.
    other = read_table(sized(data=["x", "y", "x", "y"], size=[1, 2, 3, 4]), **named)
    assert not {"size", "data"} & set(other.table.columns)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ([1, 1, 0, 0], "row 3"),
        ([1, 1, -2, -2], "row 3"),
        ([1, 1, None, None], "row 3"),
        ([1, 1, "big", "big"], "row 3"),
        ([1, 3, 2, 2], "second size"),
    ],
)
def test_bad_sizes_are_one_line(size, words):
    with pytest.raises(LeadlineError, match=words) as error:
        read_table(sized(n=size), score="loss", direction="minimize", size="n")
    assert "\n" not in str(error.value)


def test_columns_of_words_that_nothing_names_have_a_note():
    frame = pd.DataFrame({"score": np.arange(40.0), "data": [*"ab"] * 20, "arch": [*"xxyy"] * 10})
    frame["id"] = [f"run{number}" for number in range(40)]
    options = {"score": "score", "direction": "minimize"}
    (note,) = read_table(frame, **options).notes
    assert "'data'" in note
    assert "'arch'" in note
    assert "'id'" not in note
    assert read_table(frame, task="data", model="arch", **options).notes == ()
    (note,) = read_table(frame, task="data", **options).notes
    assert "'data'" not in note


def two_searches(**columns):
    table = pd.DataFrame({"trial": [*range(20), *range(20)], "loss": np.linspace(0, 1, 40)})
    return table.assign(**columns)


@pytest.mark.parametrize(
    ("columns", "hint"),
    [
        ({"run": np.repeat([0, 1], 20)}, "replicate='run'"),
        ({"set": np.repeat(["a", "b"], 20)}, "task='set'"),
        ({"step": np.repeat([0, 1], 20)}, "budget='step'"),
        # A column that does not tell the rows of a trial apart, and one of other scores.
        ({"width": [*range(20), *range(20)], "other": np.linspace(2, 3, 40)}, "replicate='COLUMN'"),
    ],
)
def test_rows_that_repeat_a_trial_name_the_column_that_tells_them_apart(columns, hint):
    with refused(hint, "trial 0 appears twice") as error:
        read(two_searches(**columns), trial="trial")
    # A name that the user did not give says nothing.
    assert "model 'model'" not in str(error.value)


def test_a_note_on_unused_columns_says_what_they_may_be():
    words = two_searches(set=np.repeat(["a", "b"], 20), trial=range(40))
    (note,) = read(words, trial="trial").notes
    for word in ("'set'", "task='set'", "model='set'"):
        assert word in note
    (note,) = read(words.assign(kind="k"), trial="trial", model="kind").notes
    assert "model=" not in note
    assert not read(words.assign(kind="k"), trial="trial", model="kind", task="set").notes
    seeds = two_searches(seed=np.repeat(["0", "1"], 20), trial=range(40))
    (note,) = read(seeds, trial="trial").notes
    assert "replicate='seed'" in note
    assert "task=" not in note
    assert not read(seeds, trial="trial", replicate="seed").notes


def test_unnamed_tasks_and_models_are_not_merged_to_one_search():
    data, arch = np.repeat(["a", "b", "c"], 40), np.tile(np.repeat(["r", "v"], 20), 3)
    frame = pd.DataFrame({"loss": np.arange(120) % 7 / 7, "data": data, "Arch": arch})
    with refused("3 values of 'data' and 2 of 'Arch'", "task='data', model='Arch'", "params=["):
        fit(read(frame))
    with refused("2 values of 'Arch'", "model='Arch'"):
        fit(read(frame, task="data"))
    with refused("3 values of 'data'"):
        fit(read(frame), model="surface")
    named = read(frame, task="data", model="Arch"), read(frame, params=["data", "Arch"])
    # Told apart by the tasks, too.
    for trials in (*named, read(frame.assign(Arch=data), task="data")):
        assert MERGED not in " ".join(trials.notes)


def sweep_table():
    """Return three seeds of 30 configurations, with words for statuses and what each run took."""
    rng = np.random.default_rng(3)
    config = pd.DataFrame(
        {"run": [f"r{i}" for i in range(30)], "lr": rng.random(30), "hidden": [64, 128, 256] * 10}
    )
    rows = config.loc[config.index.repeat(3)].reset_index(drop=True)
    scores = pd.Series(rng.random(90)).where(rows.index != 4)
    state = np.where(scores.isna(), "failed", "done")
    own = {"seed": [0, 1, 2] * 30, "error": scores, "minutes": rng.random(90), "state": state}
    return rows.assign(**own)


SWEEP = {"score": "error", "direction": "minimize", "trial": "run", "replicate": "seed"}


def test_a_seed_among_the_hyperparameters_is_doubted():
    frame = pd.DataFrame({"score": [0.1, 0.2], "seed": [1, 2], "lr": [0.1, 0.2]})
    notes = " ".join(
        read_table(frame, score="score", direction="minimize", params=["lr", "seed"]).notes
    )
    assert "'seed' counts as a hyperparameter" in notes
    assert "replicate='seed'" in notes
    assert "'lr' counts" not in notes


@pytest.mark.parametrize(
    ("cells", "doubted"),
    [
        (range(1, 31), True),
        (range(30)[::-1], True),
        ([f"r{k:02d}" for k in range(30)], True),
        ([*range(29), 40], False),
        (np.random.default_rng(3).random(30), False),
        ([f"opt{k % 7}" for k in range(30)], False),
    ],
)
@pytest.mark.parametrize("repeated", [True, False])
def test_a_column_that_numbers_or_names_the_trials_is_no_hyperparameter(cells, doubted, repeated):
    frame = pd.DataFrame({"x": list(cells), "lr": np.linspace(0.1, 0.9, 30)})
    frame = frame.loc[frame.index.repeat(2 if repeated else 1)].reset_index(drop=True)
    frame["score"] = np.random.default_rng(0).random(len(frame))
    named = {"score": "score", "direction": "minimize", "params": ["x", "lr"]}
    notes = " ".join(read_table(frame, **named).notes)
    assert ("'x' has another value in each trial" in notes) == doubted
    assert "'lr' has another" not in notes


@pytest.mark.parametrize(("score", "named"), [("lr", True), ("val_loss", False)])
def test_a_score_that_nothing_names_is_named_where_another_column_is_no_score(score, named):
    columns = {"lr": [0.1, 0.2, 0.4], "macro_f1": [0.5, 0.7, 0.6], "val_loss": [0.3, 0.1, 0.2]}
    frame = pd.DataFrame(columns | {"error": ["", "", "killed"]})
    trials = read_table(frame, score=score, direction="minimize")
    said = [note for note in trials.notes if "look like scores" in note]
    assert len(said) == named
    assert all("'macro_f1'" in note and "score='macro_f1'" in note for note in said)
    assert not any("'error'" in note for note in said)


def test_columns_that_look_like_hyperparameters_and_statuses_are_named():
    status, params = read_table(sweep_table(), **SWEEP).notes
    assert "status='state'" in status
    assert "params=['lr', 'hidden']" in params
    named = read_table(sweep_table(), **SWEEP, status="state", params=["lr", "hidden"])
    assert named.notes == ()
    assert (named.table["status"] == "failed").sum() == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"score": "state", "trial": None, "replicate": None}, "'state', row 1: must be a number"),
        ({"params": ["lr,hidden"]}, r"write params=\['lr', 'hidden'\]"),
        (
            {"trial": "seed", "replicate": "run", "params": ["lr", "hidden"]},
            "hyperparameter 'lr'.*swapped",
        ),
    ],
)
def test_mistakes_in_naming_columns_are_refused_by_what_helps(options, words):
    with pytest.raises(LeadlineError, match=words):
        read_table(sweep_table(), **SWEEP | options)


def test_what_tells_rows_apart_is_the_model_where_the_task_is_named():
    rows = [(task, algo, k) for task in "ab" for algo in ("x", "y") for k in range(12)]
    frame = pd.DataFrame(rows, columns=["dataset", "algo", "trial"]).assign(
        score=np.linspace(0.1, 0.9, len(rows))
    )
    named = {"score": "score", "direction": "maximize", "task": "dataset", "trial": "trial"}
    with pytest.raises(LeadlineError, match="as in model='algo'"):
        read_table(frame, **named)
    # Averaged as repeats, two models would be one.
    notes = " ".join(read_table(frame, **named, replicate="algo").notes)
    assert "'algo' holds a few names" in notes
    assert "model='algo'" in notes
    seeds = read_table(frame.rename(columns={"algo": "seed"}), **named, replicate="seed").notes
    assert "few names" not in " ".join(seeds)
