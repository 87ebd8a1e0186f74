"""Entries of a group share one component: densities by hand, and draws."""

import numpy as np
import pymc as pm
import pytensor
import pytest
from scipy.special import log_softmax, logsumexp
from scipy.stats import norm

from leadline.models.joint_mixture import joint_mixture

RNG = np.random.default_rng(3)
GROUP = np.array([0, 1, 1, 0, 1])
# The second group has no third component.
LOG_WEIGHT = np.array([[0.3, -1.0, 0.5], [0.0, 2.0, -np.inf]])
# By entry; the means are by component, and by component and entry.
SD = np.array([0.5, 1.0, 2.0, 0.7, 1.5])
MEANS = {
    "by component": np.array([[-90.0], [0.5], [90.0]]),
    "by component and entry": np.array([[-90.0], [0.5], [90.0]]) + RNG.normal(size=(3, 5)),
}


@pytest.fixture(params=MEANS)
def mean(request):
    return MEANS[request.param]


@pytest.fixture
def model(mean):
    with pytensor.config.change_flags(mode="FAST_COMPILE"), pm.Model() as model:
        log_weight = pm.Data("log_weight", LOG_WEIGHT)
        group = pm.Data("group", GROUP)
        joint_mixture("y", pm.Normal, log_weight, (mean, SD), group)
        yield model


def test_density_is_the_sum_over_components(model, mean):
    logp = model.compile_logp()
    # Near one component or the other, so that the sums have more than one term.
    for value in (RNG.normal(0, 2, 5), RNG.normal(45, 2, 5), RNG.normal(-90, 2, 5)):
        each = norm.logpdf(value, mean, SD)
        of_group = np.stack([each[:, group == GROUP].sum(axis=1) for group in (0, 1)])
        weighted = log_softmax(LOG_WEIGHT, axis=1) + of_group
        assert logp({"y": value}) == pytest.approx(logsumexp(weighted, axis=1).sum(), rel=1e-12)


def test_gradient_is_finite_where_a_component_has_no_weight(model):
    gradient = model.compile_dlogp()
    assert np.isfinite(gradient({"y": np.zeros(5)})).all()


def test_entries_of_a_group_are_drawn_from_one_component(model):
    drawn = pm.draw(model["y"], 600, random_seed=1)
    component = np.round(drawn / 90).astype(int) + 1
    for group in (0, 1):
        mine = component[:, group == GROUP]
        assert (mine == mine[:, :1]).all()
        share = np.bincount(mine[:, 0], minlength=3) / len(mine)
        weight = np.exp(log_softmax(LOG_WEIGHT[group]))
        # Four standard errors.
        np.testing.assert_allclose(share, weight, atol=4 * np.sqrt(0.25 / 600))
    # Other groups have their own: of all pairs of components each occurs.
    pairs = {tuple(pair) for pair in component[:, :2].tolist()}
    assert len(pairs) == 6
