"""Pages of the site that lie outside docs/, copied into docs/generated before the site is read."""

import re
import shutil
from pathlib import Path
from typing import Any

import command_line
from sphinx.application import Sphinx
from sphinx.config import Config

DOCS = Path(__file__).parents[1]
GENERATED = DOCS / "generated"
PAGES = {
    "benchmarks/README": "benchmarks",
    "CHANGELOG": "changelog",
    "CONTRIBUTING": "contributing",
}
"""Markdown files of the repository and their names in the site, both without suffix."""


def _copy(app: Sphinx, config: Config) -> None:
    GENERATED.mkdir(exist_ok=True)
    for source, name in PAGES.items():
        text = (DOCS.parent / f"{source}.md").read_text(encoding="utf-8")
        # Links to pages of docs/, as seen from docs/generated/.
        text = re.sub(r"\]\((?:\.\./)?docs/", "](../", text)
        _write(f"{name}.md", text)
    for picture in (DOCS.parent / "benchmarks").glob("*.png"):
        shutil.copyfile(picture, GENERATED / picture.name)
    notebooks = GENERATED / "notebooks"
    notebooks.mkdir(exist_ok=True)
    for notebook in (DOCS.parent / "notebooks").glob("*.ipynb"):
        shutil.copyfile(notebook, notebooks / notebook.name)
    _write(f"{command_line.__name__}.md", command_line.command_line_page())


def _write(name: str, text: str) -> None:
    """Write a page, unless it is there: Sphinx reads pages again whose time has changed."""
    path = GENERATED / name
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def _redirect(app: Sphinx, docname: str, content: list[str]) -> None:
    """Point links that leave docs/, which hold in the repository, at the copies."""
    up = "../" * docname.count("/")
    for source, name in PAGES.items():
        content[0] = content[0].replace(f"]({up}../{source}.md", f"]({up}generated/{name}.md")
    content[0] = content[0].replace(f"]({up}../notebooks/", f"]({up}generated/notebooks/")
    content[0] = content[0].replace(f"]({up}../README.md", f"]({up}index.md")


def setup(app: Sphinx) -> dict[str, Any]:
    """Copy the pages when the configuration is known."""
    app.connect("config-inited", _copy)
    app.connect("source-read", _redirect)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
