"""Priors: plain values that can be printed, copied, overridden and written down."""

import copy
import dataclasses
import json
import pickle
from functools import partial

import numpy as np
import pymc as pm
import pytest

import leadline as ll
from leadline.models.priors import Prior

NAMES = [entry.name for entry in dataclasses.fields(ll.Priors)]
OTHER = Prior("HalfNormal", sigma=0.123456789)


def test_priors_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ll.Priors().gap = OTHER
    with pytest.raises(dataclasses.FrozenInstanceError):
        OTHER.distribution = "Normal"
    with pytest.raises(TypeError):
        OTHER.params["sigma"] = 2.0


@pytest.mark.parametrize("name", NAMES)
def test_each_prior_is_overridden_alone(name):
    value = 4.5 if name == "max_effective_dim" else OTHER
    changed = ll.Priors(**{name: value})
    assert getattr(changed, name) == value
    for other in set(NAMES) - {name}:
        assert getattr(changed, other) == getattr(ll.Priors(), other)
    assert changed != ll.Priors()
    assert dataclasses.replace(ll.Priors(), **{name: value}) == changed


def test_printed_one_prior_a_line():
    lines = str(ll.Priors(gap=OTHER)).splitlines()
    assert [line.split()[0] for line in lines] == NAMES
    assert lines[NAMES.index("gap")].split(maxsplit=1)[1] == "HalfNormal(sigma=0.123456789)"


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e-12, 2, np.float64(1 / 3), np.int64(7)])
def test_the_text_of_priors_is_an_expression(value):
    families = ("Normal", "LogNormal", "HalfNormal", "Gamma", "Beta", "Exponential")
    namespace = {family: partial(Prior, family) for family in families} | {"Priors": ll.Priors}
    prior = Prior("Normal", mu=value, sigma=1)
    for one in (prior, ll.Priors(max_effective_dim=3.0, noise_ratio=prior)):
        assert eval(repr(one), namespace) == one


def test_to_dict_is_plain():
    plain = ll.Priors(max_effective_dim=3.0).to_dict()
    assert list(plain) == NAMES
    assert json.loads(json.dumps(plain)) == plain
    assert plain["effective_dim"] == "Exponential(scale=2)"
    assert plain["max_effective_dim"] == 3.0
    assert ll.Priors().to_dict()["max_effective_dim"] is None


@pytest.mark.parametrize("priors", [ll.Priors(), ll.Priors(gap=OTHER, max_effective_dim=3.0)])
def test_from_dict_reverses_to_dict(priors):
    again = ll.Priors.from_dict(json.loads(json.dumps(priors.to_dict())))
    assert again == priors
    assert again.to_dict() == priors.to_dict()


@pytest.mark.parametrize("value", [ll.Priors(gap=OTHER, max_effective_dim=3.0), OTHER])
def test_copies_are_equal(value):
    for twin in (copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert twin == value
        assert hash(twin) == hash(value)


def test_the_order_of_parameters_does_not_matter():
    one, other = Prior("Normal", mu=0, sigma=1), Prior("Normal", sigma=1, mu=0)
    assert one == other
    assert hash(one) == hash(other)
    assert one != Prior("Normal", mu=0, sigma=2)


def test_dist_is_the_variable_of_pymc():
    values = np.array([0.1, 0.5, 2.0])
    got = pm.logp(Prior("LogNormal", mu=0.3, sigma=0.7).dist(), values).eval()
    np.testing.assert_array_equal(got, pm.logp(pm.LogNormal.dist(0.3, 0.7), values).eval())


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: ll.Priors(gap=3), TypeError, "gap= LogNormal 3"),
        (lambda: ll.Priors(gap="LogNormal"), TypeError, "gap= 'LogNormal'"),
        (lambda: ll.Priors(reach=None), TypeError, "reach= None"),
        (lambda: ll.Priors(max_effective_dim="3"), TypeError, "max_effective_dim '3'"),
        (lambda: ll.Priors(max_effective_dim=True), TypeError, "max_effective_dim True"),
        (lambda: ll.Priors(max_effective_dim=OTHER), TypeError, "max_effective_dim"),
        (lambda: ll.Priors(max_effective_dim=1), ValueError, "max_effective_dim 1"),
        (lambda: ll.Priors(max_effective_dim=NAN), ValueError, "max_effective_dim nan"),
        (lambda: ll.Priors(max_effective_dim=INF), ValueError, "max_effective_dim inf"),
        (lambda: ll.Priors(spread=OTHER), TypeError, "'spread'"),
        (lambda: Prior(3), TypeError, "name 3"),
        (lambda: Prior("Normal", mu="0"), TypeError, "mu= '0'"),
        (lambda: Prior("Normal", mu=NAN), TypeError, "mu= nan"),
        (lambda: Prior("Normal", mu=True), TypeError, "mu= True"),
        (lambda: Prior("Gaussian", mu=0).dist(), ValueError, "'Gaussian'"),
        (lambda: Prior("Poisson", mu=2).dist(), ValueError, "'Poisson' continuous"),
        (lambda: Prior("Model").dist(), ValueError, "'Model'"),
        # PyMC ignores unknown names.
        (lambda: Prior("LogNormal", mean=2).dist(), ValueError, "mean= mu sigma"),
    ],
)
def test_wrong_priors_are_named_in_one_line(make, error, words):
    with pytest.raises(error) as caught:
        make()
    assert all(word in str(caught.value) for word in words.split())
    assert "\n" not in str(caught.value)
