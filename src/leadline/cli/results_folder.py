"""Files that commands write: all of a folder or none, and the same files for the same fit."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from leadline.errors import LeadlineError

if TYPE_CHECKING:
    import xarray as xr


def validate_target(path: Path, kind: Literal["file", "folder"], *, force: bool) -> Path:
    """Return the file or folder to write, or raise `LeadlineError` before any work is done.

    With `force`, the target may exist already.
    """
    if kind == "folder" and path.exists() and not path.is_dir():
        raise LeadlineError(f"{path} is a file, not a folder; give another one with -o")
    if kind == "file" and path.is_dir():
        raise LeadlineError(f"{path} is a folder; give a file, such as {path / 'report.html'}")
    if path.exists() and not force:
        raise LeadlineError(
            f"the {kind} {path} exists; give another one with -o, or --force to overwrite "
            + ("it" if kind == "file" else "the files of an earlier fit")
        )
    if not path.absolute().parent.is_dir():
        raise LeadlineError(f"there is no folder {path.parent} to write {path.name} in")
    return path


@contextmanager
def results_folder(target: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `target`, which replaces it if all goes well.

    If `target` exists, files of the same name in it are replaced and all others are left alone.
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
    tree: "xr.DataTree",
    folder: Path,
    names: Sequence[str] = (),
    *,
    ending: str = "png",
    backend: str = "matplotlib",
) -> None:
    """Write pictures of a fit in the format of a file ending that the `backend` can make.

    `names` are keys of `leadline.plots.gallery.PICTURES`; default: all that apply to the fit.
    """
    import matplotlib as mpl

    # A server has no display.
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    from leadline.plots.gallery import PICTURES, pictures_of, save_picture

    for name in names or pictures_of(tree):
        # Without a salt, matplotlib's identifiers in SVG are random.
        with mpl.rc_context({"svg.hashsalt": "leadline"}):
            collection = PICTURES[name](tree, backend=backend)
            save_picture(collection, folder / f"{name}.{ending}")
        plt.close("all")
