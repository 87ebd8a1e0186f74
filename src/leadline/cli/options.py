"""Options of `leadline fit`, and those of every command that writes a folder."""

import argparse
from pathlib import Path

COLUMNS = {
    "task": "what was solved, such as a data set",
    "model": "what was tuned",
    "trial": "the configuration that a row evaluates",
    "replicate": "the identifier of repeated evaluations, such as the seed; also a parameter or "
    "attribute",
    "status": "complete, failed, pruned, ...",
    "cost": "the cost of an evaluation",
    "space": "the search space",
    "best_of": "the number of trials that a score is the best of: rows above 1 are published "
    "results, not trials",
}
"""Columns of a table of trials: Python's name and what the column holds."""

TRACKER_OPTIONS = (
    *("study_name", "experiment", "sweep", "parent", "early_stopped", "first_rung"),
    "random_start",
)
"""Options of the readers of other tools' sources, by Python's name."""


def add_fit_options(parser: argparse.ArgumentParser) -> None:
    """Add the source and all options that describe it, and those of the fit."""
    parser.usage = "%(prog)s SOURCE [options]"
    parser.epilog = "Example: leadline fit trials.csv --score val_loss --direction minimize"
    add = parser.add_argument
    add(
        "trials",
        metavar="SOURCE",
        help="a table with one row per evaluation (CSV, JSON lines, Parquet); an Optuna or MLflow "
        "database, as a file or URL; the folder of a Ray Tune or Keras Tuner search; a CSV export "
        "of W&B or of scikit-learn's cv_results_",
    )
    add("--score", metavar="COLUMN", help="column, metric or objective that holds the score")
    add(
        "--direction",
        choices=("minimize", "maximize"),
        help="whether low or high scores are good; required unless the source records it, as it "
        "is never guessed",
    )
    add(
        "--params",
        nargs="+",
        metavar="COLUMN",
        help="columns of the hyperparameters; their number bounds the effective dimension",
    )
    text = "fit even if the hyperparameters show that the search was not random"
    add("--assume-random", action="store_true", help=text)
    add = parser.add_argument_group(
        "columns of the table", "name the column that holds"
    ).add_argument
    for name, text in COLUMNS.items():
        add(f"--{name.replace('_', '-')}", metavar="COLUMN", help=text)
    _add_tracker_options(parser)
    _add_model_options(parser)
    add_output_options(parser, "leadline-SOURCE")


def _add_tracker_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("sources of other tools").add_argument
    add("--study-name", metavar="NAME", help="Optuna: name of the study")
    add("--experiment", metavar="NAME", help="MLflow: name of the experiment")
    add("--sweep", metavar="NAME", help="W&B: name of the sweep")
    add("--parent", metavar="RUN", nargs="+", help="MLflow: the sweeps to read")
    add(
        "--early-stopped",
        choices=("pruned", "complete"),
        help="Ray Tune: status of trials with fewer training iterations than the others",
    )
    text = "scikit-learn: read all candidates of a halving search at the smallest budget"
    add("--first-rung", action="store_true", default=None, help=text)
    text = "read only the first N trials, drawn at random before the sampler used any score"
    add("--random-start", type=positive_integer, metavar="N", help=text)


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("model and sampling")
    tail = group.add_mutually_exclusive_group()
    tail.add_argument(
        "--tail-fraction",
        type=float,
        nargs="+",
        metavar="F",
        help="share of the trials, the best ones, to which the quadratic law is fitted, such as "
        "0.2; several values are averaged; default: decided from the data",
    )
    text = "score beyond which the quadratic law is fitted, instead of --tail-fraction"
    tail.add_argument("--threshold", type=float, metavar="T", help=text)
    for flag, choices, text in (
        (
            "--scale",
            ("identity", "log", "logit", "auto"),
            "scale of the score on which the law is fitted; auto averages over scales",
        ),
        ("--effective-dim", ("continuous", "integer"), "type of the effective dimension"),
        (
            "--pooling",
            ("auto", "single", "hierarchical", "crossed"),
            "how searches inform each other; auto: crossed for several models on several tasks, "
            "hierarchical for one model or one task",
        ),
    ):
        text = f"{text}; default: %(default)s"
        group.add_argument(flag, choices=choices, default=choices[0], help=text)
    text = "spacing of the recorded scores; default: inferred from ties"
    group.add_argument("--resolution", type=float, metavar="H", help=text)
    for flag, default, text in (
        ("--draws", 1000, "posterior draws per chain; default: %(default)s"),
        ("--tune", 1000, "tuning steps per chain; default: %(default)s"),
        ("--chains", 4, "number of chains; default: %(default)s"),
    ):
        group.add_argument(flag, type=positive_integer, default=default, metavar="N", help=text)


def add_output_options(parser: argparse.ArgumentParser, folder: str) -> None:
    """Add the seed, the folder to write, and what is written and printed."""
    add = parser.add_argument_group("seed and output").add_argument
    text = "seed of all random numbers: the same seed gives the same answers"
    add("--seed", type=_seed, metavar="N", help=text)
    add("-o", "--output", type=Path, metavar="DIR", help=f"folder to make; default: {folder}")
    add("--force", action="store_true", help="overwrite these files in an existing folder")
    add("--no-pictures", action="store_true", help="make no pictures and no report")
    add("--quiet", action="store_true", help="print the answers, not the progress")


def positive_integer(text: str, minimum: int = 1) -> int:
    """Return a number of draws, chains or trials."""
    value = int(text)
    if value < minimum:
        raise argparse.ArgumentTypeError(f"must be at least {minimum}, got {value}")
    return value


def _seed(text: str) -> int:
    return positive_integer(text, minimum=0)
