"""A mixture has the draws of its components, in proportion and in order."""

import numpy as np
import pytest
import xarray as xr

from leadline.inference.mixture import choose_draws, mix

CHAINS, DRAWS = 2, 300


@pytest.mark.parametrize("weights", [(0.2, 0.5, 0.3), (0.003, 0.997, 0.0), (2.0, 1.0, 1.0)])
def test_draws_are_those_of_the_components_in_proportion(weights):
    sizes = (DRAWS, 2 * DRAWS, DRAWS)
    rng = np.random.default_rng(1)
    component, index = choose_draws(weights, sizes, (CHAINS, DRAWS), rng)
    assert component.shape == index.shape == (CHAINS, DRAWS)
    for chain in range(CHAINS):
        shares = np.bincount(component[chain], minlength=3)
        assert np.abs(shares - np.array(weights) / sum(weights) * DRAWS).max() <= 1
        for number in np.unique(component[chain]):
            own = index[chain, component[chain] == number]
            # In order, evenly spaced, over all draws of the component.
            spacing = sizes[number] / len(own)
            assert (np.abs(np.diff(own) - spacing) < 1).all()
            assert 0 <= own.min() <= own.max() < sizes[number]
            assert own.max() >= sizes[number] - spacing - 1
    # Components alternate, in another order in each chain.
    assert (component[0] != component[1]).any()
    assert (np.diff(component[0]) != 0).sum() >= 2 * min(2, shares[shares > 0].min())


def test_one_component_is_taken_as_it_is():
    component, index = choose_draws([1.0], [DRAWS], (2, DRAWS), np.random.default_rng(0))
    assert (component == 0).all()
    np.testing.assert_array_equal(index, [np.arange(DRAWS)] * 2)


def test_components_may_have_other_numbers_of_draws():
    component = np.array([[0, 1, 0], [1, 1, 0]])
    index = np.array([[2, 4, 0], [0, 5, 1]])
    short, long = np.arange(6.0).reshape(2, 3), 100 + np.arange(12.0).reshape(2, 6)
    parts = [
        xr.Dataset(
            {
                "one": (("chain", "draw"), values),
                "two": (("chain", "draw", "search"), values[..., None] + [0.0, 0.5]),
            },
            {"draw": np.arange(values.shape[1]), "search": ["a", "b"]},
        )
        for values in (short, long)
    ]
    mixed = mix(parts, component, index)
    expected = np.array([[2, 104, 0], [106, 111, 4]])
    np.testing.assert_array_equal(mixed["one"], expected)
    np.testing.assert_array_equal(mixed["two"], expected[..., None] + [0.0, 0.5])
    assert mixed["draw"].to_numpy().tolist() == [0, 1, 2]
    assert mixed["search"].to_numpy().tolist() == ["a", "b"]
