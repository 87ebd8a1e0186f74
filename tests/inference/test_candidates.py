"""Which thresholds are tried."""

import numpy as np
import pytest

import leadline as ll
from leadline.data.scale import SCALES
from leadline.errors import LeadlineError
from leadline.inference.candidates import candidates_of, scales_of, validate_tail_fractions
from leadline.models.priors import Priors

IDENTITY = [SCALES["identity"]]


def trials(n, n_failed=0, direction="minimize", digits=None, seed=0):
    score = 0.2 + 0.6 * np.random.default_rng(seed).random(n)
    if digits is not None:
        score = np.round(score, digits)
    score[:n_failed] = np.nan
    return ll.from_scores(score, direction=direction)


def found(search, scales=IDENTITY, fractions=None, threshold=None, resolution=None):
    return candidates_of(
        search, Priors(), scales, fractions, threshold=threshold, resolution=resolution
    )


@pytest.mark.parametrize(
    ("n", "n_failed", "counts"),
    [
        (48, 0, [10, 14, 19, 24, 29, 34]),
        (512, 71, [26, 51, 77, 102, 154, 205, 256, 307, 358]),
        (1024, 0, [20, 51, 102, 154, 205, 307, 410, 512, 614, 717]),
        (48, 20, [10, 14, 19, 24]),  # only 28 have a score
        (12, 0, [8]),  # none of the grid: as few as there may be
        (40, 31, [8]),
    ],
)
def test_the_grid_is_as_wide_and_as_deep_as_the_search_allows(n, n_failed, counts):
    ((*candidates,),) = found(trials(n, n_failed))
    assert [candidate.search.regime.n_tail for candidate in candidates] == counts
    for candidate in candidates[1:]:
        odds = candidate.log_prior - candidates[0].log_prior
        expected = candidates[0].tail_fraction / candidate.tail_fraction
        assert odds == pytest.approx(2 * np.log(expected))


def test_too_few_trials_are_counted_in_the_error():
    with pytest.raises(LeadlineError, match=r"7 of 30 trials have a score, and at least 8 .* more"):
        found(trials(30, 23))


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_a_threshold_is_the_only_candidate(direction):
    ((only,),) = found(trials(60, direction=direction), threshold=0.5)
    inside = trials(60).table["score"] <= 0.5
    count = inside.sum() if direction == "minimize" else (~inside).sum()
    assert only.search.regime.n_tail == count
    assert np.isnan(only.tail_fraction)


def test_named_fractions_have_their_prior_weights():
    (candidates,) = found(trials(100), fractions=validate_tail_fractions({0.4: 3, 0.2: 1}))
    assert [candidate.tail_fraction for candidate in candidates] == [0.2, 0.4]
    assert candidates[1].log_prior - candidates[0].log_prior == pytest.approx(np.log(3))
    assert validate_tail_fractions([0.3, 0.1]) == {0.1: 1.0, 0.3: 1.0}
    assert validate_tail_fractions(np.array([0.3])) == {0.3: 1.0}
    assert validate_tail_fractions(None) is None


def test_a_candidate_that_cannot_be_used_is_passed_over_unless_it_is_the_only_one():
    score = np.concatenate([np.full(20, 0.2), 0.3 + 0.01 * np.arange(80)])
    search = ll.from_scores(score, direction="minimize")
    (candidates,) = found(search, fractions={0.1: 1.0, 0.2: 1.0, 0.5: 1.0}, resolution=0)
    assert [candidate.tail_fraction for candidate in candidates] == [0.5]
    with pytest.raises(LeadlineError, match=r"at least half of the 20 scores .* are equal"):
        found(search, fractions={0.1: 1.0})
    with pytest.raises(LeadlineError, match="at least half"):
        found(search, fractions={0.1: 1.0, 0.2: 1.0})


def test_one_grid_serves_all_candidates_and_a_fine_one_is_ignored():
    (coarse,) = found(trials(300, digits=2))
    (grid,) = {candidate.search.regime.resolution for candidate in coarse}
    assert grid == pytest.approx(0.01, rel=1e-6)
    # 600 of 60,000 places: ties show in the wide tails only.
    fine = trials(600, digits=5, seed=3)
    ties = [
        candidate.search.regime.resolution
        for candidate in found(fine, fractions={0.1: 1.0, 0.7: 1.0})[0]
    ]
    assert set(ties) == {0.0}
    alone = found(fine, fractions={0.7: 1.0})[0][0].search.regime.resolution
    assert alone == pytest.approx(1e-5, rel=1e-3)  # there were some


def test_candidates_with_the_same_trials_are_one():
    (candidates,) = found(trials(40), fractions={0.25: 1.0, 0.251: 1.0, 0.5: 1.0})
    assert [candidate.search.regime.n_tail for candidate in candidates] == [10, 20]


def test_scales_have_the_same_trials_in_their_tails():
    search = trials(60, direction="maximize")
    scales = scales_of(search, "auto")
    by_scale = found(search, scales=scales)
    assert [of_scale[0].search.regime.scale.name for of_scale in by_scale] == [
        "identity",
        "log",
        "logit",
    ]
    for same in zip(*by_scale, strict=True):
        rows = [candidate.search.regime.rows.tolist() for candidate in same]
        assert rows[0] == rows[1] == rows[2]
    (alone,) = found(search)
    assert by_scale[0][0].log_prior == pytest.approx(alone[0].log_prior - np.log(3))
