"""`read_wandb`: the folder `wandb` of local runs of Weights & Biases to `Trials`."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from leadline.data.trials import Trials
from leadline.errors import LeadlineError, pluralize
from leadline.io.json_files import read_json, suggest_inside, validate_folder
from leadline.io.params import flatten_params, parse_number
from leadline.io.recorded_params import select_params
from leadline.io.records import Evaluation, Search, collect
from leadline.io.refusals import choose_direction, choose_group, choose_score
from leadline.io.wandb_log import RunLog, flatten_metrics, read_run_log
from leadline.io.yaml_files import read_yaml

_RUN = re.compile(r"(?:offline-)?run-(\d{8}_\d{6})-(.+)")
_SUMMARY, _CONFIG, _OUTPUT = "wandb-summary.json", "config.yaml", "output.log"
_TRACEBACK, _OUTPUT_END = b"Traceback (most recent call last)", 10_000


@dataclass
class _Run:
    """One run; `status` is None if nothing shows whether it finished."""

    id: str
    start: float | None
    status: str | None
    sweep: str = ""
    project: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    log: RunLog | None = None

    def metric(self, name: str) -> Any:
        if name in self.summary:
            return self.summary[name]
        return self.log.metric(name) if self.log is not None else None

    def metrics(self) -> dict[str, Any]:
        return (self.log.metrics() if self.log is not None else {}) | dict(self.summary)


def read_wandb(
    folder: str | os.PathLike[str],
    *,
    score: str | None = None,
    direction: str | None = None,
    params: Sequence[str] | None = None,
    replicate: str | None = None,
    project: str | None = None,
    sweep: str | None = None,
    random_start: int | None = None,
) -> Trials:
    """Return the local runs of Weights & Biases. The folder is read only, wandb is not needed.

    Parameters
    ----------
    folder : path
        The folder ``"wandb"`` that holds a folder per run, such as
        ``run-20260301_101530-1xvypwwl``; also of offline runs.
    score : str, optional
        The metric, such as ``"val/loss"``; required if there are several. The score is its value in
        the summary, as a rule the last one.
    direction : {"minimize", "maximize"}
        Which scores are good; W&B does not record it.
    params : sequence of str, optional
        Entries of the config that are hyperparameters, nested ones as ``"optimizer/lr"``. Default:
        all that vary, but for those that are about the run by their name, such as a seed or a
        folder, and texts that differ in every run.
    replicate : str, optional
        Entry of the config that distinguishes replicates, such as ``"seed"``. Without it, runs with
        the same hyperparameters are replicates, unless chance may have drawn these twice.
    project, sweep : str, optional
        Read only runs of this project or sweep; required if there are several.
    random_start : int, optional
        Read only this many runs, the first.

    Returns
    -------
    Trials
        All runs with their status: complete if the run finished, failed if it crashed, was killed,
        or has not ended yet. `cost` is the runtime in seconds, `order` the start.

    Raises
    ------
    LeadlineError
        If the folder holds no runs, or those of several searches.
    FileNotFoundError, NotADirectoryError
        If there is no such folder.

    Examples
    --------
    >>> import leadline as ll
    >>> ll.read_wandb("wandb", score="val/loss", direction="minimize")  # doctest: +SKIP
    """
    path, source = validate_folder(folder, "wandb")
    runs, notes = _load_runs(path, source)
    runs, task = _choose_runs(runs, project, sweep, source)
    # The names of all metrics are slow to collect from long logs.
    reported = score is not None and any(run.metric(score) is not None for run in runs)
    metrics = [score] if reported and score is not None else _metric_names(runs)
    score = choose_score(score, metrics, source, direction)
    chosen, left_out = select_params([run.config for run in runs], params, source, replicate)
    notes += left_out
    evaluations = []
    for run, own in zip(runs, chosen, strict=True):
        config, status = flatten_params(run.config), run.status or "complete"
        value, cost = parse_number(run.metric(score)), parse_number(run.metric("_runtime"))
        evaluations.append(Evaluation(run.id, value, status, own, config, cost, run.start))
    notes += _describe_states(runs)
    direction = choose_direction(None, direction, source)
    return collect(
        evaluations, Search(source, task, score, direction, notes), replicate, random_start
    )


def is_run_folder(path: Path) -> bool:
    """Return whether a folder holds local runs of W&B."""
    return any(_RUN.fullmatch(own.name) and own.is_dir() for own in path.iterdir())


def _load_runs(path: Path, source: str) -> tuple[list[_Run], list[str]]:
    """Return the runs in the order of their start, and notes."""
    runs: dict[str, _Run] = {}
    sweeps = _sweeps(path)
    resumed = 0
    for name in sorted(os.listdir(path), key=lambda name: name.removeprefix("offline-")):
        match = _RUN.fullmatch(name)
        if match and (path / name).is_dir():
            run = _read_run(path / name, match, source)
            run.sweep = run.sweep or sweeps.get(run.id, "")
            resumed += run.id in runs
            # The last folder of a run that was resumed has its state and its summary.
            earlier = runs.pop(run.id, run)
            run.start, run.config = earlier.start, {**earlier.config, **run.config}
            runs[run.id] = run
    if not runs:
        advice = suggest_inside(path, is_run_folder, "folders of runs", "give the folder wandb")
        raise LeadlineError(f"{source}: no local runs of W&B, which are folders run-…; {advice}")
    note = f"{pluralize(resumed, 'folder')} of resumed runs joined to the run that they continue"
    found = sorted(runs.values(), key=lambda run: run.start or 0.0)
    return found, [note] * bool(resumed)


def _read_run(folder: Path, match: re.Match[str], source: str) -> _Run:
    files = folder / "files"
    log = read_run_log(folder / f"run-{match[2]}.wandb")
    summary = read_json(files / _SUMMARY, source) if (files / _SUMMARY).exists() else {}
    written = read_yaml(files / _CONFIG)
    if written is not None:
        config = {
            key: entry["value"] if isinstance(entry, dict) and "value" in entry else entry
            for key, entry in written.items()
        }
    else:
        config = log.config if log is not None else {}
    # Of W&B itself.
    config = {key: own for key, own in config.items() if key not in ("_wandb", "wandb_version")}
    try:
        start = datetime.strptime(match[1], "%Y%m%d_%H%M%S").timestamp()
    except (ValueError, OverflowError, OSError):
        start = None
    run = _Run(match[2], start, None, config=config, summary=flatten_metrics(summary), log=log)
    if log is not None:
        run.status = "complete" if log.exit_code == 0 else "failed"
        run.sweep, run.project = log.sweep, log.project
        run.start = log.start or start
    elif _ends_in_traceback(files / _OUTPUT):
        run.status = "failed"
    return run


def _ends_in_traceback(path: Path) -> bool:
    try:
        return _TRACEBACK in path.read_bytes()[-_OUTPUT_END:]
    except OSError:
        return False


def _sweeps(path: Path) -> dict[str, str]:
    """Return the sweep of each run for which `wandb agent` wrote a configuration."""
    return {
        own.stem.removeprefix("config-"): own.parent.name.removeprefix("sweep-")
        for own in sorted(path.glob("sweep-*/config-*.yaml"))
    }


def _choose_runs(
    runs: Sequence[_Run], project: str | None, sweep: str | None, source: str
) -> tuple[list[_Run], str]:
    """Return the runs of the project and the sweep, and a name for the task."""
    chosen, task = list(runs), ""
    for kind, wanted in (("project", project), ("sweep", sweep)):
        names = [getattr(run, kind) for run in chosen]
        positions, name = choose_group(names, wanted, kind, source)
        chosen, task = [chosen[index] for index in positions], name or task
    return chosen, task or source


def _metric_names(runs: Sequence[_Run]) -> list[str]:
    """Return the names of the numbers that runs reported, without those of W&B itself."""
    names: dict[str, None] = {}
    for run in runs:
        for name, value in run.metrics().items():
            if not name.startswith("_") and parse_number(value) is not None:
                names[name] = None
    return list(names)


def _describe_states(runs: Sequence[_Run]) -> list[str]:
    notes = []
    endless = sum(run.log is not None and run.log.exit_code is None for run in runs)
    if endless:
        notes.append(f"{pluralize(endless, 'run')} without an end, killed or still running: failed")
    unknown = sum(run.status is None for run in runs)
    if unknown:
        notes.append(
            f"{pluralize(unknown, 'run')} without a file run-….wandb, which records how a run "
            "ended: complete if there is a score"
        )
    return notes
