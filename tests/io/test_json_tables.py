"""Lines, arrays and columns of JSON give the same table."""

import json

import pandas as pd
import pytest

from leadline.io.json_tables import read_json_table

RECORDS = [{"loss": 0.5, "kind": "a"}, {"loss": float("nan")}, {"kind": "b", "loss": 2}]
FRAME = pd.DataFrame(RECORDS)


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(map(json.dumps, RECORDS)),
        json.dumps(RECORDS),
        json.dumps(RECORDS, indent=1),
        FRAME.to_json(),
        FRAME.to_json(indent=2),
        FRAME.to_json(orient="records"),
        json.dumps({name: FRAME[name].where(FRAME[name].notna(), None).tolist() for name in FRAME}),
    ],
)
def test_every_form_gives_the_same_table(text):
    table = read_json_table(text, "t.json")
    assert table["loss"].astype(float).fillna(-1).tolist() == [0.5, -1, 2]
    assert table["kind"].tolist()[::2] == ["a", "b"]
    assert pd.isna(table["kind"][1])


def test_one_trial_with_nested_cells_is_no_table_of_columns():
    table = read_json_table('{"loss": 1, "params": {"lr": 2}}', "t.json")
    assert table.to_dict("records") == [{"loss": 1, "params": {"lr": 2}}]
