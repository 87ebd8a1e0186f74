"""The parts of the tree of a surface: its searches, the axes of their spaces, its sampling."""

import json

import numpy as np
import xarray as xr

from leadline.data.surface_scores import SurfaceScores
from leadline.data.surface_trials import MOST_CONFIGURATIONS
from leadline.data.trials import LOSS_SIGNS, NEXT_TIME
from leadline.data.unit_cube import Axis
from leadline.errors import LeadlineError, closest, format_value, join_values, there_are

GROUP = "surfaces"
"""The group with a child per search: its trials and its draws of the surface."""

FUNCTIONS = "functions"
"""The group with a child per search: the functions that were drawn from the posterior, at random
points of the space and along each hyperparameter. Its draws are those of `posterior`."""

LAW_VARIABLES = {
    "effective_dim": "effective_dim",
    "optimum": "law_optimum",
    "best_seen_expected": "law_best_seen_expected",
    "noise_sd": "law_noise_sd",
}
"""Answers of the law that is fitted beside the surface of a random search, and their names in the
group `posterior`."""

LAWS = "laws"
"""The group with all draws of the answers of laws, under these names."""

LAW_NOTE = "the law beside the surface{}: "
"""The beginning of a note with the failed checks of a law; of several searches, with its name."""

PICTURES = ("optimum", "forecast", "surface", "comparison", "ranks")
"""The names of the pictures of a surface; the others need the law."""

COMPARISONS = PICTURES[-2:]
"""Those that need several models."""

_MEASURED = (
    "in 600 test studies by TPE and CMA-ES, intervals of 80 %{} held the true optimum in 94 % of "
    "studies of trained models and in 59 % of functions with noise (the hardest{}: 43 %), and the "
    "best trial re-run in 72 %{}"
)

MEASURED = _MEASURED.format("", ", of 8 hyperparameters of which 6 do not matter", "")
"""What `benchmarks/learned.py` found: searches that learned, alone."""

_MEASURED_FOR_USERS = _MEASURED.format(
    " (the default is 89 %)", "", "; passed checks do not make intervals surer than that"
)


NO_SURFACE = (
    "no surface in this fit: the quadratic law does not use the hyperparameters; to see which "
    "matter, fit the trials with model='surface' and, for a table, params=['COLUMN', …]"
)
"""The refusal of an answer about hyperparameters by a fit of the law."""


def is_surface(tree: object) -> bool:
    """Return whether a tree is the result of ``leadline.fit(model="surface")``."""
    return isinstance(tree, xr.DataTree) and GROUP in tree.children


def surface_groups(tree: xr.DataTree, group: str = GROUP) -> dict[str, xr.DataTree]:
    """Return the child of a group for each search, by its name."""
    return {str(own.attrs["search"]): own for own in tree[group].children.values()}


def law_draws(tree: xr.DataTree) -> xr.Dataset:
    """Return the answers of the laws beside surfaces (chain, draw, search), empty without any.

    Earlier versions kept as many draws of them as of the surface.
    """
    if LAWS in tree.children:
        return tree[LAWS].dataset
    posterior = tree["posterior"].dataset
    return posterior[[name for name in LAW_VARIABLES.values() if name in posterior]]


def learned_searches(tree: xr.DataTree) -> list[str]:
    """Return the searches whose sampler learned: those that have no law beside their surface."""
    posterior = tree["posterior"].dataset
    names = [str(name) for name in posterior["search"].to_numpy()]
    if "effective_dim" not in posterior:
        return names
    law = posterior["effective_dim"]
    return [name for name in names if bool(law.sel(search=name).isnull().any())]


def calibration_of(tree: xr.DataTree) -> str:
    """Return how often intervals of surfaces held, "" if no search of the tree learned."""
    return _MEASURED_FOR_USERS if learned_searches(tree) else ""


def next_time_of(tree: xr.DataTree) -> str:
    """Return the advice for the next study, "" if no search of the tree learned."""
    return NEXT_TIME if is_surface(tree) and learned_searches(tree) else ""


def one_search(tree: xr.DataTree, search: str | None) -> str:
    """Return the name of a search, which may be left out if there is one.

    Raises `LeadlineError` if there are several, or none of this name.
    """
    names = list(surface_groups(tree))
    if search is None and len(names) > 1:
        raise LeadlineError(f"name one search of {join_values(names)}")
    name = names[0] if search is None else str(search)
    if name not in names:
        raise LeadlineError(
            f"no search {format_value(name)}; {there_are(names)}.{closest(name, names)}"
        )
    return name


def fitted_trials(tree: xr.DataTree, search: str) -> int:
    """Return the number of trials to which the surface of a search is fitted.

    It is that of complete ones, unless there were more configurations than a surface takes.
    """
    configurations = surface_groups(tree)[search].sizes["trial"]
    if configurations >= MOST_CONFIGURATIONS:
        return configurations
    return int(tree["constant_data"]["n_complete"].sel(search=search))


def best_trial_name(tree: xr.DataTree, search: str) -> str:
    """Return the name of the trial that measured best, "" in fits of earlier versions."""
    constant = tree["constant_data"].dataset
    if "trial_name" not in constant:
        return ""
    own = constant["trial_search"].to_numpy().astype(str) == search
    score = LOSS_SIGNS[tree.attrs["direction"]] * constant["trial_score"].to_numpy()[own]
    return str(constant["trial_name"].to_numpy()[own][int(np.nanargmin(score))])


def axes_of(group: xr.DataTree) -> tuple[Axis, ...]:
    """Return the axes of the space of one surface."""
    stored = json.loads(group.attrs["axes"])
    return tuple(Axis(**(own | {"choices": tuple(own["choices"])})) for own in stored)


def scores_of(group: xr.DataTree) -> SurfaceScores:
    """Return the map from scores to standardised losses of one surface."""
    return SurfaceScores.from_json(group.attrs["scores"])


def worst_sampling(tree: xr.DataTree, search: str | None) -> dict[str, float]:
    """Return the sampling diagnostics of one search, or the worst of all, by name."""
    groups = surface_groups(tree)
    attrs = [own.attrs for name, own in groups.items() if search in (None, name)]
    return {
        "divergences": sum(int(own["divergences"]) for own in attrs),
        "draws": min(int(own["draws"]) for own in attrs),
        # Unlike nanmax, max keeps the nan of a fit with one chain.
        "max_rhat": float(np.max([own["max_rhat"] for own in attrs])),
        **{
            name: float(np.min([own[name] for own in attrs]))
            for name in ("min_ess_bulk", "min_ess_tail", "min_bfmi")
        },
    }
