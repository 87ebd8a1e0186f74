"""From trials to the posterior: `fit`."""

import inspect
import logging
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, Literal

import numpy as np
import xarray as xr

from leadline.data.bounds import bounds_of, describe_bounds
from leadline.data.metric_names import direction_doubt
from leadline.data.reported_notes import notes_on_reports, validate_with_reports
from leadline.data.scale import validate_scale
from leadline.data.tails import MIN_TAIL_TRIALS, MIN_TAIL_TRIALS_POOLED
from leadline.data.trials import (
    Trials,
    drawn_at_random,
    drawn_by_sampler,
    merged_searches,
    validate_any_complete,
)
from leadline.errors import LeadlineError, format_value
from leadline.inference.candidates import candidates_of, space_names, validate_tail_fractions
from leadline.inference.fit_options import (
    choose_model,
    validate_choices,
    validate_counts,
    validate_installed,
    validate_option_names,
    validate_seed,
    validate_surface_options,
    validate_threshold,
    validate_together,
)
from leadline.inference.guided_trials import add_guided, guided_notes, guided_reason
from leadline.inference.plateau_notes import notes_on_plateaus, plateaus_among
from leadline.inference.progress import Progress, showing
from leadline.inference.reported_searches import validate_reports
from leadline.models.priors import Priors
from leadline.search_audit.random_search import validate_random_search

_LOG = logging.getLogger("leadline")

SURFACE_DRAWS = 500
"""Draws to keep per chain of a surface that converges with them."""

_SURFACE_TUNE = 300
_DRAWS = _TUNE = 1000


def fit(
    trials: Trials,
    model: str = "auto",
    *,
    threshold: float | Literal["auto"] = "auto",
    tail_fraction: float | Sequence[float] | Mapping[float, float] | None = None,
    scale: str | None = None,
    priors: Priors | None = None,
    effective_dim: str = "continuous",
    resolution: float | None = None,
    bounds: Sequence[float | None] | Literal["auto"] | None = "auto",
    assume_random: bool = False,
    guided_evidence: bool = False,
    draws: int | None = None,
    tune: int | None = None,
    chains: int = 4,
    random_seed: int | None = None,
    progressbar: bool | Progress = True,
    nuts_sampler: str = "auto",
    **sample_kwargs: Any,
) -> xr.DataTree:
    """Return the posterior of the optimum, the effective dimension and the noise of each search.

    Parameters
    ----------
    trials : Trials
        One search, or several. Reported bests (`Trials.reports`) are evidence beside the trials. A
        search known from reports alone borrows its threshold and tail scale from one with trials
        on the same task: see `leadline.inference.reported_searches`. Trials whose column `drawn` is
        "guided" count for the best seen, the score of that trial if re-run, the headroom and the
        forecast; the law is about random draws alone (see `guided_evidence`).
    model : {"auto", "single", "hierarchical", "crossed", "scaling", "surface"}
        `"single"`: every search by itself. `"hierarchical"`: effective dimensions, noise and depths
        are partly pooled, so that searches learn from each other. `"crossed"`: in addition, an
        optimum has a share of its model and a share of its task. `"scaling"`: optima follow a law
        of the columns `size` and `data` (`leadline.models.scaling`), see `leadline.scaling_law`.
        `"auto"` takes the last for five or more searches of known size or data, else the first for
        one search, the second for one model on several tasks or several models on one task, and the
        third for several models on several tasks. Scaling laws, and many crossed searches, are
        fitted each alone, and then together given these draws: see
        `leadline.inference.two_stages`. Reported bests require `"hierarchical"` or `"crossed"`,
        also for one search. `"surface"`: a regression of the score on the
        hyperparameters, for searches of samplers that learn, and to see which hyperparameters
        matter (`leadline.models.surface`). It takes none of the options of the law, and its tree
        has other groups: see Notes.
    threshold : float or "auto"
        Where the tail starts, in score units: the law is fitted to better scores only. With
        `"auto"`, the posterior is averaged over thresholds by how well they predict the data, so
        that all answers include this uncertainty: see `leadline.inference.thresholds`.
    tail_fraction : float, sequence or mapping, optional
        The share of all trials, failures included, that is beyond the threshold, in (0, 1]: a
        number sets the threshold. Several numbers are the candidates among which the data
        decide, in place of the default grid; a mapping gives each a prior weight, which are
        equal otherwise.
    scale : {"identity", "log", "logit", "auto"}
        The scale of the score on which the law is taken to hold; `"auto"` averages over all scales
        that take the scores. Results are in score units on any scale. Default: "identity"; for a
        surface "auto": "logit" for scores from 0 to 1 that are maximised and "identity" for
        others, unless another scale predicts clearly better.
    priors : Priors, optional
        Default: ``Priors()``. Print it to see them.
    effective_dim : {"continuous", "integer"}
        The effective dimension is a real number, or an integer that is summed out exactly and has
        a probability per value. Searches that are fitted together and share a search space then
        have the same integer, at most the smallest number of hyperparameters among them.
    resolution : float, optional
        Spacing of the grid on which scores are recorded, in score units; 0 for none. Default:
        inferred from ties.
    bounds : (low, high), "auto" or None
        The lowest and the highest possible score, each None if there is none. The optimum is within
        them, and so are predicted scores. `"auto"` knows those of accuracy, AUC, F1, error, R² and
        the like by the name of the metric, if all scores are inside; None is for no bounds.
    assume_random : bool
        Fit even if the hyperparameters show that they were not drawn at random; guided trials then
        count as random.
    guided_evidence : bool
        Count guided trials as evidence on the optimum (`leadline.models.guided`). Without it, the
        optimum is only kept at or below the expected score of the best of them
        (`leadline.inference.guided_law`). They never count in the tail. Intervals are shorter,
        and were too short in some simulations: of samplers that are stuck, or that have found the
        optimum (`benchmarks/README.md`, "A random share").
    draws, tune, chains : int
        Numbers of draws to keep and of draws to adapt, per chain, and the number of chains.
        Default: 1000, 1000 and 4; for a surface 500 draws, up to 4000 where these are not enough,
        and 300 to adapt.
    random_seed : int, optional
        Same seed, same numbers. Default: one is drawn, and recorded among the settings.
    progressbar : bool
        Whether to show progress: one live display in a terminal or a notebook, else one line per
        stage on the standard error. A `leadline.inference.progress.Progress` is used as it is.
    nuts_sampler : {"auto", "nutpie", "pymc", "numpyro", "blackjax"}
        `"auto"` draws searches fitted alone by importance sampling where its weights are reliable
        (`leadline.inference.importance`), and all else by nutpie. The last three run through
        `pymc.sample`, two of them on JAX, which takes up to a minute to compile the model for each
        search.
    **sample_kwargs
        Passed to ``nutpie.sample``, or to `pymc.sample` with another sampler. Any of them asks
        for NUTS.

    Returns
    -------
    xarray.DataTree
        Everything that leadline computes from a fit is a function of this tree; save it with
        ``to_netcdf``. Its groups:

        - `posterior` (chain, draw, search): `optimum`, `noise_sd`, `spread` (between the best and
          the worst noiseless score of the law) and `threshold` in score units, `effective_dim`,
          `tail_fraction`, and the parameters of the priors, which have no units. `candidate` is the
          position, among the `candidates`, of the threshold and scale of a draw. Integers have an
          `effective_dim_probability` (..., dimension), and reported bests of unknown k have
          `reported_trials` (chain, draw, report);
        - `noisy_quadratic` (chain, draw, search): `alpha`, `beta`, `gamma`, `sigma` and
          `threshold`, in losses on the scale of the draw; with guided trials, `guided_alpha`,
          `guided_beta` and `guided_gamma`, those of the guided ones;
        - `pooled`: the parameters that searches share, where they were fitted together;
        - `candidates` (search, candidate): thresholds and scales that were tried, the weight of
          each, the evidence for it, and draws of its own posterior (sample); where searches were
          fitted together, `overlap` (search), the share of the draws of a search fitted alone
          that the joint posterior uses;
        - `log_likelihood`, `observed_data`: the scores beyond the deepest threshold, their number,
          and `reported` bests (report);
        - `sample_stats`, `log_prior`, and `constant_data` with all trials;
        - `best_seen` (chain, draw, search), what the law says of the trial that measured best, and
          `checks` (search, check), the result of `leadline.check`. Both are recorded because they
          take long to compute: after a change of other groups, drop them with ``drop_nodes``.

        The attribute `failed_checks` lists the warnings among the checks that failed, which are
        also logged.

        If so many trials share the best score exactly that no law can be fitted to better ones, a
        search ends in a plateau (`leadline.data.plateau`). It is answered by itself, also where
        others are fitted together: its `optimum` is the best score, its `tail_fraction` the
        probability that a trial reaches it, and what the law would say is nan.
        ``constant_data["plateau"]`` (search) is the number of trials that reach it.

    Raises
    ------
    LeadlineError
        If the trials, the threshold or an option cannot be used; the message has the reason.
    ImportError
        If the packages of `nuts_sampler` are not installed.
    TypeError
        If neither `fit` nor its sampler has an option of that name.

    Notes
    -----
    The tree of a surface has the groups `posterior` (chain, draw, search): `optimum`, `noise_sd`
    and `best_seen_expected` in score units; `tuning_gain` in score units, `relevance` and
    `best_setting`, in the unit cube (..., hyperparameter); and, if a search is random, of the law,
    which is fitted beside it, `effective_dim`, `law_optimum`, `law_best_seen_expected` and
    `law_noise_sd`. `laws` has all draws of these, as a fit of the law alone with the same seed.
    `surfaces` and `functions` have a child per search: trials and draws of the parameters, and
    functions drawn from them. `constant_data` and `checks` are as above. `leadline.summary`,
    `best_setting`, `forecast`, `compare`, `check`, `sentences`, `report`, `plot_optimum`,
    `plot_forecast`, `plot_comparison` and `plot_surface` take it.

    Examples
    --------
    >>> trials = ll.load_dataset("digits-mlp")
    >>> fit = ll.fit(trials, tail_fraction=0.2, random_seed=1, progressbar=False)
    >>> fit["posterior"]["optimum"].dims
    ('chain', 'draw', 'search')
    """
    validate_choices(model=model, effective_dim=effective_dim, nuts_sampler=nuts_sampler)
    validate_installed(nuts_sampler)
    validate_option_names(sample_kwargs, inspect.signature(fit).parameters, nuts_sampler)
    extended = draws is None
    surface = model == "surface"
    draws = (SURFACE_DRAWS if surface else _DRAWS) if draws is None else draws
    tune = (_SURFACE_TUNE if surface else _TUNE) if tune is None else tune
    validate_counts(draws=draws, tune=tune, chains=chains)
    validate_seed(random_seed)
    if random_seed is None:
        # Drawn here, so that it can be recorded; 32 bits are easily typed.
        random_seed = int(np.random.default_rng().integers(2**32))
    if not isinstance(trials, Trials):
        raise LeadlineError(
            f"fit takes Trials, got {type(trials).__name__}; make them with "
            "leadline.read_table(...), read_optuna(...), read_mlflow(...) or from_scores(...)"
        )
    validate_any_complete(trials)
    if merged := merged_searches(trials.notes):
        raise LeadlineError(f"{trials.source}: {merged}")
    doubts = [doubt for doubt in [direction_doubt(trials)] if doubt]
    for doubt in doubts:
        _LOG.warning("%s: %s", trials.source, doubt)
    if model == "surface":
        given = {
            "threshold": threshold,
            "tail_fraction": tail_fraction,
            "priors": priors,
            "effective_dim": effective_dim,
            "resolution": resolution,
            "bounds": bounds,
            "guided_evidence": guided_evidence,
        }
        validate_surface_options(trials, given)
        sampling = {"draws": draws, "tune": tune, "chains": chains, "nuts_sampler": nuts_sampler}
        sampling |= {"random_seed": random_seed, "extended": extended} | sample_kwargs
        validate_scale(scale := scale or "auto")
        # Only after the input is validated: this import takes seconds.
        from leadline.inference.surface_and_law import fit_surface_and_law

        return fit_surface_and_law(trials, scale, sampling, progressbar, doubts, fit_law=fit)
    scale = "identity" if scale is None else scale
    guided = None if assume_random else drawn_by_sampler(trials)
    everything = trials
    if guided is not None:
        trials = validate_any_complete(drawn_at_random(trials))
    priors = Priors() if priors is None else priors
    if not isinstance(priors, Priors):
        raise LeadlineError(
            f"priors must be a leadline.Priors(...), got {format_value(priors)}; "
            "print(leadline.Priors()) shows the defaults"
        )
    validate_scale(scale)
    score_bounds, bounds_reason = bounds_of(bounds, trials)
    fixed = validate_threshold(threshold, tail_fraction)
    fractions = validate_tail_fractions(tail_fraction)
    kind, reason = choose_model(model, trials)
    validate_together(kind, scale=scale)
    validate_with_reports(trials, kind, effective_dim)
    spaces = space_names(trials)

    def find_candidates(kind: str, pairs: Sequence[tuple[str, str]]) -> list[list[xr.Dataset]]:
        alone = kind == "single" or len(pairs) == 1
        return [
            candidates_of(
                trials,
                pair,
                priors,
                scale=scale,
                fractions=fractions,
                threshold=fixed,
                resolution=resolution,
                bounds=score_bounds,
                min_tail=MIN_TAIL_TRIALS if alone else MIN_TAIL_TRIALS_POOLED,
                space=spaces[pair],
                guided=guided,
                guided_evidence=guided_evidence,
            )
            for pair in pairs
        ]

    candidates = find_candidates(kind, trials.with_trials)
    plateaus = plateaus_among(trials, candidates)
    if plateaus:
        kind, reason = choose_model(model, trials, plateaus)
        fitted = [pair for pair in trials.with_trials if pair not in plateaus]
        again = iter(find_candidates(kind, fitted))
        candidates = [[] if pair in plateaus else next(again) for pair in trials.with_trials]
    notes = [
        *validate_random_search(everything, assume_random),
        *notes_on_reports(trials),
        *notes_on_plateaus(trials, plateaus),
    ]
    notes = [*doubts, *guided_notes(trials, guided, guided_evidence), *notes]
    # A bound of bad scores alone does not concern the optimum.
    good = score_bounds[0 if trials.direction == "minimize" else 1]
    if bounds_reason.startswith("bounds of") and np.isfinite(good):
        notes.append(f"the optimum is {describe_bounds(score_bounds)} ({bounds_reason})")
    validate_reports(trials, candidates, priors)

    # Only after the input is validated: these imports take seconds. ArviZ reads the code of the
    # stack for each package that it misses, and the stack is short here.
    import arviz_base  # noqa: F401

    from leadline.inference.fit_searches import fit_searches
    from leadline.inference.guided_law import add_guided_law
    from leadline.inference.posterior import PosteriorSampler
    from leadline.inference.recorded_answers import record_answers
    from leadline.inference.sampler import Sampler
    from leadline.inference.tree import provenance, tree_of
    from leadline.stats.diagnostics import checks_line

    fixed_fraction = isinstance(tail_fraction, Real)
    settings = {
        "model": kind,
        "model_reason": reason + guided_reason(guided, guided_evidence),
        "effective_dim": effective_dim,
        "threshold": None if fixed_fraction else threshold,
        "tail_fraction": tail_fraction if fixed_fraction else fractions,
        "scale": scale,
        "resolution": resolution,
        "bounds": [None if np.isinf(bound) else bound for bound in score_bounds],
        "bounds_reason": bounds_reason,
        "assume_random": assume_random,
        "guided_evidence": guided_evidence and guided is not None,
        "draws": draws,
        "tune": tune,
        "chains": chains,
        "random_seed": random_seed,
        "nuts_sampler": nuts_sampler,
        **{name: repr(value) for name, value in sample_kwargs.items()},
    }
    attributes = provenance(trials, priors, settings, notes)
    seed = np.random.SeedSequence(random_seed)
    with showing(progressbar) as progress:
        sampler = Sampler(draws, tune, chains, progress, nuts_sampler, sample_kwargs)
        posterior = PosteriorSampler(kind, priors, effective_dim, sampler)
        tree = tree_of(fit_searches(trials, candidates, posterior, seed, attributes), attributes)
        add_guided(tree, trials, guided)
        if not guided_evidence:
            add_guided_law(tree)
        progress.start("checking the answers")
        failed = record_answers(tree)
    if failed:
        _LOG.warning("%s: %s", trials.source, checks_line(failed))
    return tree
