"""Tables on screens of any width: all cells, and none of numbers broken."""

import json
import re

import pytest
from helpers import make_tree, make_trials

from leadline.checks.check import check
from leadline.checks.recorded_outcomes import outcomes_group
from leadline.cli.main import main
from leadline.cli.tables import show_table
from leadline.inference.write_netcdf import file_of_tree

SEARCHES = tuple((task, model) for task in ("digits", "breast-cancer") for model in ("mlp", "svm"))


def cells_of(out):
    return [
        [cell.strip() for cell in line.strip("┃│").split(line[0])]
        for line in out.splitlines()
        if line[:1] in "┃│" and line
    ]


@pytest.mark.parametrize("width", [40, 80, 120, 400])
def test_every_part_has_the_words_and_every_number_is_whole(width, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(width))
    names = ["one", "two"]
    heads = [f"quantity {k}" for k in range(8)]
    rows = [[name, *(f"{k}.25 [{k}, {k + 1}]" for k in range(8))] for name in names]
    show_table("of two searches", ["search"], heads, rows)
    out = capsys.readouterr().out
    assert all(len(line) <= width for line in out.splitlines())
    cells = [row for row in cells_of(out) if row[0] in names]
    assert len(cells) == 2 * out.count("┏")
    for name, *wanted in rows:
        assert [cell for row in cells if row[0] == name for cell in row[1:]] == wanted


def test_a_part_leaves_out_rows_without_numbers(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "30")
    rows = [["a", "0.123456789", ""], ["b", "", "0.123456789"]]
    show_table("", ["name"], ["first column", "second column"], rows)
    cells = cells_of(capsys.readouterr().out)
    assert [row[0] for row in cells if row[0] in "ab" and row[0]] == ["a", "b"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("a fit") / "fit.nc"
    tree = make_tree(make_trials(searches=SEARCHES), chains=2, draws=50)
    tree.attrs["failed_checks"] = json.dumps(["R-hat"])
    path.write_bytes(file_of_tree(tree))
    return path


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("command", ["summary", "compare --rope 0.01", "forecast", "check --all"])
def test_answers_fit_the_screen_with_whole_intervals(saved, width, command, monkeypatch, capsys):
    name, *options = command.split()
    assert main([name, str(saved), *options]) == 0
    plain = capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", str(width))
    assert main([name, str(saved), *options]) == 0
    out = capsys.readouterr().out
    assert all(len(line) <= width for line in out.splitlines())
    intervals = {
        cell for row in cells_of(plain) for cell in row if re.fullmatch(r"[-\d.]+ \[.*\]", cell)
    }
    assert intervals <= {cell for row in cells_of(out) for cell in row}
    assert bool(intervals) == (name != "check")


@pytest.mark.parametrize("command", ["summary", "compare", "forecast"])
def test_advice_names_the_file_of_the_fit(saved, command, capsys):
    assert main([command, str(saved)]) == 0
    out = capsys.readouterr().out
    # Quoted, as the folder has a space in its name.
    assert f"`leadline check '{saved}'`" in out
    assert "FIT.nc" not in out


def test_checks_advise_with_the_file_of_the_fit(saved, tmp_path, capsys):
    tree = make_tree(make_trials(), spread_of_draws=0.3)
    table = check(tree).drop(columns="level")
    table.loc[0, ["passed", "advice"]] = False, "look at leadline.plot_threshold"
    tree["checks"] = outcomes_group(table)
    (tmp_path / "own.nc").write_bytes(file_of_tree(tree))
    assert main(["check", str(tmp_path / "own.nc")]) == 0
    assert f"`leadline plot {tmp_path / 'own.nc'} threshold`" in capsys.readouterr().out
