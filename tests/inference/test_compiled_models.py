"""Compiled models are kept, each for what it was compiled for."""

import dataclasses
import threading
from collections import OrderedDict

import pandas as pd
import pytest
import xarray as xr
from helpers import make_trials

import leadline as ll
from leadline.inference import compiled_models, fit_searches
from leadline.inference.compiled_models import ready_model
from leadline.inference.sampler import Sampler

PRIORS = ll.Priors(gap=ll.Prior("LogNormal", mu=1, sigma=1))


@pytest.fixture
def built(monkeypatch):
    """Return what was built; a model is its name, compiled its name in capitals."""
    monkeypatch.setattr(compiled_models, "_CACHE", OrderedDict())
    monkeypatch.setattr(compiled_models, "PointwiseLogp", lambda plain: f"densities of {plain}")
    monkeypatch.setattr(Sampler, "compile", lambda sampler, model: model.upper())
    return []


def ask(built, name, sampler=None):
    def build():
        built.append(name)
        return name, f"plain {name}"

    return ready_model(name, sampler or Sampler(), build)


def test_a_structure_is_compiled_once(built):
    first = ask(built, "one")
    assert (first.compiled, first.pointwise_logp) == ("ONE", "densities of plain one")
    assert ask(built, "two").compiled == "TWO"
    assert ask(built, "one", Sampler(draws=5, options={"max_treedepth": 5})) is first
    assert built == ["one", "two"]


def test_compiling_is_shown_by_the_call_that_needs_it(built):
    earlier, later = Sampler(), Sampler(draws=5)
    ask(built, "one", earlier)
    assert ask(built, "one", later).sampler is later


def test_samplers_and_threads_have_their_own(built):
    ask(built, "one")
    ask(built, "one", Sampler(nuts_sampler="numpyro"))
    other = threading.Thread(target=ask, args=(built, "one"))
    other.start()
    other.join()
    assert built == ["one"] * 3


def test_the_one_that_was_not_asked_for_longest_goes(built):
    names = [str(number) for number in range(compiled_models._CAPACITY)]
    for name in [*names, names[0], "new"]:
        ask(built, name)
    assert built == [*names, "new"]
    ask(built, names[0])
    ask(built, names[1])
    assert built == [*names, "new", names[1]]


class Asked(Exception):  # noqa: N818
    pass


def structure_of(monkeypatch, trials, model="auto", **options):
    """Return the structure that the fit asks for, and a joint one once each search has draws."""
    fit_alone = fit_searches._fit_alone

    def asked(structure, sampler, build):
        raise Asked(structure)

    def drawn(searches, seed):
        if searches.posterior.kind == "single":
            return fit_alone(searches, seed)
        groups = {"candidates": xr.Dataset(coords={"sample": [0]})}
        candidates = searches.candidates
        return [groups] * len(candidates), [tails[0] for tails in candidates]

    for name in ("posterior", "shared_draws"):
        monkeypatch.setattr(f"leadline.inference.{name}.ready_model", asked)
    monkeypatch.setattr(fit_searches, "_fit_alone", drawn)
    monkeypatch.setattr("leadline.inference.fit_together.draws_of", lambda *_: None)
    for name in ("number_of_kernels", "kernels_of"):
        monkeypatch.setattr(f"leadline.inference.shared_draws.{name}", lambda *_: None)
    with pytest.raises(Asked) as caught:
        ll.fit(trials, model, **({"tail_fraction": 0.5, "progressbar": False} | options))
    return caught.value.args[0]


def searches(*pairs, n=40):
    return make_trials(n=n, searches=pairs)


@pytest.mark.parametrize(
    ("trials", "options"),
    [
        (searches(("a", "x"), ("b", "x"), n=31), {}),
        (searches(("a", "x"), ("b", "x")), {"tail_fraction": 0.3}),
        (searches(("c", "z"), ("a", "z")), {"draws": 10, "random_seed": 3}),
    ],
)
@pytest.mark.parametrize("model", ["hierarchical", "single"])
def test_data_and_names_make_no_difference(monkeypatch, trials, options, model):
    pair = searches(("a", "x"), ("b", "x"))
    expected = structure_of(monkeypatch, pair, model)
    assert structure_of(monkeypatch, trials, model, **options) == expected


def reported(*counts):
    """Return two searches, and reports of the first that are the best of so many trials."""
    reports = pd.DataFrame({"task": "a", "model": "x", "score": 0.3, "best_of": counts})
    return dataclasses.replace(searches(("a", "x"), ("b", "x")), reports=reports)


def test_what_decides_the_graph_makes_one(monkeypatch):
    two = searches(("a", "x"), ("b", "x"))
    four = searches(("a", "x"), ("a", "y"), ("b", "x"), ("b", "y"))
    line = searches(("a", "x"), ("b", "x"), ("c", "y"), ("d", "y"))
    integer = {"effective_dim": "integer"}
    bounded = integer | {"priors": ll.Priors(max_effective_dim=3)}
    options = ({}, {"priors": PRIORS}, {"resolution": 0.001}, integer, bounded)
    fits = [(two, model, how) for model in ("single", "hierarchical") for how in options]
    fits += [(four, "crossed", {}), (line, "crossed", {}), (four, "hierarchical", {})]
    fits += [(reported(*counts), "auto", {}) for counts in ((50,), (None,), (50, 20))]
    asked = {structure_of(monkeypatch, trials, model, **how) for trials, model, how in fits}
    assert len(asked) == len(fits)
