"""What `leadline fit` can be told: columns, trackers, thresholds, sampling, and where to write."""

import argparse
from pathlib import Path

COLUMNS = ("task", "model", "trial", "replicate", "status", "cost", "space", "best_of")
_COLUMN_HELP = {
    "task": "column of what was solved, such as a data set",
    "model": "column of what was tuned",
    "trial": "column of the configuration that a row evaluates",
    "replicate": "column, parameter or attribute that tells repeated evaluations apart, such as "
    "the seed",
    "status": "column of complete, failed, pruned, ...",
    "cost": "column of what an evaluation cost",
    "space": "column of the search space",
    "best_of": "column of how many trials a score is the best of: rows above 1 are published "
    "results, not trials",
}
_TRACKER_HELP = {
    "study_name": "Optuna: which study",
    "experiment": "MLflow: which experiment",
    "sweep": "W&B: which sweep",
}
TRACKER_OPTIONS = (*_TRACKER_HELP, "parent", "early_stopped", "first_rung", "random_start")
# Those of leadline.plots.gallery, which is slow to import.


def add_fit_options(parser: argparse.ArgumentParser) -> None:
    """Add the source and all options about it and the fit."""
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
    for name in COLUMNS:
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, metavar="COLUMN", help=_COLUMN_HELP[name])
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
        help="how searches learn from each other; auto: crossed for several models on several "
        "tasks, hierarchical for one model or one task",
    )
    for name, default, text in (
        ("draws", 1000, "draws kept for each chain"),
        ("tune", 1000, "draws to adapt for each chain"),
        ("chains", 4, "chains"),
    ):
        parser.add_argument(f"--{name}", type=count_of, default=default, metavar="N", help=text)


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
        type=count_of,
        metavar="N",
        help="the first N trials alone, those drawn at random before the sampler learned",
    )


def add_output_options(parser: argparse.ArgumentParser, folder: str) -> None:
    """Add the seed, the folder and what is written."""
    parser.add_argument("--seed", type=_seed, metavar="N", help="same seed, same numbers")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help=f"folder to make; default: {folder}"
    )
    parser.add_argument(
        "--force", action="store_true", help="overwrite these files in an existing folder"
    )
    parser.add_argument("--no-pictures", action="store_true", help="make no pictures and no report")
    parser.add_argument("--quiet", action="store_true", help="no progress, only the answers")


def count_of(text: str) -> int:
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
