"""The best guided trial where guided trials are no evidence: its luck, and the optimum."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from helpers import make_tree
from helpers_plateau import plateau_scores

import leadline as ll
from leadline.inference.guided_law import _draw_law
from leadline.stats.best_seen import expected_best_loss
from leadline.stats.fitted_search import fitted_search, search_names

NOISE = 0.05


def search():
    """Return a fitted search whose noise is known."""
    tree = make_tree(draws=200)
    found = fitted_search(tree, search_names(tree)[0])
    return dataclasses.replace(found, sigma=np.full_like(found.sigma, NOISE))


def expected(own, losses):
    start, edge, dimension = (
        values[:, None] for values in _draw_law(own, losses, np.ones_like(losses))
    )
    own = dataclasses.replace(
        own,
        best_loss=float(losses.min()),
        best_seeds=1,
        guided_best=True,
        guided_alpha=start,
        guided_beta=edge,
        guided_gamma=dimension,
    )
    return expected_best_loss(own)


def test_the_best_of_many_equal_trials_was_lucky_and_one_alone_was_not():
    own = search()
    at = float(own.threshold.min()) - 10 * NOISE
    luck = np.random.default_rng(2).standard_normal(60)
    many = expected(own, at + NOISE * luck)
    low, high = np.quantile(many, [0.1, 0.9])
    assert low < at < high
    assert low > at + NOISE * luck.min() + NOISE
    alone = expected(own, np.array([at]))
    assert abs(np.median(alone) - at) < 0.5 * NOISE
    assert 0.5 * NOISE < alone.std() < 1.5 * NOISE


def test_a_trial_far_better_than_the_others_is_believed():
    own = search()
    at = float(own.threshold.min()) - 20 * NOISE
    others = at + NOISE * (15 + np.arange(30) / 10)
    found = expected(own, np.append(others, at))
    assert at - NOISE < np.median(found) < at + 2 * NOISE


@pytest.mark.parametrize(("direction", "sign"), [("minimize", 1.0), ("maximize", -1.0)])
def test_the_optimum_of_a_plateau_is_the_best_guided_trial(direction, sign):
    random = pd.DataFrame({"score": plateau_scores(sign), "drawn": "random"})
    guided = pd.DataFrame({"score": [-sign], "drawn": "guided"})
    both = ll.Trials(pd.concat([random, guided], ignore_index=True), direction)
    fit = ll.fit(both, chains=2, draws=20, random_seed=1, progressbar=False)
    assert (fit["posterior"]["optimum"] == -sign).all()
    assert ll.summary(fit)["best_seen"].tolist() == [-sign]
