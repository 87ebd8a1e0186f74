"""Which thresholds are tried."""

import numpy as np
import pandas as pd
import pytest

import leadline as ll
from leadline.errors import LeadlineError
from leadline.inference.candidates import candidates_of, space_names, validate_tail_fractions
from leadline.models.priors import Priors


def trials(n, n_failed=0, direction="minimize", digits=None, seed=0):
    score = 0.2 + 0.6 * np.random.default_rng(seed).random(n)
    if digits is not None:
        score = np.round(score, digits)
    score[:n_failed] = np.nan
    return ll.from_scores(score, direction=direction)


def found(search, **options):
    return candidates_of(search, search.searches[0], Priors(), **options)


def numbers(candidates, name):
    """Return a variable of the one search of each candidate."""
    return [tail[name].to_numpy()[0] for tail in candidates]


@pytest.mark.parametrize(
    ("n", "n_failed", "counts"),
    [
        (48, 0, [10, 14, 22, 34]),
        (512, 71, [26, 51, 102, 154, 230, 358]),
        (1024, 0, [20, 51, 102, 205, 307, 461, 717]),
        (48, 20, [10, 14, 22]),  # only 28 have a score
        (12, 0, [8]),  # none of the grid: as few as there may be
        (40, 31, [8]),
    ],
)
def test_the_grid_is_as_wide_and_as_deep_as_the_search_allows(n, n_failed, counts):
    candidates = found(trials(n, n_failed))
    assert numbers(candidates, "n_tail") == counts
    assert len(set(numbers(candidates, "log_prior_weight"))) == 1


def test_a_search_that_is_pooled_may_be_smaller():
    assert numbers(found(trials(6), min_tail=2), "n_tail") == [2, 3, 4]
    # As wide as that of a search alone, where there are enough trials.
    assert numbers(found(trials(48), min_tail=2), "n_tail")[0] == 10


def test_too_few_trials_are_counted_in_the_error():
    with pytest.raises(LeadlineError, match=r"7 of 30 .* 8 "):
        found(trials(30, 23))


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_a_threshold_is_the_only_candidate(direction):
    (only,) = found(trials(60, direction=direction), threshold=0.5)
    inside = trials(60).table["score"] <= 0.5
    count = inside.sum() if direction == "minimize" else (~inside).sum()
    assert numbers([only], "n_tail") == [count]
    assert np.isnan(only["tail_fraction"]).all()


def test_named_fractions_have_their_prior_weights():
    candidates = found(trials(100), fractions=validate_tail_fractions({0.4: 3, 0.2: 1}))
    assert numbers(candidates, "tail_fraction") == [0.2, 0.4]
    odds = np.diff(numbers(candidates, "log_prior_weight"))
    np.testing.assert_allclose(odds, np.log(3))
    assert validate_tail_fractions([0.3, 0.1]) == {0.1: 1.0, 0.3: 1.0}
    assert validate_tail_fractions(np.array([0.3])) == {0.3: 1.0}
    assert validate_tail_fractions(None) is None


def test_a_candidate_that_cannot_be_used_is_passed_over_unless_it_is_the_only_one():
    score = np.concatenate([np.full(20, 0.2), np.full(8, 0.3), 0.4 + 0.01 * np.arange(72)])
    search = ll.from_scores(score, direction="minimize")
    candidates = found(search, fractions={0.1: 1.0, 0.2: 1.0, 0.5: 1.0}, resolution=0)
    assert numbers(candidates, "tail_fraction") == [0.5]
    # No tail is left: the best score is a plateau.
    for fractions in ({0.1: 1.0}, {0.1: 1.0, 0.2: 1.0}):
        assert found(search, fractions=fractions) == []


def test_one_grid_serves_all_candidates_and_a_fine_one_is_ignored():
    (grid,) = set(numbers(found(trials(300, digits=2)), "resolution"))
    assert grid == pytest.approx(0.01, rel=1e-6)
    # 600 of 60,000 places: ties show in the wide tails only.
    fine = trials(600, digits=5, seed=3)
    ties = numbers(found(fine, fractions={0.1: 1.0, 0.7: 1.0}), "resolution")
    assert set(ties) == {0.0}
    (alone,) = numbers(found(fine, fractions={0.7: 1.0}), "resolution")
    assert alone == pytest.approx(1e-5, rel=1e-3)  # there were some


def test_candidates_with_the_same_trials_are_one():
    candidates = found(trials(40), fractions={0.25: 1.0, 0.251: 1.0, 0.5: 1.0})
    assert numbers(candidates, "n_tail") == [10, 20]


def test_scales_have_the_same_trials_in_their_tails():
    search = trials(60, direction="maximize")
    candidates, alone = found(search, scale="auto"), found(search)
    names = numbers(candidates, "scale")
    assert list(dict.fromkeys(names)) == ["identity", "log", "logit"]
    assert len(candidates) == 3 * len(alone)
    for number, tail in enumerate(candidates):
        same = alone[number % len(alone)]
        np.testing.assert_array_equal(tail["row"], same["row"])
        expected = same["log_prior_weight"] - np.log(3)
        np.testing.assert_allclose(tail["log_prior_weight"], expected)


def test_spaces_are_named_or_are_those_of_the_hyperparameters():
    table = pd.DataFrame({"task": [*"ab"] * 12, "model": [*"xy"] * 12, "score": np.arange(24.0)})
    is_b = table["task"] == "b"
    deep = {"param:lr": 0.1, "param:depth": np.where(is_b, 3.0, np.nan)}
    for columns, expected in (
        ({}, ["x", "y"]),
        (deep, ["param:lr", "param:depth, param:lr"]),
        (deep | {"space": np.where(is_b, "two", "one")}, ["one", "two"]),
    ):
        names = space_names(ll.Trials(table.assign(**columns), "minimize"))
        assert names == dict(zip([("a", "x"), ("b", "y")], expected, strict=True))


@pytest.mark.parametrize(
    ("columns", "priors", "bound"),
    [
        ({}, Priors(), 10),
        ({"param:a": 0.1}, Priors(), 2),
        ({"param:a": 0.1, "param:b": 1, "param:c": 2}, Priors(), 3),
        ({"param:a": 0.1}, Priors(max_effective_dim=4.5), 4.5),
    ],
)
def test_the_effective_dimension_is_bounded_by_the_hyperparameters(columns, priors, bound):
    search = ll.Trials(trials(40).table.drop(columns="status").assign(**columns), "minimize")
    (tail,) = candidates_of(
        search, search.searches[0], priors, fractions={0.5: 1.0}, space="its space"
    )
    assert numbers([tail], "max_effective_dim") == [bound]
    assert numbers([tail], "space") == ["its space"]
