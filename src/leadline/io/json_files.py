"""JSON files of trackers: parsed, or refused in one line that names the file."""

import json
from pathlib import Path
from typing import Any

from leadline.errors import LeadlineError, format_value


def read_json(path: Path, source: str) -> dict[str, Any]:
    """Return the object in a JSON file; NaN and Infinity may stand in it.

    Raises
    ------
    LeadlineError
        If it cannot be read or holds no object.
    """
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise LeadlineError(
            f"{source}: {short_path(path)} is not JSON that can be read ({format_value(str(reason))}); "
            "is the folder whole?"
        ) from None
    if not isinstance(found, dict):
        raise LeadlineError(
            f"{source}: {short_path(path)} must hold one object, got a {type(found).__name__}; "
            "is the folder whole?"
        )
    return found


def short_path(path: Path) -> str:
    """Return the file with its folder, as messages show it."""
    return format_value(f"{path.parent.name}/{path.name}", 120)


def folder_of(path: Path) -> Path:
    """Return the folder when there is one, else raise."""
    name = format_value(str(path), 200)
    if "\0" in str(path) or not path.exists():
        raise FileNotFoundError(f"no folder {name}; check its name (none was made)")
    if not path.is_dir():
        raise NotADirectoryError(f"{name} is a file; give the folder that it is in")
    return path
