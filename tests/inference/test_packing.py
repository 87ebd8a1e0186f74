"""A packed model is the same model: same variables in the same order, same densities."""

import numpy as np
import pymc as pm
import pytensor
import pytest
from pytensor.compile.sharedvalue import SharedVariable

import leadline as ll
from leadline.data.prepare import prepare
from leadline.inference.packing import PACKED, pack_model
from leadline.inference.sampling import set_data
from leadline.models import single

RNG = np.random.default_rng(4)


def search(n, digits, seeds):
    """Return what builds the model of a search with `seeds` or one seed a trial."""
    scores = [list(RNG.random() + 0.1 * RNG.random(seeds if i % 2 else 1)) for i in range(n)]
    scores = [np.round(replicates, digits) for replicates in scores]
    trials = ll.from_scores(scores, direction="maximize")
    found = prepare(trials, ll.Priors(max_effective_dim=3), tail_fraction=0.5)
    return found.regime, found.max_effective_dim, found.sign


@pytest.mark.parametrize("effective_dim", ["continuous", "integer"])
def test_a_packed_model_has_one_array_and_the_same_densities(effective_dim):
    inputs, other = search(30, 2, 3), search(44, 2, 3)
    model = single.build(*inputs, ll.Priors(), effective_dim)
    packed = pack_model(model)
    copy = packed.model
    assert [v.name for v in copy.data_vars if isinstance(v, SharedVariable)] == [PACKED]
    for kind in ("free_RVs", "observed_RVs", "deterministics", "value_vars"):
        assert [v.name for v in getattr(copy, kind)] == [v.name for v in getattr(model, kind)]
    assert copy.coords == model.coords

    point = model.initial_point(random_seed=1)
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        terms = [m.compile_fn(m.logp(sum=False)) for m in (model, copy)]
        starts = [m.initial_point(random_seed=1) for m in (model, copy)]
    assert starts[0].keys() == starts[1].keys()
    before = terms[1](point)
    for one, two in zip(terms[0](point), before, strict=True):
        np.testing.assert_array_equal(one, two)

    # Other data, of another size, and not by way of what the two might share.
    data = single.data_of(*other)
    set_data(copy, packed.pack(data))
    after = terms[1](point)
    assert {len(np.atleast_1d(term)) for term in after} != {len(np.atleast_1d(t)) for t in before}
    set_data(model, data)
    for one, two in zip(terms[0](point), after, strict=True):
        np.testing.assert_array_equal(one, two)


def test_only_scalars_and_vectors_are_packed():
    with pm.Model() as model:
        matrix = pm.Data("matrix", np.ones((2, 3)))
        pm.Normal("x", pm.Data("shift", 1.0) * matrix.sum(), observed=pm.Data("seen", [1, 2]))
    packed = pack_model(model)
    assert (packed.scalars, packed.vectors) == (("shift",), ("seen",))
    data = packed.pack({"matrix": np.zeros((1, 1)), "shift": 2.5, "seen": [5, 6, 7]})
    assert set(data) == {"matrix", PACKED}
    np.testing.assert_array_equal(data[PACKED], [2.5, 3, 5, 6, 7])


def test_a_model_without_data_stays_itself():
    with pm.Model() as model:
        pm.Normal("x")
    packed = pack_model(model)
    assert packed.model is model
    assert packed.pack({}) == {}
