"""Saved fits of single searches: what pooling reads of them, one at a time."""

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping, MutableSequence, Sequence
from typing import Any

import numpy as np
import xarray as xr

from leadline.data.bounds import NO_BOUNDS
from leadline.data.stored_trials import GROUP, trials_of_group
from leadline.data.trials import Trials
from leadline.errors import LeadlineError, join_values, pluralize
from leadline.inference.candidates import candidates_of, space_names
from leadline.inference.fit_searches import candidates_in
from leadline.inference.fits import Pair
from leadline.inference.progress import Progress
from leadline.models.priors import Priors
from leadline.stats.best_seen import GROUP as BEST_SEEN

Groups = dict[str, xr.Dataset]
Read = Callable[[], xr.DataTree]

# Attributes and settings in which all fits agree.
_SAME = ("direction", "metric", "priors")
_SAME_SETTINGS = ("effective_dim", "scale", "draws", "tune", "chains", "nuts_sampler")

# Groups of a fit alone that a joint fit computes anew.
_LEFT_OUT = (GROUP, BEST_SEEN, "checks", "pooled")

# Dims whose labels begin with the name of the search.
_LABELLED = ("trial", "tail_trial", "repeated_trial")


@dataclasses.dataclass(frozen=True)
class StoredFit:
    """A fit in a file: what is needed of it at any time, and how to read the rest."""

    pair: Pair
    read: Read
    tail: xr.Dataset | None
    attributes: Mapping[str, Any]
    counts: tuple[int, int]

    @property
    def settings(self) -> dict[str, Any]:
        """The options of `leadline.fit`."""
        return dict(json.loads(self.attributes["settings"]))

    @property
    def priors(self) -> Priors:
        """The priors of the fit."""
        return Priors.from_dict(json.loads(self.attributes["priors"]))


def read_all(readers: Sequence[Read], progress: Progress) -> list[StoredFit]:
    """Return what all fits say of themselves, without their draws."""
    progress.start("reading fits", len(readers), "fits")
    found = []
    for read in readers:
        tree = read()
        posterior = tree["posterior"].dataset
        if posterior.sizes.get("search") != 1:
            raise LeadlineError("pool takes fits of one search each, as leadline.fit_many makes")
        pair = str(posterior["task"].item()), str(posterior["model"].item())
        progress.step(" / ".join(pair))
        constant = tree["constant_data"].dataset
        plateau = int(constant["plateau"].item()) if "plateau" in constant else 0
        trials = stored_trials(tree)
        tail = None
        if not plateau:
            settings = json.loads(tree.attrs["settings"])
            own = candidates_again(
                trials, Priors.from_dict(json.loads(tree.attrs["priors"])), settings
            )
            table = tree["candidates"].dataset
            tail = candidates_in(table, own)[int(table["weight"].to_numpy()[0].argmax())]
        counts = int(constant["n_trials"].item()), int(constant["n_complete"].item())
        attributes = {str(name): value for name, value in tree.attrs.items()}
        found.append(StoredFit(pair, read, tail, attributes, counts))
    _validate(found)
    return found


def _validate(found: Sequence[StoredFit]) -> None:
    """Raise `LeadlineError` unless the fits can be pooled."""
    fitted = [own for own in found if own.tail is not None]
    if len(fitted) < 2:
        raise LeadlineError(
            f"there is nothing to pool: {pluralize(len(fitted), 'fitted search')}"
            + " and searches that end in a plateau" * (len(found) > len(fitted))
        )
    twice = {own.pair for own in found if sum(other.pair == own.pair for other in found) > 1}
    if twice:
        raise LeadlineError(f"two fits are of the same search: {join_values(sorted(twice), 3)}")
    first = found[0]
    for own in found[1:]:
        wrong = [name for name in _SAME if own.attributes.get(name) != first.attributes.get(name)]
        wrong += [
            name for name in _SAME_SETTINGS if own.settings.get(name) != first.settings.get(name)
        ]
        if wrong:
            raise LeadlineError(
                f"the fits of {' / '.join(first.pair)} and {' / '.join(own.pair)} differ in "
                f"{join_values(wrong)}; fit them with the same options"
            )
    if first.settings["effective_dim"] != "continuous":
        raise LeadlineError(
            "integer effective dimensions that searches share cannot be pooled; fit the searches "
            "with effective_dim='continuous', or all at once with `fit`"
        )


class StoredFits(MutableSequence[Groups]):
    """The groups of searches fitted alone; each is read, and renamed, when it is asked for.

    `read` are functions that return a tree each, and `names` the labels that the searches have
    among the others.
    """

    def __init__(self, read: Sequence[Callable[[], xr.DataTree]], names: Sequence[str]) -> None:
        self._read, self._names = list(read), list(names)

    def __getitem__(self, index: Any) -> Any:
        return groups_of_tree(self._read[index](), self._names[index])

    def __setitem__(self, index: Any, read: Any) -> None:
        self._read[index] = read

    def __len__(self) -> int:
        return len(self._read)

    def __iter__(self) -> Iterator[Groups]:
        return (self[index] for index in range(len(self)))

    def __delitem__(self, index: Any) -> None:
        del self._read[index], self._names[index]

    def insert(self, index: int, value: Any) -> None:
        """Not of use: searches are replaced, never added."""
        raise NotImplementedError


def groups_of_tree(tree: xr.DataTree, name: str) -> Groups:
    """Return the groups of the fit of one search, which is to be called `name`."""
    old = str(tree["posterior"]["search"].item())
    return {
        str(group): _renamed(node.to_dataset(), old, name)
        for group, node in tree.children.items()
        if group not in _LEFT_OUT
    }


def _renamed(group: xr.Dataset, old: str, new: str) -> xr.Dataset:
    """Return a group with another name of the search, and with text that has NumPy's type."""
    text = {
        str(label): values.astype(str)
        for label, values in group.variables.items()
        if values.dtype.kind == "O"
    }
    group = group.assign_coords(
        {label: own for label, own in text.items() if label in group.coords}
    )
    group = group.assign({label: own for label, own in text.items() if label in group.data_vars})
    if "search" in group.coords:
        group = group.assign_coords(search=[new])
    if old == new:
        return group
    for dim in _LABELLED:
        if dim in group.coords:
            labels = group[dim].to_numpy().astype(str)
            own = [new + label.removeprefix(old) for label in labels]
            group = group.assign_coords({dim: np.array(own, dtype=str)})
    if "trial_search" in group:
        group["trial_search"] = "trial", np.full(group.sizes["trial"], new)
    return group


def stored_trials(tree: xr.DataTree) -> Trials:
    """Return the trials of a fit of `leadline.fit_many`."""
    if GROUP not in tree.children:
        raise LeadlineError(
            f"the fit of {tree.attrs.get('source', 'a search')} does not hold its trials; fit the "
            "searches with `fit_many` or `leadline fit --workers`"
        )
    return trials_of_group(tree[GROUP].to_dataset())


def candidates_again(trials: Trials, priors: Priors, settings: dict[str, Any]) -> list[xr.Dataset]:
    """Return the candidate tails of one search, as `leadline.fit` with these settings cut them."""
    pair = trials.searches[0]
    low, high = (
        limit if own is None else own
        for own, limit in zip(settings["bounds"], NO_BOUNDS, strict=True)
    )
    fraction, threshold = settings["tail_fraction"], settings["threshold"]
    fractions: dict[float, float] | None
    if isinstance(fraction, dict):
        fractions = {float(own): float(weight) for own, weight in fraction.items()}
    else:
        fractions = None if fraction is None else {float(fraction): 1.0}
    return candidates_of(
        trials,
        pair,
        priors,
        scale=settings["scale"],
        fractions=fractions,
        threshold=None if threshold in (None, "auto") else float(threshold),
        resolution=settings["resolution"],
        bounds=(low, high),
        space=space_names(trials)[pair],
    )
