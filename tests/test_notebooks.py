"""The notebooks run, and use nothing but the public API: `pytest -m notebook`."""

import pathlib

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((pathlib.Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


# They take minutes, as they are read: with fits as long as a reader's.
@pytest.mark.notebook
# Jupyter's own machinery warns about sockets and event loops; the cells report theirs inside.
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in NOTEBOOKS])
def test_notebook_runs(path):
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    printed = [
        output
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "stream"
        and output.name == "stderr"
        # A fit says in one line which of its checks failed.
        and "failed: " not in output.text
    ]
    assert not printed, "a reader should see no warnings"


def test_there_are_notebooks():
    assert NOTEBOOKS
