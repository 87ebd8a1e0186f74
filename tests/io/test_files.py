"""Files that are not what their suffix says, each refused in one clear line."""

import gzip
import io
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from leadline.errors import LeadlineError
from leadline.io.table import read_table


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path: object) -> None:
    read_table(path, score="loss", direction="minimize")


def parquet_with_broken_text() -> bytes:
    offsets = pyarrow.py_buffer(bytes([0, 0, 0, 0, 1, 0, 0, 0]))
    text = pyarrow.StringArray.from_buffers(1, offsets, pyarrow.py_buffer(b"\xff"))
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"loss": [0.5], "task": text}), buffer)
    return buffer.getvalue()


BAD_FILES = [
    ("t.csv", "", "the file is empty"),
    ("t.csv", " \n\n ", "the file is empty"),
    ("t.csv", "loss,lr\n", "a header and no rows; at least one trial"),
    ("t.csv", "loss,lr,loss\n1,2,3\n", "two columns are named 'loss'; rename or delete"),
    ("t.csv", "loss,lr\n1,2\nbad,3\n", "column 'loss', row 2: .* got 'bad'"),
    ("t.csv", "loss,lr\n1,2\n1_0,3\n", "column 'loss', row 2: .* got '1_0'"),
    ("t.csv", "loss,lr\n1,2\n\n3\n", "line 4 has 1 fields, the header has 2"),
    ("t.csv", "loss,lr\n1,2\n3,4,5\n", "line 3 has 3 fields, the header has 2"),
    ("t.csv", "loss,lr\n1,2\n,\n", "line 3 has only empty fields"),
    ("t.csv", 'loss,lr\n1,"2\n3,4\n', "line 3 is not valid CSV .* mend its quotes"),
    ("t.csv", "loss;lr\n0,5;1\n", r"separated by ';', not by ','; .*sep=';', decimal=','"),
    ("t.csv", "loss\tlr\n0.5\t1\n", r"separated by '\\t', not by ','; rename it to .tsv"),
    ("t.tsv", "loss,lr\n0.5,1\n", r"separated by ',', not by '\\t'; rename it to .csv"),
    ("t.csv", "nan_loss,lr\nnan,1\n", "no column 'loss' for score"),
    ("t.csv", "loss,lr\nnan,1\ninf,2\n", r"no trial has a score in 'loss' \(2 trials: 0 complete"),
    ("t.csv", "loss,trial\n1,1\n2,1\n", "trial 1, replicate 1 .* appears twice, again in row 2"),
    ("t.csv", "loss\n\xe9".encode("latin-1"), "not UTF-8 text .byte 0xe9 in line 2"),
    ("t.csv", "loss\n1\n".encode("utf-16"), "the text is UTF-16; save it as UTF-8"),
    ("t.csv", b"loss\n1\0\n", "not a text file, it has NUL bytes"),
    ("t.csv.gz", b"loss\n1\n", "not a complete .gz file"),
    ("t.csv.gz", gzip.compress(b"loss\n1\n" * 99, mtime=0)[:-9], "not a complete .gz file"),
    ("t.csv.xz", b"loss\n1\n", "not a complete .xz file"),
    ("t.csv.bz2", b"loss\n1\n", "not a complete .bz2 file"),
    ("t.jsonl", '{"loss": 1}\n\n{"loss": }\n', "line 3 is not valid JSON"),
    ("t.jsonl", '{"loss": 1}\n[1, 2]\n', "line 2 must be one JSON object, a trial, got a list"),
    ("t.json", '[\n  {"loss": 1}\n]\n', "line 1 is not valid JSON .* one object, a trial"),
    ("t.jsonl", '{"loss": 1, "loss": 2}\n', "line 1 is not valid JSON .'a key appears twice'"),
    ("t.jsonl", '{"loss": 1}\n{"loss": true}\n', "column 'loss', row 2: .* got True"),
    ("t.jsonl", '{"loss": [1]}\n', r"column 'loss', row 1: .* got \[1\]"),
    ("t.jsonl", '{"\\ud800": 1}\n', "column name .* is not text"),
    ("t.jsonl", "[" * 100_000, "line 1 is not valid JSON"),
    ("t.parquet", b"loss\n1\n", "not a Parquet file that pyarrow can read"),
    ("t.parquet", b"", "not a Parquet file that pyarrow can read"),
    ("t.parquet", parquet_with_broken_text(), "not a Parquet file .* Invalid UTF8"),
    ("t.xlsx", b"PK", "unknown suffix '.xlsx'; allowed are .csv, "),
    ("t.pkl.gz", b"", "unknown suffix '.pkl'; allowed are .csv, "),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD_FILES)
def test_a_bad_file_is_one_clear_line(tmp_path, name, content, message):
    path = write(tmp_path / name, content)
    with pytest.raises(LeadlineError, match=message) as caught:
        read(path)
    assert str(caught.value).startswith(f"{name}: ")
    assert len(str(caught.value).splitlines()) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_file_and_a_directory(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file '.*none\.csv'; check its name"):
        read(tmp_path / "none.csv")
    with pytest.raises(FileNotFoundError, match="no file"):
        read("a\0b\nc.csv")
    with pytest.raises(IsADirectoryError, match="is a directory; give the file of trials"):
        read(tmp_path)
    assert not list(tmp_path.iterdir())
