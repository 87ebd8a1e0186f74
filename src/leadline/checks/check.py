"""`check`: whether the answers of a fit can be believed, as a table of named checks."""

import pandas as pd
import xarray as xr

from leadline.checks.levels import NOTE, WARNING, level_of
from leadline.checks.recorded_outcomes import GROUP, recorded_outcomes
from leadline.stats.diagnostics import checks_line as checks_line
from leadline.stats.fitted_search import validate_tree


def check(tree: xr.DataTree, *, recompute: bool = False) -> pd.DataFrame:
    """Return the checks of a fit, one row per search and check.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    recompute : bool
        Evaluate the checks again. Default: the outcomes that `leadline.fit` recorded in the group
        `checks` of the tree, which do not change with other groups; a fit of an earlier version
        without that group is evaluated.

    Returns
    -------
    pandas.DataFrame
        Columns:

        - `search`, `check`: name of the search, and name of the check, a key of
          `leadline.checks.catalogue.CHECKS`;
        - `passed`: True or False, or NA when the check could not be made;
        - `figure`: the number that the check computes;
        - `level`: "warning" if a failure means that an interval is likely wrong, "note" if it is
          worth knowing, see `leadline.checks.levels`;
        - `bound`, `limit`: "at least" or "at most", and the number that `figure` is compared
          with; the files of `leadline.checks` explain figures and limits;
        - `about`: name of the hyperparameter concerned, for a check of several;
        - `advice`: what to do when the check failed; why it could not be made; otherwise empty.

        ``attrs["failed"]`` lists the names of the warnings that failed in any search, and
        ``attrs["noted"]`` those of the notes.

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit.

    Examples
    --------
    >>> table = ll.check(fit)
    >>> list(table.columns[:4])
    ['search', 'check', 'passed', 'figure']
    """
    validate_tree(tree, surface=True)
    if GROUP in tree.children and not recompute:
        table = recorded_outcomes(tree)
    else:
        # Imported here because this takes seconds, and most fits have a record.
        from leadline.checks.catalogue import evaluate_checks

        table = evaluate_checks(tree)
    table.insert(4, "level", table["check"].map(level_of).astype("str"))
    table.attrs["failed"] = failed_checks(table)
    table.attrs["noted"] = failed_checks(table, NOTE)
    return table


def failed_checks(table: pd.DataFrame, level: str = WARNING) -> list[str]:
    """Return the names of the checks of a level that failed in any search, each once.

    `table` is a result of `check`; a hyperparameter follows in brackets: "edges of the space (lr)".
    """
    of_level = table["check"].map(level_of) == level
    failed = table[of_level & table["passed"].eq(False).fillna(False)]
    names = [
        f"{name} ({about})" if about else str(name)
        for name, about in zip(failed["check"], failed["about"], strict=True)
    ]
    return list(dict.fromkeys(names))
