"""The files of a fit: written all together or not at all, each the same for the same fit."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import xarray as xr


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


def write_pictures(
    tree: xr.DataTree,
    folder: Path,
    names: Sequence[str] = (),
    *,
    formats: Sequence[str] = ("png", "svg"),
    backend: str = "matplotlib",
) -> None:
    """Write pictures of a fit.

    Parameters
    ----------
    tree : DataTree
        The result of a fit.
    folder : Path
        Where to.
    names : sequence of str
        Which, of `leadline.plots.gallery.PICTURES`. Default: all that say something about it.
    formats : sequence of str
        Endings: "png", "svg" or "pdf" for matplotlib, "html" for plotly and bokeh.
    backend : {"matplotlib", "plotly", "bokeh"}
        What draws them.
    """
    import matplotlib as mpl

    # No display is needed, and none is there on a server.
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    from leadline.plots.gallery import PICTURES, pictures_of, save_picture

    for name in names or pictures_of(tree):
        # Matplotlib's identifiers in SVG are random without a salt.
        with mpl.rc_context({"svg.hashsalt": "leadline"}):
            collection = PICTURES[name](tree, backend=backend)
            for ending in formats:
                save_picture(collection, folder / f"{name}.{ending}")
        plt.close("all")
