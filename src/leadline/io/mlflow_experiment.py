"""An experiment of MLflow in one form, whatever store it comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leadline.io.refusals import choose_name


@dataclass
class Run:
    """One run; times in milliseconds, a metric is the value at its last step."""

    id: str
    name: str
    status: str
    start: object
    end: object
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Experiment:
    """An experiment of the store `source`: its runs in the order of their start, and notes."""

    name: str
    source: str
    runs: list[Run]
    notes: list[str] = field(default_factory=list)


def choose_experiment(
    rows: Sequence[Sequence[Any]], wanted: str | None, source: str
) -> tuple[Any, str]:
    """Return id and name of the experiment to read; a row is id, name, number of runs."""
    for key, name, _ in rows:
        if wanted in (str(name), str(key)):
            return key, str(name)
    used = {str(name): key for key, name, count in rows if count}
    kinds = "experiments with runs"
    chosen = choose_name(wanted, used, source, "experiment", kinds, "experiment")
    return used[chosen], chosen
