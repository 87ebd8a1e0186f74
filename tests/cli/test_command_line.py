"""Lines that are printed to be typed: they parse, and name a folder that is new."""

import shlex

import pytest
from helpers import make_tree

from leadline.cli.command_line import surface_folder, surface_line
from leadline.cli.console import show_answers, show_recorded
from leadline.cli.parser import build_parser
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


def test_a_note_that_was_printed_is_not_printed_again(capsys):
    tree = make_tree()
    tree.attrs["notes"] = '["early", "late"]'
    show_recorded(tree, shown=["early"])
    out = capsys.readouterr().out
    assert "note: late" in out
    assert "early" not in out
