"""Commands for hundreds of searches: fit each alone on many workers, and pool the fits."""

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from leadline.cli.commands import fit_settings, output_folder, read_trials, write_answers
from leadline.cli.refusals import validate_file
from leadline.errors import LeadlineError

_PARQUET = (".parquet", ".pq")


def run_fit_many(arguments: argparse.Namespace) -> None:
    """Fit each search of a source alone, and write a folder of fits."""
    if arguments.surface or arguments.pooling != "auto":
        arguments.parser.error(
            "--workers, --scheduler and --resume fit each search alone, without --surface and "
            "--pooling; to fit them together after that: leadline pool DIR"
        )
    if arguments.force:
        arguments.parser.error("--force is not for folders of fits; --resume fits what is missing")
    if arguments.workers and arguments.scheduler:
        arguments.parser.error("give --workers or --scheduler, not both")
    trials = _read(arguments)
    output = output_folder(arguments, force=arguments.resume)

    from leadline.cli.tables import show_line
    from leadline.inference.fit_many import fit_many

    with _executor(arguments) as executor:
        fits = fit_many(
            trials,
            executor=executor,
            folder=output,
            random_seed=arguments.seed,
            progressbar=not arguments.quiet,
            **fit_settings(arguments),
        )
    table = fits.table
    failed = table[table["status"] == "failed"]
    for name, reason in zip(failed["search"].head(5), failed["error"].head(5), strict=True):
        show_line(f"not fitted: {name}: {reason}")
    if len(failed) > 5:
        show_line(f"not fitted: {len(failed) - 5} more, see {output / 'index.csv'}")
    doubtful = int((table["checks"] != "").sum())
    show_line(
        f"{len(fits)} of {len(table)} searches are fitted, {doubtful} with failed checks; written "
        f"to {output}, the table to index.csv in it"
    )
    if len(fits) > 1:
        show_line(f"to fit them together: leadline pool {output}")


def run_pool(arguments: argparse.Namespace) -> None:
    """Fit searches together, from a folder that holds the fit of each alone."""
    validate_file(arguments.folder)
    output = output_folder(
        arguments, default=arguments.folder.with_name(f"{arguments.folder.name}-pooled")
    )

    def fit(progress: Any) -> Any:
        from leadline.inference.pool_fits import pool

        with _executor(arguments) as executor:
            return pool(
                arguments.folder,
                model=arguments.pooling,
                executor=executor,
                random_seed=arguments.seed,
                progressbar=progress,
            )

    write_answers(fit, arguments, output)


def _read(arguments: argparse.Namespace) -> Any:
    """Return the trials of a source; a Parquet data set is read search by search."""
    path = Path(arguments.trials)
    if not (path.is_dir() and any(own.suffix in _PARQUET for own in path.rglob("*"))):
        return read_trials(arguments)
    if arguments.score is None or arguments.direction is None:
        raise LeadlineError(f"{path} is a Parquet data set: give --score COLUMN and --direction")
    from leadline.io.parquet_searches import read_searches

    names = ["score", "direction", "params", "task", "model", "trial"]
    names += ["replicate", "status", "cost"]
    return read_searches(path, **{name: getattr(arguments, name) for name in names})


@contextlib.contextmanager
def _executor(arguments: argparse.Namespace) -> Iterator[Any]:
    """Yield the number of workers, or a client of a Dask scheduler."""
    if not arguments.scheduler:
        yield arguments.workers
        return
    try:
        from distributed import Client
    except ImportError:
        raise ImportError(
            "--scheduler needs dask.distributed; install it with pip install 'leadline[dask]'"
        ) from None
    try:
        client = Client(arguments.scheduler, timeout="10s", set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise LeadlineError(
            f"no Dask scheduler answers at {arguments.scheduler}; start one with `dask scheduler` "
            f"({type(error).__name__})"
        ) from None
    with client:
        if not client.nthreads():
            raise LeadlineError(
                f"the scheduler at {arguments.scheduler} has no workers; start some with "
                f"`dask worker {arguments.scheduler}`"
            )
        yield client
