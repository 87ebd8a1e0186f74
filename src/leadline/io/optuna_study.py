"""Optuna's studies in one form, from a study object or a database, without Optuna.

Databases are read by plain SQL, because Optuna creates missing files and upgrades schemas.
"""

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from leadline.errors import LeadlineError
from leadline.io.databases import Database, open_database
from leadline.io.params import Distribution, numeric_distribution
from leadline.io.refusals import choose_name, unknown_name

STATES = ("RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING")
"""The states of trials, in the order of Optuna's numbers."""

_TABLES = ("studies", "study_directions", "trials", "trial_params", "trial_values")
_INFINITE = {"INF_POS": math.inf, "INF_NEG": -math.inf}


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


def studies_of_database(
    source: str | os.PathLike[str], wanted: str | Sequence[str] | None
) -> tuple[list[Study], str]:
    """Return studies in a database, and the name of the database."""
    with open_database(source) as database:
        database.require_tables(_TABLES, "storage of Optuna 3 or later", "study was created with")
        rows = database.query("SELECT study_id, study_name FROM studies ORDER BY study_id")
        by_name = {str(name): study_id for study_id, name in rows}
        names = choose_studies(wanted, by_name, database.name)
        return [_query_study(database, name, by_name[name]) for name in names], database.name


def choose_studies(
    wanted: str | Sequence[str] | None, known: Iterable[str], source: str
) -> list[str]:
    """Return the names asked for, in which `*` stands for any characters, or the only one."""
    names = list(known)
    if wanted is None:
        return [choose_name(None, names, source, "study", "studies", "study_name")]
    found: dict[str, None] = {}
    for pattern in [wanted] if isinstance(wanted, str) else wanted:
        matches = [name for name in names if name == pattern or fnmatchcase(name, pattern)]
        if not matches:
            raise unknown_name(source, "study", pattern, names)
        found |= dict.fromkeys([pattern] if pattern in matches else matches)
    return list(found)


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
