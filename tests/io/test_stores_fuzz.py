"""Whatever stands in a tracker's store: valid trials or one clear line, never a traceback."""

import contextlib
import json
from dataclasses import replace

import numpy as np
import pandas as pd
from helpers_readers import check_read, digests, files
from helpers_stores import MLFLOW_TABLES, OPTUNA_TABLES, write_tables
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.io.keras_tuner import read_keras_tuner
from leadline.io.mlflow import read_mlflow
from leadline.io.optuna import read_optuna
from leadline.io.ray import read_ray
from leadline.io.records import Evaluation, Search, collect
from leadline.io.sklearn import read_sklearn
from leadline.io.sources import read_source
from leadline.io.wandb import read_wandb_csv
from leadline.search_audit.random_search import check_random_search

bounded = settings(derandomize=True, max_examples=60, deadline=None, database=None)

NAMES = st.one_of(
    st.sampled_from(
        ["lr", "a/b", "", "λ" * 9, "x" * 3000, "a\u2028b", "param:lr", "\ud800", "loss"]
    ),
    st.text(max_size=4),
)
NUMBERS = st.one_of(
    st.sampled_from([0.0, 0.5, -1.0, np.inf, -np.inf, np.nan, 1.797e308, 2**70, -(2**63), 1]),
    st.floats(),
    st.integers(-9, 9),
)
SCALARS = st.one_of(NUMBERS, NAMES, st.none(), st.booleans())
NESTED = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=5,
)
PARAMS = st.dictionaries(NAMES, NESTED, max_size=4)


def check(read, *arguments, **options):
    """Read: valid trials, whose recorded space can be checked, or one clear line."""
    trials = check_read(read, *arguments, **options)
    if trials is not None:
        assert len(check_random_search(trials)) >= 1


EVALUATIONS = st.lists(
    st.builds(
        Evaluation,
        trial=st.just(0),
        score=st.one_of(NUMBERS, st.none()),
        status=st.sampled_from(["complete", "FAIL", "pruned", "RUNNING"]),
        params=PARAMS,
        attributes=PARAMS,
        cost=st.one_of(NUMBERS, st.none()),
        order=st.one_of(st.floats(0, 9), st.none()),
    ),
    max_size=6,
)
DRAWN_FROM = st.one_of(
    st.tuples(st.sampled_from(["uniform", "log-uniform", "integer"]), NUMBERS, NUMBERS),
    st.tuples(st.just("categorical"), SCALARS, SCALARS),
)


@bounded
@given(
    evaluations=EVALUATIONS,
    replicate=st.one_of(st.none(), NAMES),
    start=st.sampled_from([None, 1, 3]),
    space=st.dictionaries(NAMES, DRAWN_FROM, max_size=2),
)
def test_any_evaluations(evaluations, replicate, start, space):
    numbered = [replace(own, trial=number) for number, own in enumerate(evaluations)]
    search = Search("fuzz", "\n ", "loss", "minimize", distributions=space)
    check(collect, numbered, search, replicate, start, rows=len(numbered))


CELLS = st.one_of(
    st.none(),
    st.sampled_from([1, 2, 0, 2**62, -1.5, 1.797e308, 0.25, b"\xff", "", "x" * 2000, "1", "λ"]),
    st.sampled_from(["COMPLETE", "PRUNED", "FAIL", "LOST", "FINISHED", "MINIMIZE", "FINITE", "{}"]),
    st.sampled_from(["mlflow.parentRunId", "fixed_params", "constraints", "tpe:x", "[1]", "null"]),
    st.sampled_from(['{"name": "FloatDistribution", "attributes": {"low": 1, "high": "x"}}']),
    st.sampled_from(['{"name": "CategoricalDistribution", "attributes": {"choices": [[]]}}']),
    st.sampled_from(['{"name": "IntDistribution", "attributes": {"low": 0, "high": 9}}']),
)


@st.composite
def stores(draw, tables):
    """Tables of which some may be missing, lack columns, or hold anything."""
    kept = {}
    for name, columns in tables.items():
        own = columns.replace(" PRIMARY KEY", "").split(", ")
        if draw(st.integers(0, 30)) == 0:
            continue
        if draw(st.integers(0, 30)) == 0:
            own = own[1:]
        kept[name] = ", ".join(column.split()[0] for column in own)  # untyped: any cell fits
    ids = st.one_of(st.just(1), st.just(1), CELLS)
    rows = {
        name: [
            tuple(
                draw(ids if "_id" in column or column == "run_uuid" else CELLS)
                for column in columns.split(", ")
            )
            for _ in range(draw(st.integers(0, 3)))
        ]
        for name, columns in kept.items()
    }
    for name in {"studies", "experiments"} & set(kept):
        width = len(kept[name].split(", "))
        if width == len(tables[name].split(", ")):
            rows[name] = [(1, "s", "active")[:width]]
    return kept, rows


def fuzz_database(read, content, **options):
    with files({}) as folder:
        path = write_tables(folder / "fuzz.db", *content)
        before = digests(folder)
        check(read, path, **options)
        check(read_source, str(path), {"direction": "minimize"})
        assert digests(folder) == before
        path.unlink()


@bounded
@given(content=stores(OPTUNA_TABLES))
def test_any_database_of_optuna(content):
    fuzz_database(read_optuna, content)


@bounded
@given(content=stores(MLFLOW_TABLES))
def test_any_database_of_mlflow(content):
    fuzz_database(read_mlflow, content, direction="minimize")


OPERATIONS = st.fixed_dictionaries(
    {"op_code": st.one_of(st.integers(0, 10), SCALARS)},
    optional={
        "study_id": st.one_of(st.just(0), SCALARS),
        "trial_id": st.one_of(st.just(0), SCALARS),
        "study_name": NAMES,
        "directions": st.one_of(st.just([1]), NESTED),
        "state": st.one_of(st.integers(0, 5), SCALARS),
        "values": st.one_of(st.just([0.5]), NESTED),
        "value": NESTED,
        "datetime_start": st.one_of(st.just("2026-01-01"), SCALARS),
        "datetime_complete": SCALARS,
        "param_name": NAMES,
        "param_value_internal": SCALARS,
        "distribution": st.one_of(CELLS.filter(lambda cell: not isinstance(cell, bytes)), SCALARS),
        "user_attr": NESTED,
        "system_attr": NESTED,
    },
)


@bounded
@given(log=st.lists(st.one_of(OPERATIONS, NESTED), max_size=8), cut=st.integers(0, 40))
def test_any_journal(log, cut):
    first = {"op_code": 0, "study_name": "s", "directions": [1]}
    trial = {"op_code": 4, "study_id": 0, "datetime_start": None, "state": 1, "values": [0.5]}
    text = "\n".join(json.dumps(own, separators=(",", ":")) for own in (first, trial, *log))
    with files({"journal.log": text[: len(text) - cut]}) as folder:
        check(read_optuna, folder / "journal.log")


@bounded
@given(
    states=st.lists(st.one_of(NESTED, st.text(max_size=5)), max_size=2),
    trials=st.lists(st.tuples(NESTED, st.lists(NESTED, max_size=2)), max_size=3),
)
def test_any_folder_of_ray(states, trials):
    contents = {}
    for n, (params, results) in enumerate(trials):
        lines = [{"loss": n, "training_iteration": 1, "more": more} for more in results]
        contents[f"train_{n}/params.json"] = json.dumps({"lr": params} if n else params)
        contents[f"train_{n}/result.json"] = "\n".join(map(json.dumps, lines))
    for n, state in enumerate(states):
        content = {"trial_data": [[state, "{}"]], "runner_data": state}
        contents[f"experiment_state-{n}.json"] = json.dumps(content)
    with files(contents) as folder:
        check(read_ray, folder, score="loss", direction="minimize")
        check(read_source, str(folder), {"direction": "minimize"})


@bounded
@given(
    trials=st.lists(st.tuples(PARAMS, NESTED, NESTED), max_size=4),
    oracle=st.one_of(
        NESTED, st.fixed_dictionaries({"start_order": NESTED, "hyperparameters": NESTED})
    ),
    space=st.lists(
        st.fixed_dictionaries(
            {
                "class_name": st.sampled_from(["Float", "Int", "Choice", "Boolean", "Fixed"]),
                "config": st.fixed_dictionaries(
                    {"name": NAMES, "min_value": SCALARS, "max_value": SCALARS, "step": SCALARS},
                    optional={"values": NESTED, "default": SCALARS, "sampling": st.just("log")},
                ),
            }
        ),
        max_size=2,
    ),
)
def test_any_folder_of_keras_tuner(trials, oracle, space):
    contents = {"oracle.json": json.dumps(oracle)}
    for n, (values, metrics, score) in enumerate(trials):
        content = {
            "hyperparameters": {"space": space, "values": values},
            "metrics": {"metrics": {"loss": metrics}},
            "score": n if n % 2 else score,
            "status": "COMPLETED",
        }
        contents[f"trial_{n}/trial.json"] = json.dumps(content)
    with files(contents) as folder:
        check(read_keras_tuner, folder, direction="minimize")


@bounded
@given(
    columns=st.dictionaries(
        st.one_of(
            st.sampled_from(["mean_test_score", "param_lr", "params", "iter", "n_resources"]),
            st.sampled_from(["split0_test_score", "mean_fit_time", "mean_test_neg_loss"]),
            NAMES,
        ),
        st.lists(NESTED, min_size=2, max_size=2),
        max_size=5,
    ),
    rows=st.integers(0, 2),
)
def test_any_results_of_sklearn(columns, rows):
    results = {"mean_test_score": [0.5, 0.25], **columns}
    check(read_sklearn, {name: own[:rows] for name, own in results.items()})
    if not any("\ud800" in name for name in results):  # which pandas itself cannot take
        series = {name: pd.Series(own, dtype=object) for name, own in results.items()}
        check(read_sklearn, pd.DataFrame(series))


TEXT = st.one_of(
    st.sampled_from(["0.5", "1", "NaN", "Infinity", "", "finished", "crashed", "abc", "s1"]),
    st.text(max_size=4),
)


@bounded
@given(
    header=st.lists(
        st.one_of(st.sampled_from(["lr", "Sweep", "Created", "Runtime"]), NAMES), max_size=4
    ),
    cells=st.lists(st.lists(TEXT, min_size=7, max_size=7), max_size=3),
    seed=st.sampled_from([None, "lr", "Sweep"]),
)
def test_any_export_of_wandb(header, cells, seed):
    columns = ["Name", "State", "loss", *header]
    rows = [["r", "finished", "0.5", *own[: len(header)]] for own in cells]
    text = "\n".join(",".join(row) for row in (columns, *rows)).encode(errors="replace")
    params = ["lr"] if "lr" in header else None
    asked = {"score": "loss", "direction": "minimize", "replicate": seed, "params": params}
    with files({"export.csv": text}) as folder:
        check(read_wandb_csv, folder / "export.csv", **asked)
        check(read_source, str(folder / "export.csv"), asked)


@bounded
@given(source=st.one_of(st.text(max_size=12), st.from_regex(r"\A[a-z]{2,9}(\+\w)?://[^\0]{0,9}\Z")))
def test_any_text_is_a_source_or_one_line(source):
    if source.casefold().startswith(("http", "databricks", "postgres", "mysql", "mariadb")):
        return  # these need the network
    with files({}) as folder, contextlib.chdir(folder):
        check(read_source, source, {"direction": "minimize", "score": "loss"})
