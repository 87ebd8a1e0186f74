"""The command line: a thin shell over the library's functions.

Nothing heavy is imported before a command is known to be well formed, so that ``leadline --help``
answers at once; each command imports what it needs.
"""

import logging
import sys
from collections.abc import Sequence

from leadline.cli.parser import build_parser
from leadline.errors import LeadlineError, NotRecordedError


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 failed; usage errors exit with 2.

    `leadline forecast --exit-code` returns 3 when stopping is advised.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments, without the program's name. Default: those of the process.
    """
    parser = build_parser()
    arguments = parser.parse_args(argv)
    # What the library logs is printed with the answers.
    logging.getLogger("leadline").addHandler(logging.NullHandler())
    try:
        return arguments.run(arguments) or 0
    except NotRecordedError as error:
        arguments.parser.error(f"{one_line(error)}; add --{error.option}")
    except (LeadlineError, OSError, ImportError) as error:
        print(f"leadline: error: {one_line(error)}", file=sys.stderr)
    except KeyboardInterrupt:
        print("leadline: interrupted", file=sys.stderr)
    return 1


def one_line(error: Exception) -> str:
    """Return what an error says, on one line."""
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__
