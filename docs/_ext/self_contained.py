"""Warn if a page of the site loads something from outside when it is read."""

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.logging import getLogger

_LOG = getLogger(__name__)
_LOADED = re.compile(
    r'<(?:script|link|img|iframe|source)\b[^>]*(?:src|href)="((?:https?:)?//[^"]*)"'
)
_IMPORTED = re.compile(r"""(?:@import\s+["']|url\(["']?)((?:https?:)?//[^"')]*)""")


def _check(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.name != "html":
        return
    for suffix, pattern in (("html", _LOADED), ("css", _IMPORTED)):
        for path in sorted(Path(app.outdir).rglob(f"*.{suffix}")):
            for address in pattern.findall(path.read_text(encoding="utf-8")):
                _LOG.warning("%s loads %s", path.relative_to(app.outdir), address)


def setup(app: Sphinx) -> dict[str, Any]:
    """Look at all pages once they are written."""
    app.connect("build-finished", _check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
