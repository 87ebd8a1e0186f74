"""Lines to type next, which work as they stand."""

import shlex
from collections.abc import Mapping
from pathlib import Path

from leadline.cli.wording import SOURCE_ARGUMENTS, SURFACE, new_folder


def surface_line(
    source: str, options: Mapping[str, object], *, seed: int | None = None, output: str = ""
) -> str:
    """Return the command that fits a surface to a source read with `options`.

    The random start is left out, as a surface takes all trials. `output` is a folder that is new.
    """
    # Passwords of databases are not printed.
    words = ["leadline", "fit", source.rpartition("@")[2]]
    for name in SOURCE_ARGUMENTS:
        value = options.get(name)
        if value is None or value is False or name == "random_start":
            continue
        values = value if isinstance(value, list | tuple) else [] if value is True else [value]
        words += [f"--{name.replace('_', '-')}", *map(str, values)]
    words += [SURFACE]
    words += ["--seed", str(seed)] if seed is not None else []
    return shlex.join([*words, *(["-o", output] if output else [])])


def surface_folder(folder: Path) -> str:
    """Return a folder that does not exist, for the surface beside the fit in `folder`."""
    return new_folder(folder, "-surface")
