"""A model with flat data is the same model: same variables in the same order, same densities."""

import numpy as np
import pymc as pm
import pytest
from helpers_models import FULL, PYTHON, make_tails
from pytensor.compile.sharedvalue import SharedVariable

from leadline.inference.flatten_data import FLAT_DATA, flatten_data
from leadline.inference.sampler import set_data
from leadline.models import independent
from leadline.models.priors import Priors


@pytest.mark.parametrize("effective_dim", ["continuous", "integer"])
def test_a_flat_model_has_one_array_and_the_same_densities(effective_dim):
    tails, other = make_tails((30,), **FULL), make_tails((44,), seed=1, **FULL)
    model = independent.build(tails, Priors(), effective_dim)
    flat = flatten_data(model)
    copy = flat.model
    assert [v.name for v in copy.data_vars if isinstance(v, SharedVariable)] == [FLAT_DATA]
    for kind in ("free_RVs", "observed_RVs", "deterministics", "value_vars"):
        assert [v.name for v in getattr(copy, kind)] == [v.name for v in getattr(model, kind)]
    assert copy.coords == model.coords

    point = model.initial_point(random_seed=1)
    terms = [m.compile_fn(m.logp(sum=False), mode=PYTHON) for m in (model, copy)]
    assert copy.initial_point(random_seed=1).keys() == point.keys()
    before = terms[1](point)
    for one, two in zip(terms[0](point), before, strict=True):
        np.testing.assert_array_equal(one, two)

    # Other data, of another size, and not by way of what the two might share.
    data = independent.data_of(other)
    set_data(copy, flat.flatten(data))
    after = terms[1](point)
    assert {np.size(term) for term in after} != {np.size(term) for term in before}
    set_data(model, data)
    for one, two in zip(terms[0](point), after, strict=True):
        np.testing.assert_array_equal(one, two)


def test_data_of_any_dimension_are_flattened():
    with pm.Model() as model:
        matrix = pm.Data("matrix", np.ones((2, 3)))
        pm.Normal("x", pm.Data("shift", 1.0) * matrix.sum(), observed=pm.Data("seen", [1, 2]))
    flat = flatten_data(model)
    assert (flat.scalars, flat.arrays) == (("shift",), ("matrix", "seen"))
    data = flat.flatten({"matrix": [[1.0, 2.0]], "shift": 2.5, "seen": [5, 6, 7], "other": 4})
    assert set(data) == {"other", FLAT_DATA}
    # The scalar, the shapes of the matrix and of the vector, and the entries of both.
    np.testing.assert_array_equal(data[FLAT_DATA], [2.5, 1, 2, 3, 1, 2, 5, 6, 7])


def test_arrays_keep_their_shapes_and_their_order():
    rng = np.random.default_rng(0)
    small, large = ({"cube": rng.random((2, 3, n)), "row": rng.random(n)} for n in (4, 5))
    with pm.Model() as model:
        cube, row = (pm.Data(name, values) for name, values in small.items())
        pm.Deterministic("product", (cube * row).sum(axis=(0, 2)))
    flat = flatten_data(model)
    product = flat.model.compile_fn(flat.model["product"], inputs=[], point_fn=False, mode=PYTHON)
    for data in (small, large):
        set_data(flat.model, flat.flatten(data))
        expected = (data["cube"] * data["row"]).sum(axis=(0, 2))
        np.testing.assert_allclose(product(), expected)


def test_a_model_without_data_stays_itself():
    with pm.Model() as model:
        pm.Normal("x")
    flat = flatten_data(model)
    assert flat.model is model
    assert flat.flatten({}) == {}
