"""Whatever stands in a folder of MLflow, W&B or Ray: valid trials or one clear line."""

import json
import os
import random

import pytest
from helpers_readers import check_read, digests, files
from helpers_stores import (
    configurations,
    mlflow_files,
    mlflow_meta,
    wandb_log,
    wandb_run,
    write_files,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.io.mlflow import read_mlflow
from leadline.io.optuna import read_optuna
from leadline.io.ray import read_ray
from leadline.io.sources import read_source
from leadline.io.wandb_folder import read_wandb

bounded = settings(derandomize=True, max_examples=60, deadline=None, database=None)
MINIMIZE = {"direction": "minimize"}

TEXTS = st.one_of(
    st.sampled_from(
        ["", "0.5", "1 0.5 1\n", "1 nan 1\n2 inf 2", "1 1e999 1", "1 0.5 " + "9" * 400]
    ),
    st.sampled_from([b"\xff\xfe1\x00", b"\x80\x04.", "\r\n", "a: [", "1 2 3 4 5\n", "λ" * 99]),
    st.binary(max_size=30),
    st.text(max_size=30),
)
METAS = st.one_of(
    TEXTS,
    st.builds(
        mlflow_meta,
        run=st.sampled_from(["run0", "''", "[1, 2]", "{a: b}", "\u2028"]),
        start=st.sampled_from([0, 1, 10**20, -1]),
        status=st.sampled_from([1, 3, 4, 5, 9, "FINISHED", "''", "null", "1.5", "[3]"]),
        lifecycle_stage=st.sampled_from(["active", "deleted", "''"]),
        end_time=st.sampled_from(["null", "soon", 5, ".nan", "2026-01-01"]),
    ),
)


@bounded
@given(
    metas=st.lists(METAS, max_size=3),
    metrics=st.lists(TEXTS, max_size=3),
    params=st.lists(TEXTS, max_size=3),
    experiment=st.one_of(st.just("experiment_id: '1'\nname: big\n"), TEXTS),
    score=st.sampled_from([None, "loss", "a/b"]),
)
def test_any_file_store(metas, metrics, params, experiment, score):
    contents = {**mlflow_files(3), "1/meta.yaml": experiment}
    for n, text in enumerate(metas):
        contents[f"1/run{n}/meta.yaml"] = text
    for n, text in enumerate(metrics):
        contents[f"1/run{n}/metrics/{'a/b' if n % 2 else 'loss'}"] = text
    for n, text in enumerate(params):
        contents[f"1/run{n}/params/lr"] = text
        contents[f"1/run{n}/tags/mlflow.parentRunId"] = text
    contents = {
        path: text.encode(errors="surrogatepass") if isinstance(text, str) else text
        for path, text in contents.items()
    }
    with files(contents) as folder:
        check_read(read_mlflow, folder, score=score, **MINIMIZE)
        check_read(read_source, str(folder), MINIMIZE)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


@bounded
@given(
    configs=st.lists(st.dictionaries(st.text(max_size=3), JSON, max_size=3), max_size=3),
    summary=st.one_of(st.dictionaries(st.sampled_from(["loss", "a"]), JSON), JSON),
    code=st.sampled_from([None, 0, 1, 2**40]),
    cut=st.integers(0, 60),
    flip=st.integers(0, 400),
    form=st.sampled_from(["log", "files", "log files"]),
)
def test_any_runs_of_wandb(configs, summary, code, cut, flip, form):
    contents = {}
    for n, config in enumerate(configs):
        contents |= wandb_run(n, 3, config, form)
        if not isinstance(summary, dict):
            continue
        log = bytearray(wandb_log(f"id{n}", config, [summary, {"loss": n}], code))
        if n == 1:
            log[flip % len(log)] ^= 0xFF
        if "log" in form:
            contents[f"run-20260301_00000{n}-id{n}/run-id{n}.wandb"] = bytes(log[: len(log) - cut])
    if configs and "files" in form:
        path = "run-20260301_000000-id0/files/wandb-summary.json"
        contents[path] = json.dumps(summary)[: 40 - cut]
    with files(contents) as folder:
        check_read(read_wandb, folder, score="loss", **MINIMIZE)
        check_read(read_source, str(folder), MINIMIZE)


CELLS = st.one_of(
    st.sampled_from(["0.5", "1", "COMPLETE", "PRUNED", "FAIL", "", "nan", "{'x': 1}", "[0]", "λ"]),
    st.text(st.characters(blacklist_characters='"\r\n,;\t|\0', codec="utf-8"), max_size=4),
)


@bounded
@given(
    columns=st.lists(
        st.sampled_from(
            [
                "number",
                "state",
                "params_a",
                "params_",
                "user_attrs_seed",
                "values_1",
                "duration",
                "datetime_start",
                "x",
                "system_attrs_fixed_params",
                "system_attrs_retry_history",
            ]
        ),
        unique=True,
    ),
    rows=st.lists(st.lists(CELLS, min_size=13, max_size=13), max_size=5),
)
def test_any_trials_frame(columns, rows):
    names = ["value", *columns]
    lines = [",".join(own[: len(names)]) for own in (names, *rows)]
    with files({"trials.csv": "\n".join(lines)}) as folder:
        check_read(read_optuna, folder / "trials.csv", **MINIMIZE, rows=len(rows))
        check_read(read_source, str(folder / "trials.csv"), {**MINIMIZE, "score": "value"})


@bounded
@given(tables=st.lists(st.one_of(TEXTS, st.just("loss,training_iteration\n0.5,1\n")), max_size=4))
def test_any_progress_of_ray(tables):
    contents: dict[str, str | bytes] = {}
    for n, table in enumerate(tables):
        text = table.encode(errors="surrogatepass") if isinstance(table, str) else table
        contents[f"train_{n}/progress.csv"] = text
        contents[f"train_{n}/params.json"] = json.dumps({"lr": n})
    with files(contents) as folder:
        check_read(read_ray, folder, score="loss", **MINIMIZE)


@pytest.mark.parametrize("seed", range(12))
def test_files_and_folders_may_be_missing_or_links(tmp_path, seed):
    rng = random.Random(seed)
    write_files(tmp_path / "mlruns", mlflow_files(4))
    for n, own in enumerate(configurations(4)):
        write_files(tmp_path / "wandb", wandb_run(n, 4, own, rng.choice(["log", "files"])))
    for kind in ("mlruns", "wandb"):
        paths = sorted(path for path in (tmp_path / kind).rglob("*") if path.is_file())
        for path in rng.sample(paths, 4):
            path.unlink()
            if rng.random() < 0.7:
                path.symlink_to(rng.choice([path, path.parent, tmp_path, tmp_path / "absent"]))
    before = digests(tmp_path)
    check_read(read_mlflow, tmp_path / "mlruns", score="loss", **MINIMIZE)
    check_read(read_wandb, tmp_path / "wandb", score="loss", **MINIMIZE)
    for name in ("mlruns", "wandb"):
        check_read(read_source, str(tmp_path / name), {**MINIMIZE, "score": "loss"})
    assert digests(tmp_path) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
@pytest.mark.parametrize("closed", ["1", "1/run0", "1/run0/params", "1/run0/meta.yaml"])
def test_a_folder_without_permission_gives_one_line(tmp_path, closed):
    folder = write_files(tmp_path / "mlruns", mlflow_files(4))
    (folder / closed).chmod(0)
    try:
        check_read(read_mlflow, folder, score="loss", **MINIMIZE)
    finally:
        (folder / closed).chmod(0o755)
