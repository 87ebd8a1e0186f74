"""Optuna's studies in one form, from a study object, a database or a journal, without Optuna.

Databases are read by plain SQL, because Optuna creates missing files and upgrades schemas. Journals
are replayed here, because Optuna's backend makes lock files and may load a pickled snapshot.
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from leadline.errors import LeadlineError, format_value
from leadline.io.databases import Database, open_database
from leadline.io.params import Distribution, numeric_distribution
from leadline.io.refusals import choose_name

# In the order of Optuna's numbers.
_STATES = ("RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING")
_FINISHED = ("COMPLETE", "PRUNED", "FAIL")
_DIRECTIONS = ("NOT_SET", "MINIMIZE", "MAXIMIZE")

_TABLES = ("studies", "study_directions", "trials", "trial_params", "trial_values")
_CHOICE = ("study", "studies", "study_name")
_INFINITE = {"INF_POS": math.inf, "INF_NEG": -math.inf}
_JOURNAL_START = b'{"op_code":'


@dataclass
class StudyTrial:
    """One trial; `values` by objective, `distributions` as Optuna's JSON."""

    number: int
    state: str
    values: dict[int, Any] = field(default_factory=dict)
    params: dict[str, object] = field(default_factory=dict)
    distributions: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    user_attrs: dict[str, object] = field(default_factory=dict)
    system_attrs: dict[str, object] = field(default_factory=dict)
    start: object = None
    complete: object = None

    @property
    def seconds(self) -> float | None:
        """The duration, None if start or end are not recorded."""
        times: Any = (self.start, self.complete)
        try:
            start, end = (
                own if isinstance(own, datetime) else datetime.fromisoformat(own) for own in times
            )
            return (end - start).total_seconds()
        except (TypeError, ValueError):
            return None

    def add_param(self, name: object, stored: object, text: object) -> None:
        """Add a parameter from its stored number and the JSON of its distribution."""
        distribution = _parse_distribution(text)
        self.params[str(name)] = _convert_stored(stored, distribution)
        if distribution is not None:
            self.distributions[str(name)] = distribution


@dataclass
class Study:
    """One study; `directions` by objective, "MINIMIZE" or "MAXIMIZE"."""

    name: str
    directions: list[str]
    system_attrs: dict[str, object] = field(default_factory=dict)
    trials: list[StudyTrial] = field(default_factory=list)
    sampler: str | None = None

    @property
    def metric_names(self) -> list[str] | None:
        """The names of the objectives, if the user set them."""
        names = self.system_attrs.get("study:metric_names")
        if isinstance(names, list) and len(names) == len(self.directions):
            return [str(name) for name in names]
        return None


def study_of_object(study: Any) -> Study:
    """Return the content of an `optuna.study.Study`.

    The sampler is kept unless it is TPE, the default of every study that was loaded again.
    """
    names = getattr(study, "metric_names", None)
    sampler = type(getattr(study, "sampler", None)).__name__
    try:
        trials = []
        for trial in study.get_trials(deepcopy=False):
            own = StudyTrial(trial.number, trial.state.name, dict(enumerate(trial.values or [])))
            own.params = dict(trial.params)
            own.distributions = {
                name: {"name": type(drawn).__name__, "attributes": drawn._asdict()}
                for name, drawn in trial.distributions.items()
            }
            own.user_attrs, own.system_attrs = dict(trial.user_attrs), dict(trial.system_attrs)
            own.start, own.complete = trial.datetime_start, trial.datetime_complete
            trials.append(own)
        return Study(
            str(study.study_name),
            [direction.name for direction in study.directions],
            {"study:metric_names": list(names)} if names else {},
            trials,
            None if sampler in ("TPESampler", "NoneType") else sampler,
        )
    except AttributeError as error:
        raise LeadlineError(f"not an Optuna study that can be read ({error})") from None


def study_of_database(source: str | os.PathLike[str], study_name: str | None) -> tuple[Study, str]:
    """Return a study in a database, and the name of the database."""
    with open_database(source) as database:
        database.require_tables(_TABLES, "storage of Optuna 3 or later", "study was created with")
        rows = database.query("SELECT study_id, study_name FROM studies ORDER BY study_id")
        by_name = {str(name): study_id for study_id, name in rows}
        name = choose_name(study_name, by_name, database.name, *_CHOICE)
        return _query_study(database, name, by_name[name]), database.name


def is_journal(path: Path) -> bool:
    """Return whether a file begins as Optuna's journals do."""
    try:
        with path.open("rb") as file:
            start = file.read(len(_JOURNAL_START) + 8)
    except OSError:
        return False
    return start.replace(b" ", b"").startswith(_JOURNAL_START)


def study_of_journal(path: Path, study_name: str | None) -> Study:
    """Return a study in a journal, a file with one operation per line."""
    journal = _Journal()
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, start=1):
        try:
            if line.strip():
                journal.apply(json.loads(line))
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
            if number == len(lines):
                break  # another process is still writing this line
            raise LeadlineError(
                f"{path.name}: line {number} is not an operation of Optuna's journal, "
                f"{format_value(line[:80].decode(errors='replace'))}; check that the file is "
                "complete"
            ) from None
    by_name = {study.name: study for study in journal.studies.values()}
    return by_name[choose_name(study_name, by_name, path.name, *_CHOICE)]


def describe_distribution(recorded: Mapping[str, Any]) -> Distribution | None:
    """Return one of Optuna's distributions in the form of `Trials.distributions`."""
    kind, attributes = str(recorded["name"]), recorded["attributes"]
    choices = attributes.get("choices")
    if kind == "CategoricalDistribution" and isinstance(choices, list | tuple):
        return ("categorical", *choices)
    low, high = attributes.get("low"), attributes.get("high")
    step, integer = attributes.get("step", attributes.get("q")), kind.startswith("Int")
    log = attributes.get("log") is True or "LogUniform" in kind
    return numeric_distribution(low, high, step=step, integer=integer, log=log)


@lru_cache(maxsize=10_000)  # thousands of rows share a distribution
def _parse_distribution(text: object) -> Mapping[str, Any] | None:
    parsed = _parse_json(text)
    parsed = parsed if isinstance(parsed, dict) else {}
    known = isinstance(parsed.get("attributes"), dict) and isinstance(parsed.get("name"), str)
    return parsed if known else None


def _parse_json(text: object) -> object:
    try:
        return json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None


def _convert_stored(stored: object, distribution: Mapping[str, Any] | None) -> object:
    """Return the value of a parameter for the number that Optuna stores."""
    if distribution is None or not isinstance(stored, int | float) or not math.isfinite(stored):
        return stored
    choices = distribution["attributes"].get("choices")
    if distribution["name"] == "CategoricalDistribution" and isinstance(choices, list | tuple):
        return choices[int(stored)] if 0 <= int(stored) < len(choices) else stored
    return int(stored) if distribution["name"].startswith("Int") else stored


def _query_study(database: Database, name: str, study_id: object) -> Study:
    def query(text: str) -> list[Sequence[Any]]:
        return database.query(text, study=study_id)

    def query_trials(table: str, columns: str) -> list[tuple[StudyTrial, Sequence[Any]]]:
        if table not in database.tables:
            return []
        rows = query(
            f"SELECT d.trial_id, {columns} FROM {table} d "
            "JOIN trials t ON t.trial_id = d.trial_id "
            "WHERE t.study_id = :study ORDER BY d.trial_id"
        )
        return [(trials[row[0]], row[1:]) for row in rows if row[0] in trials]

    directions = query(
        "SELECT direction FROM study_directions WHERE study_id = :study ORDER BY objective"
    )
    study = Study(name, [str(direction) for (direction,) in directions])
    if "study_system_attributes" in database.tables:
        attributes = query(
            "SELECT a.key, a.value_json FROM study_system_attributes a WHERE a.study_id = :study"
        )
        study.system_attrs.update((str(key), _parse_json(value)) for key, value in attributes)
    trials: dict[object, StudyTrial] = {}
    rows = query(
        "SELECT trial_id, number, state, datetime_start, datetime_complete FROM trials "
        "WHERE study_id = :study ORDER BY trial_id"
    )
    for index, (trial_id, number, state, start, complete) in enumerate(rows):
        own = number if isinstance(number, int) else index
        trials[trial_id] = StudyTrial(own, str(state), start=start, complete=complete)
    columns = "d.objective, d.value, d.value_type"
    for trial, (objective, value, kind) in query_trials("trial_values", columns):
        trial.values[objective] = _INFINITE.get(str(kind), value)
    columns = "d.param_name, d.param_value, d.distribution_json"
    for trial, row in query_trials("trial_params", columns):
        trial.add_param(*row)
    for trial, (key, value) in query_trials("trial_user_attributes", "d.key, d.value_json"):
        trial.user_attrs[str(key)] = _parse_json(value)
    for trial, (key, value) in query_trials("trial_system_attributes", "d.key, d.value_json"):
        trial.system_attrs[str(key)] = _parse_json(value)
    study.trials = sorted(trials.values(), key=lambda trial: trial.number)
    return study


class _Journal:
    """Studies and trials after the operations so far, in the order of Optuna's numbers."""

    def __init__(self) -> None:
        self.studies: dict[int, Study] = {}
        self.trials: list[StudyTrial] = []
        self._n_created = 0

    def apply(self, log: Mapping[str, Any]) -> None:
        """Apply one operation; raise KeyError, TypeError or the like if it is none."""
        if not isinstance(log["op_code"], int):
            raise TypeError
        match log["op_code"]:
            case 0:  # CREATE_STUDY
                self._create_study(log)
            case 1:  # DELETE_STUDY
                self.studies.pop(log["study_id"], None)
            case 3:  # SET_STUDY_SYSTEM_ATTR
                if log["study_id"] in self.studies:
                    self.studies[log["study_id"]].system_attrs.update(log["system_attr"])
            case 4:  # CREATE_TRIAL
                self._create_trial(log)
            case 5:  # SET_TRIAL_PARAM
                self._unfinished(log).add_param(
                    log["param_name"], log["param_value_internal"], log["distribution"]
                )
            case 6:  # SET_TRIAL_STATE_VALUES
                self._set_state(log)
            case 8:  # SET_TRIAL_USER_ATTR
                self._unfinished(log).user_attrs.update(log["user_attr"])
            case 9:  # SET_TRIAL_SYSTEM_ATTR
                self._unfinished(log).system_attrs.update(log["system_attr"])

    def _create_study(self, log: Mapping[str, Any]) -> None:
        name = str(log["study_name"])
        # If two workers create the same study, Optuna rejects the second operation.
        if name not in {study.name for study in self.studies.values()}:
            directions = [_DIRECTIONS[direction] for direction in log["directions"]]
            self.studies[self._n_created] = Study(name, directions)
            self._n_created += 1

    def _create_trial(self, log: Mapping[str, Any]) -> None:
        study = self.studies.get(log["study_id"])
        if study is None:
            return
        values = [log.get("value")] if log.get("values") is None else log["values"]
        state = _STATES[log.get("state", 0)]
        trial = StudyTrial(len(study.trials), state, dict(enumerate(values)))
        trial.user_attrs = dict(log.get("user_attrs") or {})
        trial.system_attrs = dict(log.get("system_attrs") or {})
        trial.start, trial.complete = log.get("datetime_start"), log.get("datetime_complete")
        for name, value in (log.get("params") or {}).items():
            trial.add_param(name, value, log["distributions"][name])
        study.trials.append(trial)
        self.trials.append(trial)

    def _set_state(self, log: Mapping[str, Any]) -> None:
        trial = self._unfinished(log)
        trial.state = _STATES[log["state"]]
        if trial.state == "RUNNING":
            trial.start = log["datetime_start"]
        if trial.state in _FINISHED:
            trial.complete = log["datetime_complete"]
        if log["values"] is not None:
            trial.values = dict(enumerate(log["values"]))

    def _unfinished(self, log: Mapping[str, Any]) -> StudyTrial:
        """Return the trial; a stand-in if it is deleted or finished, as Optuna ignores these."""
        index = log["trial_id"]
        if not isinstance(index, int):
            raise TypeError
        if 0 <= index < len(self.trials) and self.trials[index].state not in _FINISHED:
            return self.trials[index]
        return StudyTrial(0, "WAITING")
