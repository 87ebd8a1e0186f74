"""Pairs and ranks against loops over draws."""

import itertools

import numpy as np
import pytest
import xarray as xr
from scipy.stats import rankdata

from leadline.stats.improvements import (
    differences,
    first_lasting,
    mean_deficit,
    ranks,
    summarize_differences,
)

DRAWS = 500
KINDS = ("p_better", "p_equal", "p_worse")


def labelled(values):
    dims = ("model", "sample", "task")[: np.ndim(values)]
    return xr.DataArray(values, {"model": list("abcdef")[: len(values)]}, dims)


@pytest.fixture
def loss():
    rng = np.random.default_rng(3)
    values = rng.standard_normal((3, DRAWS, 2)) + np.array([0.0, 0.4, 1.0])[:, None, None]
    values[2, :, 1] = np.nan
    return labelled(values)


@pytest.mark.parametrize("rope", [0.0, 0.5])
def test_probabilities_are_counts_of_draws(loss, rope):
    found = summarize_differences(differences(loss), rope, 0.8, "_x")
    for first, second, task in itertools.product(range(3), range(3), range(2)):
        pair = found.isel(model=first, other_model=second, task=task)
        figures = [float(pair[f"{kind}_x"]) for kind in KINDS]
        if first == second or (task == 1 and 2 in (first, second)):
            assert np.isnan(figures).all()
            continue
        gain = (loss[second, :, task] - loss[first, :, task]).to_numpy()
        counts = [(gain > rope).sum(), (np.abs(gain) <= rope).sum(), (gain < -rope).sum()]
        assert figures == [count / DRAWS for count in counts]
        assert sum(figures) == pytest.approx(1, abs=1e-15)
        assert pair["difference_x"] == pytest.approx(gain.mean())
        ends = pair["difference_x_lower"], pair["difference_x_upper"]
        np.testing.assert_allclose(ends, np.quantile(gain, [0.1, 0.9]))


def test_swapping_a_pair_swaps_better_and_worse(loss):
    found = summarize_differences(differences(loss), 0.3, 0.8)
    swapped = {"model": "other_model", "other_model": "model"}
    other = found.rename(swapped).transpose("model", "other_model", ...)
    xr.testing.assert_equal(found["p_better"], other["p_worse"].rename("p_better"))
    xr.testing.assert_equal(found["p_equal"], other["p_equal"])
    xr.testing.assert_allclose(found["difference_lower"], -other["difference_upper"])


def test_a_rope_may_differ_by_draw_and_may_be_zero(loss):
    rope = xr.DataArray(np.linspace(0, 1, DRAWS), dims="sample")
    found = summarize_differences(differences(loss[..., 0]), rope, 0.8)
    gain = (loss[1, :, 0] - loss[0, :, 0]).to_numpy()
    assert found["p_equal"][0, 1] == (np.abs(gain) <= rope.to_numpy()).mean()
    same = summarize_differences(differences(labelled(np.ones((2, 10)))), 0.0, 0.8)
    assert [float(same[kind][0, 1]) for kind in KINDS] == [0, 1, 0]


def test_ranks(loss):
    got = ranks(loss).to_numpy()
    for draw in range(0, DRAWS, 50):
        order = np.argsort(loss[:, draw, 0].to_numpy())
        assert got[order, draw, 0].tolist() == [1, 2, 3]
        assert np.isnan(got[2, draw, 1])
        assert sorted(got[:2, draw, 1]) == [1, 2]
    tied = ranks(labelled([[1.0], [1.0], [2.0]]))
    assert tied[:, 0].to_numpy().tolist() == [1.5, 1.5, 3]


def test_mean_deficit(loss):
    plain = loss[..., 0]
    got = mean_deficit(differences(plain))
    for first in range(3):
        others = [other for other in range(3) if other != first]
        np.testing.assert_allclose(got[first], plain[first] - plain[others].mean("model"))
    assert mean_deficit(differences(plain[:2]) * np.nan).isnull().all()


def test_first_lasting():
    true = np.array([[0, 1, 0, 1, 1], [1, 1, 1, 1, 1], [1, 1, 1, 1, 0], [0, 0, 0, 0, 1]], bool)
    assert first_lasting(true).tolist() == [3, 0, -1, 4]


def test_ranks_share_ties_and_leave_out_what_is_missing():
    values = np.random.default_rng(5).integers(0, 4, size=(4, 50, 3)).astype(float)
    values[1, :, 2] = np.nan
    loss = xr.DataArray(values, dims=("model", "sample", "task"))
    expected = rankdata(values, axis=0, nan_policy="omit")
    np.testing.assert_array_equal(ranks(loss), expected)
