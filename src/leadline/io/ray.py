"""`read_ray`: the folder of a Ray Tune experiment to `Trials`."""

import json
import os
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leadline.data.trials import Trials
from leadline.errors import LeadlineError, format_value, join_values, pluralize
from leadline.io.json_files import folder_of, read_json, short_path
from leadline.io.records import Evaluation, collect, flat
from leadline.io.refusals import agreed_direction, chosen_score, refuse_learned

# Only the JSON of these is ever parsed. `basic-variant-state-*.json` is a pickle despite its
# name, and so may be anything else in the folder.
_STATE = "experiment_state-*.json"
_PARAMS, _RESULT, _ERROR = "params.json", "result.json", "error.txt"
_RANDOM_OR_GRID = "basic-variant-state-*"
_SEARCHERS = ("searcher-state-*", "search_gen_state-*")
_POPULATION = "pbt_*"
_STATUS = {"TERMINATED": "complete", "ERROR": "failed"}
# What Ray itself adds to every result.
_AUTOMATIC = frozenset(
    {"timestamp", "checkpoint_dir_name", "done", "training_iteration", "trial_id", "date"}
    | {"time_this_iter_s", "time_total_s", "pid", "hostname", "node_ip", "config"}
    | {"time_since_restore", "iterations_since_restore", "warmup_time", "experiment_tag"}
    | {"timesteps_total", "episodes_total", "should_checkpoint", "experiment_id"}
    | {"timesteps_since_restore", "auto_filename_prefix"}
)
_EARLY = ("pruned", "complete")


@dataclass
class _Trial:
    """One trial as its folder and the state of the experiment tell it."""

    name: str
    status: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None

    @property
    def iterations(self) -> float | None:
        found = self.results.get("training_iteration")
        return float(found) if isinstance(found, int) and abs(found) < 2**53 else None


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
        Of the experiment, with a folder a trial in it.
    score : str, optional
        The metric, nested ones as ``"eval/accuracy"``. Default: the one that the experiment
        names, or the only one. Its value is that of the last result, as Ray counts it.
    direction : {"minimize", "maximize"}
        Which scores are good; Ray does not record it.
    replicate : str, optional
        Parameter that tells replicates of a configuration apart, such as ``"seed"``. Without
        it, trials with the same parameters are replicates, unless chance may have drawn these
        twice.
    early_stopped : {"pruned", "complete"}, optional
        What trials with fewer training iterations are: pruned, as by ASHA, so that they count as
        outside the regime, or complete, since they converged. Without it they are refused:
        scores at different budgets do not compare.
    random_start : int, optional
        Read the first so many trials only.
    assume_random : bool
        Read an experiment all the same whose searcher learned from its trials.

    Returns
    -------
    Trials
        Every trial with its status. `cost` is the training time in seconds, `budget` the number
        of training iterations.

    Raises
    ------
    LeadlineError
        If this is no experiment, or a selection.
    FileNotFoundError, NotADirectoryError
        If there is no such folder.
    """
    path = folder_of(Path(os.path.expanduser(folder)))
    source = path.resolve().name or "experiment"
    if early_stopped is not None and early_stopped not in _EARLY:
        raise LeadlineError(
            f"early_stopped must be 'pruned' or 'complete', got {format_value(early_stopped)}"
        )
    trials, metric, notes = _trials(path, source)
    score = chosen_score(score, _metrics(trials), source, metric)
    direction = agreed_direction(None, direction, source)
    sampler = _sampler(path, source, random_start, assume_random)
    status = _budgets(trials, score, early_stopped, source)
    return collect(
        [
            Evaluation(
                trial.name,
                _value(trial, score),
                own,
                trial.params,
                {},
                trial.results.get("time_total_s"),
                place,
                trial.iterations,
            )
            for place, (trial, own) in enumerate(zip(trials, status, strict=True))
        ],
        source=source,
        task=source,
        metric=score,
        direction=direction,
        replicate=replicate,
        random_start=random_start,
        sampler=sampler,
        notes=notes,
    )


def is_experiment(path: Path) -> bool:
    """Return whether a folder is that of a Ray Tune experiment."""
    return any(path.glob(_STATE)) or any(
        (own / _PARAMS).exists() and ((own / _RESULT).exists() or (own / _ERROR).exists())
        for own in path.iterdir()
        if own.is_dir()
    )


def _trials(path: Path, source: str) -> tuple[list[_Trial], str | None, list[str]]:
    """Return the trials in the order in which they were made, and the metric if it is named."""
    states = sorted(path.glob(_STATE))
    known: dict[str, _Trial] = {}
    metric = None
    for state in states:  # one for each time the experiment was run or resumed
        content = read_json(state, source)
        runner = content.get("runner_data")
        metric = (runner.get("_metric") if isinstance(runner, dict) else None) or metric
        for number, entry in enumerate(_entries(content), start=1):
            known.update(_from_state(entry, f"{source}: trial {number} in {state.name}"))
    with os.scandir(path) as entries:
        folders = [path / name for name in sorted(own.name for own in entries if own.is_dir())]
    for own in folders:
        files = set(os.listdir(own))
        if files & {_PARAMS, _RESULT}:
            trial = known.setdefault(own.name, _Trial(own.name))
            trial.folder = own
            _add_files(trial, own, files, source)
    if not known:
        inside = [own.name for own in folders if is_experiment(own)]
        hint = f"; it holds experiments, {join_values(inside, 8)}: give one" if inside else ""
        raise LeadlineError(
            f"{source}: no trials of Ray Tune, which are folders with {_PARAMS} and "
            f"{_RESULT}{hint or '; give the folder of an experiment'}"
        )
    notes = []
    if not states:
        notes.append(f"no {_STATE}: a trial is failed if there is {_ERROR}, else complete")
    return list(known.values()), metric if isinstance(metric, str) else None, notes


def _entries(content: Mapping[str, Any]) -> Sequence[Any]:
    found = content.get("trial_data")
    return found if isinstance(found, list) else []


def _from_state(entry: Any, label: str) -> dict[str, _Trial]:
    """Return a trial by the name of its folder."""
    try:
        state = json.loads(entry[0]) if isinstance(entry[0], str) else entry[0]
        name, status = state["trial_id"], state["status"]
        folder = state.get("relative_logdir") or name
        params = state.get("evaluated_params") or state.get("config") or {}
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        raise LeadlineError(
            f"{label} cannot be read; is the folder whole, and of Ray 2.7 or later?"
        ) from None
    own = _Trial(str(name), str(status), params if isinstance(params, dict) else {})
    return {str(folder): own}


def _add_files(trial: _Trial, own: Path, files: Set[str], source: str) -> None:
    if _PARAMS in files:
        trial.params = read_json(own / _PARAMS, source)
    results = _last_line(own / _RESULT, source) if _RESULT in files else {}
    # Ray counts the metrics of nested dictionaries by their path.
    config = results.get("config")
    trial.results = {key: value for key, value in results.items() if key != "config"}
    if not trial.params and isinstance(config, dict):
        trial.params = config
    if not trial.status:
        trial.status = "ERROR" if _ERROR in files else "TERMINATED"
        trial.name = str(results.get("trial_id") or trial.name)


def _last_line(path: Path, source: str) -> dict[str, Any]:
    """Return the last whole result; a line that was cut off by a crash is none."""
    lines = path.read_bytes().splitlines()
    for line in reversed(lines[-2:]):
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            return found
    if any(line.strip() for line in lines):
        raise LeadlineError(f"{source}: {short_path(path)} has no JSON lines; is the folder whole?")
    return {}


def _value(trial: _Trial, score: str) -> float | None:
    found: Any = trial.results
    if score in found:
        return found[score]
    for key in score.split("/"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _metrics(trials: Sequence[_Trial]) -> list[str]:
    """Return the numbers that trials reported, nested ones by their path."""
    names: dict[str, None] = {}
    for trial in trials:
        own = {key: value for key, value in trial.results.items() if key not in _AUTOMATIC}
        names.update(
            (key, None)
            for key, value in flat(own).items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        )
    return list(names)


def _sampler(path: Path, source: str, random_start: int | None, assume_random: bool) -> str | None:
    population = sorted(found.name for found in path.glob(_POPULATION))
    searchers = sorted(found.name for pattern in _SEARCHERS for found in path.glob(pattern))
    if population or searchers:
        refuse_learned(
            source,
            f"the file {format_value((population or searchers)[0])} shows "
            + (
                "population-based training, which changes configurations on the way"
                if population
                else "a searcher that proposes trials by what earlier ones showed"
            ),
            drawn_first=None,
            random_start=random_start,
            assume_random=assume_random,
        )
        return "population-based (pbt)" if population else None
    return "basic variants" if any(path.glob(_RANDOM_OR_GRID)) else None


def _budgets(
    trials: Sequence[_Trial], score: str, early_stopped: str | None, source: str
) -> list[str]:
    """Return the status of each trial, or refuse scores at different budgets."""
    status = [_STATUS.get(trial.status, "running") for trial in trials]
    scored = [
        trial.iterations if own == "complete" and _finite(_value(trial, score)) else None
        for trial, own in zip(trials, status, strict=True)
    ]
    most = max((count for count in scored if count is not None), default=None)
    early = [place for place, count in enumerate(scored) if count is not None and count != most]
    if early and early_stopped is None:
        raise LeadlineError(
            f"{source}: {pluralize(len(early), 'trial')} of {len(trials)} ended before training "
            f"iteration {most:g}, as a scheduler like ASHA stops the worse ones, and scores at "
            "different budgets do not compare; early_stopped='pruned' counts these as pruned, "
            "outside the regime; 'complete' takes their scores, if each stopped by itself"
        )
    for place in early:
        status[place] = str(early_stopped)
    return status


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and abs(value) < 1e150
