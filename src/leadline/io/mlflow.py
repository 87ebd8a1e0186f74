"""`read_mlflow`: the runs of an MLflow experiment to `Trials`."""

import os
from collections.abc import Sequence

from leadline.data.trials import Trials
from leadline.errors import LeadlineError, format_value, join_values, pluralize
from leadline.io.mlflow_runs import Experiment, Run, experiment_of
from leadline.io.records import Evaluation, collect
from leadline.io.refusals import agreed_direction, chosen_score

_PARENT = "mlflow.parentRunId"
_AUTOLOG, _ESTIMATOR = "mlflow.autologging", "estimator_name"
_SEARCHES = ("SearchCV",)
_STATUS = {"FINISHED": "complete", "FAILED": "failed", "KILLED": "failed"}


def read_mlflow(
    uri: str | os.PathLike[str],
    *,
    score: str | None = None,
    direction: str | None = None,
    experiment: str | None = None,
    parent: str | Sequence[str] | None = None,
    replicate: str | None = None,
    random_start: int | None = None,
) -> Trials:
    """Return the runs of an MLflow experiment. The store is opened for reading only.

    Parameters
    ----------
    uri : str or path
        The store: ``"sqlite:///mlflow.db"`` or the path of that file, which need no MLflow;
        ``"postgresql://…"`` or ``"mysql://…"`` (``pip install "leadline[postgres]"``); or the
        ``"http://…"`` address of a tracking server (``pip install "leadline[mlflow]"``).
    score : str, optional
        The metric. Needed if there are several. Its value is that of the last step.
    direction : {"minimize", "maximize"}
        Which scores are good; MLflow does not record it.
    experiment : str, optional
        Name or id; needed if several have runs.
    parent : str or sequence of str, optional
        The sweeps to read, by name or id of their parent run; needed if there are several.
    replicate : str, optional
        Parameter or tag that tells replicates apart, such as ``"seed"``. Without it, runs with
        the same parameters are replicates, unless chance may have drawn these twice.
    random_start : int, optional
        Read the first so many runs only.

    Returns
    -------
    Trials
        Every run with its status; a failed one's last metric is not its score, and the largest
        float, as which MLflow stores inf, is none either. Parent runs are not trials. `cost` is
        the duration in seconds, `order` the start.

    Raises
    ------
    LeadlineError
        If the store cannot be read, or the runs are a selection: `mlflow.sklearn.autolog` keeps
        the best few only.
    FileNotFoundError
        If there is no such file; none is made.
    ImportError
        If MLflow or a driver is needed and not installed.
    """
    if not isinstance(uri, str | os.PathLike):
        raise TypeError(f"uri must be a tracking URI or a path, got {format_value(uri)}")
    found = experiment_of(uri, experiment)
    source = f"{found.source}, experiment {format_value(found.name)}"
    notes = []
    if found.deleted:
        notes.append(f"{pluralize(found.deleted, 'deleted run')} left out")
    runs, note = _trial_runs(found, parent, source)
    names = dict.fromkeys(name for run in runs for name in run.metrics)
    score = chosen_score(score, names, source)
    direction = agreed_direction(None, direction, source)
    return collect(
        [
            Evaluation(
                run.id,
                run.metrics.get(score),
                _STATUS.get(run.status, "running"),
                run.params,
                run.tags,
                None if run.start is None or run.end is None else run.end - run.start,
                run.start,
            )
            for run in runs
        ],
        source=source,
        task=found.name,
        metric=score,
        direction=direction,
        replicate=replicate,
        random_start=random_start,
        notes=[*notes, *note],
    )


def _trial_runs(
    found: Experiment, wanted: str | Sequence[str] | None, source: str
) -> tuple[list[Run], list[str]]:
    """Return the runs that are trials: those of one sweep, or all where there are no sweeps."""
    by_id = {run.id: run for run in found.runs}
    children: dict[str, list[Run]] = {}
    for run in found.runs:
        children.setdefault(run.tags.get(_PARENT, ""), []).append(run)
    parents = [run for run in found.runs if run.id in children]
    is_parent = {run.id for run in parents}
    # Of nested sweeps the innermost are searches.
    leaves = {key: [run for run in own if run.id not in is_parent] for key, own in children.items()}
    leaves = {key: own for key, own in leaves.items() if own}
    for key in leaves:
        # Before the choice: none of such sweeps can be chosen.
        if key in by_id and (wanted is None or _matches(by_id[key], wanted)):
            _refuse_autolog(by_id[key], len(leaves[key]), source)
    if wanted is not None:
        keys = [key for key in leaves if key in by_id and _matches(by_id[key], wanted)]
        if not keys:
            names = join_values([run.name for run in parents], 8) if parents else "none"
            raise LeadlineError(
                f"{source}: no parent run {format_value(wanted)}; there are {names}"
            )
    elif len(leaves) > 1:
        names = join_values([by_id[key].name for key in leaves if key in by_id], 8)
        alone = f" and {pluralize(len(leaves['']), 'run')} outside of any" if "" in leaves else ""
        raise LeadlineError(
            f"{source}: runs of several searches, with the parent runs {names}{alone}; choose "
            "with parent"
        )
    else:
        keys = list(leaves)
    chosen = {run.id for key in keys for run in leaves[key]}
    note = []
    if parents:
        note.append(f"{pluralize(len(parents), 'parent run')} left out: not a trial")
    return [run for run in found.runs if run.id in chosen], note


def _matches(run: Run, wanted: str | Sequence[str]) -> bool:
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    return run.id in names or run.name in names


def _refuse_autolog(parent: Run, kept: int, source: str) -> None:
    """Raise if the children of a run are the best few that scikit-learn's autologging keeps."""
    estimator = parent.tags.get(_ESTIMATOR, "")
    if _AUTOLOG not in parent.tags or not estimator.endswith(_SEARCHES):
        return
    tried = parent.params.get("n_iter", "")
    if tried.isdecimal() and int(tried) <= kept:
        return
    of = f" of {tried}" if tried.isdecimal() else ""
    raise LeadlineError(
        f"{source}: mlflow.sklearn.autolog logged only the {kept} best{of} candidates of "
        f"{estimator}, run {format_value(parent.name)}, a selected sample; read the search itself with "
        "read_sklearn(search), or its artifact cv_results.csv, or log with max_tuning_runs=None"
    )
