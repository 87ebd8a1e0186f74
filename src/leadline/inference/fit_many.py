"""From hundreds of searches to a folder of fits: `fit_many`."""

import contextlib
import inspect
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from leadline.data.trials import Trials
from leadline.errors import LeadlineError, format_value, pluralize
from leadline.inference.fit import fit
from leadline.inference.fit_job import Job, failed_row, fit_search
from leadline.inference.fit_options import (
    validate_choices,
    validate_counts,
    validate_option_names,
    validate_seed,
)
from leadline.inference.fits import Fits, Pair, labelled
from leadline.inference.fits_folder import (
    COLUMNS,
    FAILED,
    FitsFolder,
    digest,
    known_settings,
    trials_digest,
)
from leadline.inference.progress import Progress, showing
from leadline.inference.run_jobs import run_jobs, validate_executor

if TYPE_CHECKING:
    import distributed

_LOG = logging.getLogger("leadline")

_FIT_OPTIONS = tuple(inspect.signature(fit).parameters)


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
            if isinstance(outcome, Exception):
                outcome = failed_row(job, outcome), None
            row, content = outcome
            rows[job.pair] = row
            if content is not None:
                contents[job.pair] = content
            if writer is not None:
                writer.add(row)
            progress.step(str(row["search"]))
    if not rows:
        raise LeadlineError("there is no search to fit; give Trials, or an iterable of some")
    table = labelled(pd.DataFrame(list(rows.values()), columns=list(COLUMNS)))
    _report(table)
    return Fits(table, path, contents)


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
