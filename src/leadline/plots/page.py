"""Sizes of figures for a page or a slide: their width, their text, and how many panels fit."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

_NATURAL_FONT = 10.0
# A panel may be this much narrower than by default, relative to its text.
_NARROWEST = 0.7
# Lines of a legend and its caption for which figures have room, and the height of one in fonts.
_LINES, _LINE_HEIGHT = 3, 1.6


@dataclass(frozen=True)
class Page:
    """Width of a figure in inches, size of its text in points, its largest height, and dots."""

    width: float
    font: float
    height: float
    dots_per_inch: int = 300

    @property
    def scale(self) -> float:
        """Size of the text relative to that of pictures of no given size."""
        return self.font / _NATURAL_FONT


PAGES = {
    "single-column": Page(3.4, 7.0, 9.0),
    "double-column": Page(7.0, 8.0, 9.0),
    "slide": Page(12.0, 13.0, 6.75, 150),
}
"""The sizes by name: one or both columns of a journal's page, and a slide of 16 : 9."""

_PAGE: ContextVar[Page | None] = ContextVar("page", default=None)


@contextmanager
def page(name: str | None) -> Iterator[None]:
    """Draw and save pictures on matplotlib in a size of `PAGES`; None is the default size."""
    import matplotlib as mpl

    if name is None:
        yield
        return
    chosen = PAGES[name]
    token = _PAGE.set(chosen)
    line = 0.8 * chosen.scale
    # Text in a PDF stays text, which journals ask for.
    try:
        with mpl.rc_context({"font.size": chosen.font, "axes.linewidth": line, "pdf.fonttype": 42}):
            yield
    finally:
        _PAGE.reset(token)


def fit_columns(columns: int, panel_width: float) -> int:
    """Return the number of columns of panels that fit the page, at most `columns`."""
    chosen = _PAGE.get()
    if chosen is None:
        return columns
    return max(1, min(columns, int(chosen.width / (_NARROWEST * chosen.scale * panel_width))))


def dots_per_inch() -> int:
    """Return the resolution of a PNG; journals ask for 300 dots per inch."""
    chosen = _PAGE.get()
    return 150 if chosen is None else chosen.dots_per_inch


def text_scale() -> float:
    """Return the size of text and marks relative to that of pictures of no given size."""
    chosen = _PAGE.get()
    return 1.0 if chosen is None else chosen.scale


def make_room(height: float, lines: float) -> float:
    """Return the height in inches on the page of a figure with `lines` of text below the panels.

    The size by itself has room for `_LINES` of them.
    """
    chosen = _PAGE.get()
    if chosen is None or lines <= _LINES:
        return height
    return min(height + (lines - _LINES) * _LINE_HEIGHT * chosen.font / 72.0, chosen.height)


def fit_size(size: tuple[float, float]) -> tuple[float, float]:
    """Return the size in inches on the page of a figure that would have `size` by itself."""
    chosen = _PAGE.get()
    if chosen is None:
        return size
    return chosen.width, min(size[1] * chosen.scale, chosen.height)
