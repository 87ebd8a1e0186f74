"""Dicts, lists and numbers that a file holds as text, in Python or in JSON."""

import ast
import json

_LONGEST = 100_000


def parse_literal(text: str) -> object:
    """Return the value that a text spells in JSON or in Python, else the text itself."""
    stripped = text.strip()
    if len(stripped) > _LONGEST:
        return text
    try:
        return json.loads(stripped)
    except (ValueError, RecursionError):
        pass
    try:
        # Only literals: nothing is run.
        return ast.literal_eval(stripped)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return text
