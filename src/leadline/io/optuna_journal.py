"""Optuna's journal files, without Optuna.

They are replayed here, because Optuna's backend makes lock files and may load a pickled snapshot.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from leadline.errors import LeadlineError, format_value
from leadline.io.optuna_study import STATES, Study, StudyTrial, choose_studies

_START = b'{"op_code":'
_FINISHED = ("COMPLETE", "PRUNED", "FAIL")
# In the order of Optuna's numbers.
_DIRECTIONS = ("NOT_SET", "MINIMIZE", "MAXIMIZE")


def is_journal(path: Path) -> bool:
    """Return whether a file begins as Optuna's journals do."""
    try:
        with path.open("rb") as file:
            start = file.read(len(_START) + 8)
    except OSError:
        return False
    return start.replace(b" ", b"").startswith(_START)


def studies_of_journal(path: Path, wanted: str | Sequence[str] | None) -> list[Study]:
    """Return studies in a journal, a file with one operation per line."""
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
    return [by_name[name] for name in choose_studies(wanted, by_name, path.name)]


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
        state = STATES[log.get("state", 0)]
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
        trial.state = STATES[log["state"]]
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
