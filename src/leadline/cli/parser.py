"""The commands and options of the command line; what they do is in `leadline.cli.commands`."""

import argparse
from pathlib import Path
from typing import Any, NoReturn

from leadline.cli import commands as cli_commands
from leadline.cli.options import add_fit_options, add_output_options, count_of
from leadline.errors import format_value

_DESCRIPTION = "How low can the loss go? Answers from the scores of a random search."
_PICTURES = (
    "optimum",
    "tuning_curve",
    "forecast",
    "effective_dim",
    "tail_fit",
    "threshold",
    "comparison",
)
_DEMO_SEED = 1  # So that everybody sees what the README shows.


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
    text = "fit the trials of a file, folder or URL: a table of answers, fit.nc and pictures"
    parser = commands.add_parser("fit", help=text, description=text, allow_abbrev=False)
    parser.set_defaults(run=cli_commands.run_fit, parser=parser)
    add_fit_options(parser)
    add_output_options(parser, "leadline-SOURCE")


def _add_summary(commands: Any) -> None:
    text = "show the table of answers of a saved fit"
    parser = commands.add_parser("summary", help=text, description=text, allow_abbrev=False)
    parser.set_defaults(run=cli_commands.run_summary)
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
    parser.set_defaults(run=cli_commands.run_check)
    parser.add_argument("fit", metavar="FIT.nc", type=Path, help="what `leadline fit` saved")


def _add_compare(commands: Any) -> None:
    text = "show which model is better once tuned, or at an equal budget, from a saved fit"
    parser = commands.add_parser("compare", help=text, description=text, allow_abbrev=False)
    parser.set_defaults(run=cli_commands.run_compare)
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
    parser.set_defaults(run=cli_commands.run_plot, parser=parser)
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
            f"must be one of {', '.join(_PICTURES)}; got {format_value(text)}"
        )
    return text


def _add_report(commands: Any) -> None:
    text = "write all answers of a saved fit as one HTML file"
    parser = commands.add_parser("report", help=text, description=text, allow_abbrev=False)
    parser.set_defaults(run=cli_commands.run_report)
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
    parser.set_defaults(run=cli_commands.run_forecast, parser=parser)
    parser.add_argument("fit", metavar="FIT.nc", type=Path, help="what `leadline fit` saved")
    parser.add_argument(
        "--trials",
        type=count_of,
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
    parser.set_defaults(run=cli_commands.run_demo, seed=_DEMO_SEED)
    add_output_options(parser, "leadline-demo")
