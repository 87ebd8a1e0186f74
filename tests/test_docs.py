"""Documents and docstrings cite only files and sections that the repository holds."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parent.parent
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").glob("*.md"),
    *(ROOT / "benchmarks").glob("*.md"),
]
FOLDERS = ("src", "models", "benchmarks", "docs")
MODULES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def anchors(document):
    """Return the anchors that GitHub gives to the headings of a document."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_paths_of_documents_exist(document):
    text = document.read_text()
    for link in re.findall(r"\]\((?!https?:)([^)]*)\)", text):
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link
    # Paths of rooms may start at src/leadline; NAME and TOOL stand for a reader's own.
    for path in re.findall(r"`([\w.-]+/[\w./-]*\.(?:py|j2|json))`", text):
        named = (ROOT / path).exists() or (ROOT / "src" / "leadline" / path).exists()
        assert named or re.search("NAME|TOOL", path), path


def test_docstrings_cite_documents_that_exist():
    for module in MODULES:
        for cited in re.findall(r"[\w./-]+\.md\b", module.read_text()):
            found = [folder for folder in (ROOT, ROOT / "docs") if (folder / cited).exists()]
            assert found, f"{module.relative_to(ROOT)} cites {cited}"
