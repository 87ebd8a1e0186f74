"""Entry point of the command line, a thin shell over the functions of the library.

Each command imports what it needs once its arguments are known to be well formed, so that
``leadline --help`` answers at once.
"""

import logging
import sys
from collections.abc import Sequence

from leadline.cli.parser import build_parser
from leadline.cli.wording import in_command_line_words
from leadline.errors import LeadlineError, NotRecordedError


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 failed; usage errors exit with 2.

    `argv` are the arguments without the name of the program; default: those of the process.
    `leadline forecast --exit-code` returns 3 when stopping is advised.
    """
    arguments = build_parser().parse_args(argv)
    # The answers include what the library logs.
    logging.getLogger("leadline").addHandler(logging.NullHandler())
    try:
        return arguments.run(arguments) or 0
    except NotRecordedError as error:
        options = " and ".join(f"--{name.replace('_', '-')}" for name in error.options)
        arguments.parser.error(f"{_one_line(error)}; add {options}")
    except (LeadlineError, OSError, ImportError) as error:
        print(f"leadline: error: {_one_line(error)}", file=sys.stderr)
    except KeyboardInterrupt:
        print("leadline: interrupted", file=sys.stderr)
    return 1


def _one_line(error: Exception) -> str:
    """Return the message of an error on one line, in the words of the command line."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return in_command_line_words(" ".join(str(error).split())) or type(error).__name__
