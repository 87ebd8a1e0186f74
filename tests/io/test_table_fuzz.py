"""Whatever `read_table` is given, it returns valid trials or raises one clear line."""

import contextlib
import datetime
import gzip
import json
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
from helpers_readers import check_read, files
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.io.table import read_table

bounded = settings(derandomize=True, max_examples=60, deadline=None, database=None)

COLUMNS = ["loss", "task", "model", "trial", "replicate", "status", "cost", "space", "order"]
ODD_COLUMNS = ["param:lr", "param:", "", "Verlust λ", "b,c", "a;b", " loss", "loss.1", "x" * 300]
NUMBERS = ["0.5", "1", "-3e-2", " 2 ", "1e400", "0", "007", "1_0", "0,5", "１", "1e-320"]
WORDS = ["", "nan", "NaN", "inf", "-Infinity", "None", "NA", "abc", "é", "a\u2028b", "true"]
STATUSES = ["complete", "FAILED", "Pruned", "running", "ok", "lost"]
BROKEN = ['"', '"a', 'a"b', '"a,b"', '"a\nb"', "\t", ";", "\0", "#", "\x1a", "\ufeff"]


def check(source, rows, **arguments):
    """Read the source: valid trials with this many rows, or one clear line."""
    trials = check_read(read_table, source, score="loss", direction="minimize", **arguments)
    assert trials is None or rows is None or len(trials.table) == rows


def check_file(name, content, rows=None):
    with files({name: content}) as folder:
        check(folder / name, rows)


NAMES = st.sampled_from(
    ["t.csv", "t.tsv", "t.txt", "t.jsonl", "t.json", "t.parquet", "t.csv.gz", "t.xz", "t", "t.db"]
)


@bounded
@given(name=NAMES, content=st.one_of(st.binary(max_size=80), st.text(max_size=80)))
def test_any_bytes(name, content):
    # Half of the texts get a header, so that the fuzz reaches the cells.
    if isinstance(content, str):
        header = "loss\n" if len(content) % 2 else ""
        content = (header + content).encode("utf-8", "surrogatepass")
    check_file(name, content)


@bounded
@given(content=st.binary(max_size=60), cut=st.integers(0, 60), flip=st.integers(0, 2000))
def test_damaged_binary_files(content, cut, flip):
    packed = gzip.compress(b"loss\n1\n" + content)
    check_file("t.csv.gz", packed[: len(packed) - cut])
    parquet = bytearray(_PARQUET)
    parquet[flip % len(parquet)] ^= 0xFF
    check_file("t.parquet", bytes(parquet))
    check_file("t.parquet", _PARQUET[: len(_PARQUET) - cut - 1])


_PARQUET = pd.DataFrame({"loss": [0.5, 0.25], "task": ["a", "b"]}).to_parquet()

FIELDS = st.one_of(st.sampled_from(NUMBERS), st.sampled_from(NUMBERS + WORDS + STATUSES))
MAYBE_BROKEN = st.one_of(FIELDS, FIELDS, FIELDS, st.sampled_from(BROKEN), st.text(max_size=5))


@st.composite
def separated_files(draw: st.DrawFn) -> bytes:
    """CSV-like text, often sound but for its cells, else ragged or badly encoded."""
    fields = draw(st.sampled_from([FIELDS, MAYBE_BROKEN]))
    names = draw(st.lists(st.sampled_from(COLUMNS + ODD_COLUMNS), max_size=3))
    header = ["loss", *names] if draw(st.booleans()) else list(dict.fromkeys(["loss", *names]))
    lines = [header[draw(st.sampled_from([0, 0, 0, 1])) :]]
    for _ in range(draw(st.integers(0, 5))):
        width = len(header) + draw(st.sampled_from([0] * 12 + [-1, 1]))
        cells = draw(st.lists(fields, min_size=width, max_size=width))
        lines.append(["0.5", *cells[1:]] if draw(st.booleans()) else cells)
    newline = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    separator = draw(st.sampled_from([",", ",", ",", "\t", ";"]))
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf_8_sig", "utf-16", "cp1252"]))
    text = newline.join(map(separator.join, lines))
    return text.encode(encoding, "replace" if encoding == "cp1252" else "surrogatepass")


@bounded
@given(content=separated_files(), name=st.sampled_from(["t.csv", "t.csv", "t.csv", "t.tsv"]))
def test_separated_files(content, name):
    check_file(name, content)


@bounded
@given(
    cells=st.lists(
        st.tuples(
            st.sampled_from(NUMBERS[:6] + WORDS[:7]),
            st.sampled_from(STATUSES[:5]),
            st.sampled_from(["a", "b"]),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_every_row_of_a_sound_file_is_there(cells):
    lines = ["loss,status,task", *(",".join(row) for row in cells)]
    check_file("t.csv", "\n".join(lines).encode(), rows=len(cells))


JSON_VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(10**300, 10**320),
        st.floats(),
        st.sampled_from(NUMBERS + WORDS + STATUSES),
        st.text(st.characters(), max_size=4),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=4,
)
SOUND_RECORDS = st.fixed_dictionaries(
    {"loss": st.one_of(st.floats(), st.floats(0, 1), st.sampled_from(NUMBERS[:6]))},
    optional={"param:lr": JSON_VALUES, "cost": st.floats(), "other": JSON_VALUES},
)
ODD_RECORDS = st.one_of(
    SOUND_RECORDS,
    st.dictionaries(st.sampled_from([*COLUMNS, *ODD_COLUMNS, "\ud800"]), JSON_VALUES, max_size=4),
    JSON_VALUES,
)


@bounded
@given(
    records=st.one_of(
        st.lists(SOUND_RECORDS, min_size=1, max_size=6), st.lists(ODD_RECORDS, max_size=6)
    ),
    cut=st.one_of(st.just(0), st.just(0), st.integers(0, 30)),
)
def test_json_lines(records, cut):
    text = "\n".join(json.dumps(record) for record in records).encode()
    check_file("t.jsonl", text[: len(text) - cut], rows=None if cut else len(records))


EXACT = [Decimal("0.5"), Decimal("sNaN"), Decimal("Infinity"), Fraction(1, 3), np.str_("7")]
SIZED = [np.float16(0.5), np.longdouble("1e4000"), np.int8(3), np.uint64(2**64 - 1)]
TIMES = [datetime.date(2020, 1, 1), datetime.timedelta(1), pd.Timedelta(1)]
TIMES += [np.datetime64("2020-01-01"), np.timedelta64(1, "s"), pd.Timestamp("2020", tz="UTC")]
OTHERS = [None, pd.NA, pd.NaT, True, np.bool_(False), 1j, b"1", (1, 2), [1], {"a": 1}, {1}, float]
OTHERS += [np.array([1.0]), pd.Interval(0, 1)]
CELLS = st.one_of(
    st.floats(),
    st.floats(0, 1),
    st.integers(),
    st.integers(-(10**400), 10**400),
    st.sampled_from(NUMBERS + WORDS + STATUSES + BROKEN),
    st.text(st.characters(), max_size=4),
    st.sampled_from(EXACT + SIZED + TIMES + OTHERS),
)
DTYPES = ["float32", "int64", "uint64", "bool", "str", "category", "Float64", "complex128"]


@st.composite
def pandas_frames(draw: st.DrawFn) -> pd.DataFrame:
    """Frames with missing and odd columns, mixed cells, odd dtypes and indices."""
    rows = draw(st.integers(0, 5))
    names = st.one_of(st.sampled_from(COLUMNS + ODD_COLUMNS), st.text(max_size=3))
    columns = draw(st.lists(names, max_size=4, unique=True))
    if draw(st.integers(0, 4)):
        columns = ["loss", *(name for name in columns if name != "loss")]
    data = {}
    for name in columns:
        sound = st.floats(0, 1) if name == "loss" else st.integers(0, 9)
        kind = draw(st.sampled_from([sound, sound, CELLS]))
        series = pd.Series(draw(st.lists(kind, min_size=rows, max_size=rows)), dtype=object)
        if draw(st.integers(0, 3)) == 0:
            ill_fitting = contextlib.suppress(TypeError, ValueError, ArithmeticError)
            with ill_fitting, np.errstate(all="ignore"):
                series = series.astype(draw(st.sampled_from(DTYPES)))
        data[name] = series
    if rows and draw(st.integers(0, 4)) == 0:
        data |= {"trial": [1] * rows, "replicate": range(rows)}
    frame = pd.DataFrame(data, index=range(rows))
    if rows and draw(st.booleans()):
        frame.index = draw(st.permutations(range(10, 10 + rows)))
    if draw(st.integers(0, 9)) == 0:
        extra = draw(st.sampled_from(["loss", 0, 1.5, None, ("loss", 1), np.float64("nan")]))
        frame = pd.concat([frame, pd.Series([0.5] * rows, index=frame.index, name=extra)], axis=1)
    return frame


@bounded
@given(frame=pandas_frames(), params=st.sampled_from([None, None, [], ["task"], ["loss"]]))
def test_pandas_frames(frame, params):
    check(frame, len(frame), params=params)


POLARS_TYPES = [
    *(pl.Float64, pl.Float32, pl.Int64, pl.UInt8, pl.Boolean, pl.String, pl.Binary, pl.Null),
    *(pl.Date, pl.Duration("us"), pl.Decimal(10, 2), pl.Categorical, pl.List(pl.Int64), pl.Object),
]


@st.composite
def polars_frames(draw: st.DrawFn) -> pl.DataFrame:
    """Frames of every polars type, with nulls, NaN and infinities."""
    rows = draw(st.integers(0, 5))
    columns = draw(st.lists(st.sampled_from(COLUMNS + ODD_COLUMNS), max_size=4, unique=True))
    data = {}
    for name in dict.fromkeys(["loss", *columns] if draw(st.integers(0, 4)) else columns):
        dtype = draw(st.sampled_from([pl.Float64, *POLARS_TYPES]))
        cells = {
            pl.String: st.sampled_from(NUMBERS + WORDS + STATUSES),
            pl.Categorical: st.sampled_from(STATUSES),
            pl.Binary: st.binary(max_size=3),
            pl.List: st.lists(st.integers(0, 3), max_size=2),
            pl.Object: CELLS,
        }.get(dtype.base_type(), st.sampled_from([0, 1, 1, 2, 3]))
        if dtype in (pl.Float64, pl.Float32):
            cells = st.one_of(st.floats(0, 1), st.floats(width=32))
        if dtype != pl.Object and draw(st.booleans()):
            cells = st.one_of(cells, st.none())
        values = draw(st.lists(cells, min_size=rows, max_size=rows))
        if dtype == pl.Object:
            data[name] = pl.Series(name, values, dtype=dtype)
        else:
            data[name] = pl.Series(name, values, strict=False).cast(dtype, strict=False)
    return pl.DataFrame(data)


@bounded
@given(frame=polars_frames())
def test_polars_frames(frame):
    check(frame, len(frame) if frame.width else None)


@bounded
@given(scores=st.lists(st.one_of(st.floats(), st.none()), min_size=1, max_size=30))
def test_scores_are_kept_exactly(scores):
    finite = [s for s in scores if s is not None and abs(s) <= 1e150]
    frame = pd.DataFrame({"loss": pd.Series(scores, dtype=object)})
    check(frame, len(scores))
    if finite:
        table = read_table(frame, score="loss", direction="maximize").table
        assert table["score"].dropna().tolist() == finite
        assert (table["status"] == "complete").sum() == len(finite)
