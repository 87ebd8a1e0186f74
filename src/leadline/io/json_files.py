"""Folders and JSON files of trackers."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from leadline.errors import LeadlineError, format_value, join_values


def validate_folder(folder: str | os.PathLike[str], default: str) -> tuple[Path, str]:
    """Return the path of a folder and its name, else `FileNotFoundError`, `NotADirectoryError`."""
    path = Path(os.path.expanduser(folder))
    name = format_value(str(path), 200)
    if "\0" in str(path) or not path.exists():
        raise FileNotFoundError(f"no folder {name}; check its name (none was made)")
    if not path.is_dir():
        raise NotADirectoryError(f"{name} is a file; give the folder that it is in")
    return path, path.resolve().name or default


def is_file_url(source: object) -> bool:
    """Return whether `source` is a `file:` URL."""
    return isinstance(source, str) and source[:5].casefold() == "file:"


def path_of(source: str | os.PathLike[str]) -> Path:
    """Return the path that is given, as such or as a `file:` URL."""
    if isinstance(source, str) and is_file_url(source):
        source = unquote(source[5:])
        if source.startswith("//"):
            # By the rules of URLs mlruns in "file://mlruns" is a host; people mean the folder.
            host, slash, rest = source[2:].partition("/")
            source = f"{slash}{rest}" if host in ("", "localhost") else source[2:]
    return Path(os.path.expanduser(source))


def suggest_inside(path: Path, is_kind: Callable[[Path], bool], kinds: str, advice: str) -> str:
    """Return the advice to give one of the folders inside that can be read, else `advice`."""
    inside = [own.name for own in sorted(path.iterdir()) if own.is_dir() and is_kind(own)]
    return f"it holds {kinds}, {join_values(inside, 8)}: give one" if inside else advice


def read_json(path: Path, source: str) -> dict[str, Any]:
    """Return the object in a JSON file, which may hold NaN and Infinity, else `LeadlineError`."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        reason = format_value(str(getattr(error, "strerror", None) or error))
        raise damaged(path, source, f"is not JSON that can be read ({reason})") from None
    if not isinstance(found, dict):
        raise damaged(path, source, f"must hold one object, got a {type(found).__name__}")
    return found


def damaged(path: Path, source: str, reason: str) -> LeadlineError:
    """Return the error for a file of a tracker that cannot be used."""
    name = format_value(f"{path.parent.name}/{path.name}", 120)
    return LeadlineError(f"{source}: {name} {reason}; check that the folder is complete")
