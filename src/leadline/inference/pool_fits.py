"""From the fits of single searches to their joint posterior: `pool`."""

import dataclasses
import functools
import json
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from leadline.data.trials import search_labels
from leadline.errors import LeadlineError, pluralize
from leadline.inference.fit_stored_again import StoredAgain, fit_stored_again
from leadline.inference.fit_together import fit_together
from leadline.inference.fits import Fits, Pair, read_fits
from leadline.inference.posterior import PosteriorSampler
from leadline.inference.progress import Progress, showing
from leadline.inference.read_netcdf import read_netcdf
from leadline.inference.recorded_answers import record_answers
from leadline.inference.run_jobs import run_jobs, validate_executor
from leadline.inference.sampler import Sampler
from leadline.inference.stored_fits import Read, StoredFit, StoredFits, groups_of_tree, read_all
from leadline.inference.tree import provenance_of, tree_of, with_plateaus
from leadline.models.priors import Priors
from leadline.stats.diagnostics import checks_line
from leadline.stats.sampling_advice import POOLED

if TYPE_CHECKING:
    import distributed

_LOG = logging.getLogger("leadline")

# The priors of parameters that single searches have too, and that pooling does not replace.
_OF_SEARCHES = ("max_effective_dim", "reach")

_MOST_NOTES = 10


def pool(
    fits: "Fits | str | os.PathLike[str] | Sequence[xr.DataTree]",
    *,
    model: str = "auto",
    priors: Priors | None = None,
    executor: "Executor | int | distributed.Client | None" = None,
    random_seed: int | None = None,
    progressbar: bool | Progress = True,
) -> xr.DataTree:
    """Fit searches together, from the fits of each alone, without their trials.

    The draws of each search are the proposals of a second stage, in which only the parameters that
    searches share are sampled (Lunn, Barrett, Sweeting and Thompson 2013, doi:10.1111/rssc.12007).
    The time grows with the number of searches, and does not depend on their trials.

    Parameters
    ----------
    fits : Fits, path or sequence of DataTree
        The result of `leadline.fit_many`, its folder, or its trees.
    model : {"auto", "hierarchical", "crossed"}
        The joint model, as in `leadline.fit`. `"auto"` is crossed for several models on several
        tasks, and else hierarchical.
    priors : Priors, optional
        Priors of the shared parameters. Default: those of the fits. `max_effective_dim` and
        `reach`, which belong to single searches, cannot differ from these.
    executor : concurrent.futures.Executor, int or dask.distributed.Client, optional
        Fits searches again, as in `leadline.fit_many`.
    random_seed : int, optional
        Same seed, same numbers. Default: one is drawn, and recorded among the settings.
    progressbar : bool
        As in `leadline.fit`.

    Returns
    -------
    xarray.DataTree
        What `leadline.fit` returns. Each search is fitted again, with the population that the
        others give as its prior. ``candidates["overlap"]`` (search) is the share of these draws
        that the joint posterior uses. If they are too few, the checks on effective sample sizes
        fail.

    Raises
    ------
    LeadlineError
        If there are fewer than two searches, if they were fitted with different options, or if
        they cannot be pooled: integer effective dimensions, scales that differ, reported bests.

    Examples
    --------
    >>> searches = (ll.load_dataset(name) for name in ("digits-mlp", "mnist-mlp"))
    >>> fits = ll.fit_many(searches, tail_fraction=0.2, random_seed=1, progressbar=False)
    >>> tree = ll.pool(fits, random_seed=1, progressbar=False)
    >>> tree["posterior"]["search"].to_numpy().tolist()
    ['digits', 'mnist']
    """
    if model not in ("auto", "hierarchical", "crossed"):
        raise LeadlineError(f"model must be 'auto', 'hierarchical' or 'crossed', got {model!r}")
    chosen = validate_executor(executor)
    if random_seed is None:
        random_seed = int(np.random.default_rng().integers(2**32))
    with showing(progressbar) as progress:
        found = read_all(_readers(fits), progress)
        tree = _pool(found, model, priors, chosen, random_seed, progress)
        progress.start("checking the answers")
        failed = record_answers(tree)
    if failed:
        _LOG.warning("%s: %s", tree.attrs["source"], checks_line(failed))
    return tree


def _readers(fits: Any) -> list[Read]:
    """Return a function per search that returns its tree."""
    if isinstance(fits, str | os.PathLike):
        fits = read_fits(fits)
    if isinstance(fits, Fits):
        return [fits.reader(pair) for pair in fits]
    trees = list(fits)
    wrong = next((tree for tree in trees if not isinstance(tree, xr.DataTree)), None)
    if wrong is not None:
        raise LeadlineError(
            "pool takes the result of leadline.fit_many, its folder, or DataTrees; got "
            f"{type(wrong).__name__}"
        )
    return [functools.partial(_same, tree) for tree in trees]


def _same(tree: xr.DataTree) -> xr.DataTree:
    return tree


def _choose_model(model: str, pairs: Sequence[Pair], scale: str) -> tuple[str, str]:
    """Return the joint model, and the reason for it."""
    tasks, models = (len(set(names)) for names in zip(*pairs, strict=True))
    kind, reason = model, "asked for"
    if model == "auto":
        kind = "crossed" if tasks > 1 and models > 1 else "hierarchical"
        reason = f"{pluralize(models, 'model')} on {pluralize(tasks, 'task')}"
    if kind == "crossed" and models < 2:
        raise LeadlineError("model='crossed' compares models, and there is one; use 'hierarchical'")
    if kind == "crossed" and scale == "auto":
        raise LeadlineError(
            "scale='auto' may put the models of a task on different scales, where their optima "
            "cannot be compared; fit the searches with scale='identity', 'log' or 'logit'"
        )
    return kind, f"{reason}; {POOLED}"


def _pool(
    found: Sequence[StoredFit],
    model: str,
    priors: Priors | None,
    executor: Executor | int | None,
    random_seed: int,
    progress: Progress,
) -> xr.DataTree:
    fitted = [own for own in found if own.tail is not None]
    labels = dict(
        zip(
            (own.pair for own in found),
            search_labels([own.pair for own in found]),
            strict=True,
        )
    )
    settings, own_priors = found[0].settings, found[0].priors
    kind, reason = _choose_model(model, [own.pair for own in fitted], settings["scale"])
    priors = own_priors if priors is None else priors
    for name in _OF_SEARCHES:
        if getattr(priors, name) != getattr(own_priors, name):
            raise LeadlineError(
                f"the prior {name} belongs to single searches, and their fits have "
                f"{getattr(own_priors, name)}; fit them again with the new one"
            )
    sampler = Sampler(
        settings["draws"],
        settings["tune"],
        settings["chains"],
        progress,
        settings["nuts_sampler"],
    )
    posterior = PosteriorSampler(kind, priors, "continuous", sampler)
    pool_seed, again_seed = np.random.SeedSequence(random_seed).spawn(2)
    stored = StoredFits([own.read for own in fitted], [labels[own.pair] for own in fitted])
    tails = [own.tail for own in fitted if own.tail is not None]
    with tempfile.TemporaryDirectory(prefix="leadline-") as folder:

        def refit(
            populations: Mapping[int, xr.Dataset],
        ) -> Iterator[tuple[int, Any, xr.Dataset]]:
            progress.start("fitting again, given the others", len(populations), "searches")
            seeds = again_seed.spawn(len(populations))
            more = dataclasses.replace(sampler, progress=Progress())
            jobs = [
                StoredAgain(
                    number,
                    fitted[number].read,
                    stored[number]["candidates"],
                    population,
                    kind,
                    own_priors,
                    more,
                    seed,
                )
                for (number, population), seed in zip(populations.items(), seeds, strict=True)
            ]
            for job, outcome in run_jobs(fit_stored_again, jobs, executor):
                progress.step(" / ".join(fitted[job.number].pair))
                if isinstance(outcome, Exception):
                    raise outcome
                content, tail = outcome
                path = Path(folder) / f"{job.number}.nc"
                path.write_bytes(content)
                yield job.number, functools.partial(read_netcdf, path), tail

        groups = fit_together(stored, tails, posterior, pool_seed, refit, own_priors)
    plateaus = [groups_of_tree(own.read(), labels[own.pair]) for own in found if own.tail is None]
    groups = with_plateaus(groups, plateaus, [own.pair for own in found])
    settings |= {"model": kind, "model_reason": reason, "random_seed": random_seed}
    return tree_of(groups, _attributes(found, priors, settings))


def _attributes(
    found: Sequence[StoredFit], priors: Priors, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the provenance of a pooled fit, from those of its searches."""

    def common(name: str, otherwise: str) -> str:
        values = list(dict.fromkeys(str(own.attributes.get(name, "")) for own in found))
        return values[0] if len(values) == 1 else otherwise

    trials, complete = (sum(own.counts[place] for own in found) for place in (0, 1))
    described = {
        "direction": common("direction", ""),
        "metric": common("metric", "score"),
        "source": common("source", f"{len(found)} searches"),
        "search_sampler": common("search_sampler", "several"),
        "cost_unit": common("cost_unit", ""),
        "trials": f"{pluralize(trials, 'trial')} in {len(found)} searches: {complete} complete, "
        f"{trials - complete} without a score",
    }
    notes = list(dict.fromkeys(n for own in found for n in json.loads(own.attributes["notes"])))
    if len(notes) > _MOST_NOTES:
        more = f"and {len(notes) - _MOST_NOTES} further notes, in the fits of the searches"
        notes = [*notes[:_MOST_NOTES], more]
    return provenance_of(described, priors, settings, notes)
