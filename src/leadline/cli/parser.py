"""Commands of the command line and their options; `leadline.cli.commands` carries them out."""

import argparse
from pathlib import Path
from typing import Any, NoReturn

from leadline.cli import commands
from leadline.cli.options import add_fit_options, add_output_options, positive_integer

# The names of leadline.plots.gallery.PICTURES, which is slow to import.
PICTURES = (
    *("optimum", "tuning_curve", "forecast", "effective_dim", "tail_fit", "threshold"),
    "comparison",
)
_DEMO_SEED = 1  # Everybody sees the numbers of the README.


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = _Parser(
        prog="leadline",
        description="How low can the loss go? Answers from the scores of a random search.",
        epilog="`leadline COMMAND --help` lists the options of a command.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, (run, add_options) in _COMMANDS.items():
        # The first line of the docstring is the help of the command.
        title = (run.__doc__ or name).splitlines()[0].rstrip(".")
        text = title[0].lower() + title[1:]
        command = subparsers.add_parser(name, help=text, description=text, allow_abbrev=False)
        command.set_defaults(run=run, parser=command)
        add_options(command)
    return parser


class _Parser(argparse.ArgumentParser):
    """A parser with errors of one line: the usage of all options would hide the mistake."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


class _Version(argparse.Action):
    """Print the version, which takes long to look up."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        import importlib.metadata

        print(f"leadline {importlib.metadata.version('leadline')}")
        parser.exit()


def _add_fit_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("fit", metavar="FIT.nc", type=Path, help="file saved by `leadline fit`")


def _add_summary_options(parser: argparse.ArgumentParser) -> None:
    _add_fit_file(parser)
    add = parser.add_argument
    add("--ci-prob", type=float, metavar="P", help="probability of the intervals, such as 0.9")
    add("--ci-kind", choices=("eti", "hdi"), help="equal-tailed or highest-density intervals")
    add(
        "--format",
        choices=("table", "markdown", "latex", "csv"),
        default="table",
        help="csv has all numbers with full precision; default: %(default)s",
    )


def _add_compare_options(parser: argparse.ArgumentParser) -> None:
    _add_fit_file(parser)
    add = parser.add_argument
    add("--by", choices=("model", "task"), default="model", help="what is compared; default: model")
    add("--budget", type=float, metavar="K", help="compare after K trials each, not fully tuned")
    add(
        "--rope",
        type=float,
        default=0.0,
        metavar="D",
        help="treat differences up to D, in score units, as practically equal",
    )


def _add_plot_options(parser: argparse.ArgumentParser) -> None:
    _add_fit_file(parser)
    add = parser.add_argument
    add(
        "names",
        metavar="NAME",
        nargs="*",
        choices=PICTURES,
        help=f"pictures to draw: {', '.join(PICTURES)}; default: all that apply to this fit",
    )
    add(
        "-o",
        "--output",
        type=Path,
        metavar="DIR",
        default=Path("leadline-pictures"),
        help="folder to write to, where pictures of the same name are replaced; default: "
        "%(default)s",
    )
    add("--format", choices=("png", "svg", "pdf", "html"), help="default: png")
    add(
        "--backend",
        choices=("matplotlib", "plotly", "bokeh"),
        help="library that draws; plotly and bokeh make html; default: matplotlib, or plotly for "
        "html",
    )


def _add_report_options(parser: argparse.ArgumentParser) -> None:
    _add_fit_file(parser)
    add = parser.add_argument
    text = "file to write; default: report.html beside FIT.nc"
    add("-o", "--output", type=Path, metavar="FILE", help=text)
    add("--force", action="store_true", help="overwrite an existing file")


def _add_forecast_options(parser: argparse.ArgumentParser) -> None:
    _add_fit_file(parser)
    add = parser.add_argument
    add(
        "--trials",
        type=positive_integer,
        nargs="+",
        default=[10, 50, 200],
        metavar="M",
        help="numbers of further trials; the advice is about the largest; default: 10 50 200",
    )
    text = "ignore gains up to G, in score units; default: %(default)g"
    add("--minimum-gain", type=float, default=0.0, metavar="G", help=text)
    add(
        "--probability",
        type=float,
        default=0.05,
        metavar="P",
        help="advise to stop if the probability of a larger gain is below P in every search; "
        "default: %(default)s",
    )
    add(
        "--within",
        metavar="W",
        help="also print how many trials bring the best one this close to the optimum with "
        "probability 0.9; W is in score units, or a percentage such as 1%%",
    )
    add("--exit-code", action="store_true", help="exit with code 3 if the advice is to stop")


def _add_demo_options(parser: argparse.ArgumentParser) -> None:
    add_output_options(parser, "leadline-demo")
    parser.set_defaults(seed=_DEMO_SEED)


_COMMANDS = {
    "fit": (commands.run_fit, add_fit_options),
    "summary": (commands.run_summary, _add_summary_options),
    "check": (commands.run_check, _add_fit_file),
    "compare": (commands.run_compare, _add_compare_options),
    "plot": (commands.run_plot, _add_plot_options),
    "report": (commands.run_report, _add_report_options),
    "forecast": (commands.run_forecast, _add_forecast_options),
    "demo": (commands.run_demo, _add_demo_options),
}
