"""Separators and decimal marks are found in the text."""

import pytest

from leadline.io.separated import find_separator, read_separated
from leadline.io.table import read_table


@pytest.mark.parametrize("name", ["t.csv", "t.txt", "t.tsv", "t"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("decimal", [".", ","])
def test_every_separator_and_decimal_mark_gives_the_same_trials(tmp_path, name, separator, decimal):
    rows = [["loss", "lr", "kind"], ["0.5", "1.25e-3", "a b"], ["", "7", "c"], ["12", "-.5", ""]]
    quote = '"' if separator == decimal else ""
    lines = [[quote + cell.replace(".", decimal) + quote for cell in row] for row in rows]
    (tmp_path / name).write_text("\n".join(map(separator.join, lines)))
    trials = read_table(tmp_path / name, score="loss", direction="minimize", params=["lr", "kind"])
    assert trials.table["score"].fillna(-1).tolist() == [0.5, -1, 12]
    assert trials.table["param:lr"].tolist() == [1.25e-3, 7, -0.5]
    assert trials.table["param:kind"].tolist()[:2] == ["a b", "c"]


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("loss\n0.5\n", ","),
        ("a;b\n0,5;1,5\n", ";"),
        ("a;b;c\n1;2\n", ";"),  # ragged, to be refused with the right separator
        ("a,b\n1;2,3\n", ","),
        ("a;b,c\n1;2,3\n", ","),  # both fit: the usual one
        ('a,b\n"{x;y, z}",2\n', ","),
        ("a,b\n" + "1,2\n" * 10**5, ","),
        ("a;b\n" + "1;2\n" * 10**5, ";"),
    ],
)
def test_the_separator_splits_header_and_rows_alike(text, separator):
    assert find_separator(text, ",") == separator


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1,5", "2,5"], ["1.5", "2.5"]),
        (["1,5", "2.5"], ["1,5", "2.5"]),  # a list or a typing error, beside decimal points
        (["1,000", "2,000"], ["1,000", "2,000"]),  # perhaps thousands
        (["1,000", "2,5"], ["1.000", "2.5"]),
        (["(1,5)", "x,5"], ["(1,5)", "x,5"]),
        (["1,5,2", "3"], ["1,5,2", "3"]),
    ],
)
def test_commas_are_decimal_marks_if_there_are_no_points(cells, expected):
    text = "a;b\n" + "".join(f"{cell};x\n" for cell in cells)
    assert read_separated(text, "t")["a"].tolist() == expected
