"""Optuna's tables in SQLite, PostgreSQL or MySQL to a `Study`.

Read with plain SQL: Optuna itself creates a file that is missing and upgrades schemas.
"""

import json
import math
import os
from collections.abc import Mapping
from typing import Any

from leadline.errors import LeadlineError, join_values
from leadline.io.databases import Database, open_database
from leadline.io.optuna_study import (
    Study,
    StudyTrial,
    choose_study,
    external,
    parsed_distribution,
)

TABLES = frozenset({"studies", "study_directions", "trials", "trial_params", "trial_values"})
_INFINITE = {"INF_POS": math.inf, "INF_NEG": -math.inf}


def study_of_database(source: str | os.PathLike[str], study_name: str | None) -> tuple[Study, str]:
    """Return a study of a database and the name of the database.

    Raises
    ------
    LeadlineError
        If these are not Optuna's tables, or there is no such study or more than one.
    """
    with open_database(source) as database:
        missing = TABLES - database.tables
        if missing:
            raise LeadlineError(
                f"{database.name}: not a storage of Optuna 3 or later, it lacks the tables "
                f"{join_values(sorted(missing))}; give the storage that the study was created with"
            )
        rows = database.query("SELECT study_id, study_name FROM studies ORDER BY study_id")
        by_name = {str(name): study_id for study_id, name in rows}
        name = choose_study(list(by_name), study_name, database.name)
        return _study(database, name, by_name[name]), database.name


def _study(database: Database, name: str, study_id: object) -> Study:
    directions = database.query(
        "SELECT direction FROM study_directions WHERE study_id = :study ORDER BY objective",
        study=study_id,
    )
    study = Study(name, [str(row[0]) for row in directions])
    if "study_system_attributes" in database.tables:
        for key, value in database.query(
            "SELECT a.key, a.value_json FROM study_system_attributes a WHERE a.study_id = :study",
            study=study_id,
        ):
            study.system_attrs[str(key)] = _parsed(value)
    trials = _trials(database, study_id)
    _add_values(database, study_id, trials)
    _add_params(database, study_id, trials)
    for table, attribute in (
        ("trial_user_attributes", "user_attrs"),
        ("trial_system_attributes", "system_attrs"),
    ):
        if table in database.tables:
            rows = _of_trials(database, study_id, table, "d.key, d.value_json")
            for trial_id, key, value in rows:
                if trial_id in trials:
                    getattr(trials[trial_id], attribute)[str(key)] = _parsed(value)
    study.trials = sorted(trials.values(), key=lambda trial: trial.number)
    return study


def _trials(database: Database, study_id: object) -> dict[object, StudyTrial]:
    trials = {}
    for place, (trial_id, number, state, start, complete) in enumerate(
        database.query(
            "SELECT trial_id, number, state, datetime_start, datetime_complete FROM trials "
            "WHERE study_id = :study ORDER BY trial_id",
            study=study_id,
        )
    ):
        known = isinstance(number, int) and not isinstance(number, bool)
        trials[trial_id] = StudyTrial(
            number if known else place, str(state), start=start, complete=complete
        )
    return trials


def _add_values(database: Database, study_id: object, trials: Mapping[object, StudyTrial]) -> None:
    columns = "d.objective, d.value, d.value_type"
    for trial_id, objective, value, kind in _of_trials(database, study_id, "trial_values", columns):
        if trial_id in trials:
            trials[trial_id].values[objective] = _INFINITE.get(str(kind), value)


def _add_params(database: Database, study_id: object, trials: Mapping[object, StudyTrial]) -> None:
    columns = "d.param_name, d.param_value, d.distribution_json"
    for trial_id, name, value, text in _of_trials(database, study_id, "trial_params", columns):
        if trial_id not in trials:
            continue
        distribution = parsed_distribution(text) if isinstance(text, str) else None
        trials[trial_id].params[str(name)] = external(value, distribution)
        if distribution is not None:
            trials[trial_id].distributions[str(name)] = distribution


def _of_trials(database: Database, study_id: object, table: str, columns: str) -> list[Any]:
    return database.query(
        f"SELECT d.trial_id, {columns} FROM {table} d JOIN trials t ON t.trial_id = d.trial_id "
        "WHERE t.study_id = :study ORDER BY d.trial_id",
        study=study_id,
    )


def _parsed(text: object) -> object:
    try:
        return json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
