"""Options are refused before any import; the rest is left to the readers."""

import argparse

import pytest

from leadline.cli.main import main
from leadline.cli.refusals import validate_fit_file, validate_options, validate_source
from leadline.errors import LeadlineError


@pytest.mark.parametrize(
    "source", ["sqlite:///none.db", "https://host/none", "databricks", "file:none", "C:\\none", "~"]
)
def test_addresses_and_folders_are_left_to_the_readers(source):
    validate_source(source)


def test_paths_where_nothing_is_are_refused(tmp_path):
    for refuse in (lambda: validate_source("none.csv"), lambda: validate_fit_file(tmp_path / "x")):
        with pytest.raises(FileNotFoundError, match="no file"):
            refuse()
    with pytest.raises(LeadlineError, match=r"fit\.nc"):
        validate_fit_file(tmp_path)


@pytest.mark.parametrize(
    ("option", "good", "bad"),
    [
        ("ci_prob", 0.9, 1.0),
        ("probability", 0.05, 0.0),
        ("rope", 0.0, -1.0),
        ("minimum_gain", 0.1, float("inf")),
        ("resolution", 0.0, float("nan")),
        ("budget", 1.0, 0.5),
        ("within", "1%", "0%"),
        ("tail_fraction", [0.1, 1.0], [0.1, 0.0]),
    ],
)
def test_options_out_of_range_are_refused_by_name(option, good, bad):
    validate_options(argparse.Namespace(**{option: good}))
    validate_options(argparse.Namespace(**{option: None}))
    with pytest.raises(LeadlineError, match=option):
        validate_options(argparse.Namespace(**{option: bad}))


def test_the_budget_of_a_table_is_a_column(tmp_path, capsys):
    path = tmp_path / "epochs.csv"
    rows = [
        f"{run},{0.1 * run},{epoch},{1 / (run + epoch)}" for run in range(1, 13) for epoch in (1, 2)
    ]
    path.write_text("\n".join(["run,lr,epoch,loss", *rows]))
    columns = ["--trial", "run", "--budget", "epoch", "--params", "lr"]
    asked = ["--score", "loss", "--direction", "minimize", *columns]
    assert main(["inspect", str(path), *asked]) == 0
    assert "12 trials" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (["--rope", "-1"], "got -1"),
        (["--budget", "0"], "got 0"),
        (["--rope", "-0.5"], "got -0.5"),
    ],
)
def test_a_number_out_of_range_is_shown_as_typed(typed, shown, tmp_path, capsys):
    (tmp_path / "fit.nc").touch()
    assert main(["compare", str(tmp_path / "fit.nc"), *typed]) == 1
    assert capsys.readouterr().err.rstrip().endswith(shown)


@pytest.mark.parametrize("dataset", [True, False])
def test_a_forgotten_task_is_named_by_inspect_and_by_fit(dataset, tmp_path, capsys):
    rows = [
        f"{task},{model},{0.1 + 0.01 * k}" for task in "uv" for model in "ab" for k in range(20)
    ]
    text = "\n".join(["dataset,model,error", *rows])
    if not dataset:
        text = "\n".join(line.partition(",")[2] for line in text.splitlines())
    (tmp_path / "t.csv").write_text(text)
    asked = [str(tmp_path / "t.csv"), "--score", "error", "--direction", "minimize"]
    assert main(["inspect", *asked]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert main(["fit", *asked, "--output", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    likely = "--task dataset" if dataset else "--model model"
    for words in (last, error):
        assert "there are 2 searches" in words
        assert likely in words
    assert "can be answered" not in last
    assert main(["inspect", *asked, *likely.split()]) == 0
    assert "can be answered" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["fit", "runs.csv", "--rope", "1"], "--rope 1; it belongs to compare, sentence, plot"),
        (["fit", "runs.csv", "--replicat", "a"], "Did you mean '--replicate'?"),
        (["plot", "fit.nc", "comparisn"], "Did you mean 'comparison'?"),
        (["sumary", "fit.nc"], "Did you mean 'summary'?"),
        (["fit", "runs.csv", "--pooling", "cross"], "Did you mean 'crossed'?"),
        (["compare", "fit.nc", "--model", "a"], "write the models after the file"),
    ],
)
def test_an_option_of_another_command(typed, expected, capsys):
    with pytest.raises(SystemExit) as caught:
        main(typed)
    assert caught.value.code == 2
    assert expected in capsys.readouterr().err


def test_a_saved_fit_is_no_source(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fit.nc").touch()
    assert main(["fit", "fit.nc"]) == 1
    assert "leadline summary fit.nc" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fit", "a.csv", "--minimize"], "write --direction minimize"),
        (["forecast", "--trials", "fifty", "fit.nc"], "must be a whole number, got 'fifty'"),
        (["fit", "a.csv", "--tasks", "b"], "Did you mean '--task'"),
    ],
)
def test_a_slip_in_an_option_is_answered_in_the_words_of_its_command(arguments, words, capsys):
    with pytest.raises(SystemExit):
        main(arguments)
    assert words in capsys.readouterr().err
