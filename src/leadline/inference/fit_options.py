"""Options of `leadline.fit`: the choice of the model, and the validation of the others."""

import difflib
import importlib.util
import inspect
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real

from leadline.data.trials import Trials
from leadline.data.validate import COVARIATES
from leadline.errors import LeadlineError, format_value, join_values

_CHOICES = {
    "model": ("auto", "single", "hierarchical", "crossed", "scaling", "surface"),
    "effective_dim": ("continuous", "integer"),
    "nuts_sampler": ("auto", "nutpie", "pymc", "numpyro", "blackjax"),
}
OF_THE_LAW = {
    "threshold": "auto",
    "tail_fraction": None,
    "priors": None,
    "effective_dim": "continuous",
    "resolution": None,
    "bounds": "auto",
    "guided_evidence": False,
}
"""Options that a surface does not take, and their defaults."""

FEWEST_SEARCHES = 5
"""Fewest searches of a scaling law, which has four parameters of size alone, with its misfit."""

# Options of samplers that `fit` sets itself, and its own name for them.
_SET_BY_FIT = {
    "seed": "random_seed",
    "progress_bar": "progressbar",
    **dict.fromkeys(("progress_callback", "save_warmup", "blocking", "compiled_model"), ""),
}

# Packages that a sampler needs and leadline does not install.
_PACKAGES = {"numpyro": ("jax", "numpyro"), "blackjax": ("jax", "blackjax")}


def choose_model(
    model: str, trials: Trials, plateaus: Sequence[tuple[str, str]] = ()
) -> tuple[str, str]:
    """Return the name of the model to fit, and the reason for it.

    The searches `plateaus`, each a (task, model), are answered by themselves.
    """
    pairs = [pair for pair in trials.searches if pair not in plateaus]
    if not pairs:
        return "single", "no search to fit: each ends in a plateau"
    tasks, models = (set(names) for names in zip(*pairs, strict=True))
    if model == "crossed" and len(models) < 2 and plateaus:
        model = "auto"
    if model == "crossed" and len(models) < 2:
        raise LeadlineError(
            f"model='crossed' compares models, and {trials.source} has one, {join_values(models)}; "
            "use model='hierarchical', or name the column of the model"
        )
    if model == "scaling":
        validate_scaling(trials, pairs)
    if model != "auto":
        return model, "asked for"
    known = covariates_of(trials, pairs)
    if len(pairs) >= FEWEST_SEARCHES and _vary(known) and not len(trials.reports):
        return "scaling", f"{len(pairs)} searches of known {' and '.join(known)}"
    if len(models) > 1 and len(tasks) > 1:
        return "crossed", f"{len(models)} models on {len(tasks)} tasks"
    if len(models) > 1:
        # One task cannot separate the effects of models from that of the task, and a crossed model
        # samples badly: ESS 265, against 990 of a hierarchical one, for two models of 60 trials.
        return "hierarchical", f"{len(models)} models on one task"
    if len(tasks) > 1:
        return "hierarchical", f"one model on {len(tasks)} tasks"
    if len(trials.reports):
        return "hierarchical", "one search with reported bests"
    return "single", "one search"


def covariates_of(trials: Trials, pairs: Sequence[tuple[str, str]]) -> dict[str, list[float]]:
    """Return the size and the data of each search, as far as the table has them."""
    first = trials.table.drop_duplicates(["task", "model"]).set_index(["task", "model"])
    return {name: first[name].loc[list(pairs)].tolist() for name in COVARIATES if name in first}


def _vary(known: Mapping[str, Sequence[float]]) -> bool:
    return bool(known) and all(len(set(values)) > 1 for values in known.values())


def validate_scaling(trials: Trials, pairs: Sequence[tuple[str, str]]) -> None:
    """Raise `LeadlineError` unless a scaling law can be fitted to the searches `pairs`."""
    if len(trials.reports):
        raise LeadlineError(
            f"{trials.source}: a scaling law is fitted to searches of known size, and a reported "
            "best has none; leave these rows out"
        )
    known = covariates_of(trials, pairs)
    if not known:
        raise LeadlineError(
            f"{trials.source}: a scaling law needs the size of each search, its data, or both; "
            "name the columns, as in size='params', data='tokens'"
        )
    for name, values in known.items():
        if len(set(values)) == 1:
            raise LeadlineError(
                f"{trials.source}: all searches have the {name} {values[0]:g}, and a law needs "
                f"different ones; leave {name} out, or fit model='hierarchical'"
            )
    if len(pairs) < FEWEST_SEARCHES:
        raise LeadlineError(
            f"{trials.source}: {len(pairs)} searches are too few for a scaling law, which needs "
            f"{FEWEST_SEARCHES}; use model='hierarchical'"
        )


def validate_together(kind: str, *, scale: str) -> None:
    """Raise `LeadlineError` when a model that relates optima is asked to change their scale."""
    if kind == "scaling" and scale != "identity":
        raise LeadlineError(
            f"scale={scale!r}: a scaling law is a sum of losses in their own units; use "
            "scale='identity', or model='hierarchical'"
        )
    if kind == "crossed" and scale == "auto":
        raise LeadlineError(
            "scale='auto' may put the models of a task on different scales, where their optima "
            "cannot be compared; choose scale='identity', 'log' or 'logit', or model='single'"
        )


def validate_surface_options(trials: Trials, given: Mapping[str, object]) -> None:
    """Raise `LeadlineError` for options of the law other than `OF_THE_LAW`, and reported bests."""
    wrong = []
    for name, default in OF_THE_LAW.items():
        own = given[name]
        # An array has no truth value to compare.
        if type(own) is not type(default) or own != default:
            wrong.append(name)
    if wrong:
        # In backquotes, the command line writes them as options.
        names = ", ".join(f"`{name}`" for name in wrong)
        which = "which is for the quadratic law; leave it out"
        if len(wrong) > 1:
            which = "which are for the quadratic law; leave them out"
        raise LeadlineError(f"model='surface' takes no {names}, {which}")
    if len(trials.reports):
        raise LeadlineError(
            f"{trials.source}: a reported best has no hyperparameters, so that a surface cannot "
            "use it; leave these rows out"
        )


def validate_threshold(threshold: object, tail_fraction: object) -> float | None:
    """Return a numeric threshold, which excludes a tail fraction, or None for "auto"."""
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


def validate_option_names(
    given: Mapping[str, object], known: Iterable[str], nuts_sampler: str
) -> None:
    """Raise `TypeError` for options that neither `fit` nor the sampler has.

    `given` are options beyond `known`, the parameters of `fit`. Those of pymc's samplers are only
    compared with these, as it hands what it does not know to its steps.
    """
    parameters = list(known)
    for name, value in given.items():
        near = _SET_BY_FIT.get(name)
        if near is None:
            # Only near ones: nutpie has an option `sampler` too.
            near = "".join(difflib.get_close_matches(name, parameters, n=1, cutoff=0.8))
        by_nutpie = nuts_sampler in ("auto", "nutpie")
        if near or name in _SET_BY_FIT or (by_nutpie and not _of_nutpie(name, value)):
            hint = f". Did you mean {near!r}?" if near else ""
            raise TypeError(f"fit() got an unexpected keyword argument {name!r}{hint}")


def _of_nutpie(name: str, value: object) -> bool:
    """Return whether nutpie has an option; the import takes seconds, and is needed anyway."""
    from leadline.inference.import_nutpie import import_nutpie

    nutpie = import_nutpie()
    if name in inspect.signature(nutpie.sample).parameters:
        return True
    try:
        nutpie._lib.PyNutsSettings.Diag(0).update({name: value})
    except AttributeError:
        return False
    return True


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


def validate_seed(random_seed: object) -> None:
    """Raise `LeadlineError` unless the seed is None or an integer of 0 or more."""
    if random_seed is not None and not _is_count(random_seed, least=0):
        raise LeadlineError(
            f"random_seed must be an integer of 0 or more, or None; got {format_value(random_seed)}"
        )


def _is_count(value: object, least: int) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least
