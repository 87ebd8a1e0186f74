"""Commands for many searches: a folder of fits, what is refused, and resuming."""

import json

import pytest
from helpers import make_tree, make_trials

from leadline.cli import main as cli
from leadline.errors import LeadlineError
from leadline.inference import fit_job

COLUMNS = ["--score", "log_loss", "--direction", "minimize", "--task", "data", "--model", "algo"]
PAIRS = (("a", "x"), ("a", "y"), ("b", "x"))


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Return the name of a table of three searches, the last of which cannot be fitted."""
    monkeypatch.chdir(tmp_path)
    trials = make_trials(n=20, n_failed=1, searches=PAIRS)
    names = {"task": "data", "model": "algo", "score": "log_loss"}
    trials.table[list(names)].rename(columns=names).to_csv("runs.csv", index=False)

    def fit(trials, model, *, random_seed, progressbar, **options):
        if trials.searches[0] == PAIRS[2]:
            raise LeadlineError("too few trials")
        tree = make_tree(trials, draws=10)
        tree.attrs["failed_checks"] = json.dumps(["R-hat"])
        return tree

    monkeypatch.setattr(fit_job, "fit", fit)
    return "runs.csv"


def test_each_search_is_fitted_into_a_folder(table, tmp_path, capsys):
    command = ["fit", table, *COLUMNS, "--resume", "-o", "fits", "--quiet", "--seed", "1"]
    assert cli.main(command) == 0
    out = capsys.readouterr().out
    assert "2 of 3 searches are fitted, 2 with failed checks" in out
    assert "b / x: too few trials" in out
    assert "leadline pool fits" in out.replace(str(tmp_path) + "/", "")
    assert len(list((tmp_path / "fits").glob("*.nc"))) == 2
    # Each file is a fit.
    name = next((tmp_path / "fits").glob("*.nc"))
    assert cli.main(["summary", str(name)]) == 0
    # Again: the same.
    assert cli.main(command) == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--workers", "2", "--pooling", "crossed"], "leadline pool"),
        (["--workers", "2", "--scheduler", "tcp://x:1"], "not both"),
        (["--workers", "2", "--force"], "--resume"),
        (["--workers", "0"], "at least 1"),
    ],
)
def test_usage_errors(table, options, words, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["fit", table, *COLUMNS, *options])
    assert stopped.value.code == 2
    assert words in capsys.readouterr().err


def test_a_folder_that_exists_is_resumed_on_request_alone(table, tmp_path, capsys):
    (tmp_path / "fits").mkdir()
    assert cli.main(["fit", table, *COLUMNS, "--workers", "2", "-o", "fits"]) == 1
    assert "exists" in capsys.readouterr().err


def test_what_is_no_folder_of_fits_cannot_be_pooled(tmp_path, capsys):
    assert cli.main(["pool", str(tmp_path / "none")]) == 1
    assert "no file" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert cli.main(["pool", str(tmp_path / "empty"), "--quiet"]) == 1
    error = capsys.readouterr().err
    assert "index.csv" in error
    assert "Traceback" not in error
    assert not (tmp_path / "empty-pooled").exists()
