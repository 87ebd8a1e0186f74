"""Guided trials of searches with a random share, in the tree of a fit.

The model of them is `leadline.models.guided`. What they say of the best trial is in
`leadline.stats.guided`.
"""

import numpy as np
import xarray as xr

from leadline.data.trials import LOSS_SIGNS, Trials, search_labels
from leadline.errors import pluralize
from leadline.stats.guided import GUIDED


def guided_reason(guided: Trials | None) -> str:
    """Return what guided trials add to the reason for the model, "" without any."""
    if guided is None:
        return ""
    count = pluralize(len(guided.per_trial()), "guided trial")
    return f"; a marked random share, with {count} as evidence on the optimum"


def guided_notes(trials: Trials, guided: Trials | None, left_out: Trials | None) -> list[str]:
    """Return one sentence on which answers rest on which trials; `trials` are the random ones."""
    if left_out is not None:
        count = pluralize(len(left_out.per_trial()), "guided trial")
        return [
            f"{count} left out: the law is about random draws; guided_evidence=True lets them "
            "bound the optimum"
        ]
    if guided is None:
        return []
    random = pluralize(len(trials.per_trial()), "random trial")
    chosen = pluralize(len(guided.per_trial()), "guided trial")
    return [
        f"the law, its tail and its tests rest on {random}; {chosen} bound the optimum, and count "
        "for the best seen: such intervals were too short where the sampler was stuck, or had "
        "found the optimum"
    ]


def add_guided(tree: xr.DataTree, trials: Trials, guided: Trials | None) -> None:
    """Add the guided trials to `constant_data`: all that answers need of them.

    `n_guided` (search) counts all of them; `guided_score`, `guided_replicates` and `guided_search`
    (guided_trial) are those of complete ones.
    """
    if guided is None:
        return
    labels = dict(zip(trials.searches, search_labels(trials.searches), strict=True))
    table = guided.per_trial()
    pairs = zip(table["task"], table["model"], strict=True)
    table["search"] = [labels[pair] for pair in pairs]
    constant = tree["constant_data"].to_dataset()
    names = constant["search"].to_numpy().astype(str)
    counts = [int((table["search"] == name).sum()) for name in names]
    complete = table[table["status"] == "complete"]
    tree["constant_data"] = xr.DataTree(
        constant.assign(
            n_guided=("search", counts),
            guided_score=(GUIDED, complete["score"].to_numpy(dtype=float)),
            guided_replicates=(GUIDED, complete["replicates"].to_numpy(dtype=int)),
            guided_search=(GUIDED, complete["search"].to_numpy(dtype=str)),
        )
    )
    _lower_plateaus(tree, complete.groupby("search")["score"], LOSS_SIGNS[trials.direction])


def _lower_plateaus(tree: xr.DataTree, scores: object, sign: float) -> None:
    """Put the optimum of a plateau at the best guided trial, if that is better."""
    constant = tree["constant_data"].dataset
    if "plateau" not in constant:
        return
    posterior = tree["posterior"].to_dataset()
    optimum = posterior["optimum"].copy()
    for name, own in scores:  # type: ignore[attr-defined]
        if constant["plateau"].fillna(0).sel(search=name) > 0:
            best = float((sign * own).min())
            optimum.loc[{"search": name}] = sign * np.minimum(sign * optimum.sel(search=name), best)
    tree["posterior"] = xr.DataTree(posterior.assign(optimum=optimum))
