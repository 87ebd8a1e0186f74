"""`read_optuna`: an Optuna study to `Trials`."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from leadline.data.trials import Trials
from leadline.errors import LeadlineError, format_value, join_values, pluralize
from leadline.io.databases import is_database_url, is_sqlite_file
from leadline.io.optuna_database import study_of_database
from leadline.io.optuna_journal import is_journal, study_of_journal
from leadline.io.optuna_study import Study, StudyTrial, declared, study_of_object
from leadline.io.records import Evaluation, Space, collect
from leadline.io.refusals import agreed_direction, refuse_learned

# What samplers leave in the system attributes of a trial that they chose by learning.
_LEARNED = {
    "tpe:": "TPESampler",
    "gp:": "GPSampler",
    "cma:": "CmaEsSampler",
    "sepcma:": "CmaEsSampler",
    "cmawm:": "CmaEsSampler",
}
_GENERATION = ":generation"
_QUASI_RANDOM = "qmc:"


def read_optuna(
    study: str | os.PathLike[str] | object,
    *,
    study_name: str | None = None,
    score: int | str | None = None,
    direction: str | None = None,
    replicate: str | None = None,
    random_start: int | None = None,
    assume_random: bool = False,
) -> Trials:
    """Return the trials of an Optuna study. The storage is opened for reading only.

    Parameters
    ----------
    study : str, path or optuna.study.Study
        A storage, as the URL ``"sqlite:///study.db"``, ``"postgresql://…"`` or ``"mysql://…"``,
        the path of an SQLite or journal file; or a study object. Optuna is not needed for it;
        a server needs ``pip install "leadline[postgres]"`` or ``"leadline[mysql]"``.
    study_name : str, optional
        Which study of a storage; needed if it has several.
    score : int or str, optional
        Which objective of several: its number, from 0, or its name where one was set.
    direction : {"minimize", "maximize"}, optional
        Not needed, since it is recorded; an error if it is another than that.
    replicate : str, optional
        User attribute or parameter that tells replicates of a configuration apart, such as
        ``"seed"``. Without it, trials with the same parameters are replicates, unless there are
        so few combinations that chance may have drawn one twice.
    random_start : int, optional
        Read the first so many trials only, those drawn at random before the sampler learned.
    assume_random : bool
        Read a study all the same whose sampler learned from its trials.

    Returns
    -------
    Trials
        Every trial with its status: a pruned one's last value is not its score, and a value
        that is not finite, or a violated constraint, means that the trial failed. Not among
        them are trials that nobody drew: enqueued ones, and attempts that were retried; a note
        says how many. `cost` is the duration in seconds, `order` the number of the trial.

    Raises
    ------
    LeadlineError
        If the storage or the study cannot be read, or its sampler learned.
    FileNotFoundError
        If there is no such file; none is made.
    ImportError
        If a server is named and its driver is not installed.
    """
    found, source = _load(study, study_name)
    source = (
        f"{source}, study {format_value(found.name)}"
        if source
        else f"study {format_value(found.name)}"
    )
    place, metric, recorded = _objective(found, score, source)
    direction = agreed_direction(recorded, direction, source)
    trials, notes = _drawn(found.trials)
    sampler = _sampler(found, trials, source, random_start, assume_random)
    infeasible = [trial for trial in trials if _infeasible(trial)]
    if infeasible:
        notes.append(f"{pluralize(len(infeasible), 'trial')} with a violated constraint: failed")
    broken = {trial.number for trial in infeasible}
    return collect(
        [
            Evaluation(
                trial.number,
                trial.values.get(place),
                "failed" if trial.number in broken else trial.state,
                trial.params,
                trial.user_attrs,
                trial.seconds,
                trial.number,
            )
            for trial in trials
        ],
        source=source,
        task=found.name,
        metric=metric,
        direction=direction,
        replicate=replicate,
        random_start=random_start,
        sampler=sampler,
        distributions=_distributions(trials),
        notes=notes,
    )


def _load(study: Any, study_name: str | None) -> tuple[Study, str]:
    """Return the study and what its storage is called."""
    if is_database_url(study):
        return study_of_database(study, study_name)
    if isinstance(study, str | os.PathLike):
        if isinstance(study, str) and "://" in study:
            raise LeadlineError(
                f"{format_value(study.partition('://')[0])} is no storage that can be read; give a "
                "sqlite, postgresql or mysql URL, a file, or the study itself"
            )
        path = Path(os.path.expanduser(study))
        if not path.exists():
            raise FileNotFoundError(
                f"no file {format_value(str(path), 200)}; check its name and folder (none was made)"
            )
        if is_journal(path):
            return study_of_journal(path, study_name), path.name
        if path.is_dir() or is_sqlite_file(path):
            return study_of_database(path, study_name)
        raise LeadlineError(
            f"{path.name}: neither an SQLite database nor a journal of Optuna; give the storage "
            "that the study was created with"
        )
    if not hasattr(study, "get_trials") or not hasattr(study, "directions"):
        raise TypeError(
            f"study must be a storage URL, a path or an optuna Study, got {format_value(study)}"
        )
    return study_of_object(study), ""


def _objective(study: Study, wanted: int | str | None, source: str) -> tuple[int, str, str]:
    """Return the place, name and direction of the objective to read."""
    names = study.metric_names
    count = len(study.directions)
    if count == 0:
        raise LeadlineError(f"{source}: no direction is recorded; is the storage whole?")
    known: Sequence[object] = names or range(count)
    if wanted is None:
        if count > 1:
            raise LeadlineError(
                f"{source}: it has {count} objectives, {join_values(known)}; choose one with score"
            )
        place = 0
    elif names is not None and wanted in names:
        place = names.index(str(wanted))
    elif str(wanted).isdecimal() and int(wanted) < count and not isinstance(wanted, bool):
        place = int(wanted)
    else:
        raise LeadlineError(
            f"{source}: no objective {format_value(wanted)}; there are {join_values(known)}"
        )
    default = "value" if count == 1 else f"values_{place}"
    return place, names[place] if names else default, study.directions[place].lower()


def _drawn(trials: Sequence[StudyTrial]) -> tuple[list[StudyTrial], list[str]]:
    """Return the trials that the sampler drew, and notes on the others."""
    retried = {
        number
        for trial in trials
        for number in (trial.system_attrs.get("failed_trial"), *_history(trial))
        if isinstance(number, int)
    }
    seen: set[str] = set()
    kept, enqueued = [], []
    for trial in trials:
        fixed = trial.system_attrs.get("fixed_params")
        given = bool(fixed) and "failed_trial" not in trial.system_attrs
        configuration = repr(sorted((name, repr(value)) for name, value in trial.params.items()))
        if trial.number in retried:
            continue
        # One that repeats a drawn configuration, such as with another seed, is a replicate.
        if given and configuration not in seen:
            enqueued.append(trial)
            continue
        seen.add(configuration)
        kept.append(trial)
    notes = []
    if retried:
        notes.append(f"{pluralize(len(retried), 'failed attempt')} left out: tried again later")
    if enqueued and not kept:
        return enqueued, [*notes, "all trials were enqueued, not drawn by a sampler"]
    if enqueued:
        notes.append(
            f"{pluralize(len(enqueued), 'enqueued trial')} left out: chosen by hand, not drawn"
        )
    return kept, notes


def _history(trial: StudyTrial) -> list[object]:
    history = trial.system_attrs.get("retry_history")
    return history if isinstance(history, list) else []


def _sampler(
    study: Study,
    trials: Sequence[StudyTrial],
    source: str,
    random_start: int | None,
    assume_random: bool,
) -> str | None:
    """Return the sampler as far as it is known, or refuse one that learned."""
    chosen: list[int] = []
    evidence, sampler = "", study.sampler
    for place, trial in enumerate(trials):
        for key, value in trial.system_attrs.items():
            name = next((name for start, name in _LEARNED.items() if key.startswith(start)), None)
            if name is None and key.endswith(_GENERATION) and value not in (0, None):
                name = key.removesuffix(_GENERATION)
            if name is not None:
                chosen.append(place)
                evidence, sampler = evidence or key, name
                break
    if chosen:
        refuse_learned(
            source,
            f"{sampler} chose {len(chosen)} of {len(trials)} trials by what earlier ones showed "
            f"(system attribute {evidence!r}, from trial {trials[chosen[0]].number} on)",
            drawn_first=chosen[0],
            random_start=random_start,
            assume_random=assume_random,
        )
        return sampler
    if any("grid_id" in trial.system_attrs for trial in trials):
        return "GridSampler"
    if any(key.startswith(_QUASI_RANDOM) for key in study.system_attrs):
        return "QMCSampler"
    return sampler


def _infeasible(trial: StudyTrial) -> bool:
    constraints = trial.system_attrs.get("constraints")
    return isinstance(constraints, list | tuple) and any(
        isinstance(value, int | float) and value > 0 for value in constraints
    )


def _distributions(trials: Sequence[StudyTrial]) -> Space:
    """Return what each parameter was drawn from, where that was the same in all trials."""
    first: dict[str, Mapping[str, object]] = {}
    changed = set()
    for trial in trials:
        for name, distribution in trial.distributions.items():
            if first.setdefault(name, distribution) != distribution:
                changed.add(name)
    found = {name: declared(drawn) for name, drawn in first.items() if name not in changed}
    return {name: drawn for name, drawn in found.items() if drawn is not None}
