"""Searches of a Parquet data set: one after the other, partitioned or not."""

import numpy as np
import pandas as pd
import pytest

import leadline as ll
from leadline.errors import LeadlineError

pytest.importorskip("pyarrow")


@pytest.fixture
def table():
    rng = np.random.default_rng(1)
    pairs = [("3", "x"), ("3", "y"), ("31", "x")]
    parts = [
        pd.DataFrame({"data": task, "algo": model, "loss": rng.random(10), "lr": rng.random(10)})
        for task, model in pairs
    ]
    return pd.concat(parts, ignore_index=True)


def read(path, **options):
    given = {"score": "loss", "direction": "minimize", "task": "data", "model": "algo"}
    return list(ll.read_searches(path, **(given | options)))


@pytest.mark.parametrize("partitions", [None, ["data"], ["data", "algo"]])
def test_searches_come_with_their_rows(table, tmp_path, partitions):
    path = tmp_path / "runs"
    if partitions is None:
        path = tmp_path / "runs.parquet"
    table.to_parquet(path, partition_cols=partitions)
    found = read(path, params=["lr"])
    pairs = [search.searches for search in found]
    assert sorted(pairs) == [[("3", "x")], [("3", "y")], [("31", "x")]]
    for search in found:
        task, model = search.searches[0]
        own = table[(table["data"] == task) & (table["algo"] == model)]
        assert sorted(search.table["score"]) == sorted(own["loss"])
        assert search.params == ["param:lr"]
        assert search.source == path.name


def test_mistakes_are_named(table, tmp_path):
    path = tmp_path / "runs.parquet"
    table.to_parquet(path)
    with pytest.raises(LeadlineError, match="no column 'dataset'"):
        read(path, task="dataset")
    with pytest.raises(LeadlineError, match="tells searches apart"):
        read(path, task=None, model=None)
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.parquet").write_bytes(b"no parquet")
    with pytest.raises(LeadlineError, match="not a Parquet data set"):
        read(tmp_path / "bad")
