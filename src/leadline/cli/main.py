"""Entry point of the command line, a thin shell over the functions of the library.

Each command imports what it needs once its arguments are known to be well formed, so that
``leadline --help`` answers at once.
"""

import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from leadline.cli.parser import build_parser
from leadline.cli.refusals import validate_options
from leadline.cli.signals import Stopped, stoppable
from leadline.cli.wording import in_command_line_words
from leadline.errors import LeadlineError, NotRecordedError

_INTERRUPTED = 128 + signal.SIGINT


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 failed; usage errors exit with 2.

    A signal that stops the command adds its number to 128: 130 for Ctrl-C, 143 for SIGTERM.
    `leadline forecast --exit-code` returns 3 when stopping is advised. `argv` are the arguments
    without the name of the program; default: those of the process.
    """
    arguments = build_parser().parse_args(argv)
    # The answers include what the library logs.
    logging.getLogger("leadline").addHandler(logging.NullHandler())
    try:
        with stoppable():
            validate_options(arguments)
            return arguments.run(arguments) or 0
    except NotRecordedError as error:
        options = " and ".join(f"--{name.replace('_', '-')}" for name in error.options)
        arguments.parser.error(f"{_one_line(error)}; add {options}")
    except (LeadlineError, ImportError) as error:
        print(f"leadline: error: {_one_line(error)}", file=sys.stderr)
    except OSError as error:
        notes = getattr(error, "__notes__", [])
        print(f"leadline: error: {'; '.join([_one_line(error), *notes])}", file=sys.stderr)
    except KeyboardInterrupt as error:
        notes = getattr(error, "__notes__", ["nothing was written"])
        print(f"leadline: {'; '.join(['stopped', *notes])}", file=sys.stderr)
        return error.exit_code if isinstance(error, Stopped) else _INTERRUPTED
    return 1


def run() -> NoReturn:
    """Run the command of this process and exit."""
    code = main()
    if code > 128:
        # The interpreter takes up to two seconds to free its modules.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _one_line(error: Exception) -> str:
    """Return the message of an error on one line, in the words of the command line."""
    if isinstance(error, OSError) and error.strerror:
        strerror = " ".join(error.strerror.split())
        return f"{error.filename}: {strerror}" if error.filename else strerror
    return in_command_line_words(" ".join(str(error).split())) or type(error).__name__
