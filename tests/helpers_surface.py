"""The tree of a surface, made by hand."""

import dataclasses
import json

import numpy as np
import xarray as xr

from leadline.data.unit_cube import Axis

AXES = (Axis("lr", np.log(1e-4), np.log(1.0), log=True), Axis("opt", choices=("adam", "sgd")))


def make_surface_tree(searches=("a",), direction="minimize", **attributes):
    """Return a tree as `fit(model="surface")` does; `attributes` are those of each surface."""
    generator = np.random.default_rng(0)
    shape = (2, 50, len(searches))
    dims = ("chain", "draw", "search")
    where = np.stack([generator.uniform(0.4, 0.6, shape), generator.integers(2, size=shape)], -1)
    where[..., 1] = np.where(generator.random(shape) < 0.8, 0.0, 1.0)
    posterior = xr.Dataset(
        {
            "optimum": (dims, generator.normal(0.2, 0.01, shape)),
            "best_seen_expected": (dims, generator.normal(0.25, 0.01, shape)),
            "noise_sd": (dims, np.full(shape, 0.02)),
            "best_setting": ((*dims, "hyperparameter"), where),
            "relevance": ((*dims, "hyperparameter"), np.broadcast_to([0.1, 2.0], where.shape)),
        },
        {"search": list(searches), "hyperparameter": ["lr", "opt"]},
    )
    constant = xr.Dataset(
        {
            "n_trials": ("search", [3] * len(searches)),
            "n_complete": ("search", [2] * len(searches)),
            "trial_score": ("trial", [0.3, 0.21, np.nan] * len(searches)),
            "trial_search": ("trial", np.repeat(searches, 3)),
        },
        {"search": list(searches)},
    )
    groups = {"posterior": posterior, "constant_data": constant}
    for number, name in enumerate(searches):
        own = xr.Dataset()
        own.attrs = {
            "search": name,
            "axes": json.dumps([dataclasses.asdict(axis) for axis in AXES]),
            "scores": json.dumps({"scale": "log"}),
            "divergences": 0,
            "max_rhat": 1.0,
            "min_ess_bulk": 500.0,
        } | attributes
        groups[f"surfaces/{number}"] = own
    found = xr.DataTree.from_dict(groups)
    found.attrs = {"direction": direction, "metric": "loss", "source": "test"}
    return found
