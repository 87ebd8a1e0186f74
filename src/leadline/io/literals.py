"""Dicts, lists and numbers that a file holds as text, in Python or in JSON."""

import ast
import json
import re

_LONGEST = 100_000
# In a dict of NumPy 2, 0.1 is written as np.float64(0.1).
_NUMPY = re.compile(r"\b(?:np|numpy)\.\w+\(([^()]*)\)")


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
        return ast.literal_eval(_NUMPY.sub(r"\1", stripped))
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return text
