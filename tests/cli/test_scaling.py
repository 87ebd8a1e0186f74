"""`leadline fit TABLE --size COLUMN --data COLUMN`: a scaling law from the command line."""

import importlib

import pytest
from helpers_scaling import DATA, SIZES, make_scaling_tree, make_scaling_trials

from leadline.cli.main import main
from leadline.inference.fit_options import choose_model

COLUMNS = ["--score", "loss", "--direction", "minimize", "--task", "run"]
SIZED = [*COLUMNS, "--size", "params", "--data", "tokens"]


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Work in a folder with `sizes.csv`; return its table."""
    monkeypatch.chdir(tmp_path)
    trials = make_scaling_trials(n=12).table
    names = {"task": "run", "score": "loss", "size": "params", "data": "tokens"}
    found = trials.rename(columns=names)[[*names.values()]]
    found.to_csv("sizes.csv", index=False)
    return found


@pytest.fixture
def fitted(monkeypatch):
    """Put a made-up posterior in place of sampling; return the trials that were to be fitted."""
    calls = []

    def fake(trials, **settings):
        calls.append(trials)
        return make_scaling_tree(draws=20)

    monkeypatch.setattr(importlib.import_module("leadline.inference.fit"), "fit", fake)
    return calls


# Power scaling of densities that were made up.
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")
@pytest.mark.slow
def test_the_law_is_printed_and_its_picture_drawn(table, fitted, tmp_path, capsys):
    assert main(["fit", "sizes.csv", *SIZED, "-o", "out"]) == 0
    (trials,) = fitted
    assert sorted(trials.table["size"].unique()) == sorted(SIZES)
    assert sorted(trials.table["data"].unique()) == sorted(set(DATA))
    assert choose_model("auto", trials)[0] == "scaling"
    out = capsys.readouterr().out
    assert "exponent" in out
    assert "ten times the largest" in " ".join(out.split())
    assert (tmp_path / "out" / "scaling.png").exists()
    assert 'id="law"' in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ({"params": 1e6}, SIZED, "params|size"),
        ({"params": 0.0}, SIZED, "positive"),
        ({"params": -1.0}, SIZED, "positive"),
        ({"params": None}, SIZED, "positive"),
        ({}, COLUMNS, "--size"),
    ],
)
def test_sizes_without_a_law_are_one_line(table, capsys, change, options, words):
    first = table["run"] == "n0"
    for column, value in change.items():
        everywhere = value is not None and value > 0
        table.loc[first | everywhere, column] = value
    table.to_csv("sizes.csv", index=False)
    assert main(["fit", "sizes.csv", *options, "--pooling", "scaling"]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert any(word in err for word in words.split("|"))
