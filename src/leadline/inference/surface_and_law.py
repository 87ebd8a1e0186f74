"""The tree of ``model="surface"``: a surface of each search, and the law beside it.

The quadratic law is fitted to each search that is random: its effective number of hyperparameters,
its optimum and its best trial stand beside those of the surface.
"""

import dataclasses
import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray as xr

from leadline.data.trials import Trials, drawn_by_sampler
from leadline.errors import LeadlineError
from leadline.inference.fit_surface import fit_surfaces, with_laws
from leadline.inference.guided_trials import add_guided
from leadline.inference.progress import Progress, showing
from leadline.inference.recorded_answers import record_checks
from leadline.inference.sampler import Sampler
from leadline.inference.tree import provenance, tree_of
from leadline.models.surface import SurfacePriors
from leadline.stats.best_seen import best_seen_expected
from leadline.stats.diagnostics import checks_line
from leadline.stats.surface_tree import GROUP, LAW_NOTE

_LOG = logging.getLogger("leadline")

# The posterior has no funnel that small steps would help with.
_TARGET_ACCEPT = 0.85


def fit_surface_and_law(
    trials: Trials,
    scale: str,
    sampling: dict[str, Any],
    progressbar: bool | Progress,
    doubts: Sequence[str],
    fit_law: Callable[..., xr.DataTree],
) -> xr.DataTree:
    """Return the tree; `sampling` are settings and options of the sampler, `fit_law` the fit."""
    extended = sampling.pop("extended")
    settings = {"model": "surface", "model_reason": "asked for", "scale": scale, **sampling}
    names = ("draws", "tune", "chains", "nuts_sampler", "random_seed")
    known = {name: sampling[name] for name in names} | {"extended": extended}
    options = {name: own for name, own in sampling.items() if name not in names}
    settings |= {name: repr(own) for name, own in options.items()}
    priors = SurfacePriors()
    seed = known.pop("random_seed")
    with showing(progressbar) as progress:
        sampler = Sampler(**known, progress=progress, options=options, target_accept=_TARGET_ACCEPT)
        groups, notes = fit_surfaces(
            trials, sampler, scale=scale, priors=priors, seed=np.random.SeedSequence(seed)
        )
        # A surface that had not converged was sampled again with more.
        drawn = [own.sizes["draw"] for name, own in groups.items() if name.startswith(f"{GROUP}/")]
        settings["draws"] = max(drawn)
        laws = {}
        for task, model in trials.with_trials:
            search = trials.search(task, model)
            search = dataclasses.replace(search, source=f"{trials.source} (law beside the surface)")
            try:
                law = fit_law(search, "single", random_seed=seed, progressbar=progress)
            except LeadlineError:
                # A search that learned, or is too small, has no law.
                continue
            if failed_checks := json.loads(law.attrs.get("failed_checks", "[]")):
                about = f" of {task} / {model}" if len(trials.with_trials) > 1 else ""
                notes.append(LAW_NOTE.format(about) + checks_line(failed_checks))
            again = best_seen_expected(law)
            laws[task, model] = law["posterior"].dataset.assign(best_seen_expected=again)
        tree = tree_of(
            with_laws(groups, laws), provenance(trials, priors, settings, [*doubts, *notes])
        )
        add_guided(tree, trials, drawn_by_sampler(trials), fitted=True)
        progress.start("checking the answers")
        failed = record_checks(tree)
    if failed:
        _LOG.warning("%s: %s", trials.source, checks_line(failed))
    return tree
