"""Files that commands write: whole files only, and the same files for the same fit."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from leadline.errors import LeadlineError

if TYPE_CHECKING:
    import xarray as xr

    from leadline.inference.progress import Progress


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


class ResultsFolder:
    """A hidden folder beside the target, in which files are made before they are kept.

    `path` is that folder, `kept` holds the names of the files that are in the target, and
    `replaced` those of the files that were there before.
    """

    def __init__(self, target: Path, path: Path) -> None:
        self._target, self.path = target, path
        self.kept: list[str] = []
        self.replaced: list[str] = []

    def keep(self) -> None:
        """Move the files made so far to the target, where they replace those of the same name."""
        made = sorted(self.path.iterdir())
        self._target.mkdir(exist_ok=True)
        for file in made:
            if file.name not in self.kept and (self._target / file.name).exists():
                self.replaced.append(file.name)
            file.replace(self._target / file.name)
            self.kept = sorted({*self.kept, file.name})

    def describe(self) -> str:
        """Return what was written, such as "kept fit.nc in leadline-demo"."""
        if not self.kept:
            return "nothing was written"
        return f"kept {', '.join(self.kept)} in {self._target}"


@contextmanager
def results_folder(target: Path) -> Iterator[ResultsFolder]:
    """Yield a folder to make files in; all that are made are kept if all goes well.

    If `target` exists, files of other names in it are left alone. An exception gets a note that
    describes what was kept.
    """
    parent = target.absolute().parent
    # A name of its own: in containers, process numbers are not unique.
    path = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=parent))
    results = ResultsFolder(target, path)
    try:
        yield results
        results.keep()
    except BaseException as error:
        error.add_note(results.describe())
        raise
    finally:
        shutil.rmtree(path, ignore_errors=True)


def write_fit(tree: "xr.DataTree", path: Path) -> None:
    """Write a fit to a netCDF file."""
    from leadline.inference.write_netcdf import file_of_tree

    path.write_bytes(file_of_tree(tree))


def write_pictures(
    tree: "xr.DataTree",
    folder: Path,
    names: Sequence[str] = (),
    *,
    ending: str = "png",
    backend: str = "matplotlib",
    size: str | None = None,
    options: Mapping[str, Any] | None = None,
    progress: "Progress | None" = None,
) -> None:
    """Write pictures of a fit in the format of a file ending that the `backend` can make.

    `size` is one of `leadline.plots.page.PAGES`, and `options` holds arguments of pictures; each
    picture takes those that it has. `names` are keys of `leadline.plots.gallery.PICTURES`; default:
    all that apply to the fit. Each picture is a step of `progress`; one of many searches, and the
    surface of several, has pages.
    """
    import matplotlib as mpl

    # A server has no display.
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    from leadline.plots.gallery import PICTURES, options_of, pages_of, pictures_of, save_picture
    from leadline.plots.page import page

    for name in names or pictures_of(tree):
        if progress is not None:
            progress.step(name)
        # Without a salt, matplotlib's identifiers in SVG are random.
        for file, shown in pages_of(name, tree).items():
            with mpl.rc_context({"svg.hashsalt": "leadline"}), page(size):
                own = options_of(name, options or {})
                collection = PICTURES[name](**shown, backend=backend, **own)
                save_picture(collection, folder / f"{file}.{ending}")
            plt.close("all")
