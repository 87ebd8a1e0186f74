"""Optuna's journal, a log of operations as JSON lines, to a `Study`.

Replayed here rather than by Optuna, whose backend makes lock files and may load a pickled snapshot.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from leadline.errors import LeadlineError, format_value
from leadline.io.optuna_study import (
    DIRECTIONS,
    STATES,
    Study,
    StudyTrial,
    choose_study,
    external,
    parsed_distribution,
)

_START = b'{"op_code":'
_FINISHED = ("COMPLETE", "PRUNED", "FAIL")


def is_journal(path: Path) -> bool:
    """Return whether a file begins as Optuna's journals do."""
    try:
        with path.open("rb") as file:
            return file.read(len(_START) + 8).replace(b" ", b"").startswith(_START)
    except OSError:
        return False


def study_of_journal(path: Path, study_name: str | None) -> Study:
    """Return a study of a journal file.

    Raises
    ------
    LeadlineError
        If a line is not an operation, or there is no such study or more than one.
    """
    journal = _Journal()
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            journal.apply(json.loads(line))
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
            if number == len(lines):
                break  # a writer has not finished it
            raise LeadlineError(
                f"{path.name}: line {number} is not an operation of Optuna's journal, "
                f"{format_value(line[:80].decode(errors='replace'))}; is the file whole?"
            ) from None
    by_name = {study.name: study for study in journal.studies.values()}
    return by_name[choose_study(list(by_name), study_name, path.name)]


class _Journal:
    """The state after a number of operations, numbered as Optuna numbers it."""

    def __init__(self) -> None:
        self.studies: dict[int, Study] = {}
        self.trials: list[StudyTrial] = []
        self._created = 0
        self._operations: Mapping[int, Callable[[Any], None]] = {
            0: self._create_study,
            1: lambda log: self._delete_study(log["study_id"]),
            3: self._set_study_system_attr,
            4: self._create_trial,
            5: self._set_param,
            6: self._set_state,
            8: lambda log: self._open(log).user_attrs.update(log["user_attr"]),
            9: lambda log: self._open(log).system_attrs.update(log["system_attr"]),
        }

    def apply(self, log: Mapping[str, Any]) -> None:
        code = log["op_code"]
        if not isinstance(code, int):
            raise TypeError
        if code in self._operations:
            self._operations[code](log)

    def _create_study(self, log: Mapping[str, Any]) -> None:
        name = str(log["study_name"])
        # Of two workers that create the same study the second one gets an error.
        if name not in {study.name for study in self.studies.values()}:
            directions = [DIRECTIONS[direction] for direction in log["directions"]]
            self.studies[self._created] = Study(name, directions)
            self._created += 1

    def _delete_study(self, study_id: int) -> None:
        self.studies.pop(study_id, None)

    def _set_study_system_attr(self, log: Mapping[str, Any]) -> None:
        if log["study_id"] in self.studies:
            self.studies[log["study_id"]].system_attrs.update(log["system_attr"])

    def _create_trial(self, log: Mapping[str, Any]) -> None:
        study = self.studies.get(log["study_id"])
        if study is None:
            return
        trial = StudyTrial(
            number=len(study.trials),
            state=STATES[log.get("state", 0)],
            user_attrs=dict(log.get("user_attrs") or {}),
            system_attrs=dict(log.get("system_attrs") or {}),
            start=log.get("datetime_start"),
            complete=log.get("datetime_complete"),
        )
        values = log.get("values")
        trial.values = dict(enumerate([log.get("value")] if values is None else values))
        for name, value in (log.get("params") or {}).items():
            self._add_param(trial, name, value, log["distributions"][name])
        study.trials.append(trial)
        self.trials.append(trial)

    def _set_param(self, log: Mapping[str, Any]) -> None:
        self._add_param(
            self._open(log), log["param_name"], log["param_value_internal"], log["distribution"]
        )

    def _add_param(self, trial: StudyTrial, name: str, value: object, text: str) -> None:
        distribution = parsed_distribution(text)
        trial.params[str(name)] = external(value, distribution)
        if distribution is not None:
            trial.distributions[str(name)] = distribution

    def _set_state(self, log: Mapping[str, Any]) -> None:
        trial = self._open(log)
        trial.state = STATES[log["state"]]
        if trial.state == "RUNNING":
            trial.start = log["datetime_start"]
        if trial.state in _FINISHED:
            trial.complete = log["datetime_complete"]
        if log["values"] is not None:
            trial.values = dict(enumerate(log["values"]))

    def _open(self, log: Mapping[str, Any]) -> StudyTrial:
        """Return the trial, or one that nobody sees when it is gone or finished, as Optuna does."""
        place = log["trial_id"]
        if not isinstance(place, int):
            raise TypeError
        found = self.trials[place] if 0 <= place < len(self.trials) else None
        if found is None or found.state in _FINISHED:
            return StudyTrial(0, "WAITING")
        return found
