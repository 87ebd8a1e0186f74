"""Small real fits that several test files look at: compiled once a session each."""

import fcntl
import gc
import os
import pathlib
import pickle
import subprocess
import sys

import pytest

# Without bytecode each process compiles all packages again, which takes several seconds. Where the
# environment forbids to write it beside the code, the processes of the tests share it elsewhere.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
    root = pathlib.Path(__file__).parent.parent
    sys.pycache_prefix = str(root / ".pytest_cache" / "bytecode")
    sys.dont_write_bytecode = False
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix

# PyTensor would note for each variable where it was made.
os.environ.setdefault("PYTENSOR_FLAGS", "traceback__limit=0")

# Graphs of PyTensor are many small objects. By default, Python looks so often for cycles among them
# and all imported modules that a sixth of the time of compiling is that.
gc.set_threshold(50_000, 20, 50)

SETTINGS = {"draws": 200, "tune": 300, "chains": 2, "random_seed": 5, "progressbar": False}
SHORT = {"draws": 50, "tune": 100, "chains": 2, "random_seed": 3, "progressbar": False}
TAIL = {"tail_fraction": 0.5}

_OTHER_PROCESS = """
import sys
sys.path.insert(0, {path!r})
import numpy as np
import leadline as ll
from helpers import make_trials
tree = ll.fit(make_trials(n=40, n_failed=2), **{options!r})
for name, values in tree["posterior"].data_vars.items():
    print(name, values.values.astype(float).tobytes().hex())
# What `leadline fit` prints before it draws.
import contextlib, io
from leadline.cli.console import show_answers
with contextlib.redirect_stdout(io.StringIO()):
    show_answers(tree)
print("modules", ",".join(sys.modules))
"""


def pytest_collection_finish():
    gc.freeze()


@pytest.fixture(scope="session")
def fit_once():
    """Return `fit` with short settings; models of a structure are compiled once a process."""
    import leadline as ll

    return lambda trials, **options: ll.fit(trials, **(TAIL | SETTINGS | options))


@pytest.fixture(scope="session")
def shared(tmp_path_factory, worker_id):
    """Return a function that makes something in one of the processes that run tests, for all."""
    folder = tmp_path_factory.getbasetemp()
    # Each worker has a folder in one that they have in common.
    folder = folder if worker_id == "master" else folder.parent

    def made(name, make):
        file = folder / f"{name}.pickle"
        with open(f"{file}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not file.exists():
                file.write_bytes(pickle.dumps(make()))
        return pickle.loads(file.read_bytes())

    return made


@pytest.fixture(scope="module")
def few_draws_suffice():
    """Let joint fits do with a tenth of the draws, as short fits have no more.

    They would fit every search a second and a third time, for draws that no test needs.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name, limit in (("MIN_ESS", 40), ("MAX_RHAT", 1.1)):
            patch.setattr(f"leadline.inference.fit_together.{name}", limit)
        yield


@pytest.fixture(scope="session")
def other_process():
    """Return a process that fits the small search; started early, it runs beside the tests."""
    script = _OTHER_PROCESS.format(path=os.path.dirname(__file__), options=TAIL | SHORT)
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONHASHSEED": "12345"},
    )
    yield process
    process.kill()
    process.communicate()


@pytest.fixture(scope="session")
def fitted(fit_once, shared):
    """Return the fit of one search of forty trials, two failed."""
    from helpers import make_trials

    return shared("fitted", lambda: fit_once(make_trials(n=40, n_failed=2)))


@pytest.fixture(scope="session")
def fitted_pair(fit_once, shared):
    """Return the fit of two searches on one task, each alone."""
    from helpers import make_trials

    trials = make_trials(n=40, n_failed=2, searches=PAIR)
    return shared("fitted_pair", lambda: fit_once(trials, model="single"))


@pytest.fixture(scope="session")
def fitted_integer(fit_once, shared):
    """Return the fit of one search with effective dimension 1, 2 or 3."""
    from helpers import make_trials

    from leadline.models.priors import Priors

    trials = make_trials(n=40, n_failed=2)
    how = {"effective_dim": "integer", "priors": Priors(max_effective_dim=3)}
    return shared("fitted_integer", lambda: fit_once(trials, **how))


PAIR = (("digits", "mlp"), ("digits", "forest"))
