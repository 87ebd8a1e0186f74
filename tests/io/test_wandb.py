"""W&B's table of runs in the form that its export documents."""

import csv
import io

import pandas as pd
import pytest
from helpers_readers import refused

from leadline.io.sources import read_source
from leadline.io.table import read_table
from leadline.io.wandb import read_wandb_csv

EXPORT = """\
Name,State,Notes,User,Created,Runtime,Tags,Sweep,lr,optimizer.name,seed,val_loss,_step
zany-5,running,,me,2026-03-01T10:04:00.000Z,10,,s1,0.5,sgd,1,,3
warm-4,crashed,,me,2026-03-01T10:03:00.000Z,12,,s1,0.4,sgd,1,0.01,3
vast-3,finished,-,me,2026-03-01T10:02:00.000Z,14,,s1,0.3,adam,1,Infinity,3
used-2,finished,,me,2026-03-01T10:01:00.000Z,16,,s1,0.2,adam,2,NaN,3
tidy-1,finished,,me,2026-03-01T10:00:30.000Z,18,,s1,0.1,adam,2,0.25,3
soft-0,killed,,me,2026-03-01T10:00:00.000Z,,,s1,,,,,
"""
HEADER, *ROWS = csv.reader(io.StringIO(EXPORT))
ASKED = {"score": "val_loss", "direction": "minimize"}


def frame(rows=ROWS):
    return pd.DataFrame(rows, columns=HEADER)


@pytest.fixture
def export(tmp_path):
    path = tmp_path / "wandb_export.csv"
    path.write_text(EXPORT)
    return path


def test_every_run_has_its_status(export):
    trials = read_wandb_csv(export, **ASKED, params=["lr", "optimizer.name"])
    assert str(trials) == "6 trials: 1 complete, 4 failed, 1 running"
    statuses = ["running", "failed", "failed", "failed", "complete", "failed"]
    assert trials.table["status"].tolist() == statuses
    assert trials.table["score"].dropna().tolist() == [0.25]
    assert trials.params == ["param:lr", "param:optimizer.name"]
    assert trials.table["param:lr"].tolist()[:5] == [0.5, 0.4, 0.3, 0.2, 0.1]
    assert trials.table["cost"].tolist()[:5] == [10, 12, 14, 16, 18]
    # The newest comes first in the file.
    assert trials.table["order"].is_monotonic_decreasing
    assert (trials.source, set(trials.table["task"])) == ("wandb_export.csv", {"wandb_export"})


def test_a_frame_is_read_as_the_file(export):
    typed = pd.read_csv(export)
    for given in (frame(), typed):
        trials = read_wandb_csv(given, **ASKED, params=["lr"])
        assert str(trials) == "6 trials: 1 complete, 4 failed, 1 running"


def test_hyperparameters_must_be_named(export):
    trials = read_wandb_csv(export, **ASKED)
    assert trials.n_params == 0
    assert "name them, as in params=" in " ".join(trials.notes)


def test_a_seed_tells_replicates_apart(export):
    rows = [[*row[:8], "0.1" if n < 2 else "0.2", "sgd", str(n), str(n), "1"] for n, row in
            enumerate([ROWS[4]] * 4)]  # fmt: skip
    trials = read_wandb_csv(frame(rows), **ASKED, params=["lr"], replicate="seed")
    assert str(trials) == "2 trials (4 evaluations): 2 complete, 0 failed"
    assert trials.table["replicate"].tolist() == [0, 1, 2, 3]


def test_sweeps_are_searches_of_their_own(export):
    rows = [[*row[:7], "s2" if n % 2 else "s1", *row[8:]] for n, row in enumerate(ROWS)]
    with refused("'s1', 's2'", "sweep"):
        read_wandb_csv(frame(rows), **ASKED)
    rows[0][7] = ""
    with refused("'s2', 's1'", "outside"):
        read_wandb_csv(frame(rows), **ASKED)
    assert len(read_wandb_csv(frame(rows), **ASKED, sweep="s1").table) == 2
    with refused("'s3'", "'s2', 's1'"):
        read_wandb_csv(frame(rows), **ASKED, sweep="s3")
    with refused("'s3'", "none"):
        read_wandb_csv(frame().drop(columns="Sweep"), **ASKED, sweep="s3")


def test_the_first_runs_are_those_created_first(export):
    trials = read_wandb_csv(export, **ASKED, random_start=2)
    assert trials.table["trial"].tolist() == [6, 5]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"score": "val_los"}, ["'val_los' for score", "'val_loss'"]),
        ({"params": ["lrate"]}, ["'lrate' for params", "'lr', 'optimizer.name', 'seed'"]),
        ({"replicate": "sed"}, ["'sed' for replicate", "'seed'"]),
        ({"score": "optimizer.name"}, ["'optimizer.name', row 3: ", "'adam'"]),
        ({"direction": "down"}, ["direction", "'down'"]),
        ({"score": "lr", "random_start": 0}, ["random_start", "0"]),
    ],
)
def test_mistakes_are_refused(export, arguments, named):
    with refused(*named) as error:
        read_wandb_csv(export, **{**ASKED, **arguments})
    assert "_step" not in str(error.value)


def test_other_tables_are_refused():
    with refused("'Name', 'State'", "read_table"):
        read_wandb_csv(frame().drop(columns=["Name", "State"]), **ASKED)
    with refused("absent.csv", error=FileNotFoundError):
        read_wandb_csv("absent.csv", **ASKED)


CHART = "".join(f"{step}{f',{1 / (step + 1)}' * 6}\n" for step in range(30))
CHART_HEADER = "Step," + ",".join(
    f"{run} - val/loss{end}" for run in ("fancy-1", "calm-2") for end in ("", "__MIN", "__MAX")
)


@pytest.mark.parametrize(
    "read",
    [
        lambda path: read_source(str(path), {"direction": "minimize"}),
        lambda path: read_source(
            str(path), {"direction": "minimize", "score": "fancy-1 - val/loss"}
        ),
        lambda path: read_wandb_csv(path, **ASKED),
        lambda path: read_table(path, score="fancy-1 - val/loss", direction="minimize"),
    ],
)
def test_the_export_of_a_chart_is_refused_with_what_to_export_instead(tmp_path, read):
    path = tmp_path / "wandb_export.csv"
    path.write_text(f"{CHART_HEADER}\n{CHART}")
    with refused("wandb_export.csv", "one row per step", "'fancy-1 - val/loss'", "Table", "wandb"):
        read(path)


def test_a_table_with_a_dash_in_a_name_is_no_chart(tmp_path):
    path = tmp_path / "trials.csv"
    path.write_text("loss - mean,loss - mean__MIN\n" + "0.5,0.25\n0.75,0.5\n")
    assert len(read_table(path, score="loss - mean", direction="minimize").table) == 2
