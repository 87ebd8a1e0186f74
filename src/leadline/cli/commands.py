"""What the commands do: each imports what it needs, calls the library and prints."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leadline.cli.options import COLUMNS, TRACKER_OPTIONS
from leadline.errors import LeadlineError, format_value, join_values

if TYPE_CHECKING:
    from leadline.data.trials import Trials

STOP = 3
"""The exit code that advises to stop."""

_DEMO_DATASET = "all"


def run_fit(arguments: argparse.Namespace) -> None:
    """Fit the trials of a source, show the answers and write them to a folder."""
    from leadline.io.sources import read_source, source_stem

    output = _output(arguments, f"leadline-{source_stem(arguments.trials)}")
    names = ("score", "direction", "params", *COLUMNS, *TRACKER_OPTIONS)
    options = {name: getattr(arguments, name) for name in names}
    trials = read_source(
        arguments.trials, {**options, "assume_random": arguments.assume_random or None}
    )
    if len(trials.searches) > 1 and arguments.task is None and arguments.model is None:
        raise LeadlineError(
            f"{trials.source}: there are {len(trials.searches)} searches, (task, model) "
            f"{join_values(trials.searches, limit=5)}; to fit each of them name what tells them apart "
            "with --task COLUMN or --model COLUMN"
        )
    _fit_and_write(
        trials,
        arguments,
        output,
        model=arguments.pooling,
        threshold="auto" if arguments.threshold is None else arguments.threshold,
        tail_fraction=_one_or_several(arguments.tail_fraction),
        scale=arguments.scale,
        assume_random=arguments.assume_random,
        effective_dim=arguments.effective_dim,
        resolution=arguments.resolution,
        draws=arguments.draws,
        tune=arguments.tune,
        chains=arguments.chains,
    )


def _one_or_several(fractions: list[float] | None) -> float | list[float] | None:
    return fractions[0] if fractions is not None and len(fractions) == 1 else fractions


def run_demo(arguments: argparse.Namespace) -> None:
    """Fit the bundled searches, show the answers and write them to a folder."""
    output = _output(arguments, "leadline-demo")

    from leadline.datasets import load_dataset

    trials = load_dataset(_DEMO_DATASET)
    _fit_and_write(trials, arguments, output)


def run_summary(arguments: argparse.Namespace) -> None:
    """Show the answers of a saved fit."""
    tree = read_fit(arguments.fit)

    from leadline.cli.console import show_answers

    show_answers(tree, ci_prob=arguments.ci_prob, ci_kind=arguments.ci_kind, form=arguments.format)


def run_check(arguments: argparse.Namespace) -> None:
    """Show the checks of a saved fit; one that fails is an answer, not a failure of the command."""
    tree = read_fit(arguments.fit)

    from leadline.cli.console import show_checks

    show_checks(tree)


def run_compare(arguments: argparse.Namespace) -> None:
    """Show which model is better."""
    tree = read_fit(arguments.fit)

    from leadline.cli.console import show_comparison, show_recorded

    show_comparison(tree, by=arguments.by, budget=arguments.budget, rope=arguments.rope)
    show_recorded(tree)


def run_plot(arguments: argparse.Namespace) -> None:
    """Draw pictures of a saved fit."""
    ending, backend = arguments.format, arguments.backend
    backend = backend or ("plotly" if ending == "html" else "matplotlib")
    ending = ending or ("png" if backend == "matplotlib" else "html")
    if (ending == "html") != (backend != "matplotlib"):
        arguments.parser.error(f"{backend} does not make {ending}; plotly and bokeh make html")
    tree = read_fit(arguments.fit)

    from leadline.cli.console import show_written
    from leadline.cli.results_folder import results_folder, write_pictures
    from leadline.plots.backends import choose_backend

    choose_backend(None, backend)
    if arguments.output.exists() and not arguments.output.is_dir():
        raise LeadlineError(f"{arguments.output} is a file, not a folder; give another one with -o")
    with results_folder(arguments.output) as folder:
        write_pictures(tree, folder, arguments.names, formats=(ending,), backend=backend)
        written = sorted(path.name for path in folder.iterdir())
    show_written(arguments.output, written)


def run_report(arguments: argparse.Namespace) -> None:
    """Write the report of a saved fit."""
    target = arguments.output or arguments.fit.with_name("report.html")
    if target.is_dir():
        raise LeadlineError(f"{target} is a folder; give a file, such as {target / 'report.html'}")
    if target.exists() and not arguments.force:
        raise LeadlineError(
            f"the file {target} exists; give another one with -o, or --force to overwrite it"
        )
    if not target.absolute().parent.is_dir():
        raise LeadlineError(f"there is no folder {target.parent} to write {target.name} in")
    tree = read_fit(arguments.fit)

    from leadline.cli.console import show_written
    from leadline.html_report.render import report

    report(tree, target)
    show_written(target.parent, [target.name])


def run_forecast(arguments: argparse.Namespace) -> int:
    """Show what further trials would bring; return 3 when stopping is advised and asked for."""
    tree = read_fit(arguments.fit)

    from leadline.cli.console import show_forecast, show_recorded, show_trials_needed
    from leadline.stats.trials_needed import validate_within

    if arguments.within is not None:
        validate_within(arguments.within)

    stop = show_forecast(
        tree,
        arguments.trials,
        minimum_gain=arguments.minimum_gain,
        probability=arguments.probability,
    )
    if arguments.within is not None:
        show_trials_needed(tree, arguments.within, 0.9)
    show_recorded(tree)
    return STOP if stop and arguments.exit_code else 0


def read_fit(path: Path) -> Any:
    """Return the tree of a saved fit, or raise `LeadlineError` or `FileNotFoundError`."""
    if not path.exists():
        raise FileNotFoundError(
            f"no file {format_value(str(path), 200)}; check its name and folder"
        )
    if path.is_dir():
        raise LeadlineError(f"{path} is a folder; give the file fit.nc in it")

    import xarray as xr

    from leadline.stats.fitted_search import validate_tree

    try:
        with xr.open_datatree(path, engine="h5netcdf") as opened:
            tree = opened.load()
    except PermissionError:
        raise
    except (OSError, ValueError, KeyError, RuntimeError):
        raise LeadlineError(f"{path}: not a netCDF file that can be read") from None
    try:
        return validate_tree(tree)
    except LeadlineError as error:
        raise LeadlineError(f"{path}: {error}") from None


def _output(arguments: argparse.Namespace, default: str) -> Path:
    """Return the folder to make, or raise `LeadlineError` before any work is done."""
    folder = Path(default) if arguments.output is None else arguments.output
    if folder.exists() and not folder.is_dir():
        raise LeadlineError(f"{folder} is a file, not a folder; give another one with -o")
    if folder.exists() and not arguments.force:
        raise LeadlineError(
            f"the folder {folder} exists; give another one with -o, or --force to overwrite the "
            "files of an earlier fit"
        )
    if not folder.absolute().parent.is_dir():
        raise LeadlineError(f"there is no folder {folder.parent} to make {folder.name} in")
    return folder


def _fit_and_write(
    trials: "Trials", arguments: argparse.Namespace, output: Path, **settings: Any
) -> None:
    """Fit, show the answers, and write all files or none."""
    from leadline.cli.console import (
        show_answers,
        show_comparison,
        show_progress,
        show_trials,
        show_written,
    )
    from leadline.cli.results_folder import results_folder, write_pictures
    from leadline.html_report.render import report
    from leadline.inference.fit import fit

    quiet = arguments.quiet
    show_trials(trials, quiet=quiet)
    with results_folder(output) as folder:
        show_progress("compiling the model and sampling…", quiet=quiet)
        tree = fit(
            trials,
            random_seed=arguments.seed,
            progressbar=not quiet and sys.stdout.isatty(),
            **settings,
        )
        tree.to_netcdf(folder / "fit.nc", engine="h5netcdf")
        show_answers(tree)
        if len(set(tree["posterior"].dataset["model"].to_numpy())) > 1:
            show_comparison(tree)
        if not arguments.no_pictures:
            show_progress("drawing and writing the report…", quiet=quiet)
            write_pictures(tree, folder)
            report(tree, folder / "report.html")
        written = sorted(path.name for path in folder.iterdir())
    show_written(output, written)
