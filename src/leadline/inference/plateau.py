"""The groups of the tree of a search that ends in a plateau, which is not sampled.

Its tail is the plateau: the trials that share the best score, which is the threshold and the
optimum. Of n trials, r reach it, and the tail fraction has the posterior Beta(r + 1, n − r + 1):
its prior is uniform, as that of a noiseless tail probability. There is no law, so that its
parameters are nan.
"""

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.stats import binom

from leadline.data.trials import LOSS_SIGNS, Trials, search_labels
from leadline.inference.candidates_table import MAX_SAMPLES
from leadline.inference.tree import data_groups

_DIMS = ("chain", "draw", "search")
_LAW = ("beta", "gamma", "sigma")
_UNKNOWN = ("effective_dim", "noise_sd", "spread")


def plateau_groups(
    trials: Trials, pair: tuple[str, str], shape: tuple[int, int], seed: np.random.SeedSequence
) -> dict[str, xr.Dataset]:
    """Return the groups of the tree of the search `pair`, with draws of `shape`, (chain, draw)."""
    sign = LOSS_SIGNS[trials.direction]
    labels = dict(zip(trials.searches, search_labels(trials.searches), strict=True))
    table = trials.search(*pair).per_trial()
    loss = np.where(table["status"] == "complete", sign * table["score"], np.inf)
    best, n = float(loss.min()), len(loss)
    rows = np.flatnonzero(loss == best)
    r = len(rows)
    fraction = np.random.default_rng(seed).beta(r + 1, n - r + 1, (*shape, 1))
    coords = {"chain": np.arange(shape[0]), "draw": np.arange(shape[1])}
    names = {
        "search": [labels[pair]],
        "task": ("search", [pair[0]]),
        "model": ("search", [pair[1]]),
    }

    def draws(**values: npt.ArrayLike) -> xr.Dataset:
        filled = {
            name: (_DIMS, np.broadcast_to(value, (*shape, 1))) for name, value in values.items()
        }
        return xr.Dataset(filled, coords | names)

    nothing = dict.fromkeys(_UNKNOWN, np.nan)
    candidate = {
        "scale": "identity",
        "threshold": sign * best,
        "n_tail": r,
        "tail_scale": np.nan,
        "kept": np.int8(1),
        "weight": 1.0,
        "elpd": np.nan,
        "refitted": 0,
        "p_value": np.nan,
        "divergences": 0,
        # The draws are independent.
        "max_rhat": 1.0,
        "min_ess_bulk": float(shape[0] * shape[1]),
        "min_ess_tail": float(shape[0] * shape[1]),
        "min_bfmi": np.nan,
        "discarded_divergences": 0,
        "target_accept": 0.0,
    }
    table_dims = ("search", "candidate")
    candidates = {name: (table_dims, [[value]]) for name, value in candidate.items()}
    n_samples = min(MAX_SAMPLES, shape[0] * shape[1])
    samples = {"optimum": sign * best, "effective_dim": np.nan, "noise_sd": np.nan}
    for name, value in samples.items():
        candidates[name] = ((*table_dims, "sample"), [[[value] * n_samples]])  # type: ignore[assignment]
    tails = xr.Dataset({name: ("search", [value]) for name, value in
                        (("resolution", 0.0), ("max_effective_dim", np.nan))})  # fmt: skip
    data = data_groups(trials, [pair], [labels[pair]], tails, [(rows, sign * best)])
    data["constant_data"] = data["constant_data"].assign(plateau=("search", [r]))
    likelihood = xr.Dataset(
        {
            "score": (("chain", "draw", "tail_trial"), np.zeros((*shape, r))),
            "in_regime": (_DIMS, binom.logpmf(r, n, fraction)),
        },
        coords
        | {"search": [labels[pair]], "tail_trial": data["observed_data"]["tail_trial"].to_numpy()},
    )
    return {
        "posterior": draws(
            optimum=sign * best, **nothing, tail_fraction=fraction, threshold=sign * best
        ).assign(candidate=(_DIMS, np.zeros((*shape, 1), dtype=int))),
        "noisy_quadratic": draws(
            alpha=best, **dict.fromkeys(_LAW, np.nan), threshold=best
        ),
        "sample_stats": xr.Dataset({"diverging": (_DIMS[:2], np.zeros(shape, dtype=bool))}, coords),
        "log_likelihood": likelihood,
        "log_prior": draws(reach=0.0),
        "candidates": xr.Dataset(candidates, names | {"candidate": [0]}),
        **{name: group.assign_coords(names) if "search" in group.dims else group
           for name, group in data.items()},
    }  # fmt: skip
