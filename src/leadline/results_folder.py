"""The files of a fit: written all together or not at all, each the same for the same fit."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xarray as xr

_DPI = 150


@contextmanager
def results_folder(target: Path) -> Iterator[Path]:
    """Give a temporary folder beside `target`, and make it `target` when all went well.

    When `target` exists, files of the same name in it are replaced and all others are left alone.

    Parameters
    ----------
    target : Path
        The folder to make.
    """
    target = target.absolute()
    folder = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    folder.mkdir()
    try:
        yield folder
        if target.exists():
            for file in folder.iterdir():
                file.replace(target / file.name)
        else:
            folder.rename(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_pictures(tree: xr.DataTree, folder: Path) -> None:
    """Write the pictures of a fit as PNG and SVG."""
    import matplotlib as mpl

    # No display is needed, and none is there on a server.
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    from leadline.plots.plot_comparison import plot_comparison
    from leadline.plots.plot_optimum import plot_optimum
    from leadline.plots.plot_tail_fit import plot_tail_fit
    from leadline.plots.plot_threshold import plot_threshold
    from leadline.plots.plot_tuning_curve import plot_tuning_curve

    pictures: dict[str, Callable[..., Any]] = {
        "optimum": plot_optimum,
        "tuning_curve": plot_tuning_curve,
        "tail_fit": plot_tail_fit,
    }
    if tree["candidates"].sizes["candidate"] > 1:
        pictures["threshold"] = plot_threshold
    if len(set(tree["posterior"]["model"].to_numpy())) > 1:
        pictures["comparison"] = plot_comparison
    for name, plot in pictures.items():
        # Matplotlib's identifiers in SVG are random without a salt, and it writes the date.
        with mpl.rc_context({"svg.hashsalt": "leadline"}):
            collection = plot(tree, backend="matplotlib")
            collection.savefig(folder / f"{name}.png", dpi=_DPI)
            collection.savefig(folder / f"{name}.svg", metadata={"Date": None})
            plt.close(collection.get_viz("figure"))
