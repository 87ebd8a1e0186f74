"""`read_sklearn`: a fitted scikit-learn search, or its `cv_results_`, to `Trials`."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leadline.data.columns import validate_numbers
from leadline.data.trials import Trials
from leadline.errors import LeadlineError, format_value, join_values, pluralize
from leadline.io.files import load_frame
from leadline.io.params import Distribution, Space, numeric_distribution, parse_number
from leadline.io.records import Evaluation, Search, collect
from leadline.io.refusals import Evidence, choose_name

_MEAN = "mean_test_"
_PARAM = "param_"
_LOSS = "neg_"
_PICKLES = {".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle"}
_LEARNS = re.compile(r"bayes|optuna|tpe|tune|evolution|genetic|^ga|skopt", re.IGNORECASE)
_MISSING = object()

_Columns = Mapping[str, list[Any]]


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
        The scorer; required if there are several.
    replicate : str, optional
        Hyperparameter that distinguishes replicates, such as ``"random_state"``.
    first_rung : bool
        Read all candidates of a halving search at the smallest budget. Its last rung is no
        random sample, and scores of different rungs do not compare.
    random_start : int, optional
        Read only this many candidates, the first.
    assume_random : bool
        Read a search even if it learned from earlier trials.

    Returns
    -------
    Trials
        One row per candidate, its score the mean over the folds. Folds are not replicates, since
        all candidates share them. A candidate with a failed fold is failed. Scorers named
        ``neg_…`` become losses again, to be minimised; all others are maximised, as
        scikit-learn does. `cost` is the time to fit and score all folds, in seconds.

    Raises
    ------
    LeadlineError, TypeError
        If the argument holds no results, or a selection: a halving search.

    Examples
    --------
    >>> import leadline as ll
    >>> results = {"params": [{"lr": 0.1}, {"lr": 0.3}], "mean_test_score": [0.91, 0.88]}
    >>> print(ll.read_sklearn(results))
    2 trials: 2 complete, 0 failed
    """
    results, source, task = _load_results(search)
    columns = {name: _cells(values) for name, values in results.items()}
    names = [name.removeprefix(_MEAN) for name in columns if str(name).startswith(_MEAN)]
    if not names:
        raise LeadlineError(
            f"{source}: no column {_MEAN}…, so these are no cv_results_ of scikit-learn; there "
            f"are {join_values(columns)}"
        )
    name = choose_name(score, names, source, "scorer", "scorers", "score")
    label, sign = _restore_loss(search, name)
    scores = _mean_scores(search, columns, name, source)
    rows, notes = _choose_rows(columns, len(scores), first_rung, source)
    kind = type(search).__name__ if hasattr(search, "cv_results_") else ""
    learned: Evidence | None = None
    if _LEARNS.search(kind):
        learned = f"{kind} chooses its candidates by what earlier ones showed", None
    if sign < 0:
        notes.append(f"{name} is {label} with the sign flipped: {label} is minimised")
    drawn = getattr(search, "param_distributions", None)
    drawn = drawn if isinstance(drawn, Mapping) else {}
    if drawn and not any(hasattr(own, "rvs") for own in drawn.values()):
        notes.append("all hyperparameters are lists: drawn without replacement")
    params = _params(columns, len(scores))
    costs, budgets = _costs(columns, name, len(scores)), columns.get("n_resources")
    evaluations = []
    for row in rows:
        value, budget = sign * scores[row], parse_number(budgets[row]) if budgets else None
        own = Evaluation(row, value, "complete", params[row], {}, costs[row], row, budget)
        evaluations.append(own)
    direction = "minimize" if sign < 0 else "maximize"
    space = _convert_space(drawn)
    metadata = Search(source, task, label, direction, notes, kind or None, space, learned)
    return collect(evaluations, metadata, replicate, random_start, assume_random)


def is_cv_results(columns: Sequence[str]) -> bool:
    """Return whether these are columns of a `cv_results_`."""
    means = any(name.startswith(_MEAN) for name in columns)
    return means and any(name.startswith(_PARAM) or name == "params" for name in columns)


def is_pickle(path: Path) -> bool:
    """Return whether the suffix is that of a pickle, which is never loaded."""
    return path.suffix.lower() in _PICKLES


def _load_results(search: Any) -> tuple[Mapping[str, Any], str, str]:
    """Return the columns of the results, and names for the source and the task."""
    if isinstance(search, str | os.PathLike):
        path = Path(search)
        if is_pickle(path):
            raise LeadlineError(
                f"{path.name}: a pickle can run any code and is never loaded; load it yourself "
                "if you trust it, and pass the search, or write "
                "pandas.DataFrame(search.cv_results_).to_csv(…)"
            )
        frame, source, task = load_frame(search)
        return dict(frame.items()), source, task  # type: ignore[arg-type]
    if isinstance(search, pd.DataFrame | Mapping):
        return {str(name): cells for name, cells in search.items()}, "cv_results_", "task"
    kind = type(search).__name__
    if hasattr(search, "cv_results_"):
        return search.cv_results_, kind, type(getattr(search, "estimator", None)).__name__
    if hasattr(search, "fit") and hasattr(search, "get_params"):
        raise LeadlineError(
            f"{kind} has no cv_results_; fit it first, and if it is no search with "
            "cross-validation, make one of it with RandomizedSearchCV"
        )
    raise TypeError(
        "search must be a fitted scikit-learn search or its cv_results_, got "
        f"{format_value(search)}"
    )


def _cells(values: Any) -> list[Any]:
    if isinstance(values, np.ma.MaskedArray):
        # With several spaces, a parameter is masked if it belongs to another one.
        masked: Any = values.astype(object)
        values = masked.filled(_MISSING)
    return list(values) if hasattr(values, "__iter__") else []


def _restore_loss(search: Any, name: str) -> tuple[str, float]:
    """Return the name of the score, and −1 for a loss whose sign scikit-learn flipped."""
    scoring, scorer = (
        found.get(name) if isinstance(found, Mapping) else found
        for found in (getattr(search, "scoring", None), getattr(search, "scorer_", None))
    )
    known = scoring if isinstance(scoring, str) else name
    label = known if name == "score" else name
    if known.startswith(_LOSS):
        return label.removeprefix(_LOSS), -1.0
    if getattr(scorer, "_sign", 1) == -1:
        function = getattr(getattr(scorer, "_score_func", None), "__name__", name)
        return function if name == "score" else name, -1.0
    return label, 1.0


def _choose_rows(
    columns: _Columns, count: int, first_rung: bool, source: str
) -> tuple[list[int], list[str]]:
    """Return the rows to read; refuse a halving search unless its first rung is asked for."""
    if "iter" not in columns or "n_resources" not in columns:
        if first_rung:
            raise LeadlineError(f"{source}: first_rung is for halving searches; leave it out")
        return list(range(count)), []
    first = [row for row in range(count) if parse_number(columns["iter"][row]) == 0]
    if not first_rung:
        raise LeadlineError(
            f"{source}: a halving search compares candidates within a rung only, and its last "
            "rung holds the winners of the earlier ones, no random sample; first_rung=True reads "
            f"all {len(first)} candidates at the smallest budget, or run RandomizedSearchCV"
        )
    later = pluralize(count - len(first), "row")
    return first, [f"the first rung alone: {later} of later rungs left out"]


def _params(columns: _Columns, count: int) -> list[Mapping[str, Any]]:
    given = columns.get("params", [])
    if given and all(isinstance(own, Mapping) for own in given):
        return given
    cells = {name: columns[name] for name in columns if name.startswith(_PARAM)}
    return [
        {
            name.removeprefix(_PARAM): own[row]
            for name, own in cells.items()
            if own[row] is not _MISSING and own[row] != ""
        }
        for row in range(count)
    ]


def _folds(columns: _Columns, name: str) -> list[list[Any]]:
    pattern = re.compile(rf"split\d+_test_{re.escape(name)}")
    return [cells for column, cells in columns.items() if pattern.fullmatch(column)]


def _mean_scores(search: Any, columns: _Columns, name: str, source: str) -> np.ndarray:
    """Return the mean scores, NaN if a fold failed."""
    column = f"{_MEAN}{name}"
    cells = pd.Series(columns[column], dtype=object)
    scores = validate_numbers(cells, f"{source}: column {column}")
    # If error_score is a number, the mean hides the folds that failed.
    failed = getattr(search, "error_score", None)
    if isinstance(failed, int | float) and np.isfinite(failed):
        for fold in _folds(columns, name):
            scores[np.asarray(fold) == failed] = np.nan
    return scores


def _costs(columns: _Columns, name: str, count: int) -> list[float | None]:
    """Return the seconds to fit and score all folds, None if not recorded."""
    folds = len(_folds(columns, name))
    times = [columns[kind] for kind in ("mean_fit_time", "mean_score_time") if kind in columns]
    if not folds or not times:
        return [None] * count
    return [folds * sum(parse_number(cells[row]) or 0.0 for cells in times) for row in range(count)]


def _convert_space(drawn: Mapping[str, Any]) -> Space:
    """Return the space in the form of `Trials.distributions`."""
    found: dict[str, Distribution | None] = {}
    for name, own in drawn.items():
        if not hasattr(own, "rvs"):
            choices = list(own) if hasattr(own, "__iter__") else []
            # A choice that is listed twice is drawn twice as often.
            if len({repr(choice) for choice in choices}) == len(choices):
                found[str(name)] = ("categorical", *choices)
            continue
        kind = getattr(getattr(own, "dist", None), "name", "")
        if kind in ("randint", "uniform", "loguniform", "reciprocal"):
            low, high = map(float, own.support())
            log = kind in ("loguniform", "reciprocal")
            found[str(name)] = numeric_distribution(low, high, integer=kind == "randint", log=log)
    return found
