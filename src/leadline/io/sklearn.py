"""`read_sklearn`: a fitted scikit-learn search, or its `cv_results_`, to `Trials`."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leadline.data.columns import to_number
from leadline.data.trials import Trials
from leadline.errors import LeadlineError, closest, format_value, join_values, pluralize
from leadline.io.files import read_file, table_name
from leadline.io.records import Evaluation, Space, collect
from leadline.io.refusals import refuse_learned

_MEAN = "mean_test_"
_PARAM = "param_"
_LOSS = "neg_"
_PICKLES = {".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle"}
_LEARNS = re.compile(r"bayes|optuna|tpe|tune|evolution|genetic|^ga|skopt", re.IGNORECASE)


def read_sklearn(
    search: object,
    *,
    score: str | None = None,
    replicate: str | None = None,
    first_rung: bool = False,
    random_start: int | None = None,
    assume_random: bool = False,
) -> Trials:
    """Return the trials of a fitted search such as `RandomizedSearchCV`.

    Parameters
    ----------
    search : fitted search, mapping, data frame or path
        The search object, its `cv_results_`, or a CSV file of that. Pickles are never loaded.
    score : str, optional
        Which scorer; needed if there are several.
    replicate : str, optional
        Hyperparameter that tells replicates apart, such as ``"random_state"``.
    first_rung : bool
        Of a halving search, read all candidates at the smallest budget. Its last rung is no
        random sample, and scores of different rungs do not compare.
    random_start : int, optional
        Read the first so many candidates only.
    assume_random : bool
        Read a search all the same that learned from its trials.

    Returns
    -------
    Trials
        One row per candidate, its score the mean over the folds, which are not replicates,
        since all candidates share them. A candidate with a failed fold is failed. Scorers named
        ``neg_…`` become losses again, to be minimised; all others are maximised, as
        scikit-learn does. `cost` is the time to fit and score all folds.

    Raises
    ------
    LeadlineError
        If this is no such result, or a selection: a halving search.
    TypeError
        If `search` is none of the above.
    """
    results, source, task = _results(search)
    columns = {name: _column(values) for name, values in results.items()}
    name = _metric(list(columns), score, source)
    label, sign = _as_loss(search, name)
    count = len(columns[f"{_MEAN}{name}"])
    keep, notes = _one_rung(columns, count, first_rung, source)
    kind = type(search).__name__ if hasattr(search, "cv_results_") else ""
    if _LEARNS.search(kind):
        refuse_learned(
            source,
            f"{kind} chooses its candidates by what earlier ones showed",
            drawn_first=None,
            random_start=random_start,
            assume_random=assume_random,
        )
    if sign < 0:
        notes.append(f"{name} is {label} with the sign flipped: {label} is minimised")
    space = _space(search)
    drawn = getattr(search, "param_distributions", None)
    if isinstance(drawn, Mapping) and drawn and all(map(_is_list, drawn.values())):
        notes.append("all hyperparameters are lists: drawn without replacement")
    params = _params(columns, count)
    scores = _scores(search, columns, name, source)
    costs, budgets = _costs(columns, name, count), columns.get("n_resources")
    evaluations = [
        Evaluation(
            place,
            sign * scores[place],
            "complete",
            params[place],
            {},
            costs[place],
            place,
            None if budgets is None else _number(budgets[place]),
        )
        for place in keep
    ]
    return collect(
        evaluations,
        source=source,
        task=task,
        metric=label,
        direction="minimize" if sign < 0 else "maximize",
        replicate=replicate,
        random_start=random_start,
        sampler=kind or None,
        distributions=space,
        notes=notes,
    )


def is_cv_results(columns: Sequence[str]) -> bool:
    """Return whether these are columns of a `cv_results_`."""
    means = any(name.startswith(_MEAN) for name in columns)
    return means and any(name.startswith(_PARAM) or name == "params" for name in columns)


def is_pickle(path: Path) -> bool:
    """Return whether a file's name says that it is a pickle, which is never loaded."""
    return path.suffix.lower() in _PICKLES


def _results(search: Any) -> tuple[Mapping[str, Any], str, str]:
    """Return the columns of the results, and names for where they are from and the task."""
    if isinstance(search, str | os.PathLike):
        path = Path(os.path.expanduser(search))
        if is_pickle(path):
            raise LeadlineError(
                f"{path.name}: a pickle can run any code and is never loaded; load it yourself "
                "if you trust it, and pass the search, or write "
                "pandas.DataFrame(search.cv_results_).to_csv(…)"
            )
        frame = read_file(path)
        return dict(frame.items()), path.name, table_name(path)  # type: ignore[arg-type]
    if isinstance(search, pd.DataFrame):
        return {str(name): search[name] for name in search.columns}, "cv_results_", "task"
    if isinstance(search, Mapping):
        return search, "cv_results_", "task"
    kind = type(search).__name__
    if hasattr(search, "cv_results_"):
        return search.cv_results_, kind, type(getattr(search, "estimator", None)).__name__
    if hasattr(search, "fit") and hasattr(search, "get_params"):
        raise LeadlineError(
            f"{kind} has no cv_results_; fit it first, and if it is no search with "
            "cross-validation, make one of it with RandomizedSearchCV"
        )
    raise TypeError(
        f"search must be a fitted scikit-learn search or its cv_results_, got {format_value(search)}"
    )


def _column(values: Any) -> list[Any]:
    if isinstance(values, np.ma.MaskedArray):
        # Masked: the parameter belongs to another of several spaces.
        mask = np.ma.getmaskarray(values)
        return [_MISSING if gone else cell for cell, gone in zip(values.data, mask, strict=True)]
    return list(values) if hasattr(values, "__iter__") else []


_MISSING = object()


def _metric(columns: Sequence[str], wanted: str | None, source: str) -> str:
    names = [name.removeprefix(_MEAN) for name in columns if str(name).startswith(_MEAN)]
    if not names:
        raise LeadlineError(
            f"{source}: no column {_MEAN}…, so these are no cv_results_ of scikit-learn; there "
            f"are {join_values(columns)}"
        )
    if wanted is None and len(names) > 1:
        raise LeadlineError(
            f"{source}: there are {len(names)} scorers, {join_values(names)}; choose one with score"
        )
    if wanted is not None and wanted not in names:
        raise LeadlineError(
            f"{source}: no scorer {format_value(wanted)}; there are {join_values(names)}."
            f"{closest(wanted, names)}"
        )
    return names[0] if wanted is None else wanted


def _as_loss(search: Any, name: str) -> tuple[str, float]:
    """Return what the score is called and −1 for a loss whose sign scikit-learn flipped."""
    scoring = getattr(search, "scoring", None)
    scorer = getattr(search, "scorer_", None)
    if isinstance(scoring, Mapping):
        scoring = scoring.get(name)
    if isinstance(scorer, Mapping):
        scorer = scorer.get(name)
    label = scoring if isinstance(scoring, str) and name == "score" else name
    known = scoring if isinstance(scoring, str) else name
    if known.startswith(_LOSS):
        return (label.removeprefix(_LOSS) if label != name else name.removeprefix(_LOSS)), -1.0
    if getattr(scorer, "_sign", 1) == -1:
        function = getattr(getattr(scorer, "_score_func", None), "__name__", name)
        return function if name == "score" else name, -1.0
    return label, 1.0


def _one_rung(
    columns: Mapping[str, list[Any]], count: int, first_rung: bool, source: str
) -> tuple[list[int], list[str]]:
    """Return the rows to read, or refuse a halving search."""
    if "iter" not in columns or "n_resources" not in columns:
        if first_rung:
            raise LeadlineError(f"{source}: first_rung is for halving searches; leave it out")
        return list(range(count)), []
    rungs = [_number(cell) for cell in columns["iter"]]
    first = [place for place in range(count) if rungs[place] == 0]
    if not first_rung:
        raise LeadlineError(
            f"{source}: a halving search compares candidates within a rung only, and its last "
            "rung holds the winners of the earlier ones, no random sample; first_rung=True reads "
            f"all {len(first)} candidates at the smallest budget, or run RandomizedSearchCV"
        )
    note = f"the first rung alone: {pluralize(count - len(first), 'row')} of later rungs left out"
    return first, [note]


def _params(columns: Mapping[str, list[Any]], count: int) -> list[dict[str, Any]]:
    given = columns.get("params", [])
    if given and all(isinstance(own, Mapping) for own in given):
        return [dict(own) for own in given]
    names = [name for name in columns if name.startswith(_PARAM)]
    return [
        {
            name.removeprefix(_PARAM): columns[name][place]
            for name in names
            if columns[name][place] is not _MISSING and columns[name][place] != ""
        }
        for place in range(count)
    ]


def _scores(search: Any, columns: Mapping[str, list[Any]], name: str, source: str) -> list[float]:
    """Return the mean scores, NaN where a fold failed."""
    scores = []
    for place, cell in enumerate(columns[f"{_MEAN}{name}"]):
        try:
            scores.append(to_number(cell))
        except (TypeError, ValueError):
            raise LeadlineError(
                f"{source}: column {_MEAN}{name}, row {place + 1}: must be a number, got "
                f"{format_value(cell)}; is the file whole?"
            ) from None
    # A number for error_score hides the folds that failed in the mean.
    failed = getattr(search, "error_score", None)
    if isinstance(failed, int | float) and np.isfinite(failed):
        folds = [columns[fold] for fold in columns if re.fullmatch(rf"split\d+_test_{name}", fold)]
        for place in range(len(scores)):
            if any(fold[place] == failed for fold in folds):
                scores[place] = np.nan
    return scores


def _costs(columns: Mapping[str, list[Any]], name: str, count: int) -> list[float | None]:
    pattern = re.compile(rf"split\d+_test_{re.escape(name)}")
    folds = sum(pattern.fullmatch(column) is not None for column in columns)
    times = [columns[kind] for kind in ("mean_fit_time", "mean_score_time") if kind in columns]
    if not folds or not times:
        return [None] * count
    return [
        folds * sum(value for column in times if (value := _number(column[place])) is not None)
        for place in range(count)
    ]


def _number(cell: object) -> float | None:
    try:
        return to_number(cell)
    except (TypeError, ValueError):
        return None


def _is_list(drawn: object) -> bool:
    return not hasattr(drawn, "rvs")


def _space(search: Any) -> Space | None:
    """Return what the hyperparameters were drawn from, where the search says."""
    drawn = getattr(search, "param_distributions", None)
    if not isinstance(drawn, Mapping):
        return None
    found: dict[str, tuple[object, ...]] = {}
    for name, own in drawn.items():
        if _is_list(own):
            choices = list(own) if hasattr(own, "__iter__") else []
            # A choice that is listed twice is drawn twice as often.
            if len({repr(choice) for choice in choices}) == len(choices):
                found[str(name)] = ("categorical", *choices)
            continue
        kind = getattr(getattr(own, "dist", None), "name", "")
        try:
            low, high = (float(end) for end in own.support())
        except (AttributeError, TypeError, ValueError):
            continue
        known = {"uniform": "uniform", "loguniform": "log-uniform", "reciprocal": "log-uniform"}
        if kind == "randint":
            found[str(name)] = ("integer", low, high)
        elif kind in known and np.isfinite([low, high]).all():
            found[str(name)] = (known[kind], low, high)
    return found
