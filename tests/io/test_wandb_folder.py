"""Local runs of W&B: folders in the form of each version, and runs that wandb itself wrote."""

import json
import math
import os
import subprocess
import sys

import pytest
from helpers_readers import digests, refused
from helpers_stores import configurations, wandb_log, wandb_run, write_files, write_wandb

from leadline.io.sources import read_source
from leadline.io.wandb_folder import read_wandb

N = 40
ASKED = {"score": "loss", "direction": "minimize"}


@pytest.mark.parametrize("form", ["log", "files", "log files"])
def test_every_form_gives_the_same_table(tmp_path, form):
    folder = write_wandb(tmp_path / "wandb", N, form)
    (folder / "latest-run").symlink_to(folder / "run-20260301_000000-id0")
    before = digests(folder)
    trials = read_wandb(folder, **ASKED)
    assert str(trials) == f"{N} trials: {N} complete, 0 failed"
    assert trials.table["score"].tolist() == [k / N for k in range(N)]
    assert trials.table["param:lr"].tolist() == [own["lr"] for own in configurations(N)]
    assert (trials.n_params, set(trials.table["cost"])) == (5, {5.0})
    assert set(trials.table["task"]) == {"wandb" if form == "files" else "big"}
    assert bool(trials.notes) == (form == "files")  # how these runs ended is not recorded
    assert read_source(str(folder), ASKED).table.equals(trials.table)
    assert len(read_wandb(folder, direction="minimize").table) == N
    assert digests(folder) == before


def folder_of(tmp_path, *logs):
    """Return a folder of runs with these logs."""
    paths = [f"offline-run-20260301_0000{k:02}-id{k}/run-id{k}.wandb" for k in range(len(logs))]
    return write_files(tmp_path / "wandb", dict(zip(paths, logs, strict=True)))


def test_a_run_is_complete_if_it_ended_by_itself(tmp_path):
    logs = [
        wandb_log(f"id{k}", {"lr": k / 7}, [{"loss": score}], code)
        for k, (score, code) in enumerate(
            [(0.5, 0), (0.1, 1), (0.1, 255), (0.1, None), (math.nan, 0), (math.inf, 0), ("x", 0)]
        )
    ]
    # The summary of the last run is cut off.
    folder = folder_of(tmp_path, *logs, logs[0][:7], logs[0][:-9])
    trials = read_wandb(folder, **ASKED)
    assert trials.table["status"].tolist() == ["complete"] + ["failed"] * 8
    assert "3 runs without an end" in " ".join(trials.notes)


def test_records_may_be_longer_than_a_block(tmp_path):
    config = {"lr": 0.25, "text": "x" * 100_000, "opt/beta": 0.5}
    summaries = [{f"m{k}": k, "loss": k} for k in range(5000)]
    folder = folder_of(
        tmp_path,
        wandb_log("id0", config, summaries),
        wandb_log("id1", {**config, "lr": 0.5}, summaries),
    )
    trials = read_wandb(folder, **ASKED)
    assert trials.table["score"].tolist() == [4999, 4999]
    assert trials.table["param:lr"].tolist() == [0.25, 0.5]
    assert read_wandb(folder, score="m7", direction="maximize").table["score"].tolist() == [7, 7]


def test_sweeps_and_projects_are_told_apart(tmp_path):
    logs = [
        wandb_log(f"id{k}", {"lr": k / 7}, [{"loss": k}], sweep=f"s{k % 2}", project="p")
        for k in range(6)
    ]
    folder = folder_of(tmp_path, *logs)
    with refused("'s0', 's1'", "sweep"):
        read_wandb(folder, **ASKED)
    trials = read_wandb(folder, **ASKED, sweep="s1")
    assert trials.table["score"].tolist() == [1, 3, 5]
    assert set(trials.table["task"]) == {"s1"}
    with refused("'s2'", "'s0', 's1'"):
        read_wandb(folder, **ASKED, sweep="s2")
    other = folder_of(tmp_path / "b", logs[0], wandb_log("id1", {}, [{"loss": 1}], project="q"))
    with refused("'p', 'q'", "project"):
        read_wandb(other, **ASKED)
    assert len(read_wandb(other, **ASKED, project="q").table) == 1


def test_the_files_of_an_agent_name_the_sweep(tmp_path):
    folder = write_wandb(tmp_path / "wandb", 4, "files")
    write_files(folder, {f"sweep-{'ab'[k % 2]}/config-id{k}.yaml": "" for k in range(4)})
    assert read_wandb(folder, **ASKED, sweep="b").table["score"].tolist() == [0.25, 0.75]


def test_a_run_that_was_resumed_is_one_trial(tmp_path):
    first = wandb_log("id0", {"lr": 0.5}, [{"loss": 3}], None)
    second = wandb_log("id0", {"more": 1}, [{"loss": 2}], 0)
    folder = write_files(
        tmp_path / "wandb",
        {
            "run-20260301_000000-id0/run-id0.wandb": first,
            "run-20260302_000000-id0/run-id0.wandb": second,
        },
    )
    trials = read_wandb(folder, **ASKED)
    assert trials.table["score"].tolist() == [2]
    assert "resumed" in " ".join(trials.notes)


def test_nested_entries_and_seeds(tmp_path):
    logs = [
        wandb_log(
            f"id{k}",
            {"opt": {"lr": (k // 2) / 7}, "seed": k % 2, "out": f"runs/{k}"},
            [{"eval": {"loss": k}, "plot": {"_type": "image"}}],
        )
        for k in range(8)
    ]
    folder = write_files(
        tmp_path / "wandb",
        {
            f"run-20260301_00000{k}-id{k}/files/{name}": content
            for k in range(8)
            for name, content in {
                "wandb-summary.json": json.dumps({"eval": {"loss": k}, "_step": 3}),
                "config.yaml": f"opt: {{value: {{lr: {(k // 2) / 7}}}}}\nseed: {{value: {k % 2}}}\n"
                f"out: {{value: runs/{k}}}\n_wandb: {{value: {{cli_version: {k}}}}}\n",
            }.items()
        },
    )
    for source in (folder, folder_of(tmp_path / "b", *logs)):
        asked = {"direction": "minimize", "params": ["opt/lr"], "replicate": "seed"}
        trials = read_wandb(source, **asked)
        assert trials.params == ["param:opt.lr"]
        assert trials.counts()["trials"] == 4
        assert trials.per_trial()["score"].tolist() == [0.5, 2.5, 4.5, 6.5]
        with refused("'lr'", "'opt/lr', 'seed', 'out'"):
            read_wandb(source, direction="minimize", params=["lr"])


def test_a_crash_shows_in_the_output(tmp_path):
    folder = write_wandb(tmp_path / "wandb", 4, "files")
    crash = "Traceback (most recent call last):\n  File ...\nValueError\n"
    write_files(folder, {"run-20260301_000002-id2/files/output.log": crash})
    trials = read_wandb(folder, **ASKED)
    assert trials.table["status"].tolist() == ["complete", "complete", "failed", "complete"]


def test_what_is_not_recorded_is_asked_for(tmp_path):
    folder = folder_of(tmp_path, wandb_log("id0", {}, [{"a": 1, "b": 2, "_step": 1, "t": "x"}]))
    with refused("score", "'a', 'b'") as error:
        read_wandb(folder)
    assert "_step" not in str(error.value)
    with refused("'aa'", "'a'"):
        read_wandb(folder, score="aa", direction="minimize")
    with refused("direction"):
        read_wandb(folder, score="a")
    with refused("'wandb'", error=IsADirectoryError):
        read_source(str(tmp_path), ASKED)
    with refused("folder wandb"):
        read_wandb(write_files(tmp_path / "c", {"x/y": ""}), **ASKED)
    with refused("absent", error=FileNotFoundError):
        read_wandb(tmp_path / "absent")


def test_damaged_files_are_named_or_end_the_log(tmp_path):
    folder = write_files(tmp_path / "wandb", wandb_run(0, 2, {"lr": 0.5}, "files"))
    for k in (1, 2):
        write_files(folder, wandb_run(k, 3, {"lr": k / 4}, "log"))
    config = "run-20260301_000000-id0/files/config.yaml"
    for text in ("a: [", "&a [*a]", "a: &a {b: *a}", b"\xff\xfe\x00"):
        write_files(folder, {config: text})
        assert read_wandb(folder, **ASKED).table["param:lr"].isna().sum() == 1
    write_files(folder, {"run-20260301_000000-id0/files/wandb-summary.json": "{"})
    with refused("wandb-summary.json"):
        read_wandb(folder, **ASKED)


SCRIPT = """
import os, signal, sys, time
import wandb
how, seed = sys.argv[1], int(sys.argv[2])
config = {"lr": seed / 7, "opt": {"beta": seed / 3}, "layers": [seed, 2]}
run = wandb.init(project="p", mode="offline", dir=sys.argv[3], config=config, name=f"run {seed}")
for step in range(3):
    run.log({"val/loss": seed + 3 - step, "acc": step})
if how == "nan":
    run.log({"val/loss": float("nan")})
if how == "exit":
    sys.exit(3)
if how == "crash":
    raise ValueError
if how == "kill":
    time.sleep(1)
    os.kill(os.getpid(), signal.SIGKILL)
run.finish()
"""


def test_runs_that_wandb_wrote(tmp_path):
    pytest.importorskip("wandb")
    environment = os.environ | {"WANDB_SILENT": "true", "HOME": str(tmp_path)}
    kinds = ["finish", "nan", "exit", "crash", "kill", "finish"]
    for seed, how in enumerate(kinds):
        command = [sys.executable, "-c", SCRIPT, how, str(seed), str(tmp_path)]
        done = subprocess.run(command, env=environment, capture_output=True, timeout=100)
        assert (done.returncode == 0) == (how in ("finish", "nan")), done.stderr.decode()
    before = digests(tmp_path / "wandb")
    trials = read_wandb(tmp_path / "wandb", score="val/loss", direction="minimize")
    assert trials.table["score"].dropna().tolist() == [1, 6]
    assert trials.table["status"].tolist() == ["complete", *["failed"] * 4, "complete"]
    assert trials.table["param:opt.beta"].dropna().tolist()[:2] == [0, 1 / 3]
    assert set(trials.table["task"]) == {"p"}
    assert digests(tmp_path / "wandb") == before
