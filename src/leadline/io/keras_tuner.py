"""`read_keras_tuner`: the project folder of a Keras Tuner search to `Trials`."""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from leadline.data.trials import Trials
from leadline.errors import LeadlineError, format_value, join_values
from leadline.io.json_files import damaged, read_json, suggest_inside, validate_folder
from leadline.io.params import Distribution, Space, is_finite, numeric_distribution
from leadline.io.records import Evaluation, Search, collect
from leadline.io.refusals import Evidence, choose_direction

_TRIALS = "trial_*/trial.json"
_ORACLE = "oracle.json"
_STATUS = {"COMPLETED": "complete", "FAILED": "failed", "INVALID": "failed", "STOPPED": "failed"}
_DIRECTION = {"min": "minimize", "max": "maximize"}
# Each key appears in the oracle.json of one kind of tuner only.
_HALVING, _GRID, _BAYESIAN = "brackets", "ordered_ids", "num_initial_points"
_HALVING_PARAM = "tuner/bracket"

_Trial = dict[str, Any]
_Declared = Mapping[str, tuple[str, Mapping[str, Any]]]
"""Kind and settings of each hyperparameter."""


def read_keras_tuner(
    folder: str | os.PathLike[str],
    *,
    score: str | None = None,
    direction: str | None = None,
    replicate: str | None = None,
    random_start: int | None = None,
    assume_random: bool = False,
) -> Trials:
    """Return the trials of a Keras Tuner project. Keras is not needed.

    Parameters
    ----------
    folder : path
        Folder of the project, which holds `oracle.json` and one folder per trial.
    score : str, optional
        The objective; required only if several metrics agree with the scores.
    direction : {"minimize", "maximize"}, optional
        Recorded, so not required; an error if it differs from the record.
    replicate : str, optional
        Hyperparameter that distinguishes replicates. Keras Tuner draws no configuration twice,
        and averages the executions of a trial.
    random_start : int, optional
        Read only this many trials, the first: those drawn at random.
    assume_random : bool
        Read a search even if it learned from earlier trials.

    Returns
    -------
    Trials
        All trials with their status. The score is the objective's best value over the epochs, as
        in Keras Tuner. If the first trial has the default values, it was not drawn and is left
        out with a note.

    Raises
    ------
    LeadlineError
        If the folder is no project, or its trials are a selection: Hyperband.
    FileNotFoundError, NotADirectoryError
        If there is no such folder.

    Examples
    --------
    >>> import leadline as ll
    >>> ll.read_keras_tuner("my_dir/my_project")  # doctest: +SKIP
    """
    path, source = validate_folder(folder, "project")
    files = sorted(path.glob(_TRIALS))
    if not files:
        advice = suggest_inside(path, is_project, "projects", "give the folder of a project")
        raise LeadlineError(
            f"{source}: no trials of Keras Tuner, which are files {_TRIALS}; {advice}"
        )
    oracle = read_json(path / _ORACLE, source) if (path / _ORACLE).exists() else {}
    trials = [_read_trial(file, source) for file in files]
    order = {str(name): index for index, name in enumerate(_entries(oracle, "start_order"))}
    trials.sort(key=lambda trial: order.get(str(trial["trial_id"]), len(order)))
    if _HALVING in oracle or any(_HALVING_PARAM in _values(trial) for trial in trials):
        raise LeadlineError(
            f"{source}: Hyperband trains trials for different numbers of epochs and goes on with "
            "the winners: its scores do not compare, and the last are no random sample; run "
            "keras_tuner.RandomSearch"
        )
    declared = _declared_space(trials, oracle)
    trials, notes = _drop_defaults(trials, declared)
    metric, recorded = _find_objective(trials, score, source)
    direction = choose_direction(recorded, direction, source)
    sampler, learned = _find_sampler(trials, oracle)
    evaluations = []
    for index, trial in enumerate(trials):
        name, status = str(trial["trial_id"]), _STATUS.get(str(trial.get("status")), "running")
        own = Evaluation(name, trial.get("score"), status, _values(trial), order=index)
        evaluations.append(own)
    space = _convert_space(declared)
    metadata = Search(source, source, metric, direction, notes, sampler, space, learned)
    return collect(evaluations, metadata, replicate, random_start, assume_random)


def is_project(path: Path) -> bool:
    """Return whether a folder is that of a Keras Tuner project."""
    return path.is_dir() and any(path.glob(_TRIALS))


def _read_trial(file: Path, source: str) -> _Trial:
    trial = read_json(file, source)
    trial.setdefault("trial_id", file.parent.name.removeprefix("trial_"))
    if not isinstance(_nested(trial, "hyperparameters", "values"), dict):
        raise damaged(file, source, "has no hyperparameters with values, as Keras Tuner 1 has")
    return trial


def _values(trial: _Trial) -> dict[str, Any]:
    return trial["hyperparameters"]["values"]


def _nested(content: Any, *keys: str) -> Any:
    """Return a nested entry, None if a level is missing or is no mapping."""
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content


def _entries(content: Any, *keys: str) -> list[Any]:
    """Return a nested list, empty if it is missing."""
    found = _nested(content, *keys)
    return found if isinstance(found, list) else []


def _declared_space(trials: Sequence[_Trial], oracle: Mapping[str, Any]) -> _Declared:
    found: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for holder in (oracle, *trials):
        for entry in _entries(holder, "hyperparameters", "space"):
            config = _nested(entry, "config")
            if isinstance(config, dict) and "name" in config:
                found.setdefault(str(config["name"]), (str(entry.get("class_name")), config))
    return found


def _convert_space(declared: _Declared) -> Space:
    """Return the space in the form of `Trials.distributions`."""
    found: dict[str, Distribution | None] = {}
    for name, (kind, config) in declared.items():
        sampling, step = config.get("sampling"), config.get("step")
        if kind == "Choice" and isinstance(config.get("values"), list):
            found[name] = ("categorical", *config["values"])
        elif kind == "Boolean":
            found[name] = ("categorical", False, True)
        elif sampling in ("linear", None) or (sampling == "log" and step is None):
            low, high = config.get("min_value"), config.get("max_value")
            log, integer = sampling == "log", kind == "Int"
            found[name] = numeric_distribution(low, high, step=step, integer=integer, log=log)
    return found


def _drop_defaults(trials: list[_Trial], declared: _Declared) -> tuple[list[_Trial], list[str]]:
    """Return the trials without a first one that consists of default values, and a note."""
    varied = {name: own for name, own in declared.items() if own[0] != "Fixed"}
    first = {name: value for name, value in _values(trials[0]).items() if name in varied}
    is_default = all(value == _default(*varied[name]) for name, value in first.items())
    if len(trials) == 1 or not first or not is_default:
        return trials, []
    name = trials[0]["trial_id"]
    return trials[1:], [f"trial {name} left out: the default values, not a draw"]


def _default(kind: str, config: Mapping[str, Any]) -> object:
    if config.get("default") is not None:
        return config["default"]
    if kind == "Choice" and (values := _entries(config, "values")):
        return values[0]
    return False if kind == "Boolean" else config.get("min_value")


def _find_objective(
    trials: Sequence[_Trial], wanted: str | None, source: str
) -> tuple[str, str | None]:
    """Return the metric whose values are the scores, and its direction."""
    directions: dict[str, str | None] = {}
    agrees: dict[str, bool] = {}
    any_score = False
    for trial in trials:
        score: Any = trial.get("score")
        any_score |= is_finite(score)
        metrics = _nested(trial, "metrics", "metrics")
        for name, metric in (metrics if isinstance(metrics, dict) else {}).items():
            if not isinstance(metric, dict):
                continue
            directions[name] = _DIRECTION.get(str(metric.get("direction")))
            if is_finite(score):
                values = _mean_observations(metric)
                same = any(math.isclose(own, score, rel_tol=1e-9, abs_tol=1e-300) for own in values)
                agrees[name] = agrees.get(name, True) and same
    names = [name for name, same in agrees.items() if same]
    if wanted is not None and wanted not in names:
        raise LeadlineError(
            f"{source}: the scores are not those of a metric {format_value(wanted)}; they agree "
            f"with {join_values(names) or 'none'} of {join_values(directions) or 'none'}"
        )
    if wanted is None and len(names) > 1:
        raise LeadlineError(
            f"{source}: the scores agree with {join_values(names)}; name the objective, as in "
            f"score={names[0]!r}"
        )
    if not names:
        # With several objectives, Keras Tuner minimises their sum, after flipping signs.
        return "score", "minimize" if any_score else None
    name = wanted or names[0]
    return name, directions[name]


def _mean_observations(metric: Mapping[str, Any]) -> list[float]:
    """Return the mean over executions at each step."""
    values = [_entries(observation, "value") for observation in _entries(metric, "observations")]
    return [sum(own) / len(own) for own in values if own and all(map(is_finite, own))]


def _find_sampler(
    trials: Sequence[_Trial], oracle: Mapping[str, Any]
) -> tuple[str | None, Evidence | None]:
    """Return the sampler, None if unknown, and the evidence of Bayesian optimisation."""
    if _BAYESIAN not in oracle or _GRID in oracle:
        return "GridSearch" if _GRID in oracle else None, None
    points = oracle[_BAYESIAN]
    if not isinstance(points, int) or points < 1:
        points = max(3 * len(_entries(oracle, "hyperparameters", "space")), 3)
    # The random start lasts until this many trials are completed.
    completed = [index for index, trial in enumerate(trials) if trial.get("status") == "COMPLETED"]
    first = completed[points - 1] + 1 if len(completed) >= points else len(trials)
    if first == len(trials):
        return "random start", None
    evidence = (
        f"BayesianOptimization chose {len(trials) - first} of {len(trials)} trials by what its "
        f"first {points} showed"
    )
    return "BayesianOptimization", (evidence, first)
