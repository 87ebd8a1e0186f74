"""The fits of many searches, in a folder or in memory: `Fits`, `read_fits`."""

import functools
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pandas as pd
import xarray as xr

from leadline.data.trials import search_labels
from leadline.inference.fits_folder import FAILED, FITTED, read_index
from leadline.inference.read_netcdf import read_netcdf

Pair = tuple[str, str]


class Fits(Mapping[Pair, xr.DataTree]):
    """The fits of many searches: a mapping from (task, model) to a DataTree.

    A fit in a folder is read when it is asked for.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per search, see `leadline.fit_many`.
    folder : path, optional
        Where the files are.
    contents : mapping of (task, model) to bytes, optional
        The files, where there is no folder.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"task": ["t"], "model": ["m"], "status": ["failed"], "file": [""]})
    >>> ll.Fits(table)
    <Fits of 0 searches; 1 could not be fitted>
    """

    def __init__(
        self,
        table: pd.DataFrame,
        folder: Path | None = None,
        contents: Mapping[Pair, bytes] | None = None,
    ) -> None:
        self.table = table
        self.folder = folder
        self._contents = contents or {}

    def __getitem__(self, pair: Pair) -> xr.DataTree:
        return self.reader(pair)()

    def reader(self, pair: Pair) -> Callable[[], xr.DataTree]:
        """Return a function that reads the fit of a search, and holds no other fit."""
        if self.folder is None:
            return functools.partial(read_netcdf, self._contents[pair])
        return functools.partial(read_netcdf, self.folder / self._files[pair])

    def __iter__(self) -> Iterator[Pair]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __repr__(self) -> str:
        failed = int((self.table["status"] == FAILED).sum())
        where = f" in {self.folder}" if self.folder else ""
        return f"<Fits of {len(self)} searches{where}; {failed} could not be fitted>"

    @property
    def _files(self) -> dict[Pair, str]:
        fitted = self.table[self.table["status"] == FITTED]
        return dict(
            zip(zip(fitted["task"], fitted["model"], strict=True), fitted["file"], strict=True)
        )


def read_fits(folder: str | os.PathLike[str]) -> Fits:
    """Return the fits that `leadline.fit_many` wrote to a folder.

    Parameters
    ----------
    folder : path
        The folder. A run may be at work in it: what it has fitted so far is returned.

    Returns
    -------
    Fits

    Raises
    ------
    LeadlineError
        If it is no folder of fits.

    Examples
    --------
    >>> trials = ll.from_scores([0.3, 0.2], direction="minimize")
    >>> fits = ll.fit_many(trials, folder="fits", random_seed=1, progressbar=False)
    >>> ll.read_fits("fits").table["status"].tolist()
    ['failed']
    """
    path = Path(folder).absolute()
    return Fits(labelled(read_index(path)), path)


def labelled(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with the short names of searches that a fit of all of them would have."""
    return table.assign(search=search_labels(list(zip(table["task"], table["model"], strict=True))))
