"""Commands of the command line and their options; `leadline.cli.commands` carries them out."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from leadline.cli import commands, many
from leadline.cli.inspect import run_inspect
from leadline.cli.typed_line import Parser
from leadline.cli.wording import COLUMNS, POOLING, SURFACE

# The names of leadline.plots.gallery.PICTURES, which is slow to import.
PICTURES = (
    *("optimum", "tuning_curve", "forecast", "effective_dim", "tail_fit", "threshold"),
    *("surface", "comparison", "ranks", "scaling"),
)
_MORE_OF_A_SURFACE = ", of a surface 500, or up to 8 times as many where it has not converged"
_DEMO_SEED = 1  # Everybody sees the numbers of the README.


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = Parser(
        prog="leadline",
        description="How low can the loss go? Answers from the scores of a random search.",
        epilog="`leadline COMMAND --help` lists the options of a command.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, (run, *groups) in _COMMANDS.items():
        # The first line of the docstring is the help of the command.
        title = (run.__doc__ or name).splitlines()[0].rstrip(".")
        text = title[0].lower() + title[1:]
        command = subparsers.add_parser(name, help=text, description=text, allow_abbrev=False)
        command.set_defaults(run=run, parser=command)
        for add_options in groups:
            add_options(command)
    return parser


class _Version(argparse.Action):
    """Print the version, which takes long to look up."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        import importlib.metadata

        print(f"leadline {importlib.metadata.version('leadline')}")
        parser.exit()


def _add_source_options(parser: argparse.ArgumentParser) -> None:
    parser.usage = "%(prog)s SOURCE [options]"
    parser.epilog = "Example: leadline fit trials.csv --score val_loss --direction minimize"
    add = parser.add_argument
    text = (
        "a table with one row per evaluation (CSV, JSON, Parquet); an Optuna or MLflow "
        "database, as a file or URL; the folder of an MLflow store, of W&B's runs, or of a Ray "
        "Tune or Keras Tuner search; a CSV export of W&B or of scikit-learn's cv_results_"
    )
    add("trials", metavar="SOURCE", help=text)
    add("--score", metavar="COLUMN", help="column, metric or objective that holds the score")
    text = (
        "whether low or high scores are good; required unless the source records it, as it is "
        "never guessed"
    )
    add("--direction", choices=("minimize", "maximize"), help=text)
    text = (
        "columns or entries that are hyperparameters, where the source does not record which are "
        "(Optuna does); their number bounds the effective dimension"
    )
    add("--params", nargs="+", metavar="COLUMN", help=text)
    text = "fit even if the hyperparameters show that the search was not random"
    add("--assume-random", action="store_true", help=text)
    group = parser.add_argument_group("columns of the table", "name the column that holds")
    for name, text in COLUMNS.items():
        group.add_argument(f"--{name.replace('_', '-')}", metavar="COLUMN", help=text)
    text = "which row of a trial counts, if --budget names its epochs; default: last"
    group.add_argument("--of", choices=("last", "best"), help=text)
    add = parser.add_argument_group("sources of other tools").add_argument
    text = "Optuna: the studies to read, each a search; '*' stands for any characters"
    add("--study-name", metavar="NAME", nargs="+", help=text)
    add("--experiment", metavar="NAME", help="MLflow: name of the experiment")
    add("--project", metavar="NAME", help="W&B: name of the project")
    add("--sweep", metavar="NAME", help="W&B: name of the sweep")
    add("--parent", metavar="RUN", nargs="+", help="MLflow: the sweeps to read")
    text = "Ray Tune, rows per epoch: status of trials that ended before others"
    add("--early-stopped", choices=("pruned", "complete"), help=text)
    text = "scikit-learn: read all candidates of a halving search at the smallest budget"
    add("--first-rung", action="store_true", default=None, help=text)
    text = "read only the first N trials, drawn at random before the sampler used any score"
    add("--random-start", type=_positive_integer, metavar="N", help=text)


def _add_inspect_epilog(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "Example: leadline inspect mlruns"


def _add_fit_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("model and sampling")
    tail = group.add_mutually_exclusive_group()
    text = (
        "share of the trials, the best ones, to which the quadratic law is fitted, such as 0.2; "
        "several values are averaged; default: decided from the data"
    )
    tail.add_argument("--tail-fraction", type=float, nargs="+", metavar="F", help=text)
    text = "score beyond which the quadratic law is fitted, instead of --tail-fraction"
    tail.add_argument("--threshold", type=float, metavar="T", help=text)
    text = (
        "regress the score on the hyperparameters instead of fitting the law: for searches that "
        "learned (Optuna's default, for one), and to see which hyperparameters matter"
    )
    group.add_argument(SURFACE, action="store_true", help=text)
    text = (
        "in a search with a random share, take the trials that the sampler chose as evidence on "
        "the optimum; they never count in the tail"
    )
    group.add_argument("--guided-evidence", action="store_true", help=text)
    scale = (
        "scale of the score on which the law is fitted; auto averages over scales (a surface: "
        "identity, for accuracies logit, unless another is clearly better); default: identity"
    )
    group.add_argument("--scale", choices=("identity", "log", "logit", "auto"), help=scale)
    text, kinds = "type of the effective dimension; default: %(default)s", ("continuous", "integer")
    group.add_argument("--effective-dim", choices=kinds, default=kinds[0], help=text)
    text = (
        "how searches inform each other; auto: scaling for five or more of known --size or --data, "
        "crossed for several models on several tasks, hierarchical for one model or one task; "
        "default: %(default)s"
    )
    group.add_argument("--pooling", choices=POOLING, default=POOLING[0], help=text)
    text = "spacing of the recorded scores; default: inferred from ties"
    group.add_argument("--resolution", type=float, metavar="H", help=text)
    text = (
        "lowest and highest possible score, such as 0 100 for an accuracy in percent, each 'none' "
        "if there is none; default: known by the name of the metric"
    )
    names = ("LOW", "HIGH")
    group.add_argument("--bounds", type=_bound, nargs=2, metavar=names, default="auto", help=text)
    _add_sampler_options(group, ", of a surface 300", _MORE_OF_A_SURFACE)
    group = parser.add_argument_group("many searches", "fit each alone; then: leadline pool DIR")
    _add_workers(group)
    text = "fit what is missing in the folder of an earlier run"
    group.add_argument("--resume", action="store_true", help=text)
    _add_output_options(parser, "leadline-SOURCE")


def _add_sampler_options(group: Any, tune: str = "", draws: str = "") -> None:
    for flag, default, text in (
        ("--draws", None, f"posterior draws per chain; default: 1000{draws}"),
        ("--tune", None, f"tuning steps per chain; default: 1000{tune}"),
        ("--chains", 4, "number of chains; default: 4"),
    ):
        group.add_argument(flag, type=_positive_integer, default=default, metavar="N", help=text)


def _add_workers(group: Any) -> None:
    text = "fit in N processes, on this machine"
    group.add_argument("--workers", type=_positive_integer, metavar="N", help=text)
    text = "fit on the workers of a Dask scheduler, such as tcp://10.0.0.1:8786"
    group.add_argument("--scheduler", metavar="ADDRESS", help=text)


def _add_pool_options(parser: argparse.ArgumentParser) -> None:
    text = "folder that `leadline fit --workers` made"
    parser.add_argument("folder", metavar="DIR", type=Path, help=text)
    text = "how searches inform each other; default: as in `leadline fit`"
    choices = ("auto", "hierarchical", "crossed")
    parser.add_argument("--pooling", choices=choices, default="auto", help=text)
    _add_workers(parser)
    _add_output_options(parser, "DIR-pooled")


def _add_output_options(parser: argparse.ArgumentParser, folder: str) -> None:
    add = parser.add_argument_group("seed and output").add_argument
    text = "seed of all random numbers: the same seed gives the same answers"
    add("--seed", type=_seed, metavar="N", help=text)
    add("-o", "--output", type=Path, metavar="DIR", help=f"folder to make; default: {folder}")
    add("--force", action="store_true", help="overwrite these files in an existing folder")
    add("--no-pictures", action="store_true", help="make no pictures and no report")
    add("--quiet", action="store_true", help="print the answers, not the progress")


def _bound(text: str) -> float | str | None:
    # Also applied to the default.
    if text in ("none", "auto"):
        return None if text == "none" else text
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number or 'none', got {text!r}") from None


def _amount(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        point = text.replace(",", ".", 1)
        if point.replace(".", "", 1).isdigit():
            raise argparse.ArgumentTypeError(
                f"write a decimal comma as a point, {point}, got {text!r}"
            ) from None
        raise argparse.ArgumentTypeError(
            f"must be a number in score units, such as 0.002, not a percentage; got {text!r}"
        ) from None


def _positive_integer(text: str, minimum: int = 1) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number, got {text!r}") from None
    if value < minimum:
        raise argparse.ArgumentTypeError(f"must be at least {minimum}, got {value}")
    return value


def _seed(text: str) -> int:
    return _positive_integer(text, minimum=0)


def _add_fit_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("fit", metavar="FIT.nc", type=Path, help="file saved by `leadline fit`")


def _add_interval(parser: argparse.ArgumentParser) -> None:
    text = "probability of all intervals, such as 0.9; default: 0.89, or ArviZ's if it was changed"
    parser.add_argument("--ci-prob", type=float, metavar="P", help=text)


def _add_check_options(parser: argparse.ArgumentParser) -> None:
    text = "evaluate the checks again, in place of those that the fit recorded"
    parser.add_argument("--recompute", action="store_true", help=text)
    text = "show all checks; default: those that failed"
    parser.add_argument("--all", action="store_true", dest="every", help=text)


def _add_summary_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    _add_interval(parser)
    add("--ci-kind", choices=("eti", "hdi"), help="equal-tailed or highest-density intervals")
    formats = ("table", "markdown", "latex", "csv")
    text = "csv has all numbers with full precision; default: %(default)s"
    add("--format", choices=formats, default="table", help=text)


def _add_budget_and_rope(
    parser: argparse.ArgumentParser, budget: str = "compare after K trials each, not fully tuned"
) -> None:
    add = parser.add_argument
    add("--budget", type=float, metavar="K", help=budget)
    text = "treat differences up to D, in score units, as practically equal"
    add("--rope", type=_amount, default=0.0, metavar="D", help=text)


_COMPARE_EXAMPLE = """\
example: leadline compare leadline-runs/fit.nc --rope 0.002

  which model is better, fully tuned: P(better) / P(practically equal) / P(worse), in rounded %
    catboost, mlp:   adult 95 / 4 / 2   bank 75 / 19 / 6   phoneme 25 / 28 / 47
                     overall 83 / 15 / 2
  difference in accuracy; * in task scales
    catboost, mlp:   adult 0.0109   bank 0.0044   phoneme -0.0018
                     overall * 0.20   a new task * 0.13
    task scale:      adult 0.0286   bank 0.0154   phoneme 0.0340

  On adult, catboost is better by more than 0.002 in 95 % of the posterior draws, and worse by more
  than 0.002 in 2 %. On average its optimum is 0.0109 higher. Overall, each difference is divided by
  the task scale, about the spread of its good scores, so that each task counts alike:
  0.0109 / 0.0286 = 0.38, 0.0044 / 0.0154 = 0.29 and -0.0018 / 0.0340 = -0.05 have the mean 0.20
  (unrounded). Of the draws, 83 % are above 0.086, which is 0.002 over the harmonic mean of the
  scales, and 2 % below -0.086. A new task adds how much models differ from task to task, so that
  its interval is wider.
"""


def _add_compare_options(parser: argparse.ArgumentParser) -> None:
    # The lines of the example are not to be filled.
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _COMPARE_EXAMPLE
    add = parser.add_argument
    text = "models to compare (tasks with --by task); default: all"
    add("items", metavar="NAME", nargs="*", default=None, help=text)
    add("--by", choices=("model", "task"), default="model", help="what is compared; default: model")
    _add_budget_and_rope(parser)
    _add_interval(parser)


def _add_sentence_options(parser: argparse.ArgumentParser) -> None:
    text = "compare after K trials each, not fully tuned; of one model, add its score after K"
    _add_budget_and_rope(parser, text)
    _add_interval(parser)
    text = "default: %(default)s"
    forms = ("markdown", "latex")
    parser.add_argument("--format", dest="form", choices=forms, default="markdown", help=text)


def _add_plot_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    text = f"pictures to draw: {', '.join(PICTURES)}; default: all that apply to this fit"
    add("names", metavar="NAME", nargs="*", default=None, choices=PICTURES, help=text)
    folder = Path("leadline-pictures")
    text = "folder to write to, where pictures of the same name are replaced; default: %(default)s"
    add("-o", "--output", type=Path, metavar="DIR", default=folder, help=text)
    add("--format", choices=("png", "svg", "pdf", "html"), help="default: png")
    text = (
        "width and text for one or both columns of a page, or for a slide; default: pictures for "
        "the screen"
    )
    add("--size", choices=("single-column", "double-column", "slide"), help=text)
    text = "mark K trials in the tuning curve, and compare after K trials each"
    _add_budget_and_rope(parser, text)
    text = "numbers of further trials in the forecast; default: up to 1000"
    add("--trials", type=_positive_integer, nargs="+", metavar="M", help=text)
    add("--minimum-gain", type=_amount, metavar="G", help="ignore gains up to G in the forecast")
    _add_interval(parser)
    text = "library that draws; plotly and bokeh make html; default: matplotlib, or plotly for html"
    add("--backend", choices=("matplotlib", "plotly", "bokeh"), help=text)


def _add_report_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    text = "file to write; default: report.html beside FIT.nc"
    add("-o", "--output", type=Path, metavar="FILE", help=text)
    add("--force", action="store_true", help="overwrite an existing file")
    _add_budget_and_rope(parser)


def _add_forecast_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    numbers = [10, 50, 200]
    text = "numbers of further trials; the advice is about the largest; default: 10 50 200"
    add("--trials", type=_positive_integer, nargs="+", default=numbers, metavar="M", help=text)
    text = (
        "ignore gains up to G, in score units; default: any new best is counted, and the advice is "
        "about gains above the noise of one run"
    )
    add("--minimum-gain", type=_amount, metavar="G", help=text)
    text = (
        "advise to stop if the score expected if re-run gains more with a probability below P in "
        "every search; default: %(default)s"
    )
    add("--probability", type=float, default=0.05, metavar="P", help=text)
    text = (
        "also print how many trials bring the best one this close to the optimum with probability "
        "0.9; W is in score units, or a percentage such as 1%%; not of a surface"
    )
    add("--within", metavar="W", help=text)
    _add_interval(parser)
    add(
        "--exit-code",
        action="store_true",
        help="exit with a code of the advice: 0 go on, 3 stop, 4 not settled, 5 no advice, as "
        "sampling failed; of a surface, it is that of the surface",
    )


def _add_demo_options(parser: argparse.ArgumentParser) -> None:
    _add_sampler_options(parser)
    _add_output_options(parser, "leadline-demo")
    parser.set_defaults(seed=_DEMO_SEED)


# Each command: the function that runs it, and those that add its options.
_COMMANDS: dict[str, tuple[Callable[[Any], Any], ...]] = {
    "inspect": (run_inspect, _add_source_options, _add_inspect_epilog),
    "fit": (commands.run_fit, _add_source_options, _add_fit_options),
    "pool": (many.run_pool, _add_pool_options),
    "summary": (commands.run_summary, _add_fit_file, _add_summary_options),
    "check": (commands.run_check, _add_fit_file, _add_check_options),
    "compare": (commands.run_compare, _add_fit_file, _add_compare_options),
    "sentence": (commands.run_sentence, _add_fit_file, _add_sentence_options),
    "plot": (commands.run_plot, _add_fit_file, _add_plot_options),
    "report": (commands.run_report, _add_fit_file, _add_report_options),
    "forecast": (commands.run_forecast, _add_fit_file, _add_forecast_options),
    "demo": (commands.run_demo, _add_demo_options),
}
