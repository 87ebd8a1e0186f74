"""The package that is built holds every package that is written, and imports point one way."""

import ast
import pathlib
import subprocess
import sys
import tomllib

import pytest

ROOT = pathlib.Path(__file__).parent.parent
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]

# What each part of the package may import of the others; DESIGN.md, section 9.
LOW = {"errors"}
DATA = LOW | {"trials", "search", "cells", "reported_bests"}
RULES = {
    "errors": set(),
    "cells": LOW,
    "search": LOW,
    "reported_bests": LOW | {"cells"},
    "trials": DATA,
    "readers": DATA | {"readers"},
    "datasets": DATA | {"datasets", "readers"},
    "kernels": {"kernels"},
    "distributions": {"kernels", "distributions"},
    "priors": LOW,
    "resolution": LOW,
    "scale": LOW,
    "law": {"kernels"},
    "regime": DATA | {"resolution", "scale"},
    "prepare": DATA | {"priors", "regime", "scale"},
    "order_evidence": set(),
    "design_evidence": set(),
    "search_space": DATA | {"order_evidence"},
    "search_verdict": DATA | {"order_evidence", "design_evidence", "search_space"},
    "random_search": DATA | {"search_space", "search_verdict"},
    "models": {"kernels", "distributions", "models", "priors", "regime", "scale"},
    "packing": set(),
    "sampling": LOW | {"packing"},
    "densities": {"sampling"},
    "compiled_models": {"densities", "sampling"},
    "candidates": DATA | {"prepare", "priors", "regime", "scale"},
    "reported_notes": DATA,
    "reported_searches": DATA | {"candidates", "models", "prepare", "priors"},
    "goodness_of_fit": {"law"},
    "diagnostics": LOW,
    "drawn_dims": set(),
    "tail_fit": {"compiled_models", "drawn_dims", "law", "models", "prepare", "priors", "sampling"},
    "predictive_score": LOW | {"tail_fit"},
    "averaging": {"candidates", "diagnostics", "goodness_of_fit", "predictive_score", "tail_fit"},
    "reported_groups": {"averaging", "reported_searches"},
    "tree": DATA | {"averaging", "priors", "reported_groups"},
    "joint_fitter": {"candidates", "compiled_models", "diagnostics", "drawn_dims"}
    | {"goodness_of_fit"}
    | {"models", "prepare", "priors", "reported_searches", "sampling", "scale", "tail_fit"},
    "joint_fit": {"averaging", "candidates", "diagnostics", "joint_fitter", "regime"}
    | {"reported_searches", "tail_fit"},
    "fit": DATA
    | {"averaging", "candidates", "joint_fit", "joint_fitter", "priors", "random_search", "regime"}
    | {"answers", "reported_notes", "reported_searches", "sampling", "scale", "tail_fit", "tree"},
    "answers": LOW | {"answers", "diagnostics", "goodness_of_fit", "law", "scale"},
    "plots": LOW | {"answers", "law", "plots"},
    "report": LOW | {"answers", "plots", "report"},
    "optuna": LOW | {"answers", "fit", "readers"},
}
FREE = {
    "__init__",
    "__main__",
    "cli",
    "cli_commands",
    "cli_options",
    "cli_parser",
    "console",
    "results_folder",
}


def parts_imported(path):
    """Return the first names below `leadline` that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [node.module]
            if node.module == "leadline":
                names = [f"leadline.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("leadline.")}
    return found


def source_files():
    source = ROOT / "src" / "leadline"
    for path in sorted(source.rglob("*.py")):
        yield path, path.relative_to(source).parts[0].removesuffix(".py")
    for path in sorted((ROOT / "models").rglob("*.py")):
        yield path, "models"


@pytest.mark.parametrize(("path", "part"), [pytest.param(*f, id=f[0].name) for f in source_files()])
def test_imports_point_one_way(path, part):
    if part in FREE:
        return
    assert part in RULES, f"say in RULES what {part} may import"
    assert parts_imported(path) <= RULES[part]


def test_every_package_is_listed():
    written = {"leadline"}
    for path, part in source_files():
        if part == "models":
            inside = path.parent.relative_to(ROOT / "models").parts
            written.add(".".join(["leadline", "models", *inside]))
        else:
            written.add(".".join(path.parent.relative_to(ROOT / "src").parts))
    assert written == set(SETUPTOOLS["packages"])


def test_data_files_are_packaged():
    patterns = SETUPTOOLS["package-data"]
    for path in (ROOT / "src" / "leadline").rglob("*"):
        if path.is_file() and path.suffix not in {".py", ".pyc"}:
            package = ".".join(path.parent.relative_to(ROOT / "src").parts)
            assert any(path.match(pattern) for pattern in patterns.get(package, [])), path


def test_the_package_root_is_light():
    code = "import leadline, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert not {"pymc", "arviz", "matplotlib", "pandas"} & set(loaded.decode().split())


def test_the_function_fit_hides_its_module():
    import leadline.fit

    assert callable(leadline.fit)


def test_every_public_name_loads():
    import leadline

    assert len(set(leadline.__all__)) == len(leadline.__all__)
    for name in leadline.__all__:
        assert callable(getattr(leadline, name)), name
