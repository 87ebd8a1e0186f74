"""The command line: what it prints, what it writes, and one line for every mistake."""

import importlib
import json
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import make_repeated_trials, make_tree, make_trials

from leadline.cli.commands import EXIT_CODES
from leadline.cli.console import show_seed
from leadline.cli.main import main
from leadline.cli.wording import OPTIONS, in_command_line_words
from leadline.data.trials import Trials
from leadline.inference.fit import SURFACE_DRAWS
from leadline.inference.fit_surface import _MOST
from leadline.inference.write_netcdf import file_of_tree

GOOD = ["--score", "loss", "--direction", "minimize", "--tail-fraction", "0.4"]
NAMES = ("optimum", "tuning_curve", "forecast", "effective_dim", "tail_fit")
PICTURES = {f"{name}.png" for name in NAMES}
PAIR = (("digits", "mlp"), ("digits", "forest"))


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
        # Two searches stand for the 12 of the demo.
        few = trials if len(trials.searches) < 3 else make_trials(searches=PAIR)
        return make_tree(few, tail_fraction=0.4, draws=50)

    monkeypatch.setattr(importlib.import_module("leadline.inference.fit"), "fit", fake)
    return calls


def save(name="fit.nc", trials=None, **options):
    """Write the file of a fit that was made; to make it takes longer than most tests."""
    key = pickle.dumps((trials, options))
    if key not in _SAVED:
        _SAVED[key] = file_of_tree(make_tree(trials, **options))
    Path(name).write_bytes(_SAVED[key])


_SAVED: dict[bytes, bytes] = {}


def printed(capsys, *arguments, code=0, progress=False):
    """Return what a command prints; only its progress goes to the standard error."""
    assert main(list(arguments)) == code
    captured = capsys.readouterr()
    assert bool(captured.err) == progress
    return captured.out


def refused(capsys, *arguments, code=1):
    """Return the one line that a command fails with; the code of usage errors is 2."""
    try:
        found = main(list(arguments))
    except SystemExit as stop:
        found = stop.code
    assert found == code
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("leadline: error: " if code == 1 else "leadline")
    assert captured.out == "" or arguments[0] == "fit"
    return captured.err


def files(folder):
    return {path.name for path in folder.iterdir()}


def test_help_imports_nothing_heavy():
    command = [sys.executable, "-X", "importtime", "-m", "leadline", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    imported = {line.split("|")[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "leadline" in imported
    slow = {"arviz", "matplotlib", "numba", "numpy", "pandas", "pymc", "pytensor", "rich", "xarray"}
    assert not slow & imported
    assert "fit" in done.stdout


def test_help_says_that_a_surface_may_have_more_draws(capsys):
    with pytest.raises(SystemExit):
        main(["fit", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert f"of a surface {SURFACE_DRAWS}, or up to {_MOST} times as many" in text


def test_version_and_help(capsys):
    shown = {}
    commands = (
        "fit",
        "summary",
        "check",
        "compare",
        "sentence",
        "plot",
        "report",
        "forecast",
        "demo",
    )
    for arguments in (["--version"], *([command, "--help"] for command in commands)):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 0
        shown[arguments[0]] = capsys.readouterr().out
    assert shown["--version"].startswith("leadline ")
    # Messages name only options that there are.
    text = " ".join(shown.values())
    assert all(re.search(rf"{option}\b", text) for option in OPTIONS.values())


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("x.csv: tail_fraction=0.01 of 9", "x.csv: --tail-fraction 0.01 of 9"),
        ("early_stopped='pruned' counts", "--early-stopped pruned counts"),
        ("as in trial='my config'", "as in --trial 'my config'"),
        ("pass assume_random=True", "pass --assume-random"),
        ("choose model='single'", "choose --pooling single"),
        ("write model='model' or budget='epoch'", "write --model model or --budget epoch"),
        ("as in params=['lr', 'a b']", "as in --params lr 'a b'"),
        ("within must be above 0", "--within must be above 0"),
        # Names of the user, and English words.
        ("no column 'tail_fraction'", "no column 'tail_fraction'"),
        ("raise max_effective_dim", "raise max_effective_dim"),
        ("the model of a task", "the model of a task"),
    ],
)
def test_messages_are_in_the_words_of_the_command_line(message, words):
    assert in_command_line_words(message) == words


def test_fit_writes_everything_and_prints_what_it_wrote(here, no_sampling, capsys):
    options = ["--seed", "3", "--params", "Unnamed: 0"]
    out = printed(capsys, "fit", "runs.csv", *GOOD, *options, progress=True)
    folder = here / "leadline-runs"
    assert files(folder) == PICTURES | {"fit.nc", "report.html"}
    assert all(path.stat().st_size > 1000 for path in folder.iterdir())
    for words in ("120 trials", "110 complete", "10 failed", "best seen", "optimum", "89 %"):
        assert words in out
    assert "leadline-runs: effective_dim.png" in out
    ((trials, settings),) = no_sampling
    assert trials.params == ["param:Unnamed: 0"]
    expected = {"random_seed": 3, "tail_fraction": 0.4, "threshold": "auto"}
    assert expected.items() <= settings.items()
    assert files(here) == {"runs.csv", "leadline-runs"}
    # The same fit makes the same files.
    assert main(["fit", "runs.csv", *GOOD, "-o", "again", "--quiet"]) == 0
    for name in PICTURES:
        assert (folder / name).read_bytes() == (here / "again" / name).read_bytes(), name


def test_a_saved_fit_is_summarised_as_it_was_printed(here, no_sampling, capsys):
    first = printed(capsys, "fit", "runs.csv", *GOOD, "-o", "out", "--no-pictures", "--quiet")
    assert files(here / "out") == {"fit.nc"}
    assert first.startswith(printed(capsys, "summary", "out/fit.nc"))
    wide = printed(capsys, "summary", "out/fit.nc", "--ci-prob", "0.5", "--ci-kind", "hdi")
    assert "50 %" in wide
    assert "--ci-prob" in refused(capsys, "summary", "out/fit.nc", "--ci-prob", "5")


def test_a_target_that_cannot_be_written_is_refused_before_any_work(here, no_sampling, capsys):
    (here / "leadline-runs").mkdir()
    for options, words in (
        ([], "leadline-runs"),
        (["-o", "a/b"], "no folder a"),
        (["-o", "runs.csv", "--force"], "runs.csv is a file"),
    ):
        assert words in refused(capsys, "fit", "runs.csv", *GOOD, *options)
    assert not no_sampling


def test_force_replaces_only_its_own_files(here, no_sampling):
    folder = here / "out"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    (folder / "fit.nc").write_text("old")
    assert main(["fit", "runs.csv", *GOOD, "-o", "out", "--force", "--no-pictures", "--quiet"]) == 0
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / "fit.nc").stat().st_size > 1000
    assert files(here) == {"runs.csv", "out"}


def test_several_searches_need_a_column_that_tells_them_apart(here, no_sampling, capsys):
    table = make_trials(searches=PAIR).table[["task", "model", "score"]]
    table.rename(columns={"score": "loss"}).to_csv("two.csv", index=False)
    message = refused(capsys, "fit", "two.csv", *GOOD)
    for words in ("2 searches", "('digits', 'forest')", "--model"):
        assert words in message
    options = ["--model", "model", "--quiet", "--no-pictures"]
    out = printed(capsys, "fit", "two.csv", *GOOD, *options)
    assert all(model in out for model in ("mlp", "forest"))


@pytest.mark.parametrize("width", [40, 100, 180, 400])
def test_no_table_is_cropped(here, monkeypatch, capsys, width):
    save(trials=make_trials(searches=PAIR), draws=50, divergences=7)
    plain = printed(capsys, "summary", "fit.nc")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(width))
    out = re.sub(r"\x1b\[[0-9;]*m", "", printed(capsys, "summary", "fit.nc"))
    table = [line for line in out.splitlines() if line[0] in "┏┃┡│└"]
    assert all(line[-1] in "┓┃┩│┘" and len(line) <= width for line in table)
    for number in re.findall(r"\d+\.\d+", plain):
        assert number in out


def test_checks_of_a_saved_fit(here, capsys):
    save(trials=make_trials(n=400), spread_of_draws=0.3)
    out = printed(capsys, "check", "fit.nc")
    assert "│" not in out  # A check that passes is no news.
    assert "0 noted, 0 failed" in out.splitlines()[-1]
    out = printed(capsys, "check", "fit.nc", "--all")
    for words in ("regime fit, leave-one-out", "passed", "not made", "p-value"):
        assert words in out
    assert "│ FAILED" not in out
    assert "0 failed" in out.splitlines()[-1]


def test_a_note_is_no_failed_check(here, capsys):
    save(trials=make_trials(n=400), spread_of_draws=0.3, tail_fraction=0.04)
    out = printed(capsys, "check", "fit.nc")
    assert re.search(r"tail points: .+ │ noted +│ 16 +│ +≥ 20 │", out)
    assert "│ FAILED" not in out
    assert "1 noted, 0 failed" in out.splitlines()[-1]


def test_a_bad_fit_comes_with_a_warning_and_advice(here, capsys):
    tree = make_tree(divergences=7)
    settings = {"draws": 1000, "tune": 4000, "chains": 4, "model": "crossed"}
    tree.attrs["settings"] = json.dumps(settings)
    Path("fit.nc").write_bytes(file_of_tree(tree))
    assert printed(capsys, "summary", "fit.nc").count("7 divergences") == 2
    out = printed(capsys, "check", "fit.nc")
    assert "--pooling single" in out
    # The command line has no such option.
    assert "target_accept" not in out
    assert re.search(r"divergences: .+ │ FAILED │ 7 +│ +≤ 0 │", out)
    assert re.search(r" [1-9]\d* failed", out.splitlines()[-1])


def test_integer_dimensions_are_shown(here, capsys):
    save(integer=True)
    out = printed(capsys, "summary", "fit.nc")
    assert re.search(r"effective dimension +│ +1: \d+ %, 2: \d+ %, 3: \d+ %", out)


def test_markup_and_emoji_in_names_are_printed_as_they_are(here, capsys):
    save(trials=make_trials(searches=(("[bold]a[/x]", ":star:"), ("[bold]a[/x]", "m"))), draws=20)
    for command in ("summary", "check", "forecast", "compare"):
        out = printed(capsys, command, "fit.nc")
        assert ":star:" in out
        assert "[bold]a[/x]" in out or command != "compare"


@pytest.mark.parametrize(
    ("code", "arguments", "words"),
    [
        (1, ["fit", "none.csv", *GOOD], "'none.csv'"),
        (1, ["fit", ".", *GOOD], "is a directory"),
        (1, ["fit", "empty.csv", *GOOD], "empty"),
        (1, ["fit", "runs.csv", "--score", "los", *GOOD[2:]], "'loss'"),
        (1, ["fit", "runs.csv", *GOOD, "--task", "bench"], "'bench'"),
        (1, ["fit", "runs.csv", *GOOD, "--params", "lr"], "'lr'"),
        (1, ["fit", "words.csv", *GOOD], "words.csv"),
        (1, ["fit", "runs.csv", *GOOD[:4], "--tail-fraction", "1.5"], "--tail-fraction"),
        (1, ["fit", "runs.csv", *GOOD[:4], "--tail-fraction", "nan"], "--tail-fraction"),
        (1, ["fit", "runs.csv", *GOOD[:4], "--tail-fraction", "0.01"], "--tail-fraction"),
        (1, ["fit", "runs.csv", *GOOD[:4], "--threshold", "99"], "threshold"),
        (1, ["fit", "runs.csv", *GOOD, "--resolution", "-1"], "resolution"),
        (1, ["summary", "none.nc"], "'none.nc'"),
        (1, ["summary", "."], "fit.nc"),
        (1, ["summary", "runs.csv"], "`leadline fit runs.csv --score COLUMN"),
        (1, ["summary", "empty.csv"], "netCDF"),
        (1, ["summary", "other.nc"], "posterior"),
        (1, ["check", "none.nc"], "'none.nc'"),
        (1, ["check", "other.nc"], "posterior"),
        (1, ["forecast", "none.nc"], "'none.nc'"),
        (1, ["compare", "one.nc"], "'mlp'"),
        (1, ["forecast", "one.nc", "--minimum-gain", "-1"], "--minimum-gain"),
        # No table is printed before the mistake is noticed.
        (1, ["forecast", "one.nc", "--within", "near"], "--within"),
        (2, ["compare", "one.nc", "--rope", "0,005"], "0.005"),
        (1, ["report", "one.nc"], "--force"),
        (1, ["report", "one.nc", "-o", "."], "folder"),
        (1, ["report", "one.nc", "-o", "away/report.html"], "away"),
        (1, ["report", "runs.csv", "-o", "other.html"], "netCDF"),
        (1, ["plot", "one.nc", "-o", "away/pictures"], "away"),
        (2, [], "COMMAND"),
        (2, ["fi"], "'fi'"),
        (2, ["fit", "runs.csv", "--score", "loss", "--tail-fraction", "0.2"], "--direction"),
        (2, ["fit", "runs.csv", *GOOD[:2], *GOOD[4:], "--direction", "down"], "'down'"),
        (2, ["fit", "runs.csv", *GOOD, "--threshold", "0.3"], "--tail-fraction"),
        (2, ["fit", "runs.csv", *GOOD[2:]], "--score"),
        (2, ["fit", "runs.csv", *GOOD, "--draws", "0"], "--draws"),
        (2, ["fit", "runs.csv", *GOOD, "--chains", "two"], "--chains"),
        (2, ["fit", "runs.csv", *GOOD, "--seed", "-1"], "--seed"),
        (2, ["summary"], "FIT.nc"),
        (2, ["check"], "FIT.nc"),
    ],
)
def test_bad_input_is_one_line(here, capsys, code, arguments, words):
    Path("empty.csv").write_text("")
    Path("words.csv").write_text("loss\nlow\nhigh\n")
    Path("report.html").write_text("")
    if "one.nc" in arguments:
        save("one.nc", draws=20)
    if "other.nc" in arguments:
        make_tree(draws=20)["log_prior"].to_dataset().to_netcdf("other.nc", engine="h5netcdf")
    before = set(os.listdir())
    assert words in refused(capsys, *arguments, code=code)
    assert set(os.listdir()) == before


def test_compare_of_a_saved_fit(here, capsys):
    save(trials=make_trials(searches=PAIR), draws=50, divergences=7)
    out = printed(capsys, "compare", "fit.nc", "--rope", "0.01")
    assert re.search(r"mlp, forest +│ [^│/]+ / [^│/]+ / [^│/]+ │", out)
    assert "14 divergences" in out
    assert "not checked" in out
    assert "overall" not in out  # of one task


def test_forecast_advises_by_its_exit_code(here, capsys):
    save(draws=400)
    enough = ["--trials", "5", "20", "--minimum-gain", "0.05"]
    assert printed(capsys, "forecast", "fit.nc", *enough)
    out = printed(capsys, "forecast", "fit.nc", *enough, "--exit-code", code=3)
    assert "Stop: the best of 20 more trials" in out
    assert "P(gain > 0.05)" in out
    more = ["--trials", "500", "--minimum-gain", "0.001", "--within", "50%"]
    out = printed(capsys, "forecast", "fit.nc", *more)
    (verdict,) = re.findall("(Not settled|Go on): the best of 500 more trials", out)
    assert "within 50% of the optimum" in out
    printed(capsys, "forecast", "fit.nc", *more, "--exit-code", code=EXIT_CODES[verdict.lower()])
    save(draws=400, divergences=3)
    printed(capsys, "forecast", "fit.nc", "--exit-code", code=5)


def test_a_forecast_says_how_many_runs_its_trials_have(here, capsys):
    save(draws=50)
    out = printed(capsys, "forecast", "fit.nc")
    assert "one run each" in out
    assert "best seen (mean" not in out
    save(trials=make_repeated_trials(), draws=50)
    assert "best seen (mean of 3 runs)" in printed(capsys, "forecast", "fit.nc")


@pytest.mark.parametrize(
    ("form", "start"),
    [("markdown", "| search |"), ("latex", r"\begin{table}"), ("csv", "# log_loss")],
)
def test_summary_as_text_for_a_paper(here, capsys, form, start):
    save(draws=400)
    assert printed(capsys, "summary", "fit.nc", "--format", form).startswith(start)


def test_a_fit_that_did_not_converge_says_so_before_its_numbers(here, capsys):
    save(trials=make_trials(searches=PAIR), draws=50, divergences=7)
    commands = ["summary", "compare", "forecast", "summary --format markdown"]
    for command in [*commands, "summary --format latex", "summary --format csv"]:
        name, *options = command.split()
        out = printed(capsys, name, "fit.nc", *options)
        first = re.search(r"\d divergences", out).start()
        assert first < out.index("mlp")
        assert "o not rely on" in out[:first], command


def test_demo_fits_the_bundled_searches(here, no_sampling, capsys):
    assert "optimum" in printed(capsys, "demo", "--no-pictures", "--quiet")
    assert files(here / "leadline-demo") == {"fit.nc"}
    ((trials, settings),) = no_sampling
    assert len(trials.searches) == 12
    # The number of the README, and a threshold decided from the data.
    del settings["progressbar"]
    assert settings == {"random_seed": 1, "draws": None, "tune": None, "chains": 4}


def test_report_is_written_beside_the_fit_or_elsewhere(here, capsys):
    save(chains=2, draws=25)
    assert "report.html" in printed(capsys, "report", "fit.nc")
    first = (here / "report.html").read_bytes()
    assert first.startswith(b"<!DOCTYPE html>")
    for options in ([], ["--force"]):
        printed(capsys, "report", "fit.nc", "-o", "other.html", *options)
        assert (here / "other.html").read_bytes() == first
    assert files(here) == {"runs.csv", "fit.nc", "report.html", "other.html"}


def test_a_command_has_intervals_of_one_width_and_says_which(here, capsys):
    save(trials=make_trials(searches=PAIR), draws=50, divergences=7)
    for command in ("summary", "compare", "forecast"):
        for options, prob in (([], "89 %"), (["--ci-prob", "0.5"], "50 %")):
            out = " ".join(printed(capsys, command, "fit.nc", *options).split())
            assert set(re.findall(r"(\d+ %) interval", out)) == {prob}


def test_costs_have_their_unit(here, capsys):
    table = make_trials().table.assign(cost=2.0)
    for unit, head in (("seconds", "cost (seconds)"), ("cost", " cost "), ("", " cost ")):
        trials = Trials(table, "minimize", cost_unit=unit)
        save(trials=trials, draws=20)
        assert head in printed(capsys, "forecast", "fit.nc")


def test_the_seed_of_a_fit_is_printed(capsys):
    tree = make_tree(draws=4)
    tree.attrs["settings"] = json.dumps({"random_seed": 2**31})
    show_seed(tree)
    assert f"--seed {2**31}" in capsys.readouterr().out


def test_one_search_needs_no_name(here, capsys):
    save(draws=20)
    for command in ("summary", "forecast"):
        out = printed(capsys, command, "fit.nc")
        assert "digits" not in out
    assert " / model" not in out


@pytest.mark.parametrize("named", [False, True])
def test_how_to_learn_which_hyperparameters_matter(here, capsys, named):
    table = make_trials().table
    if named:
        table["param:lr"] = [0.1 + 0.001 * row for row in range(len(table))]
    save(trials=Trials(table, "minimize"), draws=20)
    out = " ".join(printed(capsys, "summary", "fit.nc").split())
    assert "which hyperparameters matter" in out
    assert "--surface" in out
    assert ("--params COLUMN …" in out) == (not named)
    if named:
        # Surface and law may advise the opposite.
        for command in ("summary", "forecast"):
            out = " ".join(printed(capsys, command, "fit.nc").split())
            assert "act on the surface if it passes its checks" in out
            assert re.search("add `--surface -o .*-surface` to the command", out)


def test_a_file_in_place_of_another_is_answered_by_the_one_that_is_meant(here, capsys):
    save(trials=make_trials(searches=PAIR), draws=50)
    Path("report.html").write_text("<p>answers</p>")
    assert "the fit is fit.nc" in refused(capsys, "summary", "report.html")
    assert "one fit with several models" in refused(capsys, "compare", "fit.nc", "other.nc")
    assert "the table of the trials" in refused(capsys, "fit", "fit.nc", *GOOD, "--surface")


def test_a_mistyped_score_is_refused_before_pandas(here, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "leadline.io.sources", None)
    text = refused(capsys, "fit", "runs.csv", "--score", "lost", "--direction", "minimize")
    assert "'loss'" in text
