"""`equivalence`: how a comparison depends on which differences do not matter."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import xarray as xr

from leadline.stats.compare import validate_amounts, validate_by
from leadline.stats.fitted_search import validate_tree
from leadline.stats.improvements import context_of, gains_of

_NAMES = ("p_better", "p_equal", "p_worse")
# Of the interval that goes with the probabilities and is not returned.
_ANY_PROB = 0.5


def equivalence(
    tree: xr.DataTree,
    ropes: Sequence[float],
    *,
    by: Literal["model", "task"] = "model",
    budget: float | None = None,
) -> xr.Dataset:
    """Return the three probabilities of each pair for many regions of practical equivalence.

    The same numbers as `leadline.compare` gives with each `rope`, without the rest of its work.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    ropes : sequence of float
        Differences up to which nothing matters, in score units.
    by, budget
        As in `leadline.compare`.

    Returns
    -------
    Dataset
        `p_better`, `p_equal`, `p_worse` (rope, model, other_model, task), and the same with the
        suffixes `_overall` and `_new_task` (rope, model, other_model); with ``by="task"``, tasks
        and models change places.

    Raises
    ------
    LeadlineError
        As `leadline.compare`.
    """
    validate_tree(tree)
    items, contexts = validate_by(tree, by)
    for rope in ropes:
        validate_amounts(budget, rope)
    gains = gains_of(tree, by, items, contexts, budget)
    found = [gains.verdicts(float(rope), _ANY_PROB) for rope in ropes]
    pair = ("rope", by, f"other_{by}")
    result = xr.Dataset(
        coords={
            "rope": np.asarray(ropes, dtype=float),
            by: items,
            f"other_{by}": items,
            context_of(by): contexts,
        }
    )
    for suffix in found[0]:
        dims = pair if suffix else (*pair, context_of(by))
        for name in _NAMES:
            result[name + suffix] = dims, np.stack([getattr(one[suffix], name) for one in found])
    return result
