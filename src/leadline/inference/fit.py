"""From trials to the posterior: `fit`."""

import importlib.util
import json
import logging
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
import xarray as xr

from leadline.data.regime import MIN_TAIL_TRIALS, MIN_TAIL_TRIALS_POOLED
from leadline.data.reported_notes import notes_on_reports, validate_with_reports
from leadline.data.scale import validate_scale
from leadline.data.trials import Trials, search_labels, validate_any_complete
from leadline.errors import LeadlineError, format_value, join_values
from leadline.inference.candidates import candidates_of, scales_of, validate_tail_fractions
from leadline.models.priors import Priors
from leadline.search_audit.random_search import validate_random_search

_LOG = logging.getLogger("leadline")

_CHOICES = {
    "model": ("auto", "single", "hierarchical", "crossed"),
    "effective_dim": ("continuous", "integer"),
    "nuts_sampler": ("nutpie", "pymc", "numpyro", "blackjax"),
}
# What a sampler needs that is not installed with leadline.
_PACKAGES = {"numpyro": ("jax", "numpyro"), "blackjax": ("jax", "blackjax")}


def fit(
    trials: Trials,
    model: str = "auto",
    *,
    threshold: float | Literal["auto"] = "auto",
    tail_fraction: float | Sequence[float] | Mapping[float, float] | None = None,
    scale: str = "identity",
    priors: Priors | None = None,
    effective_dim: str = "continuous",
    resolution: float | None = None,
    assume_random: bool = False,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    random_seed: int | None = None,
    progressbar: bool = True,
    nuts_sampler: str = "nutpie",
    **sample_kwargs: Any,
) -> xr.DataTree:
    """Return the posterior of the optimum, the effective dimension and the noise of each search.

    Parameters
    ----------
    trials : Trials
        One search, or several. Reported bests among them (`Trials.reports`) are evidence of their
        searches beside the trials. A search that is known from reports alone borrows its threshold
        and tail scale from one with trials on the same task: see `reported_searches`.
    model : {"auto", "single", "hierarchical", "crossed"}
        Which model. `"single"`: every search by itself. `"hierarchical"`: effective dimensions,
        noise and depths are partly pooled, so that searches learn from each other.
        `"crossed"`: besides, what is a model's and what is a task's share of an optimum. `"auto"`
        takes the first for one search, the second for one model on several tasks or several
        models on one task, and the third for several models on several tasks. With reported
        bests one search is fitted as several are; `"single"` takes none.
    threshold : float or "auto"
        Where the regime starts, in score units: only better scores follow the law. `"auto"`
        decides it from the data, and carries the uncertainty of that into every answer: see
        `leadline.inference.averaging`.
    tail_fraction : float, sequence or mapping, optional
        The share of all trials, failures included, that is past the threshold, in (0, 1]: a
        number sets the threshold. Several numbers are the candidates among which the data
        decide, in place of the default grid; a mapping gives each a prior weight (which in the
        grid is inverse to the square of the fraction, and of a sequence the same for all).
    scale : {"identity", "log", "logit", "auto"}
        The scale of the score on which the law is taken to hold; `"auto"` tries all that take
        the scores, and averages. Results are in score units whatever the scale.
    priors : Priors, optional
        Default: ``Priors()``. Print it to see them.
    effective_dim : {"continuous", "integer"}
        Whether the effective dimension is a real number, or an integer that is summed out
        exactly and has a probability for each value. Searches that are fitted together and share
        a search space then have the same one, at most the smallest number of hyperparameters
        among them.
    resolution : float, optional
        Spacing of the grid on which scores are recorded, in score units; 0 for none. Default:
        inferred when ties show it.
    assume_random : bool
        Fit even if the hyperparameters show that they were not drawn at random.
    draws, tune, chains : int
        Draws kept and draws to adapt for each chain, and the number of chains.
    random_seed : int, optional
        Same seed, same numbers.
    progressbar : bool
        Whether to show progress.
    nuts_sampler : {"nutpie", "pymc", "numpyro", "blackjax"}
        All but the first run through `pymc.sample`. The last two run on JAX, which takes up to
        a minute to compile the model, anew for each search.
    **sample_kwargs
        Passed to ``nutpie.sample``, or to `pymc.sample` with another sampler.

    Returns
    -------
    xarray.DataTree
        Groups `posterior`, `sample_stats`, `log_likelihood`, `log_prior`, `observed_data`,
        `constant_data` and `candidates`. The posterior holds, for (chain, draw, search),
        `optimum`, `noise_sd`, `spread` and `threshold` in score units, `effective_dim` and
        `tail_fraction`, beside the parameters without units that the priors speak of; and
        `effective_dim_probability` (chain, draw, search, dimension) when the effective dimension
        is an integer. The group `pooled` holds what searches that were fitted together share.
        Where thresholds or scales were averaged, `candidate` says which of
        the `candidates` a draw comes from; that group holds the weight of each, what speaks for
        it, and draws of its own posterior. `log_likelihood` and `observed_data` are then about
        the scores past the deepest of them. Reported bests are `reported` (report) in
        `observed_data` and `log_likelihood`; `reported_trials` (chain, draw, report) in the
        posterior is of those that do not tell how many trials they are the best of. The attribute
        `failed_checks` names what `leadline.check` found wrong, which is also logged. Everything
        that leadline computes from a fit is a function of this tree; save it with ``to_netcdf``.

    Raises
    ------
    LeadlineError
        If the trials, the threshold or an option cannot be used; the message says why.
    ImportError
        If the packages of `nuts_sampler` are not installed.
    """
    validate_choices(model=model, effective_dim=effective_dim, nuts_sampler=nuts_sampler)
    validate_installed(nuts_sampler)
    validate_counts(draws=draws, tune=tune, chains=chains)
    if random_seed is not None and not _is_count(random_seed, least=0):
        raise LeadlineError(
            f"random_seed must be an integer of 0 or more, or None; got {format_value(random_seed)}"
        )
    if not isinstance(trials, Trials):
        raise LeadlineError(
            f"fit takes Trials, got {type(trials).__name__}; make them with "
            "leadline.read_table(...) or leadline.from_scores(...)"
        )
    validate_any_complete(trials)
    priors = Priors() if priors is None else priors
    if not isinstance(priors, Priors):
        raise LeadlineError(
            f"priors must be a leadline.Priors(...), got {format_value(priors)}; print(leadline.Priors()) "
            "shows the defaults"
        )
    validate_scale(scale)
    fixed = validate_threshold(threshold, tail_fraction)
    fractions = validate_tail_fractions(tail_fraction)
    fixed_fraction = isinstance(tail_fraction, Real)
    kind, reason = choose_model(model, trials)
    validate_together(kind, scale=scale)
    validate_with_reports(trials, kind, effective_dim)
    alone = kind == "single" or len(trials.with_trials) == 1
    candidates = [
        candidates_of(
            search,
            priors,
            scales_of(search, scale, trials.reports),
            fractions,
            threshold=fixed,
            resolution=resolution,
            min_tail=MIN_TAIL_TRIALS if alone else MIN_TAIL_TRIALS_POOLED,
        )
        for search in (trials.search(task=task, model=name) for task, name in trials.with_trials)
    ]

    notes = [*validate_random_search(trials, assume_random), *notes_on_reports(trials)]

    # Not before the input is known to be good: these imports take seconds.
    from leadline.checks.check import check, checks_line, failed_checks
    from leadline.inference.averaging import fit_search
    from leadline.inference.reported_searches import reported_searches
    from leadline.inference.sampling import Sampler
    from leadline.inference.tail_fit import TailFitter
    from leadline.inference.tree import combine, provenance, search_groups

    labels = space_labels(trials)
    reported = reported_searches(trials, [space for space, _, _ in labels], candidates, priors)
    sampler = Sampler(draws, tune, chains, progressbar, nuts_sampler, sample_kwargs)
    fitter = TailFitter(priors, effective_dim, sampler)
    seed = np.random.SeedSequence(random_seed)
    pooled = None
    if kind == "single":
        seeds = seed.spawn(len(candidates))
        averaged = [
            fit_search(of_search, fitter, own_seed)
            for of_search, own_seed in zip(candidates, seeds, strict=True)
        ]
    else:
        from leadline.inference.joint_fit import fit_jointly
        from leadline.inference.joint_fitter import JointFitter

        joint = JointFitter(kind, labels, priors, sampler, effective_dim)
        together = fit_jointly(candidates, joint, fitter, seed, reported)
        averaged, pooled = together.searches, together.pooled
    groups = [
        search_groups(of_search, label)
        for of_search, label in zip(averaged, search_labels(trials.searches), strict=True)
    ]
    settings = {
        "model": kind,
        "model_reason": reason,
        "effective_dim": effective_dim,
        "threshold": None if fixed_fraction else threshold,
        "tail_fraction": tail_fraction if fixed_fraction else fractions,
        "scale": scale,
        "resolution": resolution,
        "assume_random": assume_random,
        "draws": draws,
        "tune": tune,
        "chains": chains,
        "random_seed": random_seed,
        "nuts_sampler": nuts_sampler,
        **{name: repr(value) for name, value in sampler.options.items()},
    }
    tree = combine(groups, provenance(trials, priors, settings, notes), pooled)
    failed = failed_checks(check(tree))
    tree.attrs["failed_checks"] = json.dumps(failed)
    if failed:
        _LOG.warning("%s: %s", trials.source, checks_line(failed))
    return tree


def choose_model(model: str, trials: Trials) -> tuple[str, str]:
    """Return the name of the model that is fitted, and the reason."""
    tasks, models = (set(names) for names in zip(*trials.searches, strict=True))
    if model == "crossed" and len(models) < 2:
        raise LeadlineError(
            f"model='crossed' compares models, and {trials.source} has one, {join_values(models)}; use "
            "model='hierarchical', or name the column of the model"
        )
    if model != "auto":
        return model, "asked for"
    if len(models) > 1 and len(tasks) > 1:
        return "crossed", f"{len(models)} models on {len(tasks)} tasks"
    if len(models) > 1:
        # What is a model's own and what it owes to the task cannot be told apart on one task; a
        # model with both samples badly there (ESS 265 against 990 for two models of 60 trials).
        return "hierarchical", f"{len(models)} models on one task"
    if len(tasks) > 1:
        return "hierarchical", f"one model on {len(tasks)} tasks"
    if len(trials.reports):
        return "hierarchical", "one search with reported bests"
    return "single", "one search"


def validate_together(kind: str, *, scale: str) -> None:
    """Raise `LeadlineError` when an option does not go with a model of several searches."""
    if kind == "crossed" and scale == "auto":
        raise LeadlineError(
            "scale='auto' may put the models of a task on different scales, where their optima "
            "cannot be compared; choose scale='identity', 'log' or 'logit', or model='single'"
        )


def space_labels(trials: Trials) -> list[tuple[str, str, str]]:
    """Return the search space, task and model of each search.

    The space is the column `space`; without it, searches over the same hyperparameters share one,
    and so do those of which they are not known.
    """
    labels = []
    for task, model in trials.searches:
        search = trials.search(task=task, model=model)
        # `Trials` has seen to it that a search has one.
        spaces = [*search.table.get("space", []), *filter(None, search.reports["space"])]
        space = spaces[0] if spaces else None
        labels.append((str(space or ", ".join(sorted(search.params))), task, model))
    return labels


def validate_threshold(threshold: object, tail_fraction: object) -> float | None:
    """Return the threshold when it is a number, None when it is "auto".

    Raises
    ------
    LeadlineError
        If it is neither, or a number beside a tail fraction.
    """
    if isinstance(threshold, str) and threshold == "auto":
        return None
    if isinstance(threshold, bool) or not isinstance(threshold, Real):
        raise LeadlineError(
            f"threshold must be a number in score units or 'auto', got {format_value(threshold)}"
        )
    if tail_fraction is not None:
        raise LeadlineError("give either threshold (in score units) or tail_fraction, not both")
    return float(threshold)


def validate_choices(**given: str) -> None:
    """Raise `LeadlineError` unless each option is one of its choices."""
    for name, value in given.items():
        if value not in _CHOICES[name]:
            allowed = " or ".join(map(repr, _CHOICES[name]))
            raise LeadlineError(f"{name} must be {allowed}, got {format_value(value)}")


def validate_installed(nuts_sampler: str) -> None:
    """Raise `ImportError` unless the packages that a sampler needs are installed."""
    for package in _PACKAGES.get(nuts_sampler, ()):
        if importlib.util.find_spec(package) is None:
            raise ImportError(
                f'nuts_sampler="{nuts_sampler}" needs {package}; install it with '
                "pip install 'leadline[jax]'"
            )


def validate_counts(**given: int) -> None:
    """Raise `LeadlineError` unless each option is an integer of 1 or more."""
    for name, value in given.items():
        if not _is_count(value, least=1):
            raise LeadlineError(
                f"{name} must be an integer of 1 or more, got {format_value(value)}"
            )


def _is_count(value: object, least: int) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least
