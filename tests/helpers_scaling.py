"""Fits with a scaling law that were never sampled: independent draws around a known law."""

import numpy as np
import pandas as pd
import xarray as xr
from helpers import make_tree, simulate_losses

from leadline.data.trials import Trials
from leadline.distributions.smooth_paths import SMOOTH_SHARE

# In losses; the parts are at the geometric means of size and data.
LAW = {
    "irreducible": 0.5,
    "size_part": 0.4,
    "size_exponent": 0.3,
    "data_part": 0.2,
    "data_exponent": 0.5,
    "outer_exponent": 0.6,
}
SIZES = np.array([1e6, 3e6, 1e7, 3e7, 1e8, 3e8, 1e9, 3e9])
DATA = np.array([3e8, 1e8, 1e9, 3e8, 3e9, 1e9, 1e10, 3e9])
MISFIT = 0.004


def law(size, data, sign=1.0):
    """Return the law as a score; without `data`, the law of size alone."""
    total = LAW["size_part"] + (LAW["data_part"] if data is not None else 0.0)
    powers = 0.0 * np.asarray(size)
    for name, value, known in (("size", size, SIZES), ("data", data, DATA)):
        if value is not None:
            ratio = np.log(value) - np.log(known).mean()
            powers = powers + LAW[f"{name}_part"] / total * np.exp(-LAW[f"{name}_exponent"] * ratio)
    outer = LAW["outer_exponent"] if data is not None else 1.0
    result = LAW["irreducible"] + total * powers**outer
    return sign * result


def make_scaling_trials(direction="minimize", data=True, n=60, departures=None):
    """Return a search for each size, whose optimum follows the law up to its departure."""
    sign = 1.0 if direction == "minimize" else -1.0
    departures = np.zeros(len(SIZES)) if departures is None else departures
    tables = []
    for place, size in enumerate(SIZES):
        optimum = float(law(size, DATA[place] if data else None)) + departures[place]
        loss = simulate_losses(n, 300 + place, (optimum, 0.5, 2.0, 0.01))[1]
        own = {"task": f"n{place}", "score": sign * loss, "size": size}
        tables.append(pd.DataFrame(own | ({"data": DATA[place]} if data else {})))
    table = pd.concat(tables, ignore_index=True)
    return Trials(table, direction, metric="loss", source="scaling.csv")


def make_scaling_tree(direction="minimize", data=True, departures=None, draws=100, spread=1e-3):
    """Return a fit whose draws have the law and, up to `spread`, optima at their departures."""
    trials = make_scaling_trials(direction, data)
    tree = make_tree(trials, draws=draws)
    sign = 1.0 if direction == "minimize" else -1.0
    rng = np.random.default_rng(11)
    departures = MISFIT * rng.standard_normal(len(SIZES)) if departures is None else departures
    shape = tree["posterior"]["optimum"].shape
    optimum = law(SIZES, DATA if data else None) + departures
    values = sign * (optimum + spread * rng.standard_normal(shape))
    tree["posterior"]["optimum"] = tree["posterior"]["optimum"].copy(data=values)
    names = [name for name in LAW if data or not name.startswith(("data", "outer"))]
    pooled = {name: np.full(shape[:2], LAW[name]) for name in names} | {
        "misfit": np.full(shape[:2], MISFIT),
        "misfit_length": np.full(shape[:2], 2.0),
    }
    pooled["irreducible"] = sign * pooled["irreducible"]
    coords = {name: tree["posterior"][name].to_numpy() for name in ("chain", "draw")}
    smooth = np.sqrt(SMOOTH_SHARE) * departures + np.zeros(shape)
    tree["pooled"] = xr.Dataset(
        {name: (("chain", "draw"), own) for name, own in pooled.items()}
        | {"smooth_misfit": (("chain", "draw", "search"), sign * smooth)},
        coords,
    )
    return tree
