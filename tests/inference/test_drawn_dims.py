"""One effective dimension a draw, shared by the searches of a space."""

import numpy as np
import pytest
import xarray as xr

from leadline.inference.drawn_dims import one_dim_a_draw, one_dim_a_space

SPACE = np.array([0, 1, 0])
DRAWS = ("chain", "draw")


@pytest.fixture
def posterior():
    """Return draws whose spread tells dimension, search and draw apart."""
    rng = np.random.default_rng(0)
    probability = rng.dirichlet([2, 1, 0.5], (2, 500, 2))
    # The second space has two dimensions only.
    probability[:, :, 1, 2] = 0
    probability /= probability.sum(axis=-1, keepdims=True)
    place = np.arange(2 * 500.0).reshape(2, 500, 1, 1)
    spread = 100 * place + 10 * np.arange(1, 4)[:, None] + np.arange(3)
    return xr.Dataset(
        {
            "effective_dim_probability": ((*DRAWS, "space", "dimension"), probability),
            "spread": ((*DRAWS, "dimension", "search"), spread),
            "tail_fraction": ((*DRAWS, "dimension", "search"), -spread),
            "optimum": ((*DRAWS, "search"), spread[:, :, 0]),
        },
        coords={"dimension": [1, 2, 3], "space": [0, 1]},
    )


def test_searches_of_a_space_share_the_one_that_is_drawn(posterior):
    got = one_dim_a_space(posterior, SPACE, 1)
    for name in ("effective_dim", "spread", "tail_fraction", "optimum"):
        assert got[name].dims == (*DRAWS, "search"), name
    dim = got["effective_dim"].to_numpy()
    pooled = got["pooled_effective_dim"]
    assert pooled.dims == (*DRAWS, "space")
    np.testing.assert_array_equal(dim, pooled.to_numpy()[:, :, SPACE])
    assert (dim[..., 0] != dim[..., 1]).any()
    # What depends on it is that of the dimension drawn.
    place = 100 * np.arange(1000.0).reshape(2, 500, 1)
    np.testing.assert_array_equal(got["spread"], place + 10 * dim + np.arange(3))
    np.testing.assert_array_equal(got["tail_fraction"], -got["spread"])


def test_they_are_drawn_with_their_probabilities(posterior):
    got = one_dim_a_space(posterior, SPACE, 1)
    before = posterior["effective_dim_probability"].to_numpy()
    after = got["effective_dim_probability"]
    assert after.dims == (*DRAWS, "search", "dimension")
    np.testing.assert_array_equal(after, before[:, :, SPACE])
    for dimension in (1, 2, 3):
        share = (got["pooled_effective_dim"] == dimension).mean(DRAWS)
        expected = posterior["effective_dim_probability"].sel(dimension=dimension).mean(DRAWS)
        # Four standard errors.
        np.testing.assert_allclose(share, expected, atol=4 * np.sqrt(0.25 / 1000))
    assert (got["pooled_effective_dim"].sel(space=1) < 3).all()


def test_of_one_search_it_is_the_same(posterior):
    alone = posterior.isel(space=0, search=1, drop=True)
    got = one_dim_a_draw(alone, 1)
    assert got["spread"].dims == DRAWS
    place = 100 * np.arange(1000.0).reshape(2, 500)
    np.testing.assert_array_equal(got["spread"], place + 10 * got["effective_dim"] + 1)


def test_where_none_was_summed_out_nothing_is_drawn(posterior):
    plain = posterior[["optimum"]]
    assert one_dim_a_draw(plain, 1) is plain
    assert one_dim_a_space(plain, SPACE, 1) is plain
