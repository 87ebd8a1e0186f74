"""One search of many, fitted in any process: a row of the table, and a file."""

import contextlib
import dataclasses
import json
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import xarray as xr
from threadpoolctl import threadpool_limits

from leadline.data.stored_trials import GROUP, trials_group
from leadline.data.trials import Trials, drawn_at_random
from leadline.errors import LeadlineError
from leadline.inference.fit import fit
from leadline.inference.fits import Pair
from leadline.inference.fits_folder import (
    FAILED,
    FITTED,
    file_of,
    trials_digest,
    write_whole,
)
from leadline.inference.write_netcdf import file_of_tree

_LOG = logging.getLogger("leadline")

# A process compiles and fits one search at a time: PyTensor's compiler is not thread-safe.
one_at_a_time = threading.Lock()


@dataclasses.dataclass(frozen=True)
class Job:
    """A search to fit: the `options` of `leadline.fit`, and the folder, None for bytes."""

    trials: Trials
    options: Mapping[str, Any]
    folder: Path | None

    @property
    def pair(self) -> Pair:
        """The (task, model) of the search."""
        return self.trials.searches[0]


def fit_search(job: Job) -> tuple[dict[str, Any], bytes | None]:
    """Return the row of a search, fitted, and its file if there is no folder to write it to."""
    began = time.monotonic()
    with one_at_a_time, threadpool_limits(1), _quiet():
        try:
            tree = fit(job.trials, "single", progressbar=False, **job.options)
        except (OSError, ImportError):
            # The machine is at fault, and would be for other searches.
            raise
        except Exception as error:
            return failed_row(job, error), None
        keep = job.trials if job.options.get("assume_random") else drawn_at_random(job.trials)
        tree[GROUP] = xr.DataTree(trials_group(keep))
        content = file_of_tree(tree)
    checks = "; ".join(json.loads(tree.attrs["failed_checks"]))
    row = _row(job, status=FITTED, seconds=round(time.monotonic() - began, 3), checks=checks)
    if job.folder is None:
        return row, content
    write_whole(job.folder / str(row["file"]), content)
    return row, None


def _row(job: Job, **values: Any) -> dict[str, Any]:
    task, model = job.pair
    empty = {"seconds": 0.0, "checks": "", "error": ""}
    return {
        "search": f"{task} / {model}",
        "task": task,
        "model": model,
        **empty,
        "file": file_of(job.pair),
        "trials": trials_digest(job.trials),
        **values,
    }


def failed_row(job: Job, error: Exception) -> dict[str, Any]:
    """Return the row of a search that could not be fitted, with the reason in one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    if not isinstance(error, LeadlineError):
        text = f"{type(error).__name__}: {text}"
    return _row(job, status=FAILED, error=text)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Log no failed checks: the table has those of every search."""
    level = _LOG.level
    _LOG.setLevel(logging.ERROR)
    try:
        yield
    finally:
        _LOG.setLevel(level)
