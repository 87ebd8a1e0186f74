"""`forecast_numbers`: the numbers behind `plot_forecast`."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from leadline.stats.fitted_search import direction_sign, validate_tree
from leadline.stats.forecast import forecast
from leadline.stats.intervals import SAMPLE_DIMS, interval, validate_interval

# From the next trial to a thousand more, evenly on the log scale, powers of ten among them.
_TRIALS = (1, 2, 3, 5, 7, 10, 15, 22, 32, 46, 68, 100, 150, 220, 320, 460, 680, 1000)
# Beyond all scores, in their ranges.
_FAR = 1e3


def forecast_numbers(
    tree: xr.DataTree,
    trials: Sequence[int] | npt.NDArray[np.int64] | None = None,
    *,
    minimum_gain: float = 0.0,
    ci_prob: float | None = None,
    ci_kind: Literal["eti", "hdi"] | None = None,
) -> xr.Dataset:
    """Return what `leadline.plot_forecast` shows.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    trials : array_like of int, optional
        Numbers of further trials m. Default: 1 to 1,000.
    minimum_gain : float
        As in `leadline.forecast`.
    ci_prob, ci_kind : optional
        Probability and kind of the intervals. Default: those of ``arviz.rcParams``.

    Returns
    -------
    Dataset
        In score units: `median`, `lower` and `upper` of the best of the next m trials, and
        `p_gain`, the probability that it beats the best seen by more than `minimum_gain`, dims
        (search, trials); `best_seen` (search). The spread is that of the outcome: luck and what
        is not known of the law. A figure is infinite where all of the m trials fail: the worse
        end of an interval, where that is not improbable enough.

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit or an option is not valid.
    """
    validate_tree(tree)
    prob, kind = validate_interval(ci_prob, ci_kind)
    wanted = np.asarray(_TRIALS if trials is None else trials).reshape(-1)
    found = forecast(tree, wanted, minimum_gain=minimum_gain)
    # All of m trials may fail, and quantiles are not taken between infinities.
    finite = found["best"].where(abs(found["best"]) < np.inf)
    sign = direction_sign(tree)
    worst = sign * (sign * finite).max()
    failed = worst + sign * _FAR * (finite.max() - finite.min() + 1.0)
    best = finite.fillna(failed)
    middle, lower, upper = (
        end.where(sign * (end - worst) <= 0, sign * np.inf)
        for end in (best.median(SAMPLE_DIMS), *interval(best, prob, kind))
    )
    figures = {
        "median": middle,
        "lower": lower,
        "upper": upper,
        "p_gain": found["p_gain"],
        "best_seen": found["best_seen"],
    }
    attrs = {"ci_prob": prob, "ci_kind": kind, "minimum_gain": float(minimum_gain)}
    return xr.Dataset(figures, attrs=attrs)
