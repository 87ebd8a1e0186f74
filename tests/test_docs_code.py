"""The Python code of the documents runs, with a stored fit in place of sampling."""

import functools
import importlib.util
import inspect
import pathlib
import re
import shutil

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from helpers_scaling import make_scaling_tree
from helpers_surface import make_surface_tree

import leadline as ll
from leadline.inference.read_netcdf import read_netcdf

ROOT = pathlib.Path(__file__).parent.parent
STORED = ROOT / "tests" / "data" / "single.nc"
DOCUMENTS = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "how").glob("*.md")),
]
# Its answer is about a model of its own table, which no stored fit has.
SAMPLED = {"published_results.md"}
# Packages beside which Leadline is shown, and which nothing else needs.
OTHERS = ("autorank", "baycomp", "opda")


def python_blocks(document):
    """Return the fenced blocks of Python of a document."""
    return re.findall(
        r"^```python\n(.*?)^```", document.read_text(), flags=re.DOTALL | re.MULTILINE
    )


def needs_what_is_absent(block):
    """Return whether a block imports another package that is not installed."""
    imported = [name for name in OTHERS if re.search(rf"^(?:import|from) {name}\b", block, re.M)]
    return any(importlib.util.find_spec(name) is None for name in imported)


@pytest.fixture
def folder_of_a_user(tmp_path, monkeypatch):
    """Return a working directory with the table and the saved fit that documents name."""
    rng = np.random.default_rng(1)
    loss = 0.3 + rng.random(30) + 0.01 * rng.standard_normal((2, 30))
    table = pd.DataFrame({"val_loss": loss.ravel(), "lr": np.tile(rng.random(30), 2)})
    table["width"] = np.tile(rng.integers(8, 512, 30), 2)
    table["config"], table["seed"] = np.tile(np.arange(30), 2), np.repeat([0, 1], 30)
    table.to_csv(tmp_path / "runs.csv", index=False)
    one_run = table[table["seed"] == 0].drop(columns=["config", "seed"])
    for name in ("trials", "mlp", "forest"):
        one_run.to_csv(tmp_path / f"{name}.csv", index=False)
    sized = pd.DataFrame({"loss": rng.random(40), "run": np.repeat(np.arange(5), 8)})
    sized["params"], sized["tokens"] = 10.0 ** (6 + sized["run"]), 10.0 ** (9 + sized["run"] % 3)
    sized.to_csv(tmp_path / "sizes.csv", index=False)
    # A copy, because documents also save a fit by this name.
    shutil.copyfile(STORED, tmp_path / "fit.nc")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@functools.cache
def converged_fit():
    """Return a stored fit whose record says that sampling converged, as `sentences` demands."""
    tree = read_netcdf(STORED)
    candidates = tree["candidates"].dataset
    good = {"max_rhat": 1.001, "min_ess_bulk": 900.0, "min_ess_tail": 800.0}
    values = {name: xr.full_like(candidates[name], value) for name, value in good.items()}
    tree["candidates"] = candidates.assign(values)
    return tree


def stand_in(fit):
    """Return a function that returns a stored fit for any arguments that `fit` takes."""

    def stored_fit(*args, **kwargs):
        bound = inspect.signature(fit).bind(*args, **kwargs).arguments
        assert isinstance(bound["trials"], ll.Trials)
        if "size" in bound["trials"].table:
            return make_scaling_tree(draws=20)
        return (
            make_surface_tree()
            if bound.get("model") == "surface"
            else converged_fit().copy(deep=True)
        )

    return stored_fit


@pytest.fixture
def closed_storages(monkeypatch):
    """Close the databases that documents open: an open connection fails a later test."""
    optuna = pytest.importorskip("optuna")
    opened, init = [], optuna.storages.RDBStorage.__init__

    def recorded(self, *args, **kwargs):
        init(self, *args, **kwargs)
        opened.append(self)

    monkeypatch.setattr(optuna.storages.RDBStorage, "__init__", recorded)
    yield
    for storage in opened:
        storage.remove_session()
        storage.engine.dispose()


def run_study(study):
    """Give a study that a document has just created its trials."""
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1) ** 2, n_trials=25)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(path, marks=pytest.mark.slow if path.name in SAMPLED else ())
        for path in DOCUMENTS
        if python_blocks(path)
    ],
    ids=lambda path: str(path.relative_to(ROOT)),
)
@pytest.mark.usefixtures("folder_of_a_user", "closed_storages")
# Optuna's terminator, and what the other packages do.
@pytest.mark.filterwarnings("ignore:.* is experimental", "ignore:.optuna.terminator. module")
def test_python_of_documents_runs(document, monkeypatch):
    mpl.use("Agg")
    # One threshold and few draws take seconds in place of a minute.
    short = functools.partial(ll.fit, tail_fraction=0.3, draws=100, tune=200)
    monkeypatch.setattr(ll, "fit", short if document.name in SAMPLED else stand_in(ll.fit))
    namespace = {"__name__": "document", "ll": ll}
    for block in python_blocks(document):
        if needs_what_is_absent(block):
            continue
        if "optuna.samplers" in block and "import optuna" not in block:
            namespace["optuna"] = pytest.importorskip("optuna")
        exec(compile(block, str(document), "exec"), namespace)
        plt.close("all")
        study = namespace.get("study")
        if study is not None and not study.trials:
            run_study(study)
