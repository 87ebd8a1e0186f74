"""One effective dimension per draw, shared by the searches of a space."""

import numpy as np
import pytest
import xarray as xr

from leadline.inference.effective_dims import draw_effective_dims

SPACE = np.array([0, 1, 0])
DRAWS = ("chain", "draw")


@pytest.fixture
def posterior():
    """Return draws whose spread differs by dimension, search and draw."""
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
        coords={"dimension": [1, 2, 3], "space": ["s", "t"], "search": range(3)},
    )


def assert_chosen(got):
    """Assert that what depends on the dimension is that of the dimension drawn; return these."""
    for name in ("effective_dim", "spread", "tail_fraction", "optimum"):
        assert got[name].dims == (*DRAWS, "search"), name
    dim = got["effective_dim"].to_numpy()
    place = 100 * np.arange(1000.0).reshape(2, 500, 1)
    np.testing.assert_array_equal(got["spread"], place + 10 * dim + np.arange(3))
    np.testing.assert_array_equal(got["tail_fraction"], -got["spread"])
    return dim


def test_searches_of_a_space_share_the_one_that_is_drawn(posterior):
    got = draw_effective_dims(posterior, SPACE, 1)
    dim = assert_chosen(got)
    pooled = got["pooled_effective_dim"]
    assert pooled.dims == (*DRAWS, "space")
    np.testing.assert_array_equal(dim, pooled.to_numpy()[:, :, SPACE])
    assert (dim[..., 0] != dim[..., 1]).any()


def test_they_are_drawn_with_their_probabilities(posterior):
    got = draw_effective_dims(posterior, SPACE, 1)
    before = posterior["effective_dim_probability"]
    after = got["effective_dim_probability"]
    assert after.dims == (*DRAWS, "search", "dimension")
    np.testing.assert_array_equal(after, before.to_numpy()[:, :, SPACE])
    for dimension in (1, 2, 3):
        share = (got["pooled_effective_dim"] == dimension).mean(DRAWS)
        expected = before.sel(dimension=dimension).mean(DRAWS)
        # Four standard errors.
        np.testing.assert_allclose(share, expected, atol=4 * np.sqrt(0.25 / 1000))
    assert (got["pooled_effective_dim"].sel(space="t") < 3).all()


def test_searches_by_themselves_have_one_each(posterior):
    probability = posterior["effective_dim_probability"].to_numpy()[:, :, SPACE]
    alone = posterior.drop_dims("space").assign(
        effective_dim_probability=((*DRAWS, "search", "dimension"), probability)
    )
    got = draw_effective_dims(alone, SPACE, 1)
    dim = assert_chosen(got)
    assert "pooled_effective_dim" not in got
    assert got["effective_dim_probability"].dims == (*DRAWS, "search", "dimension")
    # Searches of one space have separate draws.
    assert (dim[..., 0] != dim[..., 2]).any()


def test_without_probabilities_nothing_is_drawn(posterior):
    plain = posterior[["optimum"]]
    assert draw_effective_dims(plain, SPACE, 1) is plain
