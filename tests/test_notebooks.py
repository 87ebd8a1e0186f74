"""The notebooks run (`pytest -m notebook`) and import only the public API."""

import pathlib
import re

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = pathlib.Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = {path.stem: nbformat.read(path, as_version=4) for path in FOLDER.glob("*.ipynb")}


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


# Takes minutes: the fits are as long as those of a reader.
@pytest.mark.notebook
# Jupyter itself warns about sockets and event loops; warnings of the cells are in their output.
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", sorted(NOTEBOOKS))
def test_notebook_runs_without_warnings(name):
    notebook = NOTEBOOKS[name].copy()
    # Two notebooks run side by side, each on one core.
    NotebookClient(notebook, timeout=900, kernel_name="python3").execute()
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    warnings = [
        output.text
        for output in outputs
        if output.output_type == "stream"
        and output.name == "stderr"
        # A fit logs its failed checks in one line.
        and "failed: " not in output.text
    ]
    assert not warnings


def test_notebooks_import_only_the_public_api():
    assert NOTEBOOKS
    for name, notebook in NOTEBOOKS.items():
        code = "\n".join(cell.source for cell in code_cells(notebook))
        imports = re.findall(r"^[ ]*(?:import|from)\s+leadline.*$", code, flags=re.MULTILINE)
        assert set(imports) - {"import leadline.optuna"} == {"import leadline as ll"}, name
