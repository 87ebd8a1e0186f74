"""Views of a `Progress`: a live display in a terminal or a notebook, plain lines elsewhere."""

import sys
import threading
from abc import ABC, abstractmethod
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from leadline.errors import pluralize
from leadline.inference.progress import Progress

# Two lines of 80 columns hold all.
_BAR_WIDTH = 20
_SECONDS_PER_FRAME = 0.25
_SECONDS_PER_LINE = 30


class View(ABC):
    """Shows a progress between `start` and `stop`, which alternate."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    @abstractmethod
    def start(self) -> None:
        """Begin to show, also after a pause."""

    @abstractmethod
    def stop(self) -> None:
        """Stop, and leave nothing on the screen that is no longer true."""

    def show_stage(self) -> None:  # noqa: B027  (optional)
        """Show a new stage, unless the next frame will."""

    def show_draws(self) -> None:  # noqa: B027  (optional)
        """Show how far a run of the sampler is, unless the next frame will."""


def make_view(progress: Progress) -> View:
    """Return the view for the place where the process runs."""
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    if console.is_jupyter:
        return NotebookView(progress)
    # Not `is_terminal` alone, which FORCE_COLOR sets for files too.
    live = console.is_interactive and sys.stderr.isatty()
    return TerminalView(progress, console) if live else LinesView(progress)


class TerminalView(View):
    """Two lines at the bottom of a terminal, which vanish when the work is done."""

    def __init__(self, progress: Progress, console: Console) -> None:
        super().__init__(progress)
        self._console = console
        self._live: Live | None = None

    def start(self) -> None:
        """Show the two lines; rich renews them in a thread."""
        # Answers go to the standard output, which may be a file: it is never redirected.
        self._live = Live(
            console=self._console,
            transient=True,
            redirect_stdout=False,
            get_renderable=lambda: render(self._progress),
            refresh_per_second=1 / _SECONDS_PER_FRAME,
        )
        self._live.start(refresh=True)

    def stop(self) -> None:
        """Erase the two lines."""
        if self._live is not None:
            self._live.stop()
            self._live = None


class NotebookView(View):
    """One output of a notebook cell, renewed by a thread; rich alone would need ipywidgets."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(progress)
        self._handle: Any = None
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Show the output, and renew it in a thread."""
        from IPython.display import display

        if self._handle is None:
            self._handle = display(render(self._progress), display_id=True)
        self._stopped.clear()
        self._thread = threading.Thread(target=self._renew, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Replace the output by the time that it took."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._handle.update(Text(f"{_clock(self._progress.elapsed)} of fitting"))

    def _renew(self) -> None:
        while not self._stopped.wait(_SECONDS_PER_FRAME):
            self._handle.update(render(self._progress))


class LinesView(View):
    """One line per stage, and every half minute, on the standard error, for files and pipes."""

    _printed = 0.0

    def start(self) -> None:
        """Show nothing before the first stage."""

    def stop(self) -> None:
        """Leave the lines where they are."""

    def show_stage(self) -> None:
        """Print the stage."""
        progress = self._progress
        count = f": {progress.steps} {progress.units}" if progress.steps > 1 else ""
        self._print(f"{progress.stage}{count}")

    def show_draws(self) -> None:
        """Print the share of the stage that is done, every half minute."""
        progress = self._progress
        if progress.elapsed - self._printed > _SECONDS_PER_LINE:
            note = f" ({progress.note})" if progress.note else ""
            self._print(f"{progress.place}{note}, {100 * progress.fraction:.0f} %")

    def _print(self, text: str) -> None:
        self._printed = self._progress.elapsed
        print(f"{_clock(self._printed)} {text}", file=sys.stderr, flush=True)


def render(progress: Progress) -> Table:
    """Return what a live display shows of a progress, in two lines."""
    place = Text(progress.place, no_wrap=True, overflow="ellipsis")
    if progress.note:
        place.append(f" ({progress.note})", style="dim")
    line = Table.grid(padding=(0, 2))
    bar = ProgressBar(width=_BAR_WIDTH, total=1.0, completed=progress.fraction)
    line.add_row(bar, Text(_times(progress), no_wrap=True, overflow="ellipsis"))
    # Unlike a group, a table is also rendered in notebooks.
    both = Table.grid()
    both.add_row(place)
    both.add_row(line)
    return both


def _times(progress: Progress) -> str:
    """Return the elapsed and the remaining time, and the divergences so far."""
    found, remaining = progress.seen_divergences, progress.remaining
    parts = [] if remaining is None else [f"{_clock(remaining)} left in this stage"]
    parts.append(f"{_clock(progress.elapsed)} so far")
    if progress.samples:
        parts.append(pluralize(found, "divergence") if found else "no divergences")
    return ", ".join(parts)


def _clock(seconds: float) -> str:
    """Return minutes and seconds, such as "1:05"."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"
