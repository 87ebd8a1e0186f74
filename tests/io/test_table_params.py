"""Columns of dicts are opened into hyperparameters."""

import json

import numpy as np
import pandas as pd
import pytest
from helpers_readers import refused

from leadline.io.literals import parse_literal
from leadline.io.table import read_table

N = 12
RNG = np.random.default_rng(0)
DICTS = [
    {"lr": float(lr), "depth": int(depth), "kind": kind}
    for lr, depth, kind in zip(
        RNG.random(N), RNG.integers(1, 9, N), RNG.choice(["a", "b"], N), strict=True
    )
]
FORMS = {
    "dicts": lambda own: own,
    "python": repr,
    "json": json.dumps,
    "numpy": lambda own: repr({name: np.array([value])[0] for name, value in own.items()}),
}


def read(frame, **options):
    return read_table(frame, **{"score": "loss", "direction": "minimize", **options})


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["params", "Hyperparameters", "x"])
def test_a_column_of_dicts_is_opened(form, name):
    frame = pd.DataFrame({"loss": np.arange(N), name: list(map(FORMS[form], DICTS))})
    frame.loc[3, name] = None  # a trial that failed before it had any
    trials = read(frame, params=[name] if name == "x" else None)
    assert trials.params == ["param:lr", "param:depth", "param:kind"]
    assert trials.table["param:lr"].drop(3).tolist() == [own["lr"] for own in DICTS[:3] + DICTS[4:]]
    assert trials.table["param:kind"][0] == DICTS[0]["kind"]
    with_others = read(frame.assign(width=range(N)), params=[name, "width"])
    assert with_others.n_params == 4


def test_nested_dicts_and_json_records(tmp_path):
    records = [{"loss": k, "config": {"opt": {"lr": k / 7}, "act": "relu"}} for k in range(N)]
    (tmp_path / "t.json").write_text(json.dumps(records))
    trials = read(tmp_path / "t.json")
    assert trials.params == ["param:opt.lr", "param:act"]
    assert trials.table["param:opt.lr"].tolist() == [k / 7 for k in range(N)]


def test_other_texts_are_left_alone():
    texts = ["{a", "{'lr': open('x')}", "{}"] * (N // 3)
    frame = pd.DataFrame({"loss": np.arange(N), "params": texts})
    assert read(frame).n_params == 0
    assert read(frame, params=["params"]).table["param:params"].tolist() == texts
    frame = pd.DataFrame({"loss": np.arange(N), "params": DICTS, "param:lr": range(N)})
    assert read(frame).params == ["param:lr"]
    with refused("'params'", "'lr'", "'param:lr'"):
        read(frame, params=["params"])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{'a': None}", {"a": None}),
        ('{"a": null, "b": [1, true]}', {"a": None, "b": [1, True]}),
        ("{'a': np.float64(0.5), 'b': np.str_('x')}", {"a": 0.5, "b": "x"}),
        ("{'c': numpy.int64(3)}", {"c": 3}),
        (" 3 ", 3),
        ("abc", "abc"),
        ("__import__('os')", "__import__('os')"),
        ("{" * 5000, "{" * 5000),
        ("[" * 200_000, "[" * 200_000),
    ],
)
def test_only_literals_are_read(text, value):
    assert parse_literal(text) == value
