"""The progress of a fit: its stage, the search it is at, time and divergences so far.

A `Progress` travels with the settings of the sampler. The code that does the work reports to it in
one line each; `leadline.inference.progress_views` shows what it holds.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import xarray as xr

# Earlier estimates of the remaining time are too rough to show.
_SECONDS_TO_ESTIMATE, _SHARE_TO_ESTIMATE = 2.0, 0.05

# Share of what is left that a run fills which may have to be repeated.
_ROOM = 0.7


class Progress:
    """The state of a fit at work, shown while the object is entered as a context.

    Parameters
    ----------
    shown : bool
        Show one live display in a terminal or a notebook, and one line per stage on the standard
        error elsewhere; or nothing.
    show_answer : callable, optional
        Called with the DataTree of the first search that is fitted alone before others.

    Examples
    --------
    >>> with Progress(shown=False) as progress:
    ...     progress.start("sampling", 2, "searches")
    ...     progress.step("digits / mlp")
    ...     progress.place
    'sampling 1 of 2: digits / mlp'
    """

    def __init__(
        self, shown: bool = False, *, show_answer: Callable[[xr.DataTree], None] | None = None
    ) -> None:
        self._shown = shown
        self._show_answer = show_answer
        self._view: Any = None
        self._began = time.monotonic()
        self.divergences = 0
        """Divergences after tuning, in all runs, also in those that were repeated."""
        self._running = 0
        self.start("preparing")

    def __enter__(self) -> Self:
        if self._shown:
            # Only a display needs rich.
            from leadline.inference.progress_views import make_view

            self._view = make_view(self)
            self._view.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._view is not None:
            self._view.stop()
            self._view = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Hide the display, so that answers can be printed."""
        if self._view is not None:
            self._view.stop()
        yield
        if self._view is not None:
            self._view.start()

    def start(self, stage: str, steps: int = 1, units: str = "") -> None:
        """Start a stage of a number of steps, such as 12 "searches"."""
        self.stage, self.steps, self.units = stage, steps, units
        self._stage_began = time.monotonic()
        self._done, self.label = -1, ""
        self.split(1)
        self.samples = False
        """True once the stage has sampled, so that there may be divergences."""
        if self._view is not None:
            self._view.show_stage()

    def step(self, label: str = "") -> None:
        """Go to the next step of the stage: what it is about, such as the name of a search."""
        self._done += 1
        self.label = label
        self.split(1)

    def split(self, parts: int) -> None:
        """Split the step into parts, one per threshold."""
        self._parts = parts
        self.part(0)

    def part(self, number: int) -> None:
        """Go to a part of the step, counted from 0."""
        self._part, self._run, self.note = number, 0.0, ""
        self._run_began, self._room = 0.0, 1.0

    def may_repeat(self) -> None:
        """Leave room for a repetition of the next run, so that the share never falls."""
        self._room = _ROOM

    @contextmanager
    def compiling(self) -> Iterator[None]:
        """Mark the compilation of a model, which does not count for the remaining time."""
        began, self.note = time.monotonic(), "compiling the model"
        yield
        self.note = ""
        self._stage_began += time.monotonic() - began

    def sampling(self, chains: Sequence[Any]) -> None:
        """Take the state of a run: the `nutpie.ChainProgress` of each chain."""
        self.samples = True
        total = sum(chain.total_draws for chain in chains)
        share = sum(chain.finished_draws for chain in chains) / max(total, 1)
        self._run = self._run_began + self._room * (1.0 - self._run_began) * share
        self._running = sum(chain.divergences for chain in chains)
        if self._view is not None:
            self._view.show_draws()

    def sampled(self, divergences: int, *, repeated: str = "") -> None:
        """Take the divergences of a finished run; `repeated` says how it runs again, if it does."""
        self.samples = True
        self.divergences += divergences
        self._running = 0
        self._run_began += self._room * (1.0 - self._run_began)
        self._run = self._run_began if repeated else 1.0
        self.note = repeated

    def answer(self, make: Callable[[], xr.DataTree]) -> None:
        """Show the fit of a single search before the others are fitted; only the first is made."""
        if self._show_answer is not None:
            show, self._show_answer = self._show_answer, None
            tree = make()
            with self.paused():
                show(tree)

    @property
    def place(self) -> str:
        """The stage and the step, such as "weighing thresholds 4 of 12: digits / mlp"."""
        words = self.stage
        if self.steps > 1 and self._done >= 0:
            words = f"{words} {self._done + 1} of {self.steps}"
        if self._parts > 1:
            label = f"{self.label}, " if self.label else ""
            return f"{words}: {label}threshold {self._part + 1} of up to {self._parts}"
        return f"{words}: {self.label}" if self.label else words

    @property
    def seen_divergences(self) -> int:
        """Divergences so far, with those of the run at hand."""
        return self.divergences + self._running

    @property
    def fraction(self) -> float:
        """Share of the stage that is done."""
        step = (self._part + self._run) / self._parts
        return min((max(self._done, 0) + step) / self.steps, 1.0)

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began

    @property
    def remaining(self) -> float | None:
        """Estimated seconds to the end of the stage, None while unknown."""
        elapsed, fraction = time.monotonic() - self._stage_began, self.fraction
        if self.note or elapsed < _SECONDS_TO_ESTIMATE or fraction < _SHARE_TO_ESTIMATE:
            return None
        return elapsed * (1.0 - fraction) / fraction


@contextmanager
def showing(progressbar: bool | Progress) -> Iterator[Progress]:
    """Yield the progress of a fit, shown or not; one that is given is shown by its owner."""
    if isinstance(progressbar, Progress):
        yield progressbar
    else:
        with Progress(bool(progressbar)) as progress:
            yield progress
