"""Methods and results of a surface as sentences for a paper."""

import json

import xarray as xr

from leadline.errors import pluralize
from leadline.stats.diagnostics import convergence
from leadline.stats.fitted_search import search_names
from leadline.stats.paper_trials import how_searched
from leadline.stats.setting_words import setting_sentences
from leadline.stats.surface_beside_law import ACT_ON, law_sentences
from leadline.stats.surface_forecast import perfect_search_sentences
from leadline.stats.surface_settings import best_setting
from leadline.stats.surface_tree import (
    MEASURED,
    fitted_trials,
    learned_searches,
    scores_of,
    surface_groups,
)


def surface_methods(tree: xr.DataTree, prob: float, kind: str) -> list[str]:
    """Return the sentences of the methods, in which @key@ stands for a citation.

    `kind` is the name of the intervals of probability `prob`, such as "equal-tailed".
    """
    settings, versions = (json.loads(tree.attrs.get(own, "{}")) for own in ("settings", "versions"))
    groups, found = surface_groups(tree), convergence(tree)
    scales = list(dict.fromkeys(scores_of(own).scale.name for own in groups.values()))
    named = settings.get("nuts_sampler", "auto")
    sampling = "The posterior was sampled with NUTS @hoffman2014@ "
    sampling += f"({'nutpie' if named == 'auto' else named}) in PyMC {versions.get('pymc', '')} "
    sampling += f"@pymc2023@, {settings['chains']} chains of {settings['draws']} draws"
    if settings.get("random_seed") is not None:
        sampling += f" (seed {settings['random_seed']})"
    sizes = tree["posterior"].sizes
    functions = sizes["chain"] * sizes["draw"]
    constant = tree["constant_data"].dataset
    failed = bool((constant["n_complete"] < constant["n_trials"]).any())
    used = sum(fitted_trials(tree, name) for name in groups)
    law = (
        "Beside it we fitted the noisy quadratic distribution (the law) @lourie2025@ to the best "
        f"scores alone; all other trials{', those without a score included,' * failed} count as "
        "worse."
    )
    return [
        f"Configurations were chosen by {how_searched(tree)}.",
        f"To the scores of {pluralize(used, 'trial')} ({tree.attrs['metric']}, "
        f"{tree.attrs['direction']}d, {' or '.join(scales)} scale) we fitted a Gaussian process "
        "over the hyperparameters with a sparse axis-aligned prior @eriksson2021@, with Leadline "
        f"{versions.get('leadline', '')}; the optimum is the best value of its functions"
        f"{', and trials without a score were left out' * failed}.",
        law * (len(learned_searches(tree)) < len(groups)),
        f"{sampling}; R-hat at most {found.max_rhat:.3f}, effective sample sizes at least "
        f"{min(found.min_ess_bulk, found.min_ess_tail):.0f} @vehtari2021@, no divergences.",
        f"We report posterior means and {100 * prob:g} % {kind} intervals of {functions} functions "
        "drawn from it.",
    ]


def surface_results(tree: xr.DataTree, prob: float) -> list[str]:
    """Return what the surface says of tuning and of the hyperparameters."""
    names = search_names(tree)
    results = perfect_search_sentences(tree, prob)
    results.append("Draws in which that trial is better than the optimum count as no gain.")
    # A paper advises nobody.
    beside = {
        name: text.replace(ACT_ON, "we follow the")
        for name, text in law_sentences(tree, ci_prob=prob).items()
    }
    texts = [f"{name}: {text}" if len(names) > 1 else text for name, text in beside.items()]
    texts += setting_sentences(tree, ci_prob=prob)
    texts += _at_edges(tree)
    texts += [f"calibration: {MEASURED}"] * bool(learned_searches(tree))
    return results + [f"{text[:1].upper()}{text[1:]}." for text in texts]


def _at_edges(tree: xr.DataTree) -> list[str]:
    """Return where an optimum is at an end of a range, one text per search."""
    names, texts = search_names(tree), []
    for name in names:
        edges = best_setting(tree, name)["at_edge"]
        ends = [f"the {end} end of the range of {own}" for own, end in edges[edges != ""].items()]
        where = f" in {name}" * (len(names) > 1)
        texts += [f"the optimum{where} lies at {' and '.join(ends)}"] * bool(ends)
    return texts
