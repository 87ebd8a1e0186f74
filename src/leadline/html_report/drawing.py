"""How the report's pictures are drawn: one set of settings, the same bytes for the same data."""

import io
import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from leadline.html_report.svg import for_page
from leadline.plots.style import MODEL_COLORS

INK = "#000000"

_SETTINGS = {
    # Text stays text: small, and in the typeface of the page.
    "svg.fonttype": "none",
    # A name is no formula, whatever dollars are in it.
    "text.parse_math": False,
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "savefig.transparent": True,
}
_LABEL_CHARACTERS = 20
_MOST_LINES = 3


def model_color(models: Sequence[str], model: str) -> str:
    """Return the colour of a model, the same in every picture of a report."""
    return MODEL_COLORS[list(models).index(model) % len(MODEL_COLORS)]


@contextmanager
def figure(width: float, height: float) -> Iterator[Figure]:
    """Give a figure of so many inches, drawn with matplotlib's own settings and those above.

    Whatever the caller's settings are, the same data give the same bytes.
    """
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield Figure(figsize=(width, height), layout="constrained")


def as_svg(drawn: Figure, salt: str, label: str, titles: Mapping[str, str] | None = None) -> str:
    """Return a figure as an `svg` element.

    Parameters
    ----------
    drawn : Figure
        Within the context of `figure`.
    salt : str
        Another for every picture of a page.
    label : str
        What it shows.
    titles : mapping of str to str, optional
        Parts named with `named`, and what is shown when one points at them.
    """
    # Without a salt identifiers are random.
    mpl.rcParams["svg.hashsalt"] = salt
    written = io.StringIO()
    with warnings.catch_warnings():
        # The page's typeface may have the letters that matplotlib's lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        drawn.savefig(written, format="svg", metadata={"Date": None})
    return for_page(written.getvalue(), salt, label, titles or {})


def named(artist: Any, part: str) -> None:
    """Name a part of a picture, for the page to find: it becomes the attribute `data-part`."""
    artist.set_gid(f"keep-{part}")


def plain_axis(axes: Axes, which: str, most: int = 5) -> None:
    """Give an axis few ticks, and numbers that are written out."""
    axis = getattr(axes, f"{which}axis")
    axis.set_major_locator(MaxNLocator(most - 1))
    formatter = ScalarFormatter(useOffset=False)
    formatter.set_powerlimits((-5, 6))
    axis.set_major_formatter(formatter)


def short(name: str) -> str:
    """Return a name on a few short lines, cut where it is longer."""
    return "\n".join(
        textwrap.wrap(name, _LABEL_CHARACTERS, max_lines=_MOST_LINES, placeholder=" …")
    )
