"""`read_keras_tuner`: the project folder of a Keras Tuner search to `Trials`."""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from leadline.data.trials import Trials
from leadline.errors import LeadlineError, format_value, join_values
from leadline.io.json_files import folder_of, read_json, short_path
from leadline.io.records import Evaluation, Space, collect
from leadline.io.refusals import agreed_direction, refuse_learned

_TRIALS = "trial_*/trial.json"
_ORACLE = "oracle.json"
_STATUS = {"COMPLETED": "complete", "FAILED": "failed", "INVALID": "failed", "STOPPED": "failed"}
_DIRECTION = {"min": "minimize", "max": "maximize"}
# Keys of oracle.json that only one kind of tuner has.
_HALVING, _GRID, _BAYESIAN = "brackets", "ordered_ids", "num_initial_points"
_HALVING_PARAM = "tuner/bracket"


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
        Of the project, with `oracle.json` and a folder a trial.
    score : str, optional
        The objective; needed only where several metrics agree with the scores.
    direction : {"minimize", "maximize"}, optional
        Not needed, since it is recorded.
    replicate : str, optional
        Hyperparameter that tells replicates apart. Keras Tuner draws no configuration twice, and
        averages the executions of a trial.
    random_start : int, optional
        Read the first so many trials only, those drawn at random.
    assume_random : bool
        Read a search all the same that learned from its trials.

    Returns
    -------
    Trials
        Every trial with its status. The score is the objective's best value over the epochs, as
        Keras Tuner counts it. A first trial that was the default values, not a draw, is left
        out with a note.

    Raises
    ------
    LeadlineError
        If this is no project, or a selection: Hyperband.
    FileNotFoundError, NotADirectoryError
        If there is no such folder.
    """
    path = folder_of(Path(os.path.expanduser(folder)))
    source = path.resolve().name or "project"
    files = sorted(path.glob(_TRIALS))
    if not files:
        inside = [own.name for own in sorted(path.iterdir()) if is_project(own)]
        hint = f"it holds projects, {join_values(inside, 8)}: give one" if inside else ""
        raise LeadlineError(
            f"{source}: no trials of Keras Tuner, which are files {_TRIALS}; "
            f"{hint or 'give the folder of a project'}"
        )
    oracle = read_json(path / _ORACLE, source) if (path / _ORACLE).exists() else {}
    trials = _in_order([_trial(file, source) for file in files], oracle)
    space = _declared_space(trials, oracle)
    _refuse_halving(trials, oracle, source)
    trials, notes = _without_defaults(trials, space)
    metric, recorded = _objective(trials, score, source)
    direction = agreed_direction(recorded, direction, source)
    sampler = _sampler(trials, oracle, source, random_start, assume_random)
    return collect(
        [
            Evaluation(
                str(trial["trial_id"]),
                trial.get("score"),
                _STATUS.get(str(trial.get("status")), "running"),
                _values(trial),
                {},
                order=place,
            )
            for place, trial in enumerate(trials)
        ],
        source=source,
        task=source,
        metric=metric,
        direction=direction,
        replicate=replicate,
        random_start=random_start,
        sampler=sampler,
        distributions=_distributions(space),
        notes=notes,
    )


def is_project(path: Path) -> bool:
    """Return whether a folder is that of a Keras Tuner project."""
    return path.is_dir() and any(path.glob(_TRIALS))


def _trial(file: Path, source: str) -> dict[str, Any]:
    trial = read_json(file, source)
    trial.setdefault("trial_id", file.parent.name.removeprefix("trial_"))
    hyperparameters = trial.get("hyperparameters")
    if not isinstance(hyperparameters, dict) or not isinstance(hyperparameters.get("values"), dict):
        raise LeadlineError(
            f"{source}: {short_path(file)} has no hyperparameters with values; is the folder "
            "whole, and of Keras Tuner 1?"
        )
    return trial


def _values(trial: Mapping[str, Any]) -> Mapping[str, Any]:
    return trial["hyperparameters"]["values"]


def _in_order(trials: Sequence[dict[str, Any]], oracle: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the trials in the order in which they started."""
    order = oracle.get("start_order")
    place = {str(name): n for n, name in enumerate(order)} if isinstance(order, list) else {}
    last = len(place)
    return sorted(trials, key=lambda trial: place.get(str(trial["trial_id"]), last))


def _declared_space(
    trials: Sequence[Mapping[str, Any]], oracle: Mapping[str, Any]
) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Return the kind and the settings of each hyperparameter, by its name."""
    found: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for holder in (oracle.get("hyperparameters"), *(own["hyperparameters"] for own in trials)):
        space = holder.get("space") if isinstance(holder, dict) else None
        for entry in space if isinstance(space, list) else ():
            config = entry.get("config") if isinstance(entry, dict) else None
            if isinstance(config, dict) and "name" in config:
                kind = (str(entry.get("class_name")), config)
                found.setdefault(str(config["name"]), kind)
    return found


def _distributions(space: Mapping[str, tuple[str, Mapping[str, Any]]]) -> Space:
    found: dict[str, tuple[object, ...]] = {}
    for name, (kind, config) in space.items():
        low, high, step = (config.get(key) for key in ("min_value", "max_value", "step"))
        if kind == "Choice" and isinstance(config.get("values"), list):
            found[name] = ("categorical", *config["values"])
        elif kind == "Boolean":
            found[name] = ("categorical", False, True)
        elif isinstance(low, int | float) and isinstance(high, int | float):
            log = config.get("sampling") == "log"
            if config.get("sampling") not in ("log", "linear", None) or (log and step is not None):
                continue
            named = ("log-" if log else "") + ("integer" if kind == "Int" else "uniform")
            if isinstance(step, int | float) and step > 0 and not log:
                last = low + step * math.floor((high - low) / step + 1e-8)
                found[name] = (named, low, last, step)
            else:
                found[name] = (named, low, high)
    return found


def _refuse_halving(
    trials: Sequence[Mapping[str, Any]], oracle: Mapping[str, Any], source: str
) -> None:
    if _HALVING in oracle or any(_HALVING_PARAM in _values(trial) for trial in trials):
        raise LeadlineError(
            f"{source}: Hyperband trains trials for different numbers of epochs and goes on with "
            "the winners: its scores do not compare, and the last are no random sample; run "
            "keras_tuner.RandomSearch"
        )


def _without_defaults(
    trials: list[dict[str, Any]], space: Mapping[str, tuple[str, Mapping[str, Any]]]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the trials that were drawn: a first one that is all defaults was not."""
    varied = {name: own for name, own in space.items() if own[0] != "Fixed"}
    if len(trials) > 1 and varied:
        first = _values(trials[0])
        own = {name: value for name, value in first.items() if name in varied}
        if own and all(value == _default(*varied[name]) for name, value in own.items()):
            name = trials[0]["trial_id"]
            return trials[1:], [f"trial {name} left out: the default values, not a draw"]
    return trials, []


def _default(kind: str, config: Mapping[str, Any]) -> object:
    if config.get("default") is not None:
        return config["default"]
    values = config.get("values")
    if kind == "Choice" and isinstance(values, list) and values:
        return values[0]
    return False if kind == "Boolean" else config.get("min_value")


def _objective(
    trials: Sequence[Mapping[str, Any]], wanted: str | None, source: str
) -> tuple[str, str | None]:
    """Return the metric that the scores are of and its direction."""
    directions: dict[str, str | None] = {}
    agree: dict[str, bool] = {}
    for trial in trials:
        holder = trial.get("metrics")
        metrics = holder.get("metrics") if isinstance(holder, dict) else None
        for name, own in (metrics if isinstance(metrics, dict) else {}).items():
            if not isinstance(own, dict):
                continue
            directions[name] = _DIRECTION.get(str(own.get("direction")))
            if _finite(trial.get("score")):
                same = any(_same(value, trial["score"]) for value in _observed(own))
                agree[name] = agree.get(name, True) and same
    names = [name for name, same in agree.items() if same]
    if wanted is not None:
        if wanted not in names:
            raise LeadlineError(
                f"{source}: the scores are not those of a metric {format_value(wanted)}; they agree with "
                f"{join_values(names) or 'none'} of {join_values(directions) or 'none'}"
            )
        return wanted, directions[wanted]
    if len(names) > 1:
        raise LeadlineError(
            f"{source}: the scores agree with {join_values(names)}; name the objective with score"
        )
    if not names and any(_finite(trial.get("score")) for trial in trials):
        # Several objectives: Keras Tuner minimises the sum of all, signs flipped as needed.
        return "score", "minimize"
    return (names[0], directions[names[0]]) if names else ("score", None)


def _observed(metric: Mapping[str, Any]) -> list[float]:
    """Return the mean over executions at each step."""
    found = []
    observations = metric.get("observations")
    for observation in observations if isinstance(observations, list) else ():
        values = observation.get("value") if isinstance(observation, dict) else None
        if isinstance(values, list) and values and all(map(_finite, values)):
            found.append(sum(values) / len(values))
    return found


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and abs(value) < 1e150


def _same(value: float, score: float) -> bool:
    return math.isclose(value, score, rel_tol=1e-9, abs_tol=1e-300)


def _sampler(
    trials: Sequence[Mapping[str, Any]],
    oracle: Mapping[str, Any],
    source: str,
    random_start: int | None,
    assume_random: bool,
) -> str | None:
    """Return what drew the trials, or refuse Bayesian optimisation."""
    if _GRID in oracle:
        return "GridSearch"
    if _BAYESIAN not in oracle:
        return None
    points = oracle[_BAYESIAN]
    space = oracle.get("hyperparameters", {}).get("space", [])
    points = points if isinstance(points, int) and points else max(3 * len(space), 3)
    completed, first = 0, 0
    for first, trial in enumerate(trials):  # noqa: B007
        if completed >= points:
            break
        completed += trial.get("status") == "COMPLETED"
    else:
        return "random start"
    refuse_learned(
        source,
        f"BayesianOptimization chose {len(trials) - first} of {len(trials)} trials by what its "
        f"first {points} showed",
        drawn_first=first,
        random_start=random_start,
        assume_random=assume_random,
    )
    return "BayesianOptimization"
