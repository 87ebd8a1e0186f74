"""From trials to the posterior: `fit`."""

import importlib.util
from numbers import Integral
from typing import Any

import numpy as np
import xarray as xr

from leadline.errors import LeadlineError, shown
from leadline.prepare import PreparedSearch, prepare
from leadline.priors import Priors
from leadline.trials import Trials, validate_any_complete

_CHOICES = {
    "model": ("auto", "single"),
    "effective_dim": ("continuous", "integer"),
    "nuts_sampler": ("nutpie", "pymc", "numpyro", "blackjax"),
}
# What a sampler needs that is not installed with leadline.
_PACKAGES = {"numpyro": ("jax", "numpyro"), "blackjax": ("jax", "blackjax")}


def fit(
    trials: Trials,
    model: str = "auto",
    *,
    threshold: float | None = None,
    tail_fraction: float | None = None,
    priors: Priors | None = None,
    effective_dim: str = "continuous",
    resolution: float | None = None,
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
        One search, or several, which are then fitted one by one with the same settings.
    model : {"auto", "single"}
        Which model. `"auto"` is `"single"`, the only one so far: searches do not learn from
        each other.
    threshold : float, optional
        Where the regime starts, in score units: only better scores follow the law.
    tail_fraction : float, optional
        The share of all trials, failures included, that is past the threshold, in (0, 1]. Give
        this or `threshold`. Too wide a tail is confidently wrong; compare a few.
    priors : Priors, optional
        Default: ``Priors()``. Print it to see them.
    effective_dim : {"continuous", "integer"}
        Whether the effective dimension is a real number, or an integer that is summed out
        exactly and has a probability for each value.
    resolution : float, optional
        Spacing of the grid on which scores are recorded, in score units; 0 for none. Default:
        inferred when ties show it.
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
        Groups `posterior`, `sample_stats`, `log_likelihood`, `log_prior`, `observed_data` and
        `constant_data`. The posterior holds, for (chain, draw, search), `optimum`, `noise_sd`
        and `spread` in score units, `effective_dim` and `tail_fraction`, beside the parameters
        without units that the priors speak of; and `effective_dim_probability` (chain, draw,
        search, dimension) when the effective dimension is an integer. Everything that
        leadline computes from a fit is a function of this tree; save it with ``to_netcdf``.

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
            f"random_seed must be an integer of 0 or more, or None; got {shown(random_seed)}"
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
            f"priors must be a leadline.Priors(...), got {shown(priors)}; print(leadline.Priors()) "
            "shows the defaults"
        )
    cuts = {"threshold": threshold, "tail_fraction": tail_fraction, "resolution": resolution}
    searches = [
        prepare(trials.search(task=task, model=name), priors, **cuts)
        for task, name in trials.searches
    ]

    # Not before the input is known to be good: these imports take seconds.
    from leadline.sampling import Sampler
    from leadline.tree import combine, provenance, search_labels

    sampler = Sampler(draws, tune, chains, progressbar, nuts_sampler, sample_kwargs)
    groups = fit_one_by_one(
        searches, search_labels(trials.searches), priors, effective_dim, sampler, random_seed
    )
    settings = {
        "model": "single",
        "effective_dim": effective_dim,
        **cuts,
        "draws": draws,
        "tune": tune,
        "chains": chains,
        "random_seed": random_seed,
        "nuts_sampler": nuts_sampler,
        **{name: repr(value) for name, value in sampler.options.items()},
    }
    return combine(groups, provenance(trials, priors, settings))


def fit_one_by_one(
    searches: list[PreparedSearch],
    labels: list[str],
    priors: Priors,
    effective_dim: str,
    sampler: Any,
    random_seed: int | None,
) -> list[dict[str, xr.Dataset]]:
    """Return the groups of a separate fit of each search; those alike share a compiled model."""
    from leadline.densities import Densities
    from leadline.models import single
    from leadline.tree import one_dim_a_draw, search_groups

    compiled: dict[tuple[Any, ...], Any] = {}
    groups = []
    seeds = np.random.SeedSequence(random_seed).spawn(len(searches))
    for search, label, seed in zip(searches, labels, seeds, strict=True):
        sampling_seed, choice_seed = (int(word) for word in seed.generate_state(2))
        inputs = (search.regime, search.max_effective_dim, search.sign)
        data = single.data_of(*inputs)
        structure = search.structure(effective_dim)
        if structure not in compiled:
            model = single.build(*inputs, priors, effective_dim)
            plain = single.build(*inputs, priors, "continuous")
            compiled[structure] = sampler.compile(model), Densities(plain)
        ready, densities = compiled[structure]
        drawn = ready.with_data(data).sample(sampling_seed)
        posterior = one_dim_a_draw(drawn["posterior"].to_dataset(), choice_seed)
        statistics = drawn["sample_stats"].to_dataset()
        pointwise = densities(posterior, data)
        groups.append(search_groups(posterior, statistics, pointwise, search, label))
    return groups


def validate_choices(**given: str) -> None:
    """Raise `LeadlineError` unless each option is one of its choices."""
    for name, value in given.items():
        if value not in _CHOICES[name]:
            allowed = " or ".join(map(repr, _CHOICES[name]))
            raise LeadlineError(f"{name} must be {allowed}, got {shown(value)}")


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
            raise LeadlineError(f"{name} must be an integer of 1 or more, got {shown(value)}")


def _is_count(value: object, least: int) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least
