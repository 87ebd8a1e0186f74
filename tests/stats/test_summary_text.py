"""The summary as Markdown, LaTeX and CSV: the same numbers, and no name that breaks a table."""

import io

import pandas as pd
import pytest
from helpers import make_tree, make_trials

from leadline.stats.summary import summary
from leadline.stats.summary_text import summary_cells, summary_text

HOSTILE = (("a|b", r"50% & \cmd_{x}"), ("digits", "mlp"))


@pytest.fixture(scope="module")
def tree():
    return make_tree(make_trials(searches=HOSTILE), draws=400)


def test_markdown_has_a_row_a_search_and_as_many_cells_as_columns(tree):
    lines = summary_text(tree, "markdown").splitlines()
    rows = [line for line in lines if line.startswith("| ")]
    assert len(rows) == 2 + len(HOSTILE)
    plain = [line.replace("\\|", "").count("|") for line in rows]
    assert set(plain) == {2 + len(summary_cells(tree).columns)}
    assert any("converged" in line for line in lines)


def test_latex_escapes_what_it_would_take_for_commands(tree):
    text = summary_text(tree, "latex")
    assert r"50\% \& \textbackslash{}cmd\_\{x\}" in text
    body = text[text.index(r"\midrule") : text.index(r"\bottomrule")]
    rows = [line for line in body.splitlines() if line.endswith(r"\\")]
    assert len(rows) == len(HOSTILE)
    columns = len(summary_cells(tree).columns)
    assert {row.replace(r"\&", "").count("&") for row in rows} == {columns}


def test_csv_has_full_precision(tree):
    text = summary_text(tree, "csv")
    read = pd.read_csv(io.StringIO(text), comment="#", index_col="search")
    wanted = summary(tree)
    assert read["optimum"].to_numpy() == pytest.approx(wanted["optimum"].to_numpy(), rel=1e-15)
    assert read.index.tolist() == wanted.index.tolist()


def test_what_speaks_against_a_fit_stands_beside_it():
    tree = make_tree(make_trials(), draws=50, divergences=5)
    tree.attrs["failed_checks"] = '["regime fit"]'
    for form in ("markdown", "latex", "csv"):
        text = summary_text(tree, form)
        assert "5 divergences" in text
        assert "1 check failed: regime fit" in text
