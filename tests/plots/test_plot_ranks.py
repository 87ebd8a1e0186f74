"""Mean ranks: from the best to the worst, and bars over those whose order is open."""

import numpy as np
import pytest
from helpers import make_tree, make_trials

import leadline as ll
from leadline.plots.plot_ranks import _open_groups

MODELS = ("x", "y", "z")


@pytest.fixture(scope="module")
def tree():
    pairs = tuple((f"t{task}", model) for task in range(7) for model in MODELS)
    tree = make_tree(make_trials(n=20, n_failed=1, searches=pairs), chains=2, draws=30)
    optimum = tree["posterior"].dataset["optimum"]
    # x and y are alike, z is far better on every task.
    better = np.where(optimum["model"].to_numpy() == "z", -5.0, 0.0)
    noise = np.random.default_rng(1).normal(0.0, 0.1, optimum.shape)
    tree["posterior"] = tree["posterior"].dataset.assign(optimum=0.0 * optimum + better + noise)
    return tree


def test_ranks_are_ordered_and_their_sum_is_fixed(tree):
    numbers = ll.ranks_numbers(tree)
    assert numbers["item"].to_numpy()[0] == "z"
    assert float(numbers["rank"][0]) == 1.0
    np.testing.assert_allclose(numbers["rank"].sum(), 6.0)
    assert (numbers["lower"] <= numbers["rank"]).all()
    assert (numbers["rank"] <= numbers["upper"]).all()
    np.testing.assert_allclose(numbers["p_best"], [1.0, 0.0, 0.0])
    assert list(zip(numbers["first"].values, numbers["last"].values, strict=True)) == [(1, 2)]
    found = ll.compare(tree)
    np.testing.assert_allclose(found["mean_rank"].sel(model="z"), 1.0)
    assert any("mean ranks over 7 tasks" in text for text in ll.comparison_sentences(found))


def test_the_probabilities_beside_ranks_are_those_of_the_sentences(tree):
    for rope in (0.0, 0.5, 50.0):
        numbers, found = ll.ranks_numbers(tree, rope=rope), ll.compare(tree, rope=rope)
        ahead = found["p_ahead_overall"].sel(model=numbers["item"].to_numpy())
        np.testing.assert_allclose(numbers["p_best"], ahead)
        assert ("every difference" in numbers.attrs["conditions"]) == (rope > 0)


def test_bars_join_the_longest_runs():
    p = np.full((4, 4), 0.5)
    np.fill_diagonal(p, np.nan)
    assert _open_groups(p) == [(0, 3)]
    p[0, 3], p[3, 0] = 0.99, 0.01
    assert _open_groups(p) == [(0, 2), (1, 3)]
    p[:] = np.triu(np.full((4, 4), 0.99))
    assert _open_groups(p) == []


def test_the_picture_has_a_row_per_model(tree):
    picture = ll.plot_ranks(tree)
    axes = picture.viz["plot"].item()
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert [label.split()[0] for label in labels] == ["z", "x", "y"] or labels[0][0] == "z"
    assert len(axes.collections) >= 3
