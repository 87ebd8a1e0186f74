"""Guided trials of searches with a random share, in the tree of a fit.

The model of them is `leadline.models.guided`. What they say of the best trial is in
`leadline.stats.guided`.
"""

import xarray as xr

from leadline.data.trials import Trials, search_labels
from leadline.errors import pluralize
from leadline.stats.guided import GUIDED

MEASURED = (
    "in 200 test studies by TPE with a random share of a quarter, 80 % intervals held the true "
    "optimum in 78 %, and the best trial re-run in 64 %"
)
"""What `benchmarks/learned.py` found without `guided_evidence`."""


def guided_reason(guided: Trials | None, evidence: bool) -> str:
    """Return what guided trials add to the reason for the model, "" without any."""
    if guided is None:
        return ""
    count = pluralize(len(guided.per_trial()), "guided trial")
    return f"; a marked random share, with {count} " + (
        "as evidence on the optimum" if evidence else "for the best seen"
    )


def guided_notes(trials: Trials, guided: Trials | None, evidence: bool) -> list[str]:
    """Return one sentence on which answers rest on which trials; `trials` are the random ones."""
    if guided is None:
        return []
    random = pluralize(len(trials.per_trial()), "random trial")
    chosen = pluralize(len(guided.per_trial()), "guided trial")
    if evidence:
        return [
            f"the law, its tail and its tests rest on {random}; {chosen} bound the optimum, and "
            "count for the best seen: such intervals were too short where the sampler was stuck, "
            "or had found the optimum"
        ]
    return [
        f"the law, its tail and its tests rest on {random}; {chosen} count for the best seen, "
        "a measured score with its luck: the optimum is at least as good as that trial is expected "
        "to be if re-run; guided_evidence=True makes all of them evidence on the optimum; "
        f"calibration: {MEASURED}"
    ]


def add_guided(
    tree: xr.DataTree, trials: Trials, guided: Trials | None, *, fitted: bool = False
) -> None:
    """Add the guided trials to `constant_data`: all that answers need of them.

    `n_guided` (search) counts all of them; `guided_score`, `guided_replicates` and `guided_search`
    (guided_trial) are those of complete ones, unless they are among the `fitted` trials.
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
    constant = constant.assign(n_guided=("search", counts))
    if not fitted:
        constant = constant.assign(
            guided_score=(GUIDED, complete["score"].to_numpy(dtype=float)),
            guided_replicates=(GUIDED, complete["replicates"].to_numpy(dtype=int)),
            guided_search=(GUIDED, complete["search"].to_numpy(dtype=str)),
        )
    tree["constant_data"] = xr.DataTree(constant)
