"""`read_ray`: the folder of a Ray Tune experiment to `Trials`."""

import csv
import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leadline.data.trials import Trials
from leadline.errors import LeadlineError, format_value, pluralize
from leadline.io.json_files import damaged, read_json, suggest_inside, validate_folder
from leadline.io.params import flatten_params, is_finite, parse_number, to_float
from leadline.io.records import Evaluation, Search, collect
from leadline.io.refusals import (
    TOO_EARLY,
    Evidence,
    choose_direction,
    choose_score,
    validate_early_stopped,
)

# No other files are parsed. `basic-variant-state-*.json` is a pickle despite its name, and so may
# be any other file in the folder.
_STATE = "experiment_state-*.json"
_PARAMS, _RESULT, _ERROR = "params.json", "result.json", "error.txt"
_PROGRESS = "progress.csv"  # the results of result.json as a table
_CONFIG = "config/"

_RANDOM_OR_GRID = "basic-variant-state-*"
# The second matches searcher-state-* and search_gen_state-*.
_LEARNED = {
    "pbt_*": "population-based training, which changes configurations on the way",
    "search*state-*": "a searcher that proposes trials by what earlier ones showed",
}
_STATUS = {"TERMINATED": "complete", "ERROR": "failed"}
# Entries that Ray adds to every result.
_AUTOMATIC = frozenset(
    {"timestamp", "checkpoint_dir_name", "done", "training_iteration", "trial_id", "date"}
    | {"time_this_iter_s", "time_total_s", "pid", "hostname", "node_ip", "config"}
    | {"time_since_restore", "iterations_since_restore", "warmup_time", "experiment_tag"}
    | {"timesteps_total", "episodes_total", "should_checkpoint", "experiment_id"}
    | {"timesteps_since_restore", "auto_filename_prefix"}
)


@dataclass
class _Trial:
    """One trial, from its folder and the state of the experiment."""

    name: str
    status: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)

    @property
    def iterations(self) -> float | None:
        found = self.results.get("training_iteration")
        return float(found) if isinstance(found, int) and abs(found) < 2**53 else None

    def value(self, metric: str) -> Any:
        """Return a metric at the last result; nested ones by their path."""
        found: Any = self.results
        if metric in found:
            return found[metric]
        for key in metric.split("/"):
            found = found.get(key) if isinstance(found, Mapping) else None
        return found


def read_ray(
    folder: str | os.PathLike[str],
    *,
    score: str | None = None,
    direction: str | None = None,
    replicate: str | None = None,
    early_stopped: str | None = None,
    random_start: int | None = None,
    assume_random: bool = False,
) -> Trials:
    """Return the trials of a Ray Tune experiment. Ray is not needed, no pickle is loaded.

    Parameters
    ----------
    folder : path
        Folder of the experiment, which holds one folder per trial, with `params.json` and
        `result.json` or `progress.csv`.
    score : str, optional
        The metric, nested ones as ``"eval/accuracy"``. Default: the metric that the experiment
        names, or the only one. The score is its value in the last result, as in Ray.
    direction : {"minimize", "maximize"}
        Which scores are good; Ray does not record it.
    replicate : str, optional
        Parameter that distinguishes replicates, such as ``"seed"``. Without it, trials with the
        same parameters are replicates, unless chance may have drawn these twice.
    early_stopped : {"pruned", "complete"}, optional
        Status of trials with fewer training iterations than others: pruned, so worse than the
        threshold, if a scheduler such as ASHA stopped them; complete if they converged. Without
        it they are refused, since scores at different budgets do not compare.
    random_start : int, optional
        Read only this many trials, the first.
    assume_random : bool
        Read an experiment even if its searcher learned from earlier trials.

    Returns
    -------
    Trials
        All trials with their status. `cost` is the training time in seconds, `budget` the number
        of training iterations.

    Raises
    ------
    LeadlineError
        If the folder is no experiment, or its trials are a selection.
    FileNotFoundError, NotADirectoryError
        If there is no such folder.

    Examples
    --------
    >>> import leadline as ll
    >>> ll.read_ray("ray_results/exp", score="loss", direction="minimize")  # doctest: +SKIP
    """
    path, source = validate_folder(folder, "experiment")
    validate_early_stopped(early_stopped)
    trials, metric, notes = _load_trials(path, source)
    score = choose_score(score, _metrics(trials), source, direction, metric)
    direction = choose_direction(None, direction, source)
    sampler, learned = _find_sampler(path)
    statuses = _find_statuses(trials, score, early_stopped, source)
    evaluations = []
    for index, (trial, status) in enumerate(zip(trials, statuses, strict=True)):
        name, value, cost = trial.name, trial.value(score), trial.results.get("time_total_s")
        own = Evaluation(name, value, status, trial.params, {}, cost, index, trial.iterations)
        evaluations.append(own)
    metadata = Search(source, source, score, direction, notes, sampler, learned=learned)
    return collect(evaluations, metadata, replicate, random_start, assume_random)


def is_experiment(path: Path) -> bool:
    """Return whether a folder is that of a Ray Tune experiment."""
    return any(path.glob(_STATE)) or any(
        (own / _PARAMS).exists()
        and any((own / name).exists() for name in (_RESULT, _PROGRESS, _ERROR))
        for own in path.iterdir()
        if own.is_dir()
    )


def _load_trials(path: Path, source: str) -> tuple[list[_Trial], str | None, list[str]]:
    """Return the trials in the order of their creation, the metric if it is named, and notes."""
    states = sorted(path.glob(_STATE))  # one for each run or resumption of the experiment
    trials: dict[str, _Trial] = {}
    metric = None
    for state in states:
        content = read_json(state, source)
        runner, entries = content.get("runner_data"), content.get("trial_data")
        metric = (runner.get("_metric") if isinstance(runner, dict) else None) or metric
        for number, entry in enumerate(entries if isinstance(entries, list) else (), start=1):
            folder, trial = _parse_entry(entry, f"{source}: trial {number} in {state.name}")
            trials[folder] = trial
    with os.scandir(path) as inside:
        folders = sorted(own.name for own in inside if own.is_dir())
    for folder in folders:
        files = os.listdir(path / folder)
        if _PARAMS in files or _RESULT in files or _PROGRESS in files:
            _add_files(trials.setdefault(folder, _Trial(folder)), path / folder, files, source)
    if not trials:
        advice = suggest_inside(
            path, is_experiment, "experiments", "give the folder of an experiment"
        )
        raise LeadlineError(
            f"{source}: no trials of Ray Tune, which are folders with {_PARAMS} and {_RESULT} or "
            f"{_PROGRESS}; {advice}"
        )
    note = f"no {_STATE}: a trial is failed if there is {_ERROR}, else complete"
    named = metric if isinstance(metric, str) else None
    return list(trials.values()), named, [] if states else [note]


def _parse_entry(entry: Any, label: str) -> tuple[str, _Trial]:
    """Return the name of the folder of a trial, and the trial, from the experiment's state."""
    try:
        state = json.loads(entry[0]) if isinstance(entry[0], str) else entry[0]
        name, status = state["trial_id"], state["status"]
        folder = state.get("relative_logdir") or name
        params = state.get("evaluated_params") or state.get("config") or {}
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        raise LeadlineError(
            f"{label} cannot be read; check that the folder is complete, and of Ray 2.7 or later"
        ) from None
    return str(folder), _Trial(str(name), str(status), params if isinstance(params, dict) else {})


def _add_files(trial: _Trial, folder: Path, files: Collection[str], source: str) -> None:
    """Add parameters and last result; set the status if the experiment's state lacks the trial."""
    if _PARAMS in files:
        trial.params = read_json(folder / _PARAMS, source)
    results: dict[str, Any] = {}
    if _RESULT in files:
        results = _read_last_line(folder / _RESULT, source)
    elif _PROGRESS in files:
        results = _read_last_row(folder / _PROGRESS, source)
    config = results.pop("config", None)
    trial.results = results
    if not trial.params and isinstance(config, dict):
        trial.params = config
    if not trial.status:
        trial.status = "ERROR" if _ERROR in files else "TERMINATED"
        trial.name = str(results.get("trial_id") or trial.name)


def _read_last_line(path: Path, source: str) -> dict[str, Any]:
    """Return the last complete result; a crash may have cut off the last line."""
    lines = path.read_bytes().splitlines()
    for line in reversed(lines[-2:]):
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            return found
    if any(line.strip() for line in lines):
        raise damaged(path, source, "has no JSON lines")
    return {}


def _read_last_row(path: Path, source: str) -> dict[str, Any]:
    """Return the last complete row of a table of results, in the form of a line of `_RESULT`."""
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, csv.Error) as error:
        raise damaged(path, source, f"is no table ({format_value(str(error))})") from None
    complete = [row for row in rows[1:] if len(row) == len(rows[0])]
    if not complete:
        return {}
    found: dict[str, Any] = {"config": {}}
    for name, cell in zip(rows[0], complete[-1], strict=True):
        number = None if name == "trial_id" else parse_number(cell)
        value: Any = cell if number is None else number
        if number is not None and number.is_integer() and "." not in cell:
            value = int(number)
        if name.startswith(_CONFIG):
            found["config"][name.removeprefix(_CONFIG)] = value
        elif cell:
            found[name] = value
    return found


def _metrics(trials: Sequence[_Trial]) -> list[str]:
    """Return the names of the numbers that trials reported, nested ones by their path."""
    names: dict[str, None] = {}
    for trial in trials:
        own = {key: value for key, value in trial.results.items() if key not in _AUTOMATIC}
        flat = flatten_params(own).items()
        names |= dict.fromkeys(key for key, value in flat if to_float(value) is not None)
    return list(names)


def _find_sampler(path: Path) -> tuple[str | None, Evidence | None]:
    """Return the sampler, None if unknown, and the evidence that the searcher learned."""
    for pattern, reason in _LEARNED.items():
        names = sorted(found.name for found in path.glob(pattern))
        if names:
            sampler = "population-based (pbt)" if pattern == "pbt_*" else None
            return sampler, (f"the file {format_value(names[0])} shows {reason}", None)
    return "basic variants" if any(path.glob(_RANDOM_OR_GRID)) else None, None


def _find_statuses(
    trials: Sequence[_Trial], score: str, early_stopped: str | None, source: str
) -> list[str]:
    """Return the status of each trial; refuse scores at different budgets."""
    statuses = [_STATUS.get(trial.status, "running") for trial in trials]
    budgets = {
        index: trial.iterations
        for index, (trial, status) in enumerate(zip(trials, statuses, strict=True))
        if status == "complete" and is_finite(trial.value(score)) and trial.iterations is not None
    }
    most = max(budgets.values(), default=0.0)
    early = [index for index, count in budgets.items() if count != most]
    if early and early_stopped is None:
        raise LeadlineError(
            f"{source}: {pluralize(len(early), 'trial')} of {len(trials)} ended before training "
            f"iteration {most:g}, as a scheduler like ASHA stops the worse ones, and {TOO_EARLY}"
        )
    for index in early:
        statuses[index] = str(early_stopped)
    return statuses
