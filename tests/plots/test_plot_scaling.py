"""The picture of a scaling law."""

import numpy as np
import pytest
from helpers import make_tree
from helpers_scaling import DATA, SIZES, law, make_scaling_tree

import leadline as ll
from leadline.errors import LeadlineError
from leadline.plots.gallery import pictures_of
from leadline.plots.plot_scaling import _ticks


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_the_numbers_are_those_of_the_answers(direction):
    sign = 1.0 if direction == "minimize" else -1.0
    tree = make_scaling_tree(direction, departures=np.zeros(len(SIZES)))
    numbers = ll.scaling_numbers(tree, ci_prob=0.8)
    assert numbers["covariate"].to_numpy().tolist() == ["size", "data"]
    own = numbers.sel(covariate="size")
    middle = np.exp(np.log(DATA).mean())
    np.testing.assert_allclose(own["law"], law(own["position"].to_numpy(), middle, sign))
    assert float(own["position"].max()) == pytest.approx(10 * SIZES.max())
    assert (own["lower"] < own["law"]).all()
    assert (own["law"] < own["upper"]).all()
    # Moved along the law, a search keeps its misfit.
    apart = own["optimum"] - law(SIZES, middle, sign)
    assert float(np.abs(apart).max()) < 0.02
    assert numbers.sizes["search"] == len(SIZES)


@pytest.mark.parametrize("backend", ["matplotlib", "plotly", "bokeh", "none"])
def test_it_is_drawn_on_every_backend(backend):
    for package in {"plotly": ("plotly", "webcolors"), "bokeh": ("bokeh",)}.get(backend, ()):
        pytest.importorskip(package)
    made = ll.plot_scaling(make_scaling_tree(draws=20), backend=backend)
    assert made.viz["law"].sizes["covariate"] == 2
    one = make_scaling_tree(data=False, draws=20)
    made = ll.plot_scaling(one, backend=backend, visuals={"best_seen": False, "legend": False})
    assert "best_seen" not in made.viz


def test_it_needs_a_law():
    assert "scaling" in pictures_of(make_scaling_tree(draws=20))
    assert "scaling" not in pictures_of(make_tree(draws=4))
    with pytest.raises(LeadlineError, match="no scaling law"):
        ll.plot_scaling(make_tree(draws=4))


@pytest.mark.parametrize(("low", "high"), [(0.30, 0.40), (6.0, 10.5), (-0.7, 0.6), (8.1, 8.15)])
def test_ticks_are_few_and_inside(low, high):
    places, labels = _ticks(low, high)
    assert 2 <= len(places) <= 5
    assert len(set(labels)) == len(labels)
    assert low <= min(places) <= max(places) <= high
