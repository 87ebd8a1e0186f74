"""`threshold_numbers`: the numbers behind `plot_threshold`."""

from typing import Literal

import xarray as xr

from leadline.errors import LeadlineError
from leadline.stats.fitted_search import validate_tree
from leadline.stats.intervals import SAMPLE_DIMS, interval, validate_interval
from leadline.stats.reported import with_trials

QUANTITIES = ("optimum", "effective_dim", "noise_sd")


def threshold_numbers(
    tree: xr.DataTree, *, ci_prob: float | None = None, ci_kind: Literal["eti", "hdi"] | None = None
) -> xr.Dataset:
    """Return what `leadline.plot_threshold` shows.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit` with several candidate thresholds.
    ci_prob, ci_kind : optional
        Probability and kind of the intervals. Default: those of ``arviz.rcParams``.

    Returns
    -------
    Dataset
        Of each candidate, dims (search, candidate): `tail_fraction`, `scale`, `weight` and `kept`
        (1: averaged over, 0: left out, as its tail does not look like the law); `optimum`,
        `effective_dim` and `noise_sd`, posterior means, each with `_lower` and `_upper`. Averaged
        over the candidates, dims (search): the same with `_average`. Where a search has fewer
        candidates than another, `scale` is empty and the figures are nan. A search that is known
        from reported bests alone has no thresholds of its own, and is left out.

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit, has one threshold only, or an option is not valid.
    """
    tree = with_trials(validate_tree(tree))
    prob, kind = validate_interval(ci_prob, ci_kind)
    candidates = tree["candidates"].dataset
    if candidates.sizes["candidate"] < 2:
        raise LeadlineError(
            "this fit has one threshold, and there is nothing to compare: one was asked for, or "
            "only the deepest tail looks like the law; give several numbers for tail_fraction"
        )
    numbers = candidates[["scale", "weight", "kept"]]
    fraction = candidates["n_tail"] / tree["constant_data"]["n_trials"]
    numbers["tail_fraction"] = fraction.where(candidates["scale"] != "")
    for name in QUANTITIES:
        draws = candidates[name].rename(sample="draw").expand_dims(chain=1)
        numbers[name] = draws.mean(SAMPLE_DIMS)
        numbers[f"{name}_lower"], numbers[f"{name}_upper"] = interval(draws, prob, kind)
        numbers[f"{name}_average"] = tree["posterior"][name].mean(SAMPLE_DIMS)
    return numbers.assign_attrs(ci_prob=prob, ci_kind=kind)
