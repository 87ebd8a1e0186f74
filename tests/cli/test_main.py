"""The command line: what it prints, what it writes, and one line for every mistake."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import make_tree, make_trials

from leadline.cli.main import main
from leadline.stats.rounding import rounded

GOOD = ["--score", "loss", "--direction", "minimize", "--tail-fraction", "0.4"]
NAMES = ("optimum", "tuning_curve", "forecast", "effective_dim", "tail_fit")
PICTURES = {f"{name}.{kind}" for name in NAMES for kind in ("png", "svg")}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Return an empty working folder with a file of trials."""
    monkeypatch.chdir(tmp_path)
    make_trials().table[["score"]].rename(columns={"score": "loss"}).to_csv("runs.csv")
    return tmp_path


@pytest.fixture
def no_sampling(monkeypatch):
    """Put a made-up posterior in place of the fit; return the calls."""
    calls = []

    def fake(trials, **settings):
        calls.append((trials, settings))
        return make_tree(trials, tail_fraction=0.4)

    monkeypatch.setattr(importlib.import_module("leadline.inference.fit"), "fit", fake)
    return calls


def refused(capsys, *arguments):
    """Return the one line that a command fails with, code 1."""
    assert main(list(arguments)) == 1
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("leadline: error: ")
    assert "Traceback" not in captured.err
    return captured.err


def misused(capsys, *arguments):
    """Return what a usage error says, code 2."""
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    assert stop.value.code == 2
    return capsys.readouterr().err


def test_help_imports_nothing_heavy():
    command = [sys.executable, "-X", "importtime", "-m", "leadline", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    imported = {line.split("|")[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "leadline" in imported
    heavy = {
        "arviz",
        "matplotlib",
        "numba",
        "numpy",
        "pandas",
        "pymc",
        "pytensor",
        "rich",
        "xarray",
    }
    assert not heavy & imported
    assert "fit" in done.stdout


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out.startswith("leadline ")


def test_fit_writes_everything_and_says_so(here, no_sampling, capsys):
    assert main(["fit", "runs.csv", *GOOD, "--seed", "3", "--params", "Unnamed: 0"]) == 0
    folder = here / "leadline-runs"
    assert {path.name for path in folder.iterdir()} == PICTURES | {"fit.nc", "report.html"}
    assert all(path.stat().st_size > 1000 for path in folder.iterdir())
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "runs.csv: 120 trials: 110 complete, 10 failed" in captured.out
    assert "compiling the model" in captured.out
    for words in ("best seen", "optimum", "89 % interval", "converged", "written to leadline-runs"):
        assert words in captured.out
    ((trials, settings),) = no_sampling
    assert trials.params == ["param:Unnamed: 0"]
    assert settings["random_seed"] == 3
    assert settings["tail_fraction"] == 0.4
    assert settings["threshold"] == "auto"
    assert not settings["progressbar"]
    assert {path.name for path in here.iterdir()} == {"runs.csv", "leadline-runs"}


def test_a_saved_fit_is_summarised_as_it_was_printed(here, no_sampling, capsys):
    assert main(["fit", "runs.csv", *GOOD, "-o", "out", "--no-pictures", "--quiet"]) == 0
    first = capsys.readouterr()
    assert first.err == ""
    assert [path.name for path in (here / "out").iterdir()] == ["fit.nc"]
    assert main(["summary", "out/fit.nc"]) == 0
    second = capsys.readouterr().out
    assert first.out.startswith(second)
    assert main(["summary", "out/fit.nc", "--ci-prob", "0.5", "--ci-kind", "hdi"]) == 0
    assert "50 % interval" in capsys.readouterr().out
    assert "ci_prob" in refused(capsys, "summary", "out/fit.nc", "--ci-prob", "5")


def test_same_fit_same_files(here, no_sampling):
    for folder in ("one", "two"):
        assert main(["fit", "runs.csv", *GOOD, "-o", folder, "--quiet"]) == 0
    for name in PICTURES:
        assert (here / "one" / name).read_bytes() == (here / "two" / name).read_bytes(), name


def test_an_existing_folder_is_refused_before_any_work(here, no_sampling, capsys):
    (here / "leadline-runs").mkdir()
    assert "leadline-runs exists" in refused(capsys, "fit", "runs.csv", *GOOD)
    assert not no_sampling


def test_force_replaces_only_its_own_files(here, no_sampling):
    folder = here / "out"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    (folder / "fit.nc").write_text("old")
    assert main(["fit", "runs.csv", *GOOD, "-o", "out", "--force", "--no-pictures", "--quiet"]) == 0
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / "fit.nc").stat().st_size > 1000
    assert {path.name for path in here.iterdir()} == {"runs.csv", "out"}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_nothing_is_left_behind_when_it_fails(here, monkeypatch, capsys, error):
    def fail(trials, **settings):
        raise error

    monkeypatch.setattr(importlib.import_module("leadline.inference.fit"), "fit", fail)
    assert main(["fit", "runs.csv", *GOOD, "--quiet"]) == 1
    assert [path.name for path in here.iterdir()] == ["runs.csv"]
    assert capsys.readouterr().err.count("\n") == 1


def test_output_in_a_missing_folder_or_over_a_file(here, no_sampling, capsys):
    assert "no folder" in refused(capsys, "fit", "runs.csv", *GOOD, "-o", "a/b")
    assert "is a file" in refused(capsys, "fit", "runs.csv", *GOOD, "-o", "runs.csv", "--force")
    assert not no_sampling


def test_several_searches_must_be_asked_for(here, no_sampling, capsys):
    trials = make_trials(searches=(("digits", "mlp"), ("digits", "forest")))
    table = trials.table[["task", "model", "score"]].rename(columns={"score": "loss"})
    table.to_csv("two.csv", index=False)
    said = refused(capsys, "fit", "two.csv", *GOOD)
    assert "2 searches" in said
    assert "('digits', 'forest')" in said
    assert "--model" in said
    assert main(["fit", "two.csv", *GOOD, "--model", "model", "--quiet", "--no-pictures"]) == 0
    out = capsys.readouterr().out
    assert "mlp" in out
    assert "forest" in out


def test_numbers_of_a_bad_fit_come_with_a_warning(here, capsys):
    make_tree(divergences=7).to_netcdf("bad.nc", engine="h5netcdf")
    assert main(["summary", "bad.nc"]) == 0
    out = capsys.readouterr().out
    assert out.count("7 divergences") == 2
    assert "do not rely" in out


def test_checks_of_a_saved_fit(here, capsys):
    make_tree(make_trials(n=400), spread_of_draws=0.3).to_netcdf("good.nc", engine="h5netcdf")
    assert main(["check", "good.nc"]) == 0
    out = capsys.readouterr().out
    for words in ("checks of digits / mlp", "regime fit, leave-one-out", "passed", "not made"):
        assert words in out
    assert "FAILED" not in out
    assert out.splitlines()[-1] == "no check failed"


def test_a_check_that_fails_says_what_to_do(here, capsys):
    make_tree(divergences=7).to_netcdf("bad.nc", engine="h5netcdf")
    assert main(["check", "bad.nc"]) == 0
    out = capsys.readouterr().out
    assert "Fit again with more tuning" in out
    # What the command line cannot do is no advice.
    assert "target_accept" not in out
    assert re.search(r"divergences +│ FAILED +│ +7 │ +≤ 0 │", out)
    assert re.search(r"checks? failed: divergences", out.splitlines()[-1])


def test_integer_dimensions_are_shown(here, capsys):
    make_tree(integer=True).to_netcdf("whole.nc", engine="h5netcdf")
    assert main(["summary", "whole.nc"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"effective dimension +│ +1: \d+ %, 2: \d+ %, 3: \d+ %", out)


def test_markup_in_names_is_printed_as_it_is(here, capsys):
    make_tree(make_trials(searches=(("[bold]a[/x]", "m"),))).to_netcdf("odd.nc", engine="h5netcdf")
    assert main(["summary", "odd.nc"]) == 0
    assert "[bold]a[/x]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fit", "none.csv", *GOOD], "no file 'none.csv'"),
        (["fit", ".", *GOOD], "is a directory"),
        (["fit", "empty.csv", *GOOD], "empty"),
        (["fit", "runs.csv", "--score", "los", *GOOD[2:]], "Did you mean 'loss'"),
        (["fit", "runs.csv", *GOOD, "--task", "bench"], "no column 'bench'"),
        (["fit", "runs.csv", *GOOD, "--params", "lr"], "no column 'lr'"),
        (["fit", "words.csv", *GOOD], "words.csv"),
        (["fit", "runs.csv", *GOOD[:4], "--tail-fraction", "1.5"], "tail_fraction"),
        (["fit", "runs.csv", *GOOD[:4], "--tail-fraction", "nan"], "tail_fraction"),
        (["fit", "runs.csv", *GOOD[:4], "--tail-fraction", "0.01"], "at least"),
        (["fit", "runs.csv", *GOOD[:4], "--threshold", "99"], "threshold"),
        (["fit", "runs.csv", *GOOD, "--resolution", "-1"], "resolution"),
        (["summary", "none.nc"], "no file 'none.nc'"),
        (["summary", "."], "is a folder"),
        (["summary", "runs.csv"], "not a netCDF file"),
        (["summary", "empty.csv"], "not a netCDF file"),
        (["summary", "other.nc"], "not a leadline fit"),
        (["check", "none.nc"], "no file 'none.nc'"),
        (["forecast", "none.nc"], "no file 'none.nc'"),
        (["check", "other.nc"], "not a leadline fit"),
    ],
)
def test_bad_input_is_one_line(here, capsys, arguments, words):
    Path("empty.csv").write_text("")
    Path("words.csv").write_text("loss\nlow\nhigh\n")
    if "other.nc" in arguments:
        make_tree()["log_prior"].to_dataset().to_netcdf("other.nc", engine="h5netcdf")
    before = set(os.listdir())
    assert words in refused(capsys, *arguments)
    assert set(os.listdir()) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "COMMAND"),
        (["fi"], "invalid choice"),
        (["fit", "runs.csv", "--score", "loss", "--tail-fraction", "0.2"], "never guessed"),
        (["fit", "runs.csv", *GOOD[:2], *GOOD[4:], "--direction", "down"], "invalid choice"),
        (["fit", "runs.csv", *GOOD, "--threshold", "0.3"], "not allowed with"),
        (["fit", "runs.csv", *GOOD[2:]], "--score"),
        (["fit", "runs.csv", *GOOD, "--draws", "0"], "at least 1"),
        (["fit", "runs.csv", *GOOD, "--chains", "two"], "--chains"),
        (["fit", "runs.csv", *GOOD, "--seed", "-1"], "at least 0"),
        (["summary"], "FIT.nc"),
        (["check"], "FIT.nc"),
    ],
)
def test_usage_errors(here, capsys, arguments, words):
    assert words in misused(capsys, *arguments)


def test_compare_of_a_saved_fit(here, capsys):
    trials = make_trials(searches=(("digits", "mlp"), ("digits", "forest")))
    make_tree(trials, draws=20).to_netcdf("fit.nc", engine="h5netcdf")
    assert main(["compare", "fit.nc", "--rope", "0.01"]) == 0
    out = capsys.readouterr().out
    for words in ("which model is better, at the optimum", "mlp, forest", "is the best model"):
        assert words in out
    make_tree(draws=20).to_netcdf("one.nc", engine="h5netcdf")
    assert "there is one model in this fit, 'mlp'" in refused(capsys, "compare", "one.nc")


def test_what_has_not_converged_or_was_not_checked_is_said_beside_the_comparison(here, capsys):
    trials = make_trials(searches=(("digits", "mlp"), ("digits", "forest")))
    make_tree(trials, draws=50, divergences=7).to_netcdf("fit.nc", engine="h5netcdf")
    assert main(["compare", "fit.nc"]) == 0
    out = capsys.readouterr().out
    assert "Do not rely on this comparison: 14 divergences" in out
    assert "not checked" in out
    assert "overall" not in out  # of one task


def test_forecast_advises_by_its_exit_code(here, capsys):
    make_tree(draws=300).to_netcdf("fit.nc", engine="h5netcdf")
    enough = ["--trials", "5", "20", "--minimum-gain", "0.05"]
    assert main(["forecast", "fit.nc", *enough]) == 0
    assert main(["forecast", "fit.nc", *enough, "--exit-code"]) == 3
    out = capsys.readouterr().out
    for words in ("Stop: 20 more trials", "P(gain > 0.05)", "gain if re-run"):
        assert words in out
    assert main(["forecast", "fit.nc", "--trials", "500", "--within", "50%", "--exit-code"]) == 0
    out = capsys.readouterr().out
    assert "Not settled: 500 more trials" in out
    assert "within 50% of the optimum" in out
    assert main(["forecast", "fit.nc", "--within", "near"]) == 1
    captured = capsys.readouterr()
    assert "within must be above 0" in captured.err
    assert captured.out == ""  # no table before the mistake is noticed
    assert "minimum_gain" in refused(capsys, "forecast", "fit.nc", "--minimum-gain", "-1")


@pytest.mark.parametrize("form", ["markdown", "latex", "csv"])
def test_summary_as_text_for_a_paper(here, capsys, form):
    make_tree(draws=50).to_netcdf("fit.nc", engine="h5netcdf")
    assert main(["summary", "fit.nc", "--format", form]) == 0
    start = {"markdown": "| search |", "latex": r"\begin{table}", "csv": "# log_loss"}[form]
    assert capsys.readouterr().out.startswith(start)


def test_demo_fits_the_bundled_searches(here, monkeypatch, capsys):
    calls = []

    def fake(trials, **settings):
        calls.append((trials, settings))
        return make_tree(make_trials(searches=(("a", "x"), ("a", "y"))), draws=20)

    monkeypatch.setattr(importlib.import_module("leadline.inference.fit"), "fit", fake)
    assert main(["demo", "--no-pictures", "--quiet"]) == 0
    assert [path.name for path in (here / "leadline-demo").iterdir()] == ["fit.nc"]
    ((trials, settings),) = calls
    assert len(trials.searches) == 12
    assert "tail_fraction" not in settings  # decided from the data
    assert "optimum" in capsys.readouterr().out


def test_report_is_written_beside_the_fit_or_where_one_says(here, capsys):
    make_tree(chains=2, draws=25).to_netcdf("fit.nc", engine="h5netcdf")
    assert main(["report", "fit.nc"]) == 0
    assert "report.html" in capsys.readouterr().out
    first = (here / "report.html").read_bytes()
    assert first.startswith(b"<!DOCTYPE html>")
    assert "--force" in refused(capsys, "report", "fit.nc")
    assert "is a folder" in refused(capsys, "report", "fit.nc", "-o", ".")
    assert "no folder" in refused(capsys, "report", "fit.nc", "-o", "away/report.html")
    assert "not a netCDF" in refused(capsys, "report", "runs.csv", "-o", "other.html")
    assert main(["report", "fit.nc", "-o", "other.html"]) == 0
    assert main(["report", "fit.nc", "-o", "other.html", "--force"]) == 0
    assert (here / "other.html").read_bytes() == first
    assert {one.name for one in here.iterdir()} == {
        "runs.csv",
        "fit.nc",
        "report.html",
        "other.html",
    }


@pytest.mark.parametrize(
    ("value", "sd", "text"),
    [
        (0.256693, 0.007184, "0.2567"),
        (1234.5678, 12.0, "1235"),
        (0.5, 0.0, "0.5"),
        (-3.14159, 0.1, "-3.14"),
        (3.2e-12, 1e-13, "3.2e-12"),
        (np.inf, 1.0, "inf"),
    ],
)
def test_rounded_shows_two_digits_of_the_sd(value, sd, text):
    assert rounded(value, sd) == text
