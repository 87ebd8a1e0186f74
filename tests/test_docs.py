"""Documents cite only files, sections and options that there are, and docstrings only documents."""

import pathlib
import re
import shlex

import pytest

import leadline as ll
from leadline.checks.catalogue import LAW_CHECKS, SURFACE_CHECKS
from leadline.checks.levels import level_of
from leadline.cli.parser import build_parser

ROOT = pathlib.Path(__file__).parent.parent
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").glob("*.md"),
    *(ROOT / "docs" / "how").glob("*.md"),
    *(ROOT / "benchmarks").glob("*.md"),
]
FOLDERS = ("src", "models", "benchmarks", "docs")
# Folders that are made when the site is built.
MADE = {"_build", "generated", "jupyter_execute"}
MODULES = [
    path
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("*.py"))
    if not MADE & set(path.parts)
]


def anchors(document):
    """Return the anchors that GitHub gives to the headings of a document."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_paths_of_documents_exist(document):
    text = document.read_text()
    for link in re.findall(r"\]\((?!https?:)([^)]*)\)", text):
        path, _, anchor = link.partition("#")
        if path.startswith("generated/"):
            # Made when the site is built, whose links are checked then.
            continue
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


def test_the_reference_has_every_public_name():
    page = (ROOT / "docs" / "api.md").read_text()
    listed = re.findall(r"^   (\w+)$", page.partition("## Optuna")[0], flags=re.MULTILINE)
    assert sorted(listed) == sorted(ll.__all__)


def test_the_page_of_checks_has_every_check_with_its_level():
    page = (ROOT / "docs" / "checks.md").read_text()
    described = dict(re.findall(r"^### (.+)\n\n\*(\w+)\.\*", page, flags=re.MULTILINE))
    assert described == {
        name: level_of(name).capitalize() for name in LAW_CHECKS.keys() | SURFACE_CHECKS.keys()
    }


def test_every_page_is_in_the_site():
    docs = ROOT / "docs"
    pages = [*docs.glob("*.md"), *(docs / "how").glob("*.md")]
    listed = {"index"}
    for page in pages:
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(), flags=re.DOTALL):
            names = [line for line in tree.split() if not line.startswith(":")]
            listed |= {
                (page.parent / name).resolve().relative_to(docs).as_posix() for name in names
            }
    written = {page.relative_to(docs).with_suffix("").as_posix() for page in pages}
    assert written == {name for name in listed if not name.startswith("generated/")}


def command_lines(document):
    """Return the commands in blocks of a document, and those on a file in its prose."""
    fence = re.compile(r"^```(\w*)\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)
    text = document.read_text()
    lines = [line for kind, block in fence.findall(text) if not kind for line in block.splitlines()]
    spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", fence.sub("", text))]
    lines += [span for span in spans if re.search(r"\.(?:nc|csv|db)\b", span)]
    found = [re.search(r"(?:^|&& |run )(leadline [a-z].*)", line) for line in lines]
    return [match[1] for match in found if match and "..." not in match[1]]


@pytest.mark.parametrize(
    "document",
    [path for path in DOCUMENTS if path.name != "CHANGELOG.md" and command_lines(path)],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_commands_of_documents_are_well_formed(document, capsys):
    parser = build_parser()
    for line in command_lines(document):
        try:
            parser.parse_args(shlex.split(line)[1:])
        except SystemExit:
            pytest.fail(f"{line}: {capsys.readouterr().err}")
