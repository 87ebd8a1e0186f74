"""`read_optuna`: an Optuna study to `Trials`."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from leadline.data.columns import DRAWN
from leadline.data.trials import Trials
from leadline.errors import LeadlineError, SeveralError, format_value, join_values, pluralize
from leadline.io.databases import is_database_url, is_sqlite_file
from leadline.io.files import load_frame, read_columns
from leadline.io.optuna_frame import is_trials_frame, study_of_frame
from leadline.io.optuna_journal import is_journal, studies_of_journal
from leadline.io.optuna_study import (
    Study,
    StudyTrial,
    describe_distribution,
    studies_of_database,
    study_of_object,
)
from leadline.io.params import Space
from leadline.io.records import Evaluation, Search, collect, join_searches
from leadline.io.refusals import Evidence, choose_direction, unknown_name

DRAWN_ATTRIBUTE = "leadline:drawn"
"""User attribute with which `leadline.optuna.RandomShareSampler` marks a trial."""

# Prefixes of the system attributes of trials that these samplers chose by learning.
_LEARNED = {
    "tpe:": "TPESampler",
    "gp:": "GPSampler",
    **dict.fromkeys(("cma:", "sepcma:", "cmawm:"), "CmaEsSampler"),
}
_GENERATION = ":generation"
_QUASI_RANDOM = "qmc:"


def read_optuna(
    study: str | os.PathLike[str] | object,
    *,
    study_name: str | Sequence[str] | None = None,
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
        or the path of an SQLite or journal file; or a study object. Storages are read without
        Optuna; a server needs ``pip install "leadline[postgres]"`` or ``"leadline[mysql]"``.
        Also `study.trials_dataframe()`, or the file that it was written to.
    study_name : str or sequence of str, optional
        The study in a storage; required if there are several. Several studies become several
        searches, with the names as tasks; ``"prefix*"`` names all that begin so.
    score : int or str, optional
        The objective of several: its number, from 0, or its name if one was set.
    direction : {"minimize", "maximize"}, optional
        Recorded in a storage, so not required; an error if it differs from the record. A
        `trials_dataframe` does not record it.
    replicate : str, optional
        User attribute or parameter that distinguishes replicates, such as ``"seed"``. Without it,
        trials with the same parameters are replicates, unless chance may have drawn these twice.
    random_start : int, optional
        Read only this many trials, the first: those drawn at random before the sampler learned.
    assume_random : bool
        Read a study even if its sampler learned from earlier trials.

    Returns
    -------
    Trials
        All trials with their status. A trial that was pruned has no score. A trial with a value
        that is not finite, or with a violated constraint, is failed. Enqueued trials and retried
        attempts are left out with a note, since the sampler did not draw them. `cost` is the
        duration in seconds, `order` the number of the trial, `drawn` the mark of
        `leadline.optuna.RandomShareSampler`.

    Raises
    ------
    LeadlineError
        If the storage or the study cannot be read, or its sampler learned and no trial is marked
        as random.
    FileNotFoundError, ImportError
        If there is no such file (none is created), or the driver of a server is not installed.

    Examples
    --------
    >>> import optuna
    >>> import leadline as ll
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    >>> study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=20)
    >>> print(ll.read_optuna(study))
    20 trials: 20 complete, 0 failed
    """
    studies, storage, notes = _load(study, study_name)
    options = (score, direction, replicate, random_start, assume_random)
    parts = []
    for own in studies:
        source = f"{storage}, " * bool(storage) + f"study {format_value(own.name)}"
        parts.append(_read_study(own, source, notes, *options))
    return parts[0] if len(parts) == 1 else join_searches(parts, storage)


def _read_study(
    study: Study,
    source: str,
    notes: Sequence[str],
    score: int | str | None,
    direction: str | None,
    *options: Any,
) -> Trials:
    objective, metric, recorded = _choose_objective(study, score, source)
    direction = choose_direction(recorded, direction, source)
    trials, undrawn = _drop_undrawn(study.trials)
    notes = [*notes, *undrawn]
    sampler, learned = _find_sampler(study, trials)
    infeasible = {trial.number for trial in trials if _is_infeasible(trial)}
    if infeasible:
        notes.append(f"{pluralize(len(infeasible), 'trial')} with a violated constraint: failed")
    evaluations = []
    for trial in trials:
        number, value, attributes = trial.number, trial.values.get(objective), trial.user_attrs
        status = "failed" if number in infeasible else trial.state
        cost, mark = trial.seconds, attributes.get(DRAWN_ATTRIBUTE)
        drawn = str(mark) if mark in DRAWN else None
        own = Evaluation(number, value, status, trial.params, attributes, cost, number, None, drawn)
        evaluations.append(own)
    space = _common_distributions(trials)
    metadata = Search(source, study.name, metric, direction, notes, sampler, space, learned)
    return collect(evaluations, metadata, *options)


def _load(study: Any, study_name: str | Sequence[str] | None) -> tuple[list[Study], str, list[str]]:
    """Return the studies, the name of their storage, "" for a study object, and notes."""
    if is_database_url(study):
        return *studies_of_database(study, study_name), []
    if hasattr(study, "columns"):
        return _of_frame(study)
    if not isinstance(study, str | os.PathLike):
        if not hasattr(study, "get_trials") or not hasattr(study, "directions"):
            raise TypeError(
                "study must be a storage URL, a path, an optuna Study or its trials_dataframe(), "
                f"got {format_value(study)}"
            )
        return [study_of_object(study)], "", []
    if isinstance(study, str) and "://" in study:
        raise LeadlineError(
            f"{format_value(study.partition('://')[0])} is no storage that can be read; give a "
            "sqlite, postgresql or mysql URL, a file, or the study itself"
        )
    path = Path(os.path.expanduser(study))
    if is_journal(path):
        return studies_of_journal(path, study_name), path.name, []
    if not path.exists() or path.is_dir() or is_sqlite_file(path):
        return *studies_of_database(path, study_name), []  # raises if there is no file
    if is_trials_frame(read_columns(path)):
        return _of_frame(path)
    raise LeadlineError(
        f"{path.name}: neither an SQLite database, a journal nor a trials_dataframe of Optuna; "
        "give the storage that the study was created with"
    )


def _of_frame(path_or_frame: object) -> tuple[list[Study], str, list[str]]:
    frame, source, name = load_frame(path_or_frame)
    study, notes = study_of_frame(frame, source, name)
    return [study], source, notes


def _choose_objective(study: Study, wanted: int | str | None, source: str) -> tuple[int, str, str]:
    """Return the index, the name and the direction of the objective to read."""
    names, count = study.metric_names, len(study.directions)
    if count == 0:
        raise LeadlineError(
            f"{source}: no direction is recorded; check that the storage is complete"
        )
    known: Sequence[object] = names or range(count)
    if wanted is None and count > 1:
        named = [str(own) for own in known]
        raise SeveralError(
            f"{source}: it has {count} objectives, {join_values(known)}; choose one, as in "
            f"score={named[0]!r}",
            "score",
            named,
        )
    default = "value" if count == 1 else "values_{}"
    if wanted is None:
        index = 0
    elif wanted in (defaults := [default.format(index) for index in range(count)]):
        index = defaults.index(str(wanted))
    elif names is not None and wanted in names:
        index = names.index(str(wanted))
    elif str(wanted).isdecimal() and int(wanted) < count:
        index = int(wanted)
    else:
        error = unknown_name(source, "objective", wanted, known)
        raise LeadlineError(f"{error} Leave out `score`") if count == 1 else error
    return index, names[index] if names else default.format(index), study.directions[index].lower()


def _drop_undrawn(trials: Sequence[StudyTrial]) -> tuple[list[StudyTrial], list[str]]:
    """Return the trials that the sampler drew, and notes on the others."""
    retried: set[object] = set()
    for trial in trials:
        history, failed = map(trial.system_attrs.get, ("retry_history", "failed_trial"))
        numbers = [*history, failed] if isinstance(history, list) else [failed]
        retried.update(number for number in numbers if isinstance(number, int))
    seen: set[str] = set()
    drawn, enqueued, notes = [], [], []
    for trial in trials:
        if trial.number in retried:
            continue
        configuration = repr(sorted((name, repr(value)) for name, value in trial.params.items()))
        fixed = trial.system_attrs.get("fixed_params")
        # A retry has fixed parameters too. A configuration that was drawn before is a replicate.
        if fixed and "failed_trial" not in trial.system_attrs and configuration not in seen:
            enqueued.append(trial)
        else:
            seen.add(configuration)
            drawn.append(trial)
    if retried:
        notes.append(f"{pluralize(len(retried), 'failed attempt')} left out: tried again later")
    if enqueued and not drawn:
        return enqueued, [*notes, "all trials were enqueued, not drawn by a sampler"]
    if enqueued:
        notes.append(
            f"{pluralize(len(enqueued), 'enqueued trial')} left out: chosen by hand, not drawn"
        )
    return drawn, notes


def _find_sampler(study: Study, trials: Sequence[StudyTrial]) -> tuple[str | None, Evidence | None]:
    """Return the sampler, None if unknown, and the evidence that it learned."""
    learned = {index: own for index, trial in enumerate(trials) if (own := _learned(trial))}
    if learned:
        first = min(learned)
        sampler = learned[max(learned)]
        share = f"{len(learned)} of {len(trials)} trials"
        evidence = f"{sampler} chose {share} by what earlier ones showed"
        return sampler, (evidence, first)
    if any("grid_id" in trial.system_attrs for trial in trials):
        return "GridSampler", None
    quasi_random = any(key.startswith(_QUASI_RANDOM) for key in study.system_attrs)
    return "QMCSampler" if quasi_random else study.sampler, None


def _learned(trial: StudyTrial) -> str:
    """Return the sampler that chose a trial by learning, as its attributes show, else ""."""
    for key, value in trial.system_attrs.items():
        for prefix, name in _LEARNED.items():
            if key.startswith(prefix):
                return name
        # Evolutionary samplers draw generation 0 at random.
        if key.endswith(_GENERATION) and value not in (0, None):
            return key.removesuffix(_GENERATION)
    return ""


def _is_infeasible(trial: StudyTrial) -> bool:
    found = trial.system_attrs.get("constraints")
    constraints = found if isinstance(found, list | tuple) else ()
    return any(isinstance(value, int | float) and value > 0 for value in constraints)


def _common_distributions(trials: Sequence[StudyTrial]) -> Space:
    """Return the distribution of each parameter for which it is the same in all trials."""
    first: dict[str, Mapping[str, object]] = {}
    changed: set[str] = set()
    for trial in trials:
        for name, own in trial.distributions.items():
            if first.setdefault(name, own) != own:
                changed.add(name)
    return {name: describe_distribution(first[name]) for name in first if name not in changed}
