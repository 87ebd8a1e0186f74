"""Answers of a scaling law: the law at other sizes, k trials there, the split of compute."""

import numpy as np
import pytest
from helpers import make_tree
from helpers_scaling import DATA, LAW, MISFIT, SIZES, law, make_scaling_tree
from scipy.optimize import minimize_scalar

import leadline as ll
from leadline.distributions.smooth_paths import SMOOTH_SHARE
from leadline.errors import LeadlineError


@pytest.mark.parametrize(("direction", "data"), [("minimize", False), ("maximize", True)])
def test_the_law_is_the_formula(direction, data):
    tree, sign = make_scaling_tree(direction, data), 1.0 if direction == "minimize" else -1.0
    # Far beyond the searches, where nothing is known of the misfit.
    size = np.array([1e60, 1e80])
    points = {"size": size} | ({"data": 5e8} if data else {})
    found = ll.scaling_law(tree, **points)
    assert found["law"].dims == ("chain", "draw", "point")
    expected = law(size, 5e8 if data else None, sign)
    np.testing.assert_allclose(found["law"], np.broadcast_to(expected, found["law"].shape))
    apart = found["optimum"] - found["law"]
    assert float(apart.std()) == pytest.approx(MISFIT, rel=0.1)
    assert float(apart.mean()) == pytest.approx(0.0, abs=4 * MISFIT / np.sqrt(apart.size))
    np.testing.assert_array_equal(found["size"], size)


def test_fits_of_earlier_versions_have_a_sum_of_powers():
    tree = make_scaling_tree(draws=4)
    del tree["pooled"]["outer_exponent"]
    found = ll.scaling_law(tree, size=1e10, data=1e10)["law"]
    expected = LAW["irreducible"]
    for name, known in (("size", SIZES), ("data", DATA)):
        ratio = 1e10 / np.exp(np.log(known).mean())
        expected += LAW[f"{name}_part"] * ratio ** -LAW[f"{name}_exponent"]
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_the_smooth_misfit_of_the_searches_continues_beyond_them(direction):
    sign = 1.0 if direction == "minimize" else -1.0
    departures = MISFIT * np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.0])
    tree = make_scaling_tree(direction, departures=departures)
    points = {"size": [SIZES[-1], SIZES[-1] * 1.05, SIZES[-1] * 1e60], "data": DATA[-1]}
    found = ll.scaling_law(tree, **points)
    apart = sign * (found["optimum"] - found["law"]) / MISFIT
    mean, sd = apart.mean(("chain", "draw")), apart.std(("chain", "draw"))
    own = np.sqrt(1.0 - SMOOTH_SHARE)
    np.testing.assert_allclose(mean, [3.0 * np.sqrt(SMOOTH_SHARE)] * 2 + [0.0], atol=0.15)
    np.testing.assert_allclose(sd[[0, 2]], [own, 1.0], rtol=0.1)


def test_the_points_are_those_of_the_searches_by_default():
    found = ll.scaling_law(make_scaling_tree())
    np.testing.assert_array_equal(found["size"], SIZES)
    np.testing.assert_array_equal(found["data"], DATA)


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_trials_come_closer_to_the_optimum_and_never_beyond(direction):
    tree, sign = make_scaling_tree(direction), 1.0 if direction == "minimize" else -1.0
    found = ll.scaling_law(tree, size=1e10, data=1e10, trials=[10, 100, 1000])
    left = sign * (found["best"] - found["optimum"])
    assert found["best"].dims == ("chain", "draw", "point", "budget")
    means = left.mean(("chain", "draw", "point")).to_numpy()
    assert (np.diff(means) < 0).all()
    assert means[-1] < 0.02


def test_the_split_has_the_lowest_law():
    compute = np.array([1e18, 1e21])
    found = ll.scaling_law(make_scaling_tree(), compute=compute)
    np.testing.assert_allclose(
        6.0 * found["split_size"] * found["split_data"],
        np.broadcast_to(compute, found["split_size"].shape),
    )
    for place, budget in enumerate(compute):
        best = minimize_scalar(
            lambda log_n, budget=budget: law(np.exp(log_n), budget / 6.0 / np.exp(log_n)),
            bounds=(10.0, 30.0),
            method="bounded",
        )
        own = found.isel(compute=place, chain=0, draw=0)
        assert float(np.log(own["split_size"])) == pytest.approx(best.x, abs=1e-3)
        assert float(own["split_law"]) == pytest.approx(best.fun, rel=1e-9)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 1e9}, "data"),
        ({"size": [1e9, 0.0], "data": 1e9}, "size"),
        ({"size": "large", "data": 1e9}, "size"),
        ({"size": [1e9, 1e9], "data": [1e9, 1e9, 1e9]}, "2 and 3"),
        ({"trials": [0]}, "trials"),
        ({"compute": -1.0}, "compute"),
    ],
)
def test_what_cannot_be_asked_is_one_line(options, words):
    with pytest.raises(LeadlineError, match=words):
        ll.scaling_law(make_scaling_tree(), **options)


def test_what_the_law_does_not_have_is_refused():
    with pytest.raises(LeadlineError, match="no scaling law"):
        ll.scaling_law(make_tree(draws=4))
    one = make_scaling_tree(data=False)
    with pytest.raises(LeadlineError, match="data"):
        ll.scaling_law(one, size=1e9, data=1e9)
    with pytest.raises(LeadlineError, match="split"):
        ll.scaling_law(one, compute=1e18)


def test_the_sentences_have_the_numbers():
    from leadline.stats.scaling_sentences import law_sentences

    text = " ".join(law_sentences(make_scaling_tree()))
    assert f"{LAW['irreducible']}" in text
    assert "3e10" in text
