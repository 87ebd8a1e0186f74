"""YAML files of trackers."""

from pathlib import Path
from typing import Any

import yaml

# libyaml is ten times faster than the loader in Python, and limits the depth of nesting.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> dict[str, Any] | None:
    """Return the mapping in a YAML file, None if it is missing, damaged or no mapping."""
    try:
        found = yaml.load(path.read_bytes(), Loader=_LOADER)
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return None
    return {str(key): value for key, value in found.items()} if isinstance(found, dict) else None
