"""Tables that fit the width of the screen: columns that do not fit follow in a further table."""

import itertools
import os
import textwrap
from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Column, Table

# A file or a pipe has no width of its own.
_PLAIN_WIDTH = 220
# Words of a wide column are folded to this share of the screen.
_WORDS_SHARE = 0.4
# The head of a column of words takes this many characters before it is folded.
_WORDS_FLOOR = 14
# The characters beside the text of a column, and those beside the table.
_COLUMN_FRAME, _TABLE_FRAME = 3, 1


def open_console() -> Console:
    """Return the standard output, wide unless it is a terminal or `COLUMNS` has its width."""
    # Names of searches may look like markup or an emoji code.
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal and not os.environ.get("COLUMNS"):
        console.width = _PLAIN_WIDTH
    return console


def show_line(line: str, style: str = "") -> None:
    """Print one line, which a screen breaks between words."""
    console = open_console()
    console.print(line, style=style, soft_wrap=console.width >= _PLAIN_WIDTH)


def show_table(
    title: str,
    words: Sequence[str],
    numbers: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    styles: Sequence[str] = (),
    header: bool = True,
) -> None:
    """Print a table below its title, in several parts if it is wider than the screen.

    `words` and `numbers` are the heads of columns. Every part has the columns of words, which may
    be folded; cells of numbers stay on one line, unless a single one is wider than the screen. A
    part leaves out rows of which it has no number. `styles` has one style per row.
    """
    console = open_console()
    console.print(title, style="bold")
    heads = [*words, *numbers]
    cells = list(zip(*rows, strict=True)) if rows else [() for _ in heads]
    widths = [_width(column) for column in cells]
    full = [max(width, _width([head]) * header) for head, width in zip(heads, widths, strict=True)]
    if sum(full) + _COLUMN_FRAME * len(full) + _TABLE_FRAME > console.width:
        longest = int(_WORDS_SHARE * console.width)
        floors = [_WORDS_FLOOR] * len(words) + [0] * len(numbers)
        heads = [_fill(*own) for own in zip(heads, map(max, widths, floors), strict=True)]
        full = [max(width, _width([head])) for head, width in zip(heads, widths, strict=True)]
        full[: len(words)] = [min(width, longest) for width in full[: len(words)]]
    for part in _parts(full, len(words), console.width):
        columns = [
            Column(heads[k], overflow="fold", justify="right", width=full[k])
            if k >= len(words)
            # Without a width of its own, it gives way.
            else Column(heads[k], overflow="fold", max_width=full[k])
            for k in part
        ]
        table = Table(*columns, show_header=header, header_style="")
        shown = part[len(words) :] or part
        for row, style in zip(rows, styles or [""] * len(rows), strict=True):
            if any(row[k] for k in shown):
                table.add_row(*(row[k] for k in part), style=style)
        console.print(table)


def _parts(widths: Sequence[int], n_words: int, limit: int) -> Iterator[list[int]]:
    """Yield the columns of each part: those of words, then as many of numbers as fit."""
    words = list(range(n_words))
    used = sum(widths[:n_words]) + _COLUMN_FRAME * n_words + _TABLE_FRAME
    part: list[int] = []
    room = limit - used
    for place in range(n_words, len(widths)):
        if part and widths[place] + _COLUMN_FRAME > room:
            yield words + part
            part, room = [], limit - used
        part.append(place)
        room -= widths[place] + _COLUMN_FRAME
    yield words + part


def _width(texts: Sequence[str]) -> int:
    lines = itertools.chain.from_iterable(text.splitlines() or [""] for text in texts)
    return max((cell_len(line) for line in lines), default=0)


def _fill(head: str, width: int) -> str:
    """Return a head on several lines, no wider than its cells or its longest word."""
    longest = max((len(word) for word in head.split()), default=1)
    return textwrap.fill(head, max(width, longest), break_on_hyphens=False)
