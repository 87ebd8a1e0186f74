"""A command that is stopped ends with one line, a conventional exit code, and whole files only."""

import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import make_tree, make_trials

from leadline.cli.main import main
from leadline.cli.signals import Stopped, stoppable

PAIR = (("digits", "mlp"), ("digits", "forest"))
RUN = ["fit", "runs.csv", "--score", "score", "--direction", "minimize", "--model", "model"]
SHORT = ["--draws", "50", "--tune", "100", "--chains", "2", "--seed", "1"]
SHORT += ["--tail-fraction", "0.4", "0.5"]

# The process sends itself a signal in a stage, from another thread where it compiles or samples.
_SCRIPT = """
import os, sys, threading
from leadline.inference.progress import Progress
from leadline.inference import fit_together
stage, method, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
fit_together._is_poor = lambda *_: False  # no second fits, of which few draws need many
original = getattr(Progress, method)

def hooked(self, *given):
    if self.stage.startswith(stage):
        threading.Timer(0.3, os.kill, (os.getpid(), number)).start()
    return original(self, *given)

setattr(Progress, method, hooked)
from leadline.cli.main import run
sys.argv[1:] = sys.argv[4:]
run()
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Return an empty working folder with a file of two searches."""
    monkeypatch.chdir(tmp_path)
    make_trials(n=40, n_failed=2, searches=PAIR).table[["model", "score"]].to_csv("runs.csv")
    return tmp_path


@pytest.fixture
def fake_fit(monkeypatch):
    """Return a function that puts another one in place of the fit."""
    module = importlib.import_module("leadline.inference.fit")
    return lambda fake: monkeypatch.setattr(module, "fit", fake)


def stopped(capsys, code):
    """Return the one line of a command that ends with an exit code."""
    assert main([*RUN, "--quiet"]) == code
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    return captured.err


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def made_up(trials, **settings):
    return make_tree(make_trials(searches=PAIR), tail_fraction=0.4, draws=20)


def no_space(*given, **named):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_during_the_fit_leaves_nothing(here, fake_fit, capsys, number, code):
    before = signal.getsignal(number)

    def fit(trials, **settings):
        assert len(files(here)) == 2
        os.kill(os.getpid(), number)

    fake_fit(fit)
    assert "nothing was written" in stopped(capsys, code)
    assert files(here) == ["runs.csv"]
    assert signal.getsignal(number) is before


def test_a_signal_while_drawing_leaves_the_fit(here, fake_fit, monkeypatch, capsys):
    fake_fit(made_up)

    def draw(tree, folder, **how):
        (folder / "optimum.png").write_text("")
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("leadline.cli.results_folder.write_pictures", draw)
    assert "kept fit.nc in leadline-runs" in stopped(capsys, 143)
    assert files(here) == ["leadline-runs", "leadline-runs/fit.nc", "runs.csv"]
    assert main(["summary", "leadline-runs/fit.nc"]) == 0


def test_a_full_disk_leaves_nothing_or_the_fit(here, fake_fit, monkeypatch, capsys):
    fake_fit(made_up)
    monkeypatch.setattr("leadline.html_report.render.report", no_space)
    line = stopped(capsys, 1)
    assert "No space left" in line
    assert "kept fit.nc in leadline-runs" in line
    assert files(here) == ["leadline-runs", "leadline-runs/fit.nc", "runs.csv"]
    (here / "leadline-runs" / "fit.nc").unlink()
    (here / "leadline-runs").rmdir()
    monkeypatch.setattr(Path, "write_bytes", no_space)
    assert "nothing was written" in stopped(capsys, 1)
    assert files(here) == ["runs.csv"]


def test_a_second_signal_does_not_disturb_the_cleaning_up():
    with stoppable():
        with pytest.raises(Stopped) as stop:
            os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
    assert stop.value.exit_code == 130


def test_a_signal_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stoppable():
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "method", "number", "code", "kept"),
    [
        ("weighing", "step", signal.SIGINT, 130, []),  # compiling
        ("weighing", "part", signal.SIGTERM, 143, []),  # drawing by importance
        ("sampling", "sampling", signal.SIGINT, 130, []),
        ("drawing", "step", signal.SIGTERM, 143, ["leadline-runs", "leadline-runs/fit.nc"]),
    ],
)
def test_a_process_stops_in_each_stage(here, stage, method, number, code, kept):
    command = [sys.executable, "-c", _SCRIPT, stage, method, str(int(number)), *RUN, *SHORT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert ("kept fit.nc" if kept else "nothing was written") in done.stderr.splitlines()[-1]
    assert files(here) == sorted([*kept, "runs.csv"])
