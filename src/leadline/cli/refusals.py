"""Refusals of files and option values before the imports that take seconds."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from leadline.errors import LeadlineError, format_value

# A source with a colon may be the address of a server or database, which its reader examines.
_NO_PATH = ("databricks",)


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
        raise LeadlineError(f"{path} is a folder; give the file fit.nc in it")


def validate_source(source: str) -> None:
    """Raise `FileNotFoundError` if the source of trials is a path where nothing is."""
    if "\0" not in source and ":" not in source and source.lower() not in _NO_PATH:
        validate_file(Path(source).expanduser())
