"""Answers that a fit records in its tree, because they take seconds to compute again."""

import json

import xarray as xr

from leadline.checks import recorded_outcomes
from leadline.checks.check import check, failed_checks
from leadline.inference.guided_law import lower_optimum
from leadline.stats import best_seen


def record_answers(tree: xr.DataTree) -> list[str]:
    """Add the groups `best_seen` and `checks` to a fit; return the names of failed warnings.

    The attribute `failed_checks` holds these names too; notes are in the group alone.
    """
    tree[best_seen.GROUP] = xr.DataTree(best_seen.best_seen_group(tree))
    lower_optimum(tree)
    return record_checks(tree)


def record_checks(tree: xr.DataTree) -> list[str]:
    """Add the group `checks` and the attribute to a fit, as `record_answers` does."""
    table = check(tree)
    tree[recorded_outcomes.GROUP] = xr.DataTree(recorded_outcomes.outcomes_group(table))
    failed = failed_checks(table)
    tree.attrs["failed_checks"] = json.dumps(failed)
    return failed
