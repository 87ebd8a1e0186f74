"""What Optuna records of a study, wherever it is kept, and what its distributions mean."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from leadline.errors import LeadlineError, format_value, join_values

STATES = ("RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING")
"""By Optuna's number of them."""
DIRECTIONS = ("NOT_SET", "MINIMIZE", "MAXIMIZE")


@dataclass
class StudyTrial:
    """One trial. `values` is by objective; `distributions` are Optuna's, as parsed JSON."""

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
        """How long it took, None when that is not recorded."""
        start, complete = as_datetime(self.start), as_datetime(self.complete)
        if start is None or complete is None or (start.tzinfo is None) != (complete.tzinfo is None):
            return None
        return (complete - start).total_seconds()


@dataclass
class Study:
    """One study. `directions` is by objective, "MINIMIZE" or "MAXIMIZE"."""

    name: str
    directions: list[str]
    system_attrs: dict[str, object] = field(default_factory=dict)
    trials: list[StudyTrial] = field(default_factory=list)
    sampler: str | None = None

    @property
    def metric_names(self) -> list[str] | None:
        """The names of the objectives, where the user gave some."""
        names = self.system_attrs.get("study:metric_names")
        if isinstance(names, list) and len(names) == len(self.directions):
            return [str(name) for name in names]
        return None


def study_of_object(study: Any) -> Study:
    """Return what an `optuna.study.Study` holds; Optuna is not imported.

    The sampler counts where it is not TPE, which is what every reloaded study claims.
    """
    names = getattr(study, "metric_names", None)
    sampler = type(getattr(study, "sampler", None)).__name__
    try:
        trials = [
            StudyTrial(
                number=trial.number,
                state=trial.state.name,
                values=dict(enumerate(trial.values or [])),
                params=dict(trial.params),
                distributions={
                    name: {"name": type(drawn).__name__, "attributes": drawn._asdict()}
                    for name, drawn in trial.distributions.items()
                },
                user_attrs=dict(trial.user_attrs),
                system_attrs=dict(trial.system_attrs),
                start=trial.datetime_start,
                complete=trial.datetime_complete,
            )
            for trial in study.get_trials(deepcopy=False)
        ]
        directions = [direction.name for direction in study.directions]
        name = str(study.study_name)
    except AttributeError as error:
        raise LeadlineError(f"not an Optuna study that can be read ({error})") from None
    return Study(
        name,
        directions,
        {"study:metric_names": list(names)} if names else {},
        trials,
        None if sampler in ("TPESampler", "NoneType") else sampler,
    )


def choose_study(names: Sequence[str], wanted: str | None, source: str) -> str:
    """Return the study to read: the one that is named, or the only one."""
    if wanted is not None:
        if wanted not in names:
            raise LeadlineError(
                f"{source}: no study {format_value(wanted)}; there are {join_values(names) or 'none'}"
            )
        return wanted
    if len(names) != 1:
        raise LeadlineError(
            f"{source}: there are {len(names)} studies, {join_values(names)}; name one with study_name"
            if names
            else f"{source}: there are no studies; is this the right storage?"
        )
    return names[0]


@lru_cache(maxsize=10_000)
def parsed_distribution(text: str) -> Mapping[str, Any] | None:
    """Return a distribution from its JSON, None when it is none; read by thousands of rows."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError, TypeError):
        return None
    if not isinstance(parsed, dict):
        return None
    if isinstance(parsed.get("attributes"), dict) and isinstance(parsed.get("name"), str):
        return parsed
    return None


def external(value: object, distribution: Mapping[str, Any] | None) -> object:
    """Return the value of a parameter from the number by which Optuna stores it."""
    if distribution is None or not isinstance(value, int | float):
        return value
    kind = distribution["name"]
    choices = distribution["attributes"].get("choices")
    if kind == "CategoricalDistribution" and isinstance(choices, list | tuple):
        place = int(value) if math.isfinite(value) else -1
        return choices[place] if 0 <= place < len(choices) else value
    if kind.startswith("Int") and math.isfinite(value):
        return int(value)
    return value


def declared(distribution: Mapping[str, Any]) -> tuple[object, ...] | None:
    """Return what a parameter was drawn from as `check_random_search` wants it."""
    kind, attributes = str(distribution["name"]), distribution["attributes"]
    choices = attributes.get("choices")
    if kind == "CategoricalDistribution" and isinstance(choices, list | tuple):
        return ("categorical", *choices)
    low, high = attributes.get("low"), attributes.get("high")
    step = attributes.get("step", attributes.get("q"))
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return None
    integer = kind.startswith("Int")
    log = attributes.get("log") is True or "LogUniform" in kind
    name = ("log-" if log else "") + ("integer" if integer else "uniform")
    if step is None or log or not isinstance(step, int | float) or not step > 0:
        return (name, low, high)
    # The last step of the range is where Optuna ends it.
    high = low + step * math.floor((high - low) / step + 1e-8)
    return (name, low, high, step)


def as_datetime(value: object) -> datetime | None:
    """Return a time from Optuna's text or object, None when it is neither."""
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
