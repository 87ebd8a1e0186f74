"""Trials needed against simulation from the law."""

import numpy as np
import pytest
from helpers import ALPHA, SIGMA, make_averaged_tree, make_tree, make_trials, simulate_losses

from leadline.stats.fitted_search import best_trial, fitted_search
from leadline.stats.trials_needed import MAX_TRIALS, Closeness, limit_on_scale, trials_needed

SEARCHES = 4000
WITHIN = 0.03
NAME = "digits / mlp"


@pytest.fixture(scope="module", params=["minimize", "maximize"])
def certain(request):
    trials = make_trials(request.param, n=40, n_failed=0)
    return make_tree(trials, tail_fraction=1.0, spread_of_draws=1e-9, draws=20)


def simulated_chance(best, m):
    """Return how often the trial that measures best, of the seen one and m others, is close."""
    expected, measured = (part.reshape(SEARCHES, m) for part in simulate_losses(SEARCHES * m, 11))
    index = np.arange(SEARCHES), measured.argmin(axis=1)
    new, of_new = measured[index], expected[index]
    # The expected loss of the best seen, given what it measured: trials like it.
    many, looked = simulate_losses(4_000_000, 12)
    like = many[np.abs(looked - best) < 0.001]
    seen = np.random.default_rng(13).choice(like, SEARCHES)
    return (np.where(new < best, of_new, seen) <= ALPHA + WITHIN).mean()


def test_the_chance_is_that_of_simulated_searches(certain):
    best, _ = best_trial(certain, NAME)
    closeness = Closeness(certain, NAME, WITHIN)
    for m in (1, 20, 200):
        assert closeness(m) == pytest.approx(simulated_chance(best, m), abs=0.033)


def test_the_number_is_the_smallest_with_that_probability(certain):
    closeness = Closeness(certain, NAME, WITHIN)
    for probability in (0.7, 0.95):
        needed = int(trials_needed(certain, WITHIN, probability=probability).item())
        assert needed > 1
        assert closeness(needed - 1) < probability <= closeness(needed)


def test_close_enough_already_and_never(certain):
    assert trials_needed(certain, 0.3).item() == 0
    # A tenth of the noise: one run does not show which of the best trials is that close.
    never = trials_needed(certain, 0.1 * SIGMA, probability=0.99)
    assert np.isinf(never.item())
    assert never.attrs["max_trials"] == MAX_TRIALS


def test_within_may_be_relative_to_the_optimum(certain):
    # The optimum is 0.2 in every draw.
    absolute, relative = (Closeness(certain, NAME, within) for within in (0.02, "10%"))
    for m in (10, 100):
        assert relative(m) == pytest.approx(absolute(m), rel=1e-9)


def test_every_search_has_its_number():
    tree = make_tree(make_trials(searches=(("a", "m"), ("b", "m"))), draws=50)
    found = trials_needed(tree, 0.1)
    assert found.dims == ("search",)
    assert found["task"].to_numpy().tolist() == ["a", "b"]


def test_on_the_log_scale_the_limit_is_in_score_units():
    tree = make_averaged_tree(make_trials(), [0.4], [1.0], scale="log")
    search = fitted_search(tree, NAME)
    limit = search.expected_in_score_units(search.alpha) + 0.02
    place = limit_on_scale(search, limit)
    assert search.expected_in_score_units(place) == pytest.approx(limit, rel=1e-9)
    closeness = Closeness(tree, NAME, 0.02)
    assert closeness(1) < closeness(50) < closeness(500)
