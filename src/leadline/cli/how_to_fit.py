"""The line that fits the trials of a source, for a file that was taken for a fit."""

import shlex
from pathlib import Path

from leadline.cli.command_line import surface_line
from leadline.errors import NotRecordedError, SeveralError


def how_to_fit(path: Path) -> str:
    """Return how to make a fit of the trials in a file or folder, "" if none can be read.

    The source is read, so that the line has what a fit needs.
    """
    from leadline.io.sources import read_source, source_stem

    source, quoted = str(path), shlex.quote(str(path))
    # Beside its report, or in the folder that a fit of this source makes.
    for fit in (path.parent / "fit.nc", Path(f"leadline-{source_stem(source)}") / "fit.nc"):
        if path.suffix != ".nc" and fit.exists():
            return f"; the fit is {shlex.quote(str(fit))}"
    if path.suffix in (".html", ".png"):
        return ""
    try:
        read_source(source, {})
    except SeveralError:
        return f"; `leadline inspect {quoted}` shows the searches that it holds, to fit one"
    except NotRecordedError as missing:
        # Columns of a table are named with the direction, which no table records.
        asked = {"score": "--score COLUMN", "direction": "--direction minimize"}
        words = [text for name, text in asked.items() if name in missing.options]
        either = " (or maximize)" if "direction" in missing.options else ""
        line = " ".join(["leadline", "fit", quoted, *words])
        return f"; to make one from these trials, `{line}`{either}"
    except (ValueError, OSError, ImportError):
        # A refused search: its sampler learned.
        try:
            read_source(source, {"assume_random": True})
        except (ValueError, OSError, ImportError):
            return ""
        return f"; to make one from these trials, `{surface_line(source, {})}`"
    return f"; to make one from these trials, `leadline fit {quoted}`"
