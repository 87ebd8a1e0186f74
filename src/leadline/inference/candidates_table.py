"""The group `candidates` of a fit: the thresholds that were tried, and the evidence for each."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from leadline.inference.shared_tail import threshold_scores

MAX_SAMPLES = 1000
"""Draws of each candidate: enough for intervals in a picture."""

# A candidate may be part of several joint fits: how their diagnostics and evidence are summarized.
_WORST = {
    "divergences": "sum",
    "max_rhat": "max",
    "min_ess_bulk": "min",
    "min_ess_tail": "min",
    "min_bfmi": "min",
    "discarded_divergences": "sum",
    "target_accept": "max",
}
_EVIDENCE = {"kept": "max", "weight": "sum", "elpd": "first", "refitted": "sum", "p_value": "mean"}


def candidate_numbers(parts: Sequence[xr.DataTree], search: int) -> npt.NDArray[np.intp]:
    """Return the number of the candidate of one search in each fit, shape (part,).

    Fits with the same threshold are one candidate; candidates are numbered by scale and from the
    deepest to the widest.
    """
    # Without trials, the threshold alone distinguishes candidates.
    key = ("scale", "n_tail", "threshold")
    keys = [tuple(part["tails"].dataset[name][search].item() for name in key) for part in parts]
    order = sorted(set(keys))
    return np.array([order.index(key) for key in keys])


def candidates_table(
    parts: Sequence[xr.DataTree], numbers: npt.NDArray[np.intp], evidence: pd.DataFrame, search: int
) -> xr.Dataset:
    """Return the candidates of one search, dims (candidate), and draws of each (candidate, sample).

    `numbers` (part,) are the candidates of the fits `parts`; `evidence` has one row per fit, with
    `kept`, `weight`, `elpd`, `refitted` and `p_value`.
    """
    tails = [part["tails"].dataset.isel(search=search) for part in parts]
    first = [int(np.flatnonzero(numbers == number)[0]) for number in range(numbers.max() + 1)]
    diagnostics = pd.DataFrame([{name: part.attrs[name] for name in _WORST} for part in parts])
    table = pd.concat([evidence[list(_EVIDENCE)].reset_index(drop=True), diagnostics], axis=1)
    table = table.groupby(numbers).agg(_EVIDENCE | _WORST)
    columns: dict[str, Any] = {
        "scale": np.array([tails[place]["scale"].item() for place in first]),
        "threshold": [threshold_scores(parts[place])[search] for place in first],
        **{
            name: [tails[place][name].item() for place in first]
            for name in ("n_tail", "tail_scale", "noise_scale")
        },
        **{str(name): table[name].to_numpy() for name in table},
        "kept": table["kept"].to_numpy(dtype=np.int8),
    }
    result = xr.Dataset({name: ("candidate", values) for name, values in columns.items()})
    for name in ("optimum", "effective_dim", "noise_sd"):
        draws = [part["posterior"][name].isel(search=search).to_numpy().ravel() for part in parts]
        own = [
            np.concatenate([draws[place] for place in np.flatnonzero(numbers == number)])
            for number in range(len(first))
        ]
        # Equally many of each candidate, evenly spaced in rank: the mean of as many draws evenly
        # spaced in time would differ from that of all by a Monte Carlo error that pictures show.
        count = min(MAX_SAMPLES, *map(len, draws))
        places = (np.arange(count) + 0.5) / count
        picked = [np.sort(values)[(len(values) * places).astype(int)] for values in own]
        result[name] = ("candidate", "sample"), np.stack(picked)
    return result.assign_coords(candidate=np.arange(len(first)))
