"""A line that was mistyped is answered with the line to type."""

import shlex

import pytest

from leadline.cli.main import main
from leadline.cli.parser import build_parser
from leadline.cli.typed_line import _commands_of

COLUMNS = "--score loss --direction minimize"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("runs.csv", "study.db", "fit.nc"):
        (tmp_path / name).write_text("")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        # An option of several values takes the file that follows.
        (f"fit {COLUMNS} --params lr depth runs.csv", f"fit runs.csv {COLUMNS} --params lr depth"),
        ("fit --study-name a b study.db", "fit study.db --study-name a b"),
        ("inspect --parent a sqlite:///study.db", "inspect sqlite:///study.db --parent a"),
        ("fit --tail-fraction 0.2 runs.csv", "fit runs.csv --tail-fraction 0.2"),
        ("forecast --trials 10 50 fit.nc", "forecast fit.nc --trials 10 50"),
        # The command comes first, then the file.
        (f"{COLUMNS} fit runs.csv", f"fit {COLUMNS} runs.csv"),
        ("fit.nc forecast", "forecast fit.nc"),
        ("fit.nc forecast --trials 50", "forecast fit.nc --trials 50"),
        ("fit.nc", "summary fit.nc"),
        ("runs.csv", "fit runs.csv --score COLUMN --direction minimize"),
        ("runs.csv --metric bleu", "fit runs.csv --score bleu --direction minimize or maximize"),
        (f"runs.csv {COLUMNS}", f"fit runs.csv {COLUMNS}"),
        ("plot comparison fit.nc", "plot fit.nc comparison"),
        ("compare mlp forest fit.nc", "compare fit.nc mlp forest"),
    ],
)
def test_the_line_that_was_meant_is_printed(capsys, typed, meant):
    with pytest.raises(SystemExit) as stop:
        main(shlex.split(typed))
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f": leadline {meant} (see " in error


@pytest.mark.parametrize(
    "typed",
    ["summary", "summary -o fit.nc", "pool -o runs.csv", "fit runs.csv --chains two", "fitt", ""],
)
def test_other_mistakes_are_not_about_the_order(capsys, typed):
    with pytest.raises(SystemExit):
        main(shlex.split(typed))
    assert "first" not in capsys.readouterr().err


def test_a_column_that_is_not_there_is_named_before_a_folder_that_is(tmp_path, capsys):
    (tmp_path / "leadline-runs").mkdir()
    (tmp_path / "runs.csv").write_text("loss\n" + "\n".join(f"0.{k}" for k in range(30)))
    assert main(shlex.split("fit runs.csv --score los --direction minimize")) == 1
    assert "no column 'los'" in capsys.readouterr().err
    assert main(shlex.split(f"fit runs.csv {COLUMNS}")) == 1
    assert "the folder leadline-runs exists" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("compare fit.nc --rope", ["--rope 0.002", "in score units"]),
        ("compare fit.nc --budget", ["--budget 50"]),
        ("fit runs.csv --budget", ["--budget epoch"]),
        ("forecast fit.nc --trials", ["--trials 50"]),
        ("fit runs.csv --task", ["--task COLUMN"]),
        ("fit runs.csv --direction", ["minimize or maximize"]),
    ],
)
def test_an_option_without_a_value_has_an_example(line, words, capsys):
    with pytest.raises(SystemExit):
        main(shlex.split(line))
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert all(word in error for word in words)


def test_only_the_nearest_choice_is_proposed(capsys):
    with pytest.raises(SystemExit):
        main(shlex.split("fit runs.csv --direction minimise"))
    proposed = capsys.readouterr().err.split("Did you mean")[1]
    assert "minimize" in proposed
    assert "maximize" not in proposed


@pytest.mark.parametrize(
    ("line", "words", "missing"),
    [
        ("compare --rope 0.002", "required: FIT.nc (", "NAME"),
        ("plot --rope 0.002", "required: FIT.nc (", "NAME"),
        ("sentence fit.nc --latex", "write --format latex", "unrecognized"),
        ("compare fit.nc --rope 0.2%", "in score units, such as 0.002", "float"),
    ],
)
def test_what_is_missing_or_meant_is_named(line, words, missing, capsys):
    with pytest.raises(SystemExit):
        main(line.split())
    error = capsys.readouterr().err
    assert words in error
    assert missing not in error


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        # Options of other commands too, but for one letter.
        ("forecast fit.nc --trial 50", "--trials"),
        ("plot fit.nc --trial 50", "--trials"),
        ("fit runs.csv --trials id", "--trial"),
        # The beginning of an option, though another has as many letters in common.
        ("forecast fit.nc --prob 0.1", "--probability"),
        # Another word for it.
        ("fit runs.csv --metric bleu", "--score"),
    ],
)
def test_an_option_of_the_command_itself_is_proposed(line, meant, capsys):
    with pytest.raises(SystemExit):
        main(line.split())
    assert capsys.readouterr().err.split("Did you mean ")[1].startswith(f"'{meant}'?")


def test_a_mistyped_option_of_each_command_is_answered_with_that_option(capsys):
    for command, options in _commands_of(build_parser()).items():
        for option in options:
            for typed in (option[:-1], f"{option}s", option[:5] + option[6:]):
                # Shorter ones resemble too many, and some are other options.
                if len(option) < 7 or typed in options:
                    continue
                with pytest.raises(SystemExit):
                    main([command, typed, "1"])
                assert f"'{option}'" in capsys.readouterr().err, (command, typed)
