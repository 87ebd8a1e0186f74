"""A file that is not in the format of its suffix is refused in one line."""

import gzip
import io

import pyarrow
import pyarrow.parquet
import pytest
from helpers_readers import refused

from leadline.io.files import read_columns
from leadline.io.table import read_table


def read(path):
    return read_table(path, score="loss", direction="minimize")


def parquet_with_broken_text() -> bytes:
    offsets = pyarrow.py_buffer(bytes([0, 0, 0, 0, 1, 0, 0, 0]))
    text = pyarrow.StringArray.from_buffers(1, offsets, pyarrow.py_buffer(b"\xff"))
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"loss": [0.5], "task": text}), buffer)
    return buffer.getvalue()


BAD_FILES = [
    ("t.csv", "", ["empty"]),
    ("t.csv", " \n\n ", ["empty"]),
    ("t.csv", "loss,lr\n", ["no rows"]),
    ("t.csv", "loss,lr,loss\n1,2,3\n", ["'loss'", "two columns"]),
    ("t.csv", "loss,lr\n1,2\nbad,3\n", ["column 'loss', row 2", "'bad'"]),
    ("t.csv", "loss,lr\n1,2\n1_0,3\n", ["column 'loss', row 2", "'1_0'"]),
    ("t.csv", "loss,lr\n1,2\n\n3\n", ["line 4", "1 fields", "2"]),
    ("t.csv", "loss,lr\n1,2\n3,4,5\n", ["line 3", "3 fields", "2"]),
    ("t.csv", "loss,lr\n1,2\n,\n", ["line 3", "'failed'"]),
    ("t.csv", 'loss,lr\n1,"2\n3,4\n', ["line 3", "CSV"]),
    ("t.csv", "loss;lr\n0,5;1\n0,5\n", ["line 3", "1 fields", "';'"]),
    ("t.csv", 'loss,lr\n"0,5",1.5\n', ["column 'loss', row 1", "decimal comma"]),
    ("t.csv", "nan_loss,lr\nnan,1\n", ["'loss'", "'nan_loss'"]),
    ("t.csv", "loss,lr\nnan,1\ninf,2\n", ["'loss'", "2 trials: 0 complete"]),
    ("t.csv", "loss,trial\n1,1\n2,1\n", ["trial 1", "row 2"]),
    ("t.csv", "loss\n\xe9".encode("latin-1"), ["UTF-8", "0xe9", "line 2"]),
    ("t.csv", "loss\n1\n2\n".encode("utf-16")[:-1], ["UTF-16", "UTF-8"]),
    ("t.csv", "loss\n1\n".encode("utf-32"), ["NUL"]),
    ("t.csv", b"loss\n1\0\n", ["NUL"]),
    ("t.csv.gz", b"loss\n1\n", [".gz"]),
    ("t.csv.gz", gzip.compress(b"loss\n1\n" * 99, mtime=0)[:-9], [".gz"]),
    ("t.csv.xz", b"loss\n1\n", [".xz"]),
    ("t.csv.bz2", b"loss\n1\n", [".bz2"]),
    ("t.jsonl", '{"loss": 1}\n\n{"loss": }\n', ["line 3", "JSON"]),
    ("t.jsonl", '{"loss": 1}\n[1, 2]\n', ["line 2", "list"]),
    ("t.json", '[\n  {"loss": 1},\n  {"loss": }\n]\n', ["line 3", "JSON"]),
    ("t.json", '[{"loss": 1}, [1]]', ["item 2", "list"]),
    ("t.json", "[]", ["empty array"]),
    ("t.json", '{\n "loss": [1],\n "lr": [1, 2]\n}', ["line 1", "JSON"]),
    ("t.jsonl", '{"loss": 1, "loss": 2}\n', ["line 1", "key"]),
    ("t.jsonl", '{"loss": 1}\n{"loss": true}\n', ["column 'loss', row 2", "True"]),
    ("t.jsonl", '{"loss": [1]}\n', ["column 'loss', row 1", "[1]"]),
    ("t.jsonl", '{"\\ud800": 1}\n', ["column name", "ud800"]),
    ("t.jsonl", "[" * 100_000, ["line 1", "JSON"]),
    ("t.parquet", b"loss\n1\n", ["Parquet"]),
    ("t.parquet", b"", ["Parquet"]),
    ("t.parquet", parquet_with_broken_text(), ["Parquet", "UTF8"]),
    ("t.xlsx", b"PK", ["'.xlsx'", ".csv"]),
    ("t.pkl.gz", b"", ["'.pkl'", ".csv"]),
]


@pytest.mark.parametrize(("name", "content", "named"), BAD_FILES)
def test_a_bad_file_is_refused(tmp_path, name, content, named):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with refused(*named) as error:
        read(path)
    assert str(error.value).startswith(f"{name}: ")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_the_mark_at_the_start_of_a_text_names_its_encoding(tmp_path, encoding):
    mark = "\ufeff" if encoding.endswith("e") else ""
    path = tmp_path / "größe.csv"
    # As Excel writes "Unicode text": tabs and Windows line ends.
    path.write_bytes(f"{mark}loss\tgröße\r\n0.5\tklein\r\n0.25\tß 大\r\n".encode(encoding))
    before = path.read_bytes()
    trials = read_table(path, score="loss", direction="minimize", params=["größe"])
    assert trials.table["score"].tolist() == [0.5, 0.25]
    assert trials.table["param:größe"].tolist() == ["klein", "ß 大"]
    assert read_columns(path) == ["loss", "größe"]
    assert path.read_bytes() == before


def test_a_missing_file_or_a_directory_is_refused(tmp_path):
    for path, name in ((tmp_path / "none.csv", "none.csv"), ("a\0b\nc.csv", r"a\x00b\nc.csv")):
        with refused(name, error=FileNotFoundError):
            read(path)
    with refused(str(tmp_path), error=IsADirectoryError):
        read(tmp_path)
    assert not list(tmp_path.iterdir())
