"""Assertions on readers: clear refusals, valid trials, files left alone, no pickle loaded."""

import hashlib
import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from leadline.errors import LeadlineError


@contextmanager
def refused(*words, error=LeadlineError):
    """Assert that an error is raised in one line that names the words."""
    with pytest.raises(error) as caught:
        yield caught
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    for word in words:
        assert word in message


def check_read(read, *arguments, rows=None, **options):
    """Read anything: return valid trials, or None after one clear line."""
    try:
        trials = read(*arguments, **options)
    except (LeadlineError, OSError) as error:
        message = str(error)
        assert len(message.splitlines()) == 1
        assert message.isprintable()
        assert 15 < len(message) < 3000
        return None
    table = trials.table
    complete = table["status"] == "complete"
    assert complete.any()
    assert np.isfinite(table.loc[complete, "score"]).all()
    assert table.loc[~complete, "score"].isna().all()
    assert set(table["status"]) <= {"complete", "failed", "pruned", "running"}
    assert not table.duplicated(["task", "model", "trial", "replicate"]).any()
    assert table[["task", "model", "trial", "replicate"]].notna().all(axis=None)
    assert table.columns.is_unique
    assert rows is None or len(table) <= rows
    counts = trials.counts()
    assert str(counts["trials"]) in str(trials)
    assert counts["evaluations"] == len(table)
    statuses = ("complete", "failed", "pruned", "running")
    assert counts["trials"] == sum(counts[status] for status in statuses)
    per_trial = trials.per_trial()
    assert len(per_trial) == counts["trials"] - counts["running"]
    finite = per_trial.loc[per_trial["status"] == "complete", ["score", "sum_of_squares"]]
    assert np.isfinite(finite).all(axis=None)
    parts = [trials.search(task, model) for task, model in trials.searches]
    assert sum(len(part.table) for part in parts) == len(table)
    return trials


def digests(folder, *skipped):
    """Return the hash of each file in a folder, but for those with a suffix in `skipped`."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {
        path: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if not path.name.endswith(skipped)
    }


@contextmanager
def files(contents):
    """Yield a folder with these files, text or bytes by path, and assert that reading left it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "folder")
        folder.mkdir()
        for path, content in contents.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content.encode() if isinstance(content, str) else content)
        before = digests(folder)
        yield folder
        assert digests(folder) == before


def edit_json(path, change):
    """Apply a function to the content of a JSON file."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


class Trap:
    """A pickle that makes the folder named in LEADLINE_TRAP when it is loaded."""

    def __reduce__(self):
        return os.mkdir, (os.environ["LEADLINE_TRAP"],)
