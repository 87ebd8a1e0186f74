"""Commands of the command line: each imports what it needs, calls the library and prints."""

import argparse
import gc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leadline.cli.refusals import (
    unnamed_searches,
    validate_fit_file,
    validate_score,
    validate_source,
)
from leadline.cli.wording import FIT_ARGUMENTS, SOURCE_ARGUMENTS
from leadline.errors import LeadlineError

if TYPE_CHECKING:
    from leadline.data.trials import Trials
    from leadline.inference.progress import Progress

EXIT_CODES = {"go on": 0, "stop": 3, "not settled": 4, "no advice": 5}
"""Exit codes of the advice of a forecast, with --exit-code."""

_REACH_PROBABILITY = 0.9


def run_fit(arguments: argparse.Namespace) -> None:
    """Fit the trials of a file, folder or URL: print the answers, write fit.nc and pictures."""
    if arguments.workers or arguments.scheduler or arguments.resume:
        from leadline.cli.many import run_fit_many

        return run_fit_many(arguments)
    if arguments.surface and arguments.pooling != "auto":
        arguments.parser.error("--surface fits each search by itself, without --pooling")
    # Mistakes in table and options first: the folder may exist from an earlier fit.
    trials, settings = read_trials(arguments), fit_settings(arguments)
    if arguments.surface:
        from leadline.inference.fit_options import OF_THE_LAW, validate_surface_options

        validate_surface_options(trials, {name: settings.get(name) for name in OF_THE_LAW})
    _fit_and_write(
        trials,
        arguments,
        output_folder(arguments),
        model="surface" if arguments.surface else arguments.pooling,
        **settings,
    )
    return None


def read_trials(arguments: argparse.Namespace) -> "Trials":
    """Return the trials of the source that the arguments name."""
    validate_source(arguments.trials)
    validate_score(arguments.trials, arguments.score)

    from leadline.io.sources import read_source

    options = {name: getattr(arguments, name) for name in SOURCE_ARGUMENTS}
    # A surface takes trials however they were chosen.
    options["assume_random"] = arguments.assume_random or arguments.surface or None
    trials = read_source(arguments.trials, options)
    if reason := unnamed_searches(trials, options):
        raise LeadlineError(f"{trials.source}: {reason}")
    return trials


def fit_settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options of `leadline.fit` that the arguments give, without the model."""
    fractions = arguments.tail_fraction
    return {
        "threshold": "auto" if arguments.threshold is None else arguments.threshold,
        "tail_fraction": fractions[0] if fractions and len(fractions) == 1 else fractions,
        **{name: getattr(arguments, name) for name in FIT_ARGUMENTS},
    }


def run_demo(arguments: argparse.Namespace) -> None:
    """Fit bundled real searches of three models on four tasks, as `fit` does."""
    output = output_folder(arguments, default=Path("leadline-demo"))

    from leadline.datasets import load_dataset

    sampling = {name: getattr(arguments, name) for name in ("draws", "tune", "chains")}
    _fit_and_write(load_dataset("all"), arguments, output, **sampling)


def run_summary(arguments: argparse.Namespace) -> None:
    """Print the table of answers of a saved fit."""
    tree = read_fit(arguments.fit)

    from leadline.cli.console import show_answers

    interval = {"ci_prob": arguments.ci_prob, "ci_kind": arguments.ci_kind}
    show_answers(tree, arguments.fit, form=arguments.format, **interval)


def run_check(arguments: argparse.Namespace) -> None:
    """Print whether a saved fit can be believed: named checks, with advice on those that fail.

    The command succeeds also if a check fails.
    """
    tree = read_fit(arguments.fit)

    from leadline.cli.show_checks import show_checks

    show_checks(tree, arguments.fit, recompute=arguments.recompute, every=arguments.every)


def run_compare(arguments: argparse.Namespace) -> None:
    """Print which model of a saved fit is better, fully tuned or at an equal budget."""
    tree = read_fit(arguments.fit)

    from leadline.cli.console import show_recorded
    from leadline.cli.show_comparison import choose_items, show_comparison

    names = ("by", "budget", "rope", "ci_prob")
    chosen = choose_items(tree, arguments.by, arguments.items)
    show_comparison(
        chosen, path=arguments.fit, **{name: getattr(arguments, name) for name in names}
    )
    show_recorded(tree, arguments.fit)


def run_sentence(arguments: argparse.Namespace) -> None:
    """Print methods and results of a saved fit as text for a paper, with citations."""
    tree = read_fit(arguments.fit)

    from leadline.stats.paper import sentences

    names = ("budget", "rope", "ci_prob", "form")
    print(sentences(tree, **{name: getattr(arguments, name) for name in names}), end="")


def run_plot(arguments: argparse.Namespace) -> None:
    """Draw pictures of a saved fit."""
    ending, backend = arguments.format, arguments.backend
    backend = backend or ("plotly" if ending == "html" else "matplotlib")
    ending = ending or ("png" if backend == "matplotlib" else "html")
    if (ending == "html") != (backend != "matplotlib"):
        arguments.parser.error(f"{backend} does not make {ending}; plotly and bokeh make html")
    if arguments.size and backend != "matplotlib":
        arguments.parser.error("--size is for png, svg and pdf")
    from leadline.cli.results_folder import results_folder, validate_target, write_pictures

    target = validate_target(arguments.output, "folder", force=True)
    tree = read_fit(arguments.fit)
    names = ("budget", "rope", "trials", "minimum_gain", "ci_prob")
    options = {name: getattr(arguments, name) for name in names}

    from leadline.stats.fitted_search import validate_rope, validate_tree
    from leadline.stats.surface_tree import PICTURES

    # Before the libraries that draw are imported, which takes seconds.
    for name in set(arguments.names) - set(PICTURES):
        validate_tree(tree, asked=f"the picture {name!r}")
    validate_tree(tree, surface=arguments.budget is None, asked="`budget`")
    validate_rope(tree, arguments.rope)

    from leadline.plots.backends import choose_backend

    choose_backend(None, backend)
    with results_folder(target) as results:
        write_pictures(
            tree,
            results.path,
            arguments.names,
            ending=ending,
            backend=backend,
            size=arguments.size,
            options=options,
        )
    _show_written(arguments.output, results.kept, results.replaced)


def run_report(arguments: argparse.Namespace) -> None:
    """Write all answers of a saved fit to one HTML file."""
    from leadline.cli.results_folder import validate_target

    target = arguments.output or arguments.fit.with_name("report.html")
    validate_target(target, "file", force=arguments.force)
    tree = read_fit(arguments.fit)

    from leadline.html_report.render import report

    report(tree, target, budget=arguments.budget, rope=arguments.rope)
    _show_written(target.parent, [target.name])


def run_forecast(arguments: argparse.Namespace) -> int:
    """Print what further trials would gain, and whether to stop, from a saved fit."""
    tree = read_fit(arguments.fit)

    from leadline.cli.console import show_forecast, show_recorded
    from leadline.cli.tables import show_line
    from leadline.stats.stopping import trials_needed_sentences
    from leadline.stats.trials_needed import trials_needed

    needed = []
    if arguments.within is not None:
        # First, since it refuses surfaces and mistakes.
        within = trials_needed(tree, arguments.within, probability=_REACH_PROBABILITY)
        needed = trials_needed_sentences(within)
    names = ("minimum_gain", "probability", "ci_prob")
    options = {name: getattr(arguments, name) for name in names}
    verdict = show_forecast(tree, arguments.trials, path=arguments.fit, **options)
    for sentence in needed:
        show_line(sentence)
    show_recorded(tree, arguments.fit)
    return EXIT_CODES[verdict] if arguments.exit_code else 0


def read_fit(path: Path) -> Any:
    """Return the DataTree of a saved fit."""
    validate_fit_file(path)

    from leadline.inference.read_netcdf import read_netcdf
    from leadline.stats.fitted_search import validate_tree

    try:
        tree = read_netcdf(path)
    except PermissionError:
        raise
    except (OSError, ValueError, KeyError, RuntimeError):
        from leadline.cli.how_to_fit import how_to_fit

        raise LeadlineError(
            f"{path}: not a saved fit, the netCDF file fit.nc{how_to_fit(path)}"
        ) from None
    try:
        return validate_tree(tree, surface=True)
    except LeadlineError as error:
        raise LeadlineError(f"{path}: {error}") from None


def output_folder(
    arguments: argparse.Namespace, *, default: Path | None = None, force: bool = False
) -> Path:
    """Return the folder to write to, by default one named after the source."""
    from leadline.cli.results_folder import validate_target

    target = arguments.output or default
    if target is None:
        from leadline.io.sources import source_stem

        target = Path(f"leadline-{source_stem(arguments.trials)}")
    return validate_target(target, "folder", force=arguments.force or force)


def _fit_and_write(
    trials: "Trials", arguments: argparse.Namespace, output: Path, **settings: Any
) -> None:
    """Fit trials and write the answers."""
    from leadline.cli.console import show_trials

    shown = [] if arguments.quiet else show_trials(trials)

    def fit_trials(progress: "Progress") -> Any:
        from leadline.inference.fit import fit

        return fit(trials, random_seed=arguments.seed, progressbar=progress, **settings)

    write_answers(fit_trials, arguments, output, shown)


def write_answers(
    fit: Callable[["Progress"], Any],
    arguments: argparse.Namespace,
    output: Path,
    shown: Sequence[str] = (),
) -> None:
    """Fit, keep the fit, print the answers, and write the pictures and the report, all or none.

    `shown` are notes that were printed already.
    """
    from leadline.cli.console import show_answers, show_first_answer, show_next_time, show_seed
    from leadline.cli.results_folder import results_folder, write_fit, write_pictures
    from leadline.inference.progress import Progress

    quiet = arguments.quiet
    progress = Progress(not quiet, show_answer=None if quiet else show_first_answer)
    # Graphs of PyTensor are many small objects. By default, Python looks for cycles among them and
    # all modules so often that this is a tenth of the time of a fit.
    gc.set_threshold(50_000, 20, 50)
    with results_folder(output) as results, progress:
        tree = fit(progress)
        write_fit(tree, results.path / "fit.nc")
        results.keep()
        with progress.paused():
            again = _surface_line(arguments, output)
            show_answers(tree, output / "fit.nc", surface=again, shown=shown)
            show_next_time(tree)
            show_seed(tree)
            if len(set(tree["posterior"].dataset["model"].to_numpy())) > 1:
                from leadline.cli.show_comparison import show_comparison

                show_comparison(tree, path=output / "fit.nc")
        if not arguments.no_pictures:
            progress.start("preparing the pictures")
            # Imported after the answers, because the libraries that draw take seconds.
            from leadline.html_report.render import report
            from leadline.plots.gallery import pictures_of

            progress.start("drawing", len(pictures_of(tree)), "pictures")
            write_pictures(tree, results.path, progress=progress)
            progress.start("writing the report")
            report(tree, results.path / "report.html")
    _show_written(output, results.kept, results.replaced)


def _surface_line(arguments: argparse.Namespace, output: Path) -> str:
    """Return the command that fits a surface to the source of a fit, "" without a source."""
    if not hasattr(arguments, "trials"):
        return ""
    from leadline.cli.command_line import surface_folder, surface_line

    options = {name: getattr(arguments, name) for name in SOURCE_ARGUMENTS}
    folder = surface_folder(output)
    return surface_line(arguments.trials, options, seed=arguments.seed, output=folder)


def _show_written(folder: Path, names: list[str], replaced: Sequence[str] = ()) -> None:
    from leadline.cli.tables import show_line

    earlier = f" (replaced: {', '.join(replaced)})" if replaced else ""
    show_line(f"written to {folder}: {', '.join(names)}{earlier}")
