"""Refusals of files and option values before the imports that take seconds."""

import argparse
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leadline.errors import LeadlineError, closest, format_value, join_values

if TYPE_CHECKING:
    from leadline.data.trials import Trials


def validate_options(arguments: argparse.Namespace) -> None:
    """Raise `LeadlineError` if the value of an option of any command is outside its range."""
    from leadline.stats import options

    validators: dict[str, Callable[[Any, str], object]] = {
        "ci_prob": options.validate_probability,
        "probability": options.validate_probability,
        "rope": options.validate_amount,
        "minimum_gain": options.validate_amount,
        "resolution": options.validate_amount,
        "budget": options.validate_budget,
        "within": options.validate_within,
        "tail_fraction": options.validate_shares,
    }
    for option, validate in validators.items():
        value = getattr(arguments, option, None)
        # The budget of `fit` is the name of a column.
        is_column = option == "budget" and isinstance(value, str)
        if value is not None and not is_column:
            validate(value, option)


def validate_file(path: Path) -> None:
    """Raise `FileNotFoundError` unless there is a file or folder at `path`."""
    if not path.exists():
        name = format_value(str(path), 200)
        raise FileNotFoundError(f"no file {name}; check its name and folder")


def validate_fit_file(path: Path) -> None:
    """Raise `FileNotFoundError` or `LeadlineError` unless `path` may be the file of a fit."""
    validate_file(path)
    if path.is_dir():
        if (path / "fit.nc").exists():
            raise LeadlineError(f"{path} is a folder; give the file fit.nc in it")
        from leadline.cli.how_to_fit import how_to_fit

        raise LeadlineError(f"{path} is a folder without a saved fit, fit.nc{how_to_fit(path)}")


def validate_source(source: str) -> None:
    """Raise `FileNotFoundError` if the source of trials is a path where nothing is."""
    # With a colon it may be the address of a server or database, which its reader examines.
    if "\0" not in source and ":" not in source and source.lower() != "databricks":
        validate_file(Path(source).expanduser())


def validate_score(source: str, score: str | None) -> None:
    """Raise `LeadlineError` if the first line of a table has nothing but a similar name.

    All else is left to the reader, whose imports take a second.
    """
    path = Path(source).expanduser()
    if not score or path.suffix.lower() not in (".csv", ".tsv") or not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        head = file.readline()
    if score in head or '"' in head:
        return
    columns = max((head.strip().split(mark) for mark in ",;\t|"), key=len)
    if near := closest(score, columns):
        raise LeadlineError(
            f"{path.name}: no column {format_value(score)} for --score.{near} The columns are "
            f"{join_values(columns)}"
        )


def unnamed_searches(trials: "Trials", options: Mapping[str, object]) -> str:
    """Return why `fit` refuses several searches that no option tells apart, "" where it does not.

    So does it where a column that no option names would merge them.

    A column that is not used may tell more of them apart: the reader of a table names it.
    """
    from leadline.data.trials import merged_searches

    if len(trials.searches) < 2 or any(
        options.get(name) for name in ("task", "model", "study_name")
    ):
        return merged_searches(trials.notes)
    tasks, models = (set(names) for names in zip(*trials.searches, strict=True))
    known = [name for name, own in (("task", tasks), ("model", models)) if len(own) > 1]
    unused = [re.search(r"name it, as in ((?:task|model)='[^']*')", note) for note in trials.notes]
    column = next((found[1] for found in unused if found), "")
    by_default = " ".join(f"{name}={name!r}" for name in known)
    likely = f"{column}; if nothing else does, as in {by_default}" if column else by_default
    else_ = " else" if column else ""
    return (
        f"there are {len(trials.searches)} searches, (task, model) "
        f"{join_values(trials.searches, limit=5)}, told apart by {' and '.join(known)}; to fit "
        f"each of them, name what{else_} tells them apart, as in {likely}"
    )
