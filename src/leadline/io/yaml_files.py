"""YAML files of trackers."""

import json
from pathlib import Path
from typing import Any

import yaml

# libyaml is ten times faster than the loader in Python, and limits the depth of nesting.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> dict[str, Any] | None:
    """Return the mapping in a YAML file, None if it is missing, damaged or no mapping."""
    try:
        content = path.read_bytes()
        found = yaml.load(content, Loader=_LOADER)
        if b"&" in content:
            json.dumps(found, default=str, skipkeys=True)  # raises if a part refers to itself
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return None
    return {str(key): value for key, value in found.items()} if isinstance(found, dict) else None
