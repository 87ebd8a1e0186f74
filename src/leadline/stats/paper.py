"""`sentences`: methods and results of a fit as text for a paper, with citations."""

import json
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr

from leadline.errors import LeadlineError, format_value
from leadline.stats.citations import BIBTEX, REFERENCES
from leadline.stats.compare import compare_once
from leadline.stats.comparison_paper import comparison_results
from leadline.stats.diagnostics import convergence, recorded_checks
from leadline.stats.fitted_search import search_names, validate_rope, validate_tree
from leadline.stats.intervals import estimates, validate_interval
from leadline.stats.leaning import far_beyond
from leadline.stats.markup import escape
from leadline.stats.options import validate_budget
from leadline.stats.paper_trials import (
    MOST_LISTED,
    best_trials,
    how_searched,
    list_by_name,
)
from leadline.stats.plateau import plateau_sentences, plateaus
from leadline.stats.reported import only_reported
from leadline.stats.scaling_law import has_law
from leadline.stats.scaling_sentences import law_sentences
from leadline.stats.surface_paper import surface_methods, surface_results
from leadline.stats.surface_tree import is_surface
from leadline.stats.tuning_curve import tuning_curve

FORMS = ("markdown", "latex")

_BIBLIOGRAPHY = r"""% LaTeX writes leadline.bib from these lines. To print it, end the paper with
% \bibliographystyle{plain} \bibliography{leadline}"""

# No average shows a threshold of less weight.
_NO_WEIGHT = 0.01


def optimum_sentence(optima: Mapping[str, str]) -> str:
    """Return one sentence on the optima of searches, with an estimate as text for each name."""
    if len(optima) > MOST_LISTED:
        return f"The expected scores of {len(optima)} perfectly tuned searches are in the table."
    return f"Perfectly tuned, the expected score is {list_by_name(optima)}."


_MODELS = {
    "single": "Each search was fitted by itself.",
    "hierarchical": "A hierarchical model of all searches partially pools effective dimensions, "
    "noise and optima.",
    "crossed": "A model of all searches partially pools effective dimensions and noise, and adds "
    "up each optimum from the task, the model and their interaction.",
    "scaling": "A model of all searches partially pools effective dimensions and noise; its optima "
    "follow a power law of size and data @hoffmann2022@ with a misfit.",
}

_TWO_STAGES = (
    "Each was fitted by itself first, and its draws were weighed in a second stage @lunn2013@."
)

_AT_BUDGET = (
    "The score after {:g} trial{} is that of the trial that measures best of so many random ones, "
    "expected if it is re-run (median over such searches)."
)

_KINDS = {"eti": "equal-tailed", "hdi": "highest-density"}

_PRIORS = {
    "gap": "distance of the optimum from the threshold, in units of the spread of good scores,",
    "effective_dim": "effective dimension less 1",
    "noise_ratio": "noise sd in the same units",
}
"""The quantity of each prior, by the names of `leadline.Priors`."""

_OF_CROSSED = {
    "model_scatter": "effects of models",
    "interaction_sd": "interactions of models and tasks",
}


def sentences(
    tree: xr.DataTree,
    *,
    budget: float | None = None,
    rope: float = 0.0,
    ci_prob: float | None = None,
    form: Literal["markdown", "latex"] = "markdown",
) -> str:
    """Return methods and results of a fit as text for a paper.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    budget, rope, ci_prob
        As in `leadline.compare`; `ci_prob` also holds for the other intervals. `budget` adds the
        score of the best of so many trials.
    form : {"markdown", "latex"}
        Markdown ends with the references. LaTeX cites by key, and ends with the entries for BibTeX,
        which it writes to the file leadline.bib, and how to print them.

    Returns
    -------
    str
        A paragraph of methods, the results, the checks that failed, and the references.

    Raises
    ------
    LeadlineError
        If sampling has not converged, `tree` is not the result of a fit, or an option is wrong.

    Examples
    --------
    >>> text = ll.sentences(converged, rope=0.01)  # doctest: +SKIP
    >>> ll.sentences(fit)
    Traceback (most recent call last):
    ...
    leadline.errors.LeadlineError: no sentence for a paper: sampling has not converged...
    """
    validate_rope(validate_tree(tree, surface=budget is None, asked="`budget`"), rope)
    if form not in FORMS:
        raise LeadlineError(f"form must be 'markdown' or 'latex', got {format_value(form)}")
    prob, kind = validate_interval(ci_prob, None)
    found = convergence(tree)
    if not found.ok:
        raise LeadlineError(
            f"no sentence for a paper: sampling has not converged ({', '.join(found.problems)}); "
            f"{found.advice}"
        )
    names, flat = search_names(tree), [] if is_surface(tree) else plateaus(tree)
    results = []
    if _models(tree) > 1:
        # The question of a fit of several models.
        results += comparison_results(compare_once(tree, budget=budget, rope=rope, ci_prob=prob))
    if budget is None or _models(tree) == 1:
        # At a budget, fully tuned models would be another answer, with doubts of its own.
        results += _optima(tree, prob, kind)
    results += best_trials(tree, [name for name in names if name not in flat], prob, kind)
    if budget is not None and len(names) <= MOST_LISTED:
        results.append(_at_budget(tree, budget, prob, kind))
    if is_surface(tree):
        results += surface_results(tree, prob)
    if has_law(tree):
        results += law_sentences(tree, ci_prob=prob, ci_kind=kind)
    if _models(tree) == 1 and (reports := only_reported(tree)):
        results.append(f"Known from reported bests alone: {', '.join(reports)}.")
    if tree.attrs.get("failed_checks") != "[]":
        results.append(f"Of the checks of the fit: {recorded_checks(tree)}.")
    if is_surface(tree):
        return _lay_out(surface_methods(tree, prob, _KINDS[kind]), results, form)
    methods = _methods(tree, prob, kind)
    if budget is not None:
        methods.append(_AT_BUDGET.format(budget, "s" * (budget != 1)))
    return _lay_out(methods, results, form)


def _models(tree: xr.DataTree) -> int:
    """Return the number of models of a fit."""
    return len(set(tree["posterior"].dataset["model"].to_numpy().astype(str).tolist()))


def _at_budget(tree: xr.DataTree, budget: float, prob: float, kind: str) -> str:
    """Return one sentence on the best of so many trials of each search."""
    validate_budget(budget)
    curve = tuning_curve(tree, [budget], kind="expected").isel(budget=0)
    names = search_names(tree)
    scores = estimates((curve.sel(search=name) for name in names), prob, kind)
    listed = list_by_name(dict(zip(names, scores, strict=True)))
    text = f"After {budget:g} trial{'s' * (budget != 1)}, the expected score is {listed}."
    # A comparison says it of all models.
    far = far_beyond(tree, budget) if _models(tree) == 1 else ""
    return f"{text} {far}." if far else text


def _sampler(tree: xr.DataTree, settings: Mapping[str, Any]) -> str:
    """Return how the draws were made; only a run of NUTS has a target acceptance."""
    named = settings.get("nuts_sampler", "auto")
    nuts = f"NUTS @hoffman2014@ ({'nutpie' if named == 'auto' else named})"
    table = tree["candidates"].dataset
    accept = table["target_accept"].to_numpy() if "target_accept" in table else np.zeros(1)
    used = table["weight"].to_numpy() > 0.0 if "target_accept" in table else np.ones(1, dtype=bool)
    by_nuts = np.isfinite(accept[used])
    if by_nuts.all():
        return f"The posterior was sampled with {nuts}"
    drawn = "adaptive importance sampling @cornuet2012@ with Pareto-smoothed weights @vehtari2024@"
    exceptions = f", or {nuts} where the weights were not reliable" if by_nuts.any() else ""
    if "pooled" in tree.children:
        shared = nuts if not by_nuts.any() else "NUTS"
        return (
            f"Each search was first fitted alone with {drawn}{exceptions}, and shared "
            f"parameters were sampled with {shared}{_second_stage(tree)}"
        )
    return f"The posterior was drawn by {drawn}{exceptions}"


def _second_stage(tree: xr.DataTree) -> str:
    return ", in a second stage @lunn2013@" if "overlap" in tree["candidates"] else ""


def _methods(tree: xr.DataTree, prob: float, kind: str) -> list[str]:
    """Return the sentences of the methods, in which @key@ stands for a citation."""
    settings, versions, priors = (
        json.loads(tree.attrs.get(name, "{}")) for name in ("settings", "versions", "priors")
    )
    found = convergence(tree)
    pooled = settings.get("model") in ("hierarchical", "crossed", "scaling")
    automatic = settings.get("threshold") == "auto"
    sampler = _sampler(tree, settings)
    # The sampler names the stages itself where searches were not drawn by NUTS.
    stages = _TWO_STAGES if _second_stage(tree) and "lunn2013" not in sampler else ""
    sampling = f"{sampler}, in PyMC {versions.get('pymc', '')} @pymc2023@"
    if "draws" in settings:
        sampling += f", {settings['chains']} chains of {settings['draws']} draws"
    if settings.get("random_seed") is not None:
        sampling += f" (seed {settings['random_seed']})"
    rhat = f"R-hat at most {found.max_rhat:.3f}, effective sample sizes at least "
    rhat += f"{min(found.min_ess_bulk, found.min_ess_tail):.0f} @vehtari2021@, no divergences"
    one = len(search_names(tree)) == 1
    constant = tree["constant_data"].dataset
    failed = bool((constant["n_complete"] < constant["n_trials"]).any())
    return [
        f"{'The models were' if _models(tree) > 1 else 'The model was'} tuned by "
        f"{how_searched(tree)}.",
        f"To the best scores ({tree.attrs['metric']}, {tree.attrs['direction']}d) "
        f"{'' if one else 'of each search '}we fitted the noisy quadratic distribution "
        f"(the law) @lourie2025@ with Leadline {versions.get('leadline', '')}; all other trials"
        f"{', those without a score included,' * failed} count as worse.",
        "" if one else _MODELS.get(str(settings.get("model")), ""),
        stages,
        _thresholds(tree)
        if automatic
        else "The threshold below which the law is fitted was fixed.",
        f"{sampling}; {rhat}.",
        f"Priors{' of the means over searches' * pooled}: "
        f"{_list_priors(tree, priors, pooled=pooled)}.",
        f"We report posterior means and {100 * prob:g} % {_KINDS[kind]} intervals.",
    ]


def _thresholds(tree: xr.DataTree) -> str:
    """Return how thresholds were chosen: of each search, one may have all the weight."""
    n_used = (tree["candidates"]["weight"] > _NO_WEIGHT).sum("candidate")
    if (n_used > 1).any():
        return (
            "Answers are averaged over the thresholds at which the law fits, weighted by "
            "predictive score @northrop2017@."
        )
    return (
        "Of several thresholds, the one is used at which the law fits and predicts best "
        "@northrop2017@."
    )


def _list_priors(tree: xr.DataTree, priors: dict[str, object], *, pooled: bool) -> str:
    """Return the priors with their quantities, and the bounds within which they hold."""
    settings = json.loads(tree.attrs.get("settings", "{}"))
    named = {f"pooled_{stem}" if pooled else stem: words for stem, words in _PRIORS.items()}
    known, sds = (
        ", ".join(f"{words} {priors[name]}" for name, words in own.items() if name in priors)
        for own in (named, _OF_CROSSED)
    )
    if not known:
        return "not recorded"
    limits = []
    if sds and settings.get("model") == "crossed":
        limits.append(f"of the sds, in task scales, of {sds}")
    largest = tree["constant_data"].dataset.get("max_effective_dim", xr.DataArray(np.nan))
    if len(ends := np.unique(largest.to_numpy()[np.isfinite(largest.to_numpy())])):
        most = " to ".join(f"{own:g}" for own in ends[[0, -1][: len(ends)]])
        limits.append(f"effective dimensions are between 1 and {most}")
    low, high = settings.get("bounds", (None, None))
    best, side = (low, "least") if tree.attrs["direction"] == "minimize" else (high, "most")
    if best is not None:
        limits.append(f"optima are at {side} {best:g}")
    return "; ".join([known, *limits])


def _optima(tree: xr.DataTree, prob: float, kind: str) -> list[str]:
    """Return one sentence on the optima, and one on each plateau."""
    optimum = tree["posterior"].dataset["optimum"]
    flat = {} if is_surface(tree) else plateau_sentences(tree, ci_prob=prob, ci_kind=kind)
    names = [name for name in search_names(tree) if name not in flat]
    optima = estimates((optimum.sel(search=name) for name in names), prob, kind)
    sentences = [f"{name}: {text}." for name, text in flat.items()]
    if not names:
        return sentences
    return [optimum_sentence(dict(zip(names, optima, strict=True))), *sentences]


def _lay_out(methods: list[str], results: list[str], form: str) -> str:
    """Return the paragraphs in Markdown or LaTeX, with citations and references."""
    paragraphs = []
    cited: list[str] = []
    for text in (" ".join(filter(None, methods)), " ".join(results)):
        parts = text.split("@")
        # A name may hold an @; only known keys are citations.
        words = ""
        for index, part in enumerate(parts):
            if part in REFERENCES:
                cited += [part] * (part not in cited)
                words += rf"\cite{{{part}}}" if form == "latex" else f"[{cited.index(part) + 1}]"
            else:
                is_text = index and parts[index - 1] not in REFERENCES
                words += ("@" if is_text else "") + _escape(part, form)
        paragraphs.append(words)
    heads = ("**Methods.**", "**Results.**")
    if form == "latex":
        heads = (r"\paragraph{Methods}", r"\paragraph{Results}")
    text = "\n\n".join(f"{head} {words}" for head, words in zip(heads, paragraphs, strict=True))
    if form == "latex":
        entries = "\n".join(BIBTEX[key] for key in cited)
        head, tail = (rf"\{end}{{filecontents*}}" for end in ("begin", "end"))
        return f"{text}\n\n{head}{{leadline.bib}}\n{entries}\n{tail}\n{_BIBLIOGRAPHY}\n"
    references = [f"{number}. {REFERENCES[key]}" for number, key in enumerate(cited, 1)]
    return text + "\n\n" + "\n".join(references) + "\n"


def _escape(text: str, form: str) -> str:
    """Return escaped text with the blanks at its ends."""
    # A bracket that no "(" follows is no link.
    escaped = escape(text, form).replace(r"\[", "[").replace(r"\]", "]")
    before, after = (" " * (end != end.strip()) for end in (text[:1], text[-1:]))
    return f"{before}{escaped}{after}" if escaped else before
