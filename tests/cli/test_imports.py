"""Commands import little before they answer: the wait for an answer is mostly imports."""

import subprocess
import sys

import pytest
from helpers import make_tree, make_trials
from helpers_stores import OPTUNA_TABLES, optuna_rows, write_tables

from leadline.inference.recorded_answers import record_answers
from leadline.inference.write_netcdf import file_of_tree

PAIR = (("digits", "mlp"), ("digits", "forest"))
SAMPLERS = {"arviz", "arviz_plots", "matplotlib", "numba", "nutpie", "pymc", "pytensor"}
STATISTICS = {"arviz_stats", "scipy.stats"}

_RUN = """
import sys
from leadline.cli.main import main
for line in {commands!r}:
    try:
        code = main(line)
    except SystemExit as stop:
        code = stop.code
    print("ran", code, line[0], *({watched!r} & set(sys.modules)), file=sys.stderr)
"""

# A fit is read from a file; what is loaded is printed when its answers are.
_FIT = """
import sys
from pathlib import Path
import leadline.cli.console
import leadline.inference.fit
from leadline.cli.commands import read_fit
from leadline.cli.main import main
saved, folder = sys.argv[1:]
leadline.inference.fit.fit = lambda trials, **settings: read_fit(Path(saved))
loaded = {watched!r}
leadline.cli.console.show_answers = lambda *_, **__: print(*loaded & set(sys.modules), "answers")
sys.exit(main(["demo", "--quiet", "-o", folder]))
"""


def loaded(commands, watched, code):
    """Return which of the `watched` modules are loaded after each command, one after another.

    All commands must return the exit code.
    """
    script = _RUN.format(commands=commands, watched=watched)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120
    )
    lines = [line.split() for line in done.stderr.splitlines() if line.startswith("ran ")]
    assert [line[1:3] for line in lines] == [[str(code), command[0]] for command in commands], done
    return [set(line[3:]) for line in lines]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return the path of a fit with the answers that `leadline.fit` records."""
    tree = make_tree(make_trials(searches=PAIR), draws=25)
    record_answers(tree)
    path = tmp_path_factory.mktemp("saved") / "fit.nc"
    path.write_bytes(file_of_tree(tree))
    return str(path)


def test_a_saved_fit_is_read_without_pymc(saved):
    commands = [
        ["check", saved],
        ["summary", saved],
        ["summary", saved, "--ci-prob", "0.5", "--format", "csv"],
        ["compare", saved, "--rope", "0.01"],
        ["compare", saved, "--by", "model"],
        ["forecast", saved],
    ]
    # A forecast needs the compiled kernel.
    expected = [set()] * (len(commands) - 1) + [{"numba"}]
    assert loaded(commands, SAMPLERS | STATISTICS, code=0) == expected


def test_a_study_is_read_without_its_tracker(tmp_path):
    file = tmp_path / "study.db"
    write_tables(file, OPTUNA_TABLES, optuna_rows(30))
    watched = SAMPLERS | {"optuna", "sqlalchemy", "sklearn"}
    assert loaded([["inspect", str(file)]], watched, code=0) == [set()]


@pytest.mark.slow
def test_a_fit_loads_no_plotting_library_before_its_answers(saved, tmp_path):
    script = _FIT.format(watched={"arviz", "arviz_plots", "matplotlib"})
    done = subprocess.run(
        [sys.executable, "-c", script, saved, str(tmp_path / "demo")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "answers"
    assert (tmp_path / "demo" / "report.html").exists()


def test_mistakes_are_refused_before_anything_heavy_is_imported(saved, tmp_path):
    missing = str(tmp_path / "none.nc")
    fit = ["fit", saved, "--score", "loss", "--direction", "minimize"]
    commands = [
        *([command, missing] for command in ("summary", "check", "compare", "plot", "report")),
        ["forecast", missing],
        ["summary", saved, "--ci-prob", "7"],
        ["compare", saved, "--rope", "-1"],
        ["compare", saved, "--budget", "0"],
        ["forecast", saved, "--probability", "3"],
        ["forecast", saved, "--minimum-gain", "-1"],
        ["forecast", saved, "--within", "x"],
        ["plot", saved, "-o", str(tmp_path / "away" / "pictures")],
        ["fit", missing],
        [*fit, "--tail-fraction", "0.2", "1.5"],
        [*fit, "--resolution", "-1"],
        ["demo", "-o", str(tmp_path / "away" / "demo")],
    ]
    watched = SAMPLERS | STATISTICS | {"numpy", "pandas", "rich", "xarray"}
    assert loaded(commands, watched, code=1) == [set()] * len(commands)
    # The contents of a folder are read, to say how to fit it.
    assert loaded([["summary", str(tmp_path)]], SAMPLERS | STATISTICS, code=1) == [set()]
