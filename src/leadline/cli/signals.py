"""Signals that end a command: Ctrl-C and SIGTERM raise `Stopped`, so that it can clean up."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(KeyboardInterrupt):
    """A signal stopped the command; `exit_code` is 128 plus its number."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = 128 + number


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise `Stopped` in this context at the first signal; further ones are ignored."""
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread may handle signals.
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    # A process that a script started in the background ignores Ctrl-C already.
    handled = [number for number in _SIGNALS if before[number] is not signal.SIG_IGN]

    def stop(number: int, frame: FrameType | None) -> None:
        for each in handled:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped(number)

    for number in handled:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, before[number])
