"""The number of trials on which the answers of a search rest."""

import xarray as xr

ENOUGH = 20
"""`leadline.fit` refuses fewer than 8. With fewer than 20, the posterior of a search leans on the
prior of the effective dimension and no test of fit has power. The automatic threshold also stops at
20 in a large search. A comparison needs more: see `leadline.stats.leaning`."""


def trials_used(tree: xr.DataTree) -> xr.DataArray:
    """Return the number of trials beyond the threshold of each search, dims (search).

    It is the mean over the thresholds by their weights, rounded: the threshold of the largest
    weight alone would change with the seed where two are as likely.
    """
    candidates = tree["candidates"].dataset
    mean = (candidates["n_tail"] * candidates["weight"].fillna(0.0)).sum("candidate")
    return mean.round().astype(int)
