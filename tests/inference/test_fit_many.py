"""Many searches in a folder: rows, reasons, restarts, and one run at a time."""

import dataclasses
import errno
import json
import multiprocessing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from helpers import make_tree, make_trials

import leadline as ll
from leadline.errors import LeadlineError
from leadline.inference import fit_job
from leadline.inference.fits_folder import FitsFolder, file_of, read_index

PAIRS = (("digits", "mlp"), ("digits", "tree"), ("mnist", "mlp"))
TRIALS = make_trials(n=40, n_failed=2, searches=PAIRS)


@pytest.fixture
def fitted(monkeypatch):
    """Fit without sampling; return the (task, model) of each fit that is made."""
    made = []

    def fit(trials, model, *, random_seed, progressbar, **options):
        pair = trials.searches[0]
        made.append(pair)
        assert (model, progressbar) == ("single", False)
        if options.get("tail_fraction") == 0.9 and pair == PAIRS[1]:
            raise LeadlineError("too few\ntrials")
        tree = make_tree(trials, draws=20)
        # Writing the others takes most of the time of these tests, which do not read them.
        for group in set(tree.children) - {"posterior", "constant_data", "candidates"}:
            del tree[group]
        tree.attrs |= {"failed_checks": json.dumps(["R-hat", "noise"]), "seed": random_seed}
        return tree

    monkeypatch.setattr(fit_job, "fit", fit)
    return made


def many(folder, trials=TRIALS, **options):
    return ll.fit_many(trials, folder=folder, random_seed=1, progressbar=False, **options)


def test_a_row_and_a_file_per_search(fitted, tmp_path):
    fits = many(tmp_path / "new" / "fits")
    assert list(fits) == list(PAIRS)
    assert fits.table["search"].tolist() == ["digits / mlp", "digits / tree", "mnist / mlp"]
    assert set(fits.table["checks"]) == {"R-hat; noise"}
    for task, model in PAIRS:
        tree = fits[task, model]
        assert tree["posterior"]["task"].item() == task
        assert tree["posterior"]["model"].item() == model
    again = ll.read_fits(fits.folder)
    pd.testing.assert_frame_equal(again.table, fits.table)
    # No folder: the same fits, in memory.
    memory = many(None)
    for pair in PAIRS:
        xr.testing.assert_identical(
            memory[pair]["posterior"].to_dataset(), fits[pair]["posterior"].to_dataset()
        )


def test_a_search_that_cannot_be_fitted_is_a_row(fitted, tmp_path, caplog):
    fits = many(tmp_path, tail_fraction=0.9)
    assert fits.table["status"].tolist() == ["fitted", "failed", "fitted"]
    assert fits.table["error"].tolist() == ["", "too few trials", ""]
    assert len(fits) == 2
    assert "1 of 3 searches could not be fitted" in caplog.text


def test_a_restart_fits_what_is_missing_or_has_changed(fitted, tmp_path):
    first = many(tmp_path)
    fitted.clear()
    many(tmp_path)
    assert fitted == []
    # A file that is gone, and trials that are new.
    (tmp_path / file_of(PAIRS[0])).unlink()
    table = TRIALS.table.copy()
    last = table.index[-1]
    table.loc[last, "score"] = table.loc[last, "score"] + 0.01
    again = many(tmp_path, dataclasses.replace(TRIALS, table=table))
    assert fitted == [PAIRS[0], PAIRS[2]]
    assert list(again) == list(first)
    # What could not be fitted is tried again.
    fitted.clear()
    failing = tmp_path / "failing"
    many(failing, tail_fraction=0.9)
    fitted.clear()
    many(failing, tail_fraction=0.9)
    assert fitted == [PAIRS[1]]


def test_a_crash_leaves_whole_files_and_lines(fitted, tmp_path):
    many(tmp_path)
    index = tmp_path / "index.csv"
    index.write_bytes(index.read_bytes()[:-10])
    (tmp_path / ".x.nc.123.tmp").write_bytes(b"half")
    fitted.clear()
    fits = many(tmp_path)
    assert fitted == [PAIRS[2]]
    assert list(fits) == list(PAIRS)
    assert len(read_index(tmp_path)) == 3
    assert not list(tmp_path.glob(".*.tmp"))


def test_seeds_and_numbers_depend_on_the_search_alone(fitted):
    alone, together = many(None, TRIALS.search(*PAIRS[1])), many(None)
    assert alone[PAIRS[1]].attrs["seed"] == together[PAIRS[1]].attrs["seed"]
    assert len({together[pair].attrs["seed"] for pair in PAIRS}) == 3


def test_searches_may_come_one_by_one(fitted, tmp_path):
    fits = many(tmp_path, (TRIALS.search(*pair) for pair in PAIRS))
    assert list(fits) == list(PAIRS)
    with pytest.raises(LeadlineError, match="comes twice"):
        many(tmp_path / "twice", [TRIALS, TRIALS.search(*PAIRS[0])])
    with pytest.raises(LeadlineError, match="no search"):
        many(None, [])
    with pytest.raises(LeadlineError, match="iterable of Trials"):
        many(None, [1])


def test_other_options_need_another_folder(fitted, tmp_path):
    many(tmp_path, draws=100)
    with pytest.raises(LeadlineError, match="draws=100"):
        many(tmp_path, draws=200)
    with pytest.raises(LeadlineError, match="takes no model"):
        many(tmp_path, model="crossed")
    with pytest.raises(LeadlineError, match="draws must be"):
        many(tmp_path / "b", draws=0)
    # Without a seed, that of the folder.
    fitted.clear()
    ll.fit_many(TRIALS, folder=tmp_path, draws=100, progressbar=False)
    assert fitted == []


def test_one_run_at_a_time_writes_to_a_folder(fitted, tmp_path):
    with FitsFolder(tmp_path, {}), pytest.raises(LeadlineError, match="another run"):
        many(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(LeadlineError, match="not a folder"):
        many(tmp_path / "file")


def test_a_full_disk_keeps_what_was_fitted(fitted, tmp_path, monkeypatch):
    write = Path.write_bytes
    full = []

    def write_bytes(path, content):
        if full and path.name.startswith(".mnist"):
            write(path, content[:100])
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    full.append(True)
    with pytest.raises(OSError, match="No space left") as caught:
        many(tmp_path)
    assert "kept 2 fits" in caught.value.__notes__[0]
    assert not list(tmp_path.glob(".*.tmp"))
    full.clear()
    fitted.clear()
    assert list(many(tmp_path)) == list(PAIRS)
    assert fitted == [PAIRS[2]]


def test_a_folder_that_cannot_be_made_is_named(fitted, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        many(tmp_path / "file" / "fits")


def test_guided_trials_are_not_kept(fitted):
    table = TRIALS.search(*PAIRS[0]).table
    table = table.assign(drawn=np.where(np.arange(len(table)) < 30, "random", "guided"))
    search = ll.Trials(table, "minimize")
    tree = many(None, search)[PAIRS[0]]
    assert tree["trials"].sizes["row"] == 30
    tree = many(None, search, assume_random=True)[PAIRS[0]]
    assert tree["trials"].sizes["row"] == 40


@pytest.mark.slow
def test_processes_give_the_numbers_of_this_one(tmp_path):
    options = {"tail_fraction": 0.5, "draws": 100, "random_seed": 3, "progressbar": False}
    here = ll.fit_many(TRIALS, **options)
    there = ll.fit_many(TRIALS, executor=2, folder=tmp_path, **options)
    assert sorted(there) == sorted(here)
    for pair in here:
        for group in ("posterior", "candidates", "constant_data", "trials"):
            xr.testing.assert_equal(here[pair][group].to_dataset(), there[pair][group].to_dataset())
    assert multiprocessing.active_children() == []
