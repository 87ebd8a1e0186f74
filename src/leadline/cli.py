"""The command line: a thin shell over the library's functions.

Nothing heavy is imported before a command is known to be well formed, so that ``leadline --help``
answers at once; each command imports what it needs.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from leadline.errors import LeadlineError, NotRecordedError, listed, shown

if TYPE_CHECKING:
    from leadline.trials import Trials

_DESCRIPTION = "How low can the loss go? Answers from the scores of a random search."
_COLUMNS = ("task", "model", "trial", "replicate", "status", "cost", "space")
_COLUMN_HELP = {
    "task": "column of what was solved, such as a data set",
    "model": "column of what was tuned",
    "trial": "column of the configuration that a row evaluates",
    "replicate": "column, parameter or attribute that tells repeated evaluations apart, such as "
    "the seed",
    "status": "column of complete, failed, pruned, ...",
    "cost": "column of what an evaluation cost",
    "space": "column of the search space",
}
_TRACKER_HELP = {
    "study_name": "Optuna: which study",
    "experiment": "MLflow: which experiment",
    "sweep": "W&B: which sweep",
}
_TRACKER_OPTIONS = (*_TRACKER_HELP, "parent", "early_stopped", "first_rung", "random_start")
# Those of leadline.plots.gallery, which is slow to import.
_PICTURES = (
    "optimum",
    "tuning_curve",
    "forecast",
    "effective_dim",
    "tail_fit",
    "threshold",
    "comparison",
)
STOP = 3
"""The exit code that advises to stop."""

_DEMO_DATASET = "all"
_DEMO_SEED = 1  # So that everybody sees what the README shows.


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 failed; usage errors exit with 2.

    `leadline forecast --exit-code` returns 3 when stopping is advised.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments, without the program's name. Default: those of the process.
    """
    parser = build_parser()
    arguments = parser.parse_args(argv)
    # What the library logs is printed with the answers.
    logging.getLogger("leadline").addHandler(logging.NullHandler())
    try:
        return arguments.run(arguments) or 0
    except NotRecordedError as error:
        arguments.parser.error(f"{one_line(error)}; add --{error.option}")
    except (LeadlineError, OSError, ImportError) as error:
        print(f"leadline: error: {one_line(error)}", file=sys.stderr)
    except KeyboardInterrupt:
        print("leadline: interrupted", file=sys.stderr)
    return 1


def one_line(error: Exception) -> str:
    """Return what an error says, on one line."""
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = _Parser(prog="leadline", description=_DESCRIPTION, allow_abbrev=False)
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_fit(commands)
    _add_summary(commands)
    _add_check(commands)
    _add_compare(commands)
    _add_plot(commands)
    _add_report(commands)
    _add_forecast(commands)
    _add_demo(commands)
    return parser


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line: the usage of ten options hides what was wrong."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


class _Version(argparse.Action):
    """Print the version; looked up only when asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        import importlib.metadata

        print(f"leadline {importlib.metadata.version('leadline')}")
        parser.exit()


def _add_fit(commands: Any) -> None:
    text = (
        "fit the trials of a file, folder or URL: a table of answers, fit.nc, report.html, pictures"
    )
    parser = commands.add_parser("fit", help=text, description=text, allow_abbrev=False)
    parser.set_defaults(run=run_fit, parser=parser)
    parser.add_argument(
        "trials",
        metavar="SOURCE",
        help="a table with one row per evaluation (CSV, JSON lines, Parquet); an Optuna or MLflow "
        "database, as a file or URL; the folder of a Ray Tune or Keras Tuner search; a CSV export "
        "of W&B or of scikit-learn's cv_results_",
    )
    parser.add_argument(
        "--score", metavar="COLUMN", help="column, metric or objective that is the score"
    )
    parser.add_argument(
        "--direction",
        choices=("minimize", "maximize"),
        help="which scores are good; required where the source does not record it, as it is "
        "never guessed",
    )
    regime = parser.add_mutually_exclusive_group()
    regime.add_argument(
        "--tail-fraction",
        type=float,
        nargs="+",
        metavar="F",
        help="share of all trials, the best, that is taken to follow the law, such as 0.2; "
        "several are averaged; default: decided from the data",
    )
    regime.add_argument(
        "--threshold", type=float, metavar="T", help="score from which on trials follow the law"
    )
    parser.add_argument(
        "--scale",
        choices=("identity", "log", "logit", "auto"),
        default="identity",
        help="scale of the score on which the law holds; auto averages",
    )
    parser.add_argument(
        "--assume-random",
        action="store_true",
        help="fit even if the hyperparameters show that this was no random search",
    )
    for name in _COLUMNS:
        parser.add_argument(f"--{name}", metavar="COLUMN", help=_COLUMN_HELP[name])
    parser.add_argument(
        "--params",
        nargs="+",
        metavar="COLUMN",
        help="columns of the hyperparameters; their number bounds the effective dimension",
    )
    _add_tracker_options(parser)
    parser.add_argument(
        "--effective-dim", choices=("continuous", "integer"), default="continuous", help="its type"
    )
    parser.add_argument(
        "--resolution",
        type=float,
        metavar="H",
        help="spacing of the grid on which scores are recorded; default: inferred from ties",
    )
    parser.add_argument(
        "--pooling",
        choices=("auto", "single", "hierarchical", "crossed"),
        default="auto",
        help="how searches learn from each other; auto: crossed for several models, hierarchical "
        "for one model on several tasks",
    )
    for name, default, text in (
        ("draws", 1000, "draws kept for each chain"),
        ("tune", 1000, "draws to adapt for each chain"),
        ("chains", 4, "chains"),
    ):
        parser.add_argument(f"--{name}", type=_count, default=default, metavar="N", help=text)
    _add_output(parser, "leadline-SOURCE")


def _add_tracker_options(parser: argparse.ArgumentParser) -> None:
    """Add what readers of other tools' sources take, each under its name in Python."""
    group = parser.add_argument_group("sources of other tools")
    for name, text in _TRACKER_HELP.items():
        group.add_argument(f"--{name.replace('_', '-')}", metavar="NAME", help=text)
    group.add_argument("--parent", metavar="RUN", nargs="+", help="MLflow: the sweeps to read")
    group.add_argument(
        "--early-stopped",
        choices=("pruned", "complete"),
        help="Ray Tune: what trials with fewer training iterations are",
    )
    group.add_argument(
        "--first-rung",
        action="store_true",
        default=None,
        help="scikit-learn: read all candidates of a halving search at the smallest budget",
    )
    group.add_argument(
        "--random-start",
        type=_count,
        metavar="N",
        help="the first N trials alone, those drawn at random before the sampler learned",
    )


def _add_summary(commands: Any) -> None:
    text = "show the table of answers of a saved fit"
    parser = commands.add_parser("summary", help=text, description=text, allow_abbrev=False)
    parser.set_defaults(run=run_summary)
    parser.add_argument("fit", metavar="FIT.nc", type=Path, help="what `leadline fit` saved")
    parser.add_argument(
        "--ci-prob", type=float, metavar="P", help="probability of the intervals, such as 0.9"
    )
    parser.add_argument("--ci-kind", choices=("eti", "hdi"), help="equal tails, highest density")
    parser.add_argument(
        "--format",
        choices=("table", "markdown", "latex", "csv"),
        default="table",
        help="csv has all numbers with full precision",
    )


def _add_check(commands: Any) -> None:
    text = "show whether a saved fit can be believed: named checks, and what to do when one fails"
    parser = commands.add_parser("check", help=text, description=text, allow_abbrev=False)
    parser.set_defaults(run=run_check)
    parser.add_argument("fit", metavar="FIT.nc", type=Path, help="what `leadline fit` saved")


def _add_compare(commands: Any) -> None:
    text = "show which model is better once tuned, or at an equal budget, from a saved fit"
    parser = commands.add_parser("compare", help=text, description=text, allow_abbrev=False)
    parser.set_defaults(run=run_compare)
    parser.add_argument("fit", metavar="FIT.nc", type=Path, help="what `leadline fit` saved")
    parser.add_argument("--by", choices=("model", "task"), default="model", help="what is compared")
    parser.add_argument(
        "--budget", type=float, metavar="K", help="after K trials each; default: fully tuned"
    )
    parser.add_argument(
        "--rope", type=float, default=0.0, metavar="D", help="differences up to D do not matter"
    )


def _add_plot(commands: Any) -> None:
    text = "draw pictures of a saved fit"
    parser = commands.add_parser("plot", help=text, description=text, allow_abbrev=False)
    parser.set_defaults(run=run_plot, parser=parser)
    parser.add_argument("fit", metavar="FIT.nc", type=Path, help="what `leadline fit` saved")
    parser.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        type=_picture,
        help=f"which: {', '.join(_PICTURES)}; default: all that say something about this fit",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="DIR",
        default=Path("leadline-pictures"),
        help="folder to write to, where pictures of the same name are replaced; default: "
        "%(default)s",
    )
    parser.add_argument("--format", choices=("png", "svg", "pdf", "html"), help="default: png")
    parser.add_argument(
        "--backend",
        choices=("matplotlib", "plotly", "bokeh"),
        help="what draws them: plotly and bokeh make html; default: matplotlib, plotly for html",
    )


def _picture(text: str) -> str:
    """Return the name of a picture."""
    if text not in _PICTURES:
        raise argparse.ArgumentTypeError(
            f"must be one of {', '.join(_PICTURES)}; got {shown(text)}"
        )
    return text


def _add_report(commands: Any) -> None:
    text = "write all answers of a saved fit as one HTML file"
    parser = commands.add_parser("report", help=text, description=text, allow_abbrev=False)
    parser.set_defaults(run=run_report)
    parser.add_argument("fit", metavar="FIT.nc", type=Path, help="what `leadline fit` saved")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="file to write; default: report.html beside FIT.nc",
    )
    parser.add_argument("--force", action="store_true", help="overwrite an existing file")


def _add_forecast(commands: Any) -> None:
    text = "show what further trials would bring, and whether to stop, from a saved fit"
    parser = commands.add_parser("forecast", help=text, description=text, allow_abbrev=False)
    parser.set_defaults(run=run_forecast, parser=parser)
    parser.add_argument("fit", metavar="FIT.nc", type=Path, help="what `leadline fit` saved")
    parser.add_argument(
        "--trials",
        type=_count,
        nargs="+",
        default=[10, 50, 200],
        metavar="M",
        help="numbers of further trials; the advice is about the largest; default: 10 50 200",
    )
    parser.add_argument(
        "--minimum-gain",
        type=float,
        default=0.0,
        metavar="G",
        help="a gain up to this, in score units, is not worth having",
    )
    parser.add_argument(
        "--probability",
        type=float,
        default=0.05,
        metavar="P",
        help="stop when no search gains more with this probability; default: 0.05",
    )
    parser.add_argument(
        "--within",
        metavar="W",
        help="also say how many trials bring the best one this close to the optimum with "
        "probability 0.9: in score units, or as in 1%%",
    )
    parser.add_argument(
        "--exit-code", action="store_true", help="exit with 3 when stopping is advised"
    )


def _add_demo(commands: Any) -> None:
    text = "the whole job on bundled real searches: three models on four tasks"
    parser = commands.add_parser("demo", help=text, description=text, allow_abbrev=False)
    parser.set_defaults(run=run_demo, seed=_DEMO_SEED)
    _add_output(parser, "leadline-demo")


def _add_output(parser: argparse.ArgumentParser, folder: str) -> None:
    parser.add_argument("--seed", type=_seed, metavar="N", help="same seed, same numbers")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help=f"folder to make; default: {folder}"
    )
    parser.add_argument(
        "--force", action="store_true", help="overwrite these files in an existing folder"
    )
    parser.add_argument("--no-pictures", action="store_true", help="make no pictures and no report")
    parser.add_argument("--quiet", action="store_true", help="no progress, only the answers")


def _count(text: str) -> int:
    """Return a number of draws or chains, at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {value}")
    return value


def _seed(text: str) -> int:
    """Return a seed, at least 0."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"must be at least 0, got {value}")
    return value


def run_fit(arguments: argparse.Namespace) -> None:
    """Fit the trials of a source, show the answers and write them to a folder."""
    from leadline.readers.sources import read_source, source_stem

    output = _output(arguments, f"leadline-{source_stem(arguments.trials)}")
    names = ("score", "direction", "params", *_COLUMNS, *_TRACKER_OPTIONS)
    options = {name: getattr(arguments, name) for name in names}
    trials = read_source(
        arguments.trials, {**options, "assume_random": arguments.assume_random or None}
    )
    if len(trials.searches) > 1 and arguments.task is None and arguments.model is None:
        raise LeadlineError(
            f"{trials.source}: there are {len(trials.searches)} searches, (task, model) "
            f"{listed(trials.searches, limit=5)}; to fit each of them name what tells them apart "
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

    from leadline.console import show_answers

    show_answers(tree, ci_prob=arguments.ci_prob, ci_kind=arguments.ci_kind, form=arguments.format)


def run_check(arguments: argparse.Namespace) -> None:
    """Show the checks of a saved fit; one that fails is an answer, not a failure of the command."""
    tree = read_fit(arguments.fit)

    from leadline.console import show_checks

    show_checks(tree)


def run_compare(arguments: argparse.Namespace) -> None:
    """Show which model is better."""
    tree = read_fit(arguments.fit)

    from leadline.console import show_comparison, show_recorded

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

    from leadline.console import show_written
    from leadline.plots.panels import backend_of
    from leadline.results_folder import results_folder, write_pictures

    backend_of(None, backend)
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

    from leadline.console import show_written
    from leadline.report.render import report

    report(tree, target)
    show_written(target.parent, [target.name])


def run_forecast(arguments: argparse.Namespace) -> int:
    """Show what further trials would bring; return 3 when stopping is advised and asked for."""
    tree = read_fit(arguments.fit)

    from leadline.console import show_forecast, show_recorded, show_trials_needed

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
        raise FileNotFoundError(f"no file {shown(str(path), 200)}; check its name and folder")
    if path.is_dir():
        raise LeadlineError(f"{path} is a folder; give the file fit.nc in it")

    import xarray as xr

    from leadline.answers.fitted_search import validate_tree

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
    from leadline.console import (
        show_answers,
        show_comparison,
        show_progress,
        show_trials,
        show_written,
    )
    from leadline.fit import fit
    from leadline.report.render import report
    from leadline.results_folder import results_folder, write_pictures

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
