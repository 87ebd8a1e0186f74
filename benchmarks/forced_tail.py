"""Sensitivity of `check` to a tail that is too wide, on the bundled searches.

Each search is fitted twice, with the automatic threshold and with tail fraction 0.5, 2 chains of
500 draws. Requirements: `check` fails on the forced fit wherever the 95 % interval of its optimum
excludes the automatic one, and no automatic fit has a best seen that is more than 3 noise sds
better than the optimum.
"""

import argparse
from pathlib import Path

import numpy as np
import xarray as xr

import leadline as ll
from leadline.checks.evidence import Evidence
from leadline.checks.noise import excursion_probability
from leadline.stats.fitted_search import search_names

SETTINGS = {"draws": 500, "tune": 500, "chains": 2, "random_seed": 1, "progressbar": False}
KINDS: dict[str, dict[str, float]] = {"automatic": {}, "forced": {"tail_fraction": 0.5}}

# Checks that do not depend on the tail: so few draws fail the first ones, and the last two concern
# the whole search.
ASIDE = ("divergences", "R-hat", "ESS", "E-BFMI", "edges of the space", "order of trials")


def fit_all(work: Path) -> dict[str, xr.DataTree]:
    """Return one tree of all searches per kind of fit, read from `work` where it was saved."""
    trees = {}
    for kind, options in KINDS.items():
        path = work / f"{kind}.nc"
        if not path.exists():
            tree = ll.fit(ll.load_dataset("all"), **options, **SETTINGS)
            tree.to_netcdf(path, engine="h5netcdf")
        with xr.open_datatree(path, engine="h5netcdf") as opened:
            trees[kind] = opened.load()
    return trees


def interval(tree: xr.DataTree, search: str) -> np.ndarray:
    """Return the 95 % equal-tailed interval of the optimum."""
    return np.quantile(tree["posterior"]["optimum"].sel(search=search), [0.025, 0.975])


def failures(tree: xr.DataTree) -> dict[str, list[str]]:
    """Return the names of the failed checks by search, without those in `ASIDE`."""
    table = ll.check(tree)
    failed = table[table["passed"].eq(False).fillna(False)]
    return {
        search: [
            name
            for name in failed.loc[failed["search"] == search, "check"]
            if not name.startswith(ASIDE)
        ]
        for search in search_names(tree)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for the fits")
    work = parser.parse_args().work
    work.mkdir(exist_ok=True)
    trees = fit_all(work)
    failed = {kind: failures(tree) for kind, tree in trees.items()}
    print("| search | automatic | forced | excludes | automatic fails | forced fails |")
    print("| --- | --- | --- | --- | --- | --- |")
    for search in search_names(trees["forced"]):
        ends = {kind: interval(tree, search) for kind, tree in trees.items()}
        posterior = trees["automatic"]["posterior"]["optimum"].sel(search=search)
        auto, forced = ends["automatic"], ends["forced"]
        excludes = "no"
        if not forced[0] <= float(posterior.mean()) <= forced[1]:
            excludes = "mean"
        if forced[0] > auto[1] or forced[1] < auto[0]:
            excludes = "interval"
        cells = [search, *(f"{low:.4f} to {high:.4f}" for low, high in ends.values()), excludes]
        for kind, tree in trees.items():
            chance = excursion_probability(Evidence(tree, search))
            names = ", ".join(failed[kind][search]) or "none"
            cells.append(f"{names} (excursion {chance:.3f})")
        print("|", " | ".join(cells), "|")


if __name__ == "__main__":
    main()
