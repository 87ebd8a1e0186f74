"""From hundreds of searches to a folder of fits: `fit_many`."""

import contextlib
import dataclasses
import functools
import inspect
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from threadpoolctl import threadpool_limits

from leadline.data.stored_trials import GROUP, trials_group
from leadline.data.trials import Trials, drawn_at_random, search_labels
from leadline.errors import LeadlineError, format_value, pluralize
from leadline.inference.fit import fit
from leadline.inference.fit_options import (
    validate_choices,
    validate_counts,
    validate_option_names,
    validate_seed,
)
from leadline.inference.fits_folder import (
    COLUMNS,
    FAILED,
    FITTED,
    FitsFolder,
    digest,
    file_of,
    file_of_tree,
    known_settings,
    read_index,
    trials_digest,
    write_whole,
)
from leadline.inference.progress import Progress, showing
from leadline.inference.read_netcdf import read_netcdf
from leadline.inference.run_jobs import run_jobs, validate_executor

if TYPE_CHECKING:
    import distributed

Pair = tuple[str, str]

_LOG = logging.getLogger("leadline")

_FIT_OPTIONS = tuple(inspect.signature(fit).parameters)
# A process compiles and fits one search at a time: PyTensor's compiler is not thread-safe.
one_at_a_time = threading.Lock()


class Fits(Mapping[Pair, xr.DataTree]):
    """The fits of many searches: a mapping from (task, model) to a DataTree.

    A fit in a folder is read when it is asked for.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per search, see `leadline.fit_many`.
    folder : path, optional
        Where the files are.
    contents : mapping of (task, model) to bytes, optional
        The files, where there is no folder.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"task": ["t"], "model": ["m"], "status": ["failed"], "file": [""]})
    >>> ll.Fits(table)
    <Fits of 0 searches; 1 could not be fitted>
    """

    def __init__(
        self,
        table: pd.DataFrame,
        folder: Path | None = None,
        contents: Mapping[Pair, bytes] | None = None,
    ) -> None:
        self.table = table
        self.folder = folder
        self._contents = contents or {}

    def __getitem__(self, pair: Pair) -> xr.DataTree:
        return self.reader(pair)()

    def reader(self, pair: Pair) -> Callable[[], xr.DataTree]:
        """Return a function that reads the fit of a search, and holds no other fit."""
        if self.folder is None:
            return functools.partial(read_netcdf, self._contents[pair])
        return functools.partial(read_netcdf, self.folder / self._files[pair])

    def __iter__(self) -> Iterator[Pair]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __repr__(self) -> str:
        failed = int((self.table["status"] == FAILED).sum())
        where = f" in {self.folder}" if self.folder else ""
        return f"<Fits of {len(self)} searches{where}; {failed} could not be fitted>"

    @property
    def _files(self) -> dict[Pair, str]:
        fitted = self.table[self.table["status"] == FITTED]
        return dict(
            zip(zip(fitted["task"], fitted["model"], strict=True), fitted["file"], strict=True)
        )


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


def fit_many(
    trials: Trials | Iterable[Trials],
    *,
    executor: "Executor | int | distributed.Client | None" = None,
    folder: str | os.PathLike[str] | None = None,
    random_seed: int | None = None,
    progressbar: bool | Progress = True,
    **fit_options: Any,
) -> Fits:
    """Fit every search by itself, on one machine or on many, and keep each fit as it is made.

    `leadline.pool` then fits them together. A search that cannot be fitted is a row of the table
    with the reason, and the others go on. The numbers of a search depend on its trials, the
    options and the seed alone, not on the executor or on the other searches.

    Parameters
    ----------
    trials : Trials, or iterable of Trials
        The searches. An iterable, such as that of `leadline.read_searches`, is read as it is
        fitted, so that no machine holds all of them.
    executor : concurrent.futures.Executor, int or dask.distributed.Client, optional
        A number of processes on this machine, or what runs them elsewhere; default: this process.
        Processes import the script that starts them: it needs ``if __name__ == "__main__":``.
        Workers of a cluster write to the same `folder`, and have Leadline installed. A worker that
        is killed loses the search it is at, which is fitted again.
    folder : path, optional
        Where to write one netCDF file per search, readable by `leadline` like any fit, and
        ``index.csv``, the table. If there are fits in it, what is missing is fitted: searches that
        are new, that have other trials, or that could not be fitted. Default: the fits stay in
        memory.
    random_seed : int, optional
        Same seed, same numbers. Default: that of the folder, or a new one.
    progressbar : bool
        As in `leadline.fit`.
    **fit_options
        Options of `leadline.fit`, except `model`.

    Returns
    -------
    Fits
        A mapping from (task, model) to DataTree. Its `table` has one row per search: `search`,
        `task`, `model`, `status` ("fitted" or "failed"), `seconds` of wall time, `checks` that
        failed (names of `leadline.check`, by semicolons), `error`, the reason in one line, `file`,
        and `trials`, a hash of the trials.

    Raises
    ------
    LeadlineError
        If an option is wrong, a search comes twice, the folder holds fits with other options, or
        another run writes to it.
    OSError
        If the folder cannot be written or the disk is full; what was fitted is kept.

    Examples
    --------
    >>> trials = ll.from_scores([0.3, 0.2], direction="minimize")
    >>> fits = ll.fit_many(trials, random_seed=1, progressbar=False)
    >>> fits.table[["status", "error"]].to_numpy().tolist()  # doctest: +ELLIPSIS
    [['failed', '...2 of 2 trials have a score, and at least ...']]
    """
    _validate(fit_options, random_seed)
    chosen = validate_executor(executor)
    path = None if folder is None else Path(folder).absolute()
    if random_seed is None:
        random_seed = (known_settings(path) if path else {}).get("random_seed")
    if random_seed is None:
        random_seed = int(np.random.default_rng().integers(2**32))
    settings = {"random_seed": random_seed, **fit_options}
    with contextlib.ExitStack() as stack:
        writer = None if path is None else stack.enter_context(FitsFolder(path, settings))
        done = {} if writer is None else writer.done()
        rows: dict[Pair, Mapping[str, Any]] = {}
        contents: dict[Pair, bytes] = {}
        progress = stack.enter_context(showing(progressbar))
        total = len(trials.searches) if isinstance(trials, Trials) else 1
        progress.start("fitting each search", total, "searches")

        def jobs() -> Iterator[Job]:
            seen: set[Pair] = set()
            for search in split(trials):
                pair = search.searches[0]
                if pair in seen:
                    raise LeadlineError(
                        f"the search (task, model) {format_value(pair)} comes twice; give all of "
                        "its trials at once, or other names"
                    )
                seen.add(pair)
                known = done.get(pair)
                if known is not None and known["trials"] == trials_digest(search):
                    rows[pair] = known
                    progress.step()
                    continue
                own = fit_options | {"random_seed": seed_of(random_seed, pair)}
                yield Job(search, own, path)

        stack.enter_context(_noting(lambda: _kept(rows, path)))
        for job, outcome in run_jobs(fit_search, jobs(), chosen):
            if isinstance(outcome, OSError | ImportError):
                raise outcome
            row, content = outcome if isinstance(outcome, tuple) else (_failed(job, outcome), None)
            rows[job.pair] = row
            if content is not None:
                contents[job.pair] = content
            if writer is not None:
                writer.add(row)
            progress.step(str(row["search"]))
    if not rows:
        raise LeadlineError("there is no search to fit; give Trials, or an iterable of some")
    table = _labelled(pd.DataFrame(list(rows.values()), columns=list(COLUMNS)))
    _report(table)
    return Fits(table, path, contents)


def read_fits(folder: str | os.PathLike[str]) -> Fits:
    """Return the fits that `leadline.fit_many` wrote to a folder.

    Parameters
    ----------
    folder : path
        The folder. A run may be at work in it: what it has fitted so far is returned.

    Returns
    -------
    Fits

    Raises
    ------
    LeadlineError
        If it is no folder of fits.

    Examples
    --------
    >>> trials = ll.from_scores([0.3, 0.2], direction="minimize")
    >>> fits = ll.fit_many(trials, folder="fits", random_seed=1, progressbar=False)
    >>> ll.read_fits("fits").table["status"].tolist()
    ['failed']
    """
    path = Path(folder).absolute()
    return Fits(_labelled(read_index(path)), path)


def split(trials: Trials | Iterable[Trials]) -> Iterator[Trials]:
    """Yield every search by itself."""
    for part in [trials] if isinstance(trials, Trials) else trials:
        if not isinstance(part, Trials):
            raise LeadlineError(
                f"fit_many takes Trials, or an iterable of Trials, got {type(part).__name__}; make "
                "them with leadline.read_table(...) or leadline.read_searches(...)"
            )
        pairs = part.searches
        for pair in pairs:
            yield part if len(pairs) == 1 else part.search(*pair)


def seed_of(random_seed: int, pair: Pair) -> int:
    """Return the seed of a search, which other searches do not change."""
    words = [int(digest(*pair)[start : start + 8], 16) for start in (0, 8)]
    return int(np.random.SeedSequence([random_seed, *words]).generate_state(1)[0])


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
            return _failed(job, error), None
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


def _failed(job: Job, error: Exception) -> dict[str, Any]:
    text = " ".join(str(error).split()) or type(error).__name__
    if not isinstance(error, LeadlineError):
        text = f"{type(error).__name__}: {text}"
    return _row(job, status=FAILED, error=text)


def _labelled(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with the short names of searches that a fit of all of them would have."""
    return table.assign(search=search_labels(list(zip(table["task"], table["model"], strict=True))))


def _validate(options: Mapping[str, Any], random_seed: object) -> None:
    """Raise `LeadlineError` for options that no search could be fitted with."""
    if "model" in options:
        raise LeadlineError(
            "fit_many fits every search by itself and takes no model; leadline.pool fits them "
            "together"
        )
    # None is the default of each.
    given = {name: value for name, value in options.items() if value is not None}
    validate_counts(**{name: given[name] for name in ("draws", "tune", "chains") if name in given})
    choices = {name: given[name] for name in ("effective_dim", "nuts_sampler") if name in given}
    validate_choices(**choices)
    beyond = {name: value for name, value in options.items() if name not in _FIT_OPTIONS}
    validate_option_names(beyond, _FIT_OPTIONS, given.get("nuts_sampler", "auto"))
    validate_seed(random_seed)


@contextlib.contextmanager
def _noting(note: Callable[[], str]) -> Iterator[None]:
    """Note on an exception what was kept, also on the one that stops the command."""
    try:
        yield
    except BaseException as error:
        error.add_note(note())
        raise


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Log no failed checks: the table has those of every search."""
    level = _LOG.level
    _LOG.setLevel(logging.ERROR)
    try:
        yield
    finally:
        _LOG.setLevel(level)


def _kept(rows: Mapping[Pair, object], path: Path | None) -> str:
    if path is None:
        return "nothing was written"
    return f"kept {pluralize(len(rows), 'fit')} in {path}; run again to fit what is missing"


def _report(table: pd.DataFrame) -> None:
    failed = table[table["status"] == FAILED]
    if len(failed):
        first = failed.iloc[0]
        _LOG.warning(
            "%d of %d searches could not be fitted, the first of them %s: %s",
            len(failed),
            len(table),
            first["search"],
            first["error"],
        )
    doubtful = int((table["checks"] != "").sum())
    if doubtful:
        _LOG.warning("%d of %d searches have failed checks", doubtful, len(table))
