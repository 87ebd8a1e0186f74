"""A surface that was never sampled: the draws of its parameters are made by hand."""

import functools
import json
from unittest import mock

import numpy as np
import pandas as pd
import xarray as xr

from leadline.data.trials import Trials
from leadline.inference import fit_surface
from leadline.inference.recorded_answers import record_checks
from leadline.inference.sampler import Sampler
from leadline.inference.tree import provenance, tree_of
from leadline.models.surface import SurfacePriors
from leadline.stats import surface_paths

OPTIMUM, NOISE = 0.2, 0.02
CHAINS, DRAWS = 2, 30
SETTINGS = {"model": "surface", "draws": 500, "tune": 300, "chains": 4}
SOUND = {"divergences": 0, "max_rhat": 1.0, "min_ess_bulk": 500.0, "min_ess_tail": 500.0}


def learned(n=45, direction="minimize", searches=(("digits", "mlp"),), shift=0.05, **columns):
    """Return trials that gather around an optimum of 0.2, as of a sampler that learns.

    The optimum is at a third of the logarithmic range of `lr`; `sgd` adds 0.3, and `momentum`,
    which only it has, and `y` do nothing. Each further search is `shift` worse. The last trial
    failed.
    """
    generator = np.random.default_rng(4)
    tables = []
    for number, (task, model) in enumerate(searches):
        width = np.linspace(1.0, 0.1, n)
        unit = np.clip(0.3 + 0.7 * width * generator.uniform(-1, 1, n), 0, 1)
        sgd = generator.random(n) < 0.5 * width
        loss = OPTIMUM + shift * number + 3 * (unit - 0.3) ** 2 + 0.3 * sgd
        loss = loss + NOISE * generator.normal(size=n)
        loss[-1] = np.nan
        table = {"task": task, "model": model, "score": loss if direction == "minimize" else -loss}
        table |= {"param:lr": 10.0 ** (4 * unit - 4), "param:y": generator.random(n)}
        table |= {"param:opt": np.where(sgd, "sgd", "adam")}
        table |= {"param:momentum": np.where(sgd, generator.random(n), np.nan)}
        tables.append(pd.DataFrame(table | columns))
    space = {"lr": ("log uniform", 1e-4, 1.0), "y": ("uniform", 0.0, 1.0)}
    space |= {"opt": ("categorical", "adam", "sgd"), "momentum": ("uniform", 0.0, 1.0)}
    table = pd.concat(tables, ignore_index=True)
    names = {"metric": "loss", "source": "learned.csv", "sampler": "TPESampler"}
    return Trials(table, direction, distributions=space, **names)


def made_draws(surface, *_):
    """Return draws of the parameters of a surface, near what its trials show, and statistics."""
    generator = np.random.default_rng(0)
    shape = (CHAINS, DRAWS)
    typical = {"lr": 6.0, "y": 0.02, "opt": 1.0, "momentum": 0.02}
    names = surface["hyperparameter"].to_numpy().tolist()
    values = {"surface_variance": 1.5, "residual_sd": 0.15, "own_share": 0.15, "level": 0.5}
    draws = {
        name: (("chain", "draw"), own * np.exp(0.1 * generator.normal(size=shape)))
        for name, own in values.items()
    }
    relevance = np.array([typical[name] for name in names])
    spread = np.exp(0.3 * generator.normal(size=(*shape, len(names))))
    draws["relevance"] = ("chain", "draw", "hyperparameter"), relevance * spread
    coords = {"chain": range(CHAINS), "draw": range(DRAWS), "hyperparameter": names}
    statistics = {
        "diverging": (("chain", "draw"), np.zeros(shape, dtype=bool)),
        "energy": (("chain", "draw"), generator.normal(size=shape)),
    }
    return xr.Dataset(draws, coords), xr.Dataset(statistics, {"chain": range(CHAINS)})


@functools.cache
def _tree(searches, direction, law, options):
    trials = learned(searches=searches, direction=direction, **dict(options))
    # Functions of a quarter of the frequencies take a third of the time.
    few = mock.patch.object(surface_paths, "_FREQUENCIES", 80)
    with few, mock.patch.object(fit_surface, "_sample", made_draws):
        groups, notes = fit_surface.fit_surfaces(
            trials, Sampler(), scale="identity", seed=np.random.SeedSequence(1)
        )
    if law:
        generator, sign = np.random.default_rng(2), 1.0 if direction == "minimize" else -1.0
        dims, shape = ("chain", "draw"), (4, 100)
        drawn = {
            "effective_dim": (dims, generator.normal(1.8, 0.2, shape)),
            "optimum": (dims, sign * (OPTIMUM + 0.01 * generator.normal(size=shape))),
            "best_seen_expected": (dims, sign * (0.22 + 0.003 * generator.normal(size=shape))),
            "noise_sd": (dims, NOISE * np.exp(0.1 * generator.normal(size=shape))),
        }
        laws = dict.fromkeys(searches, xr.Dataset(drawn))
        groups = fit_surface.with_laws(groups, laws)
    return tree_of(groups, provenance(trials, SurfacePriors(), SETTINGS, notes))


def make_surface_tree(
    searches=(("digits", "mlp"),), direction="minimize", law=False, options=(), **attributes
):
    """Return a tree as `fit(model="surface")` does; `attributes` are those of each surface.

    `options` are pairs of `learned`; with a `law`, the searches have its effective dimension.
    """
    how = tuple(searches), direction, law, tuple(options)
    return _checked_tree(how, tuple(attributes.items())).copy(deep=True)


def add_seeds(tree, ratio):
    """Give ten trials of a surface seeds, a multiple of its noise apart; return their sd."""
    own = tree["surfaces/0"].dataset
    noise = float((own["residual_sd"] * np.sqrt(1.0 - own["own_share"])).mean())
    tree["surfaces/0"] = xr.DataTree(
        own.assign(
            seed_trial=("repeated_trial", np.arange(10)),
            seed_freedom=("repeated_trial", np.full(10, 2)),
            seed_variance=("repeated_trial", np.full(10, (ratio * noise) ** 2)),
        )
    )
    return ratio * noise


def fail_fit(tree, *searches):
    """Return a tree whose surfaces of some searches do not predict their own trials."""
    name = "surface fit, leave-one-out"
    checks = tree["checks"].dataset.copy(deep=True)
    checks["passed"].loc[{"check": name, "search": list(searches)}] = 0.0
    tree["checks"] = checks
    tree.attrs["failed_checks"] = json.dumps([name])
    return tree


@functools.cache
def _checked_tree(how, attributes):
    tree = _tree(*how).copy(deep=True)
    for own in tree["surfaces"].children.values():
        own.attrs |= SOUND | dict(attributes)
    record_checks(tree)
    return tree
