"""Lines that are printed to be typed: they parse, and name a folder that is new."""

import itertools
import json
import re
import shlex
from pathlib import Path

import pandas as pd
import pytest
from helpers import make_tree, make_trials

from leadline.cli.command_line import surface_folder, surface_line
from leadline.cli.commands import output_folder
from leadline.cli.console import show_answers, show_recorded
from leadline.cli.how_to_fit import how_to_fit
from leadline.cli.parser import build_parser
from leadline.cli.show_checks import show_checks
from leadline.cli.show_comparison import show_comparison
from leadline.cli.wording import SOURCE_ARGUMENTS


@pytest.mark.parametrize(
    "typed",
    [
        "'a table.csv' --score 'val loss' --direction minimize --params lr 'weight decay'",
        "study.db --study-name one two --random-start 30",
        "runs --model arch --first-rung --seed 3",
    ],
)
def test_the_line_reads_the_same_source(typed):
    arguments = build_parser().parse_args(["fit", *shlex.split(typed)])
    options = {name: getattr(arguments, name) for name in SOURCE_ARGUMENTS}
    line = surface_line(arguments.trials, options, seed=arguments.seed, output="new folder")
    again = build_parser().parse_args(shlex.split(line)[1:])
    # A surface takes all trials.
    expected = options | {"random_start": None}
    assert {name: getattr(again, name) for name in SOURCE_ARGUMENTS} == expected
    assert (again.surface, again.seed, str(again.output)) == (True, arguments.seed, "new folder")
    assert again.trials == arguments.trials


def test_no_password_is_printed():
    assert "secret" not in surface_line("postgresql://me:secret@host/db", {})


def test_the_folder_is_new(tmp_path):
    first = surface_folder(tmp_path / "leadline-a")
    assert first == str(tmp_path / "leadline-a-surface")
    (tmp_path / "leadline-a-surface").mkdir()
    assert surface_folder(tmp_path / "leadline-a") != first


def test_the_hint_of_a_fit_is_the_line(capsys, tmp_path):
    tree = make_tree()
    tree["constant_data"]["trial_param:lr"] = tree["constant_data"]["trial_score"]
    show_answers(tree, surface="leadline fit t.csv --surface -o new")
    assert "`leadline fit t.csv --surface -o new`" in capsys.readouterr().out.replace("\n", " ")
    show_answers(tree, tmp_path / "fit.nc")
    assert f"{tmp_path}-surface" in capsys.readouterr().out.replace("\n", "")


def typed_lines(text):
    """Return the commands in a text, and the options to add to the one that made a fit."""
    quoted = re.findall(r"`([^`]*)`", text.replace("\n", " "))
    return [own for own in quoted if own.startswith(("leadline ", "--")) and " " in own]


ADVICE = {"model": "crossed", "draws": 1000, "tune": 1000, "chains": 4}


@pytest.mark.parametrize("settings", [ADVICE, ADVICE | {"tune": 4000}, ADVICE | {"chains": 1}])
def test_every_line_of_advice_can_be_typed_where_the_fit_exists(
    tmp_path, monkeypatch, capsys, settings
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "1000")
    (tmp_path / "leadline-a").mkdir()
    made, path = "leadline fit a.csv --score x -o leadline-a", tmp_path / "leadline-a" / "fit.nc"
    searches = tuple(itertools.product("ab", "xy"))
    tree = make_tree(make_trials(searches=searches), chains=2, draws=30, divergences=3)
    tree.attrs["settings"] = json.dumps(settings)
    tree.attrs["failed_checks"] = json.dumps(["divergences"])
    tree["constant_data"]["trial_param:lr"] = tree["constant_data"]["trial_score"]
    path.touch()
    for show in (show_answers, show_checks, show_comparison):
        if show is show_comparison:
            show(tree, path=path)
        else:
            show(tree, path)
        lines = typed_lines(capsys.readouterr().out)
        assert lines
        for line in lines:
            words = shlex.split(line if line.startswith("leadline") else f"{made} {line}")
            arguments = build_parser().parse_args(words[1:])
            if words[1] == "fit":
                # Refused where the folder exists.
                output_folder(arguments)
        options = ("--draws", "--tune", "--chains", "--pooling")
        assert any(own.startswith(options) for own in lines)


def test_what_was_fitted_already_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pd.DataFrame({"loss": [1.0]}).to_csv("runs.csv")
    assert "leadline fit runs.csv" in how_to_fit(Path("runs.csv"))
    (tmp_path / "leadline-runs").mkdir()
    (tmp_path / "leadline-runs" / "fit.nc").touch()
    assert how_to_fit(Path("runs.csv")) == "; the fit is leadline-runs/fit.nc"


def test_a_note_that_was_printed_is_not_printed_again(capsys):
    tree = make_tree()
    tree.attrs["notes"] = '["early", "late"]'
    show_recorded(tree, shown=["early"])
    out = capsys.readouterr().out
    assert "note: late" in out
    assert "early" not in out
