"""Small real fits that several test files look at: compiled once a session each."""

import dataclasses
import os
import subprocess
import sys

import pytest

SETTINGS = {"draws": 200, "tune": 300, "chains": 2, "random_seed": 5, "progressbar": False}
SHORT = {"draws": 50, "tune": 100, "chains": 2, "random_seed": 3, "progressbar": False}
TAIL = {"tail_fraction": 0.5}

_OTHER_PROCESS = """
import sys
sys.path.insert(0, {path!r})
import numpy as np
import leadline as ll
from helpers import make_trials
tree = ll.fit(make_trials(n=40, n_failed=2), **{options!r})
for name, values in tree["posterior"].data_vars.items():
    print(name, values.values.astype(float).tobytes().hex())
"""


@pytest.fixture(scope="session")
def fit_once():
    """Return `fit`, which takes a model of the same structure from an earlier call."""
    import leadline as ll
    from leadline import sampling, tail_fit

    models, evaluators = {}, {}
    compile_model, compile_densities = sampling.Sampler.compile, tail_fit.Densities

    def structure(model):
        # Priors are the default ones in every call.
        return (*(v.name for v in model.data_vars), str(model.coords.get("dimension")))

    def remembered(sampler, model):
        key = sampler.nuts_sampler, structure(model)
        if key not in models:
            models[key] = compile_model(sampler, model)
        return dataclasses.replace(models[key], sampler=sampler)

    def evaluator(model):
        key = structure(model)
        if key not in evaluators:
            evaluators[key] = compile_densities(model)
        return evaluators[key]

    def fit(trials, **options):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sampling.Sampler, "compile", remembered)
            patch.setattr(tail_fit, "Densities", evaluator)
            return ll.fit(trials, **(TAIL | SETTINGS | options))

    return fit


@pytest.fixture(scope="session")
def other_process():
    """Return a process that fits the small search; started early, it runs beside the tests."""
    script = _OTHER_PROCESS.format(path=os.path.dirname(__file__), options=TAIL | SHORT)
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONHASHSEED": "12345"},
    )
    yield process
    process.kill()
    process.communicate()


@pytest.fixture(scope="session")
def fitted(fit_once):
    """Return the fit of one search of forty trials, two failed."""
    from helpers import make_trials

    return fit_once(make_trials(n=40, n_failed=2))


@pytest.fixture(scope="session")
def fitted_pair(fit_once):
    """Return the fit of two searches on one task, each alone."""
    from helpers import make_trials

    return fit_once(make_trials(n=40, n_failed=2, searches=PAIR), model="single")


@pytest.fixture(scope="session")
def fitted_integer(fit_once):
    """Return the fit of one search with effective dimension 1, 2 or 3."""
    from helpers import make_trials

    from leadline.priors import Priors

    return fit_once(
        make_trials(n=40, n_failed=2), effective_dim="integer", priors=Priors(max_effective_dim=3)
    )


PAIR = (("digits", "mlp"), ("digits", "forest"))
