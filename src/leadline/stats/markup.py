"""Text with the special characters of Markdown or LaTeX escaped."""

import re

_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        ">": r"\textgreater{}",
        "<": r"\textless{}",
        **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    }
)
_MARKDOWN = str.maketrans({letter: f"\\{letter}" for letter in "\\`*_[]<|#"})
_TABLES = {"latex": _LATEX, "markdown": _MARKDOWN}


def escape(text: object, form: str) -> str:
    """Return text on one line, with the special characters of "latex" or "markdown" escaped."""
    escaped = " ".join(str(text).translate(_TABLES[form]).split())
    if form == "latex":
        # A hyphen before a number is a minus; in a name, or between numbers, it is none.
        escaped = re.sub(r"(?<![^\s[(])-(?=[\d.])", "$-$", escaped)
    # Elsewhere than at the start of a line, where it quotes, Markdown shows ">" as it is.
    return f"\\{escaped}" if form == "markdown" and escaped.startswith(">") else escaped
