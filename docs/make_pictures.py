"""Draw the pictures of the README and the site from the fit of `leadline demo`, and of a surface.

Usage: python docs/make_pictures.py leadline-demo/fit.nc
"""

import json
import sys
from pathlib import Path

import matplotlib as mpl
import xarray as xr

import leadline as ll
from leadline.cli.commands import read_fit
from leadline.plots.gallery import save_picture
from leadline.stats.diagnostics import failed_searches

FOLDER = Path(__file__).parent
# One panel is enough for these pictures.
SEARCH = "breast-cancer / mlp"
ONE_SEARCH = {
    "tuning_curve": ll.plot_tuning_curve,
    "threshold": ll.plot_threshold,
    "forecast": ll.plot_forecast,
    "tail_fit": ll.plot_tail_fit,
}
ALL_SEARCHES = {
    "comparison": ll.plot_comparison,
    "optimum": ll.plot_optimum,
    "effective_dim": ll.plot_effective_dim,
    "ranks": ll.plot_ranks,
}


def one_search(tree: xr.DataTree, name: str) -> xr.DataTree:
    """Return the part of a fit that belongs to one of its searches."""
    groups = {}
    for group, node in tree.children.items():
        data = node.dataset
        groups[group] = data.sel(search=[name]) if "search" in data.dims else data
    alone = xr.DataTree.from_dict(groups)
    alone.attrs.update(tree.attrs)
    failed = json.loads(tree.attrs["failed_checks"])
    alone.attrs["failed_checks"] = json.dumps(
        [own for own in failed if own in failed_searches(alone)]
    )
    return alone


def main() -> None:
    """Draw all pictures."""
    mpl.use("Agg")
    tree = read_fit(Path(sys.argv[1]))
    alone = one_search(tree, SEARCH)
    for fit, pictures in ((tree, ALL_SEARCHES), (alone, ONE_SEARCH)):
        for name, plot in pictures.items():
            save_picture(plot(fit, backend="matplotlib"), FOLDER / f"{name}.png")
    first = ll.load_dataset("digits-boosting").table.query("trial <= 100")
    surface = ll.fit(ll.Trials(first, "minimize"), model="surface", random_seed=2)
    save_picture(ll.plot_surface(surface, backend="matplotlib"), FOLDER / "surface.png")


if __name__ == "__main__":
    main()
