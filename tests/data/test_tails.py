"""Where the regime starts: every case in both directions, worked out by hand."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import leadline as ll
from leadline.data.regime import MIN_TAIL_TRIALS, Regime, cut
from leadline.errors import LeadlineError

NAN = float("nan")
# Twenty scores, shuffled; no three on a common grid of their own.
LOSS = np.sqrt(np.arange(1, 21))[np.random.default_rng(1).permutation(20)]
BEST = np.sort(LOSS)


def search(loss, sign=1, **columns):
    """Return a search with these losses, as scores to minimise (sign 1) or maximise (−1)."""
    direction = "minimize" if sign == 1 else "maximize"
    if columns:
        table = pd.DataFrame({"score": sign * np.asarray(loss), **columns})
        return ll.Trials(table, direction)
    nested = [
        [sign * x for x in entry] if isinstance(entry, list) else sign * entry for entry in loss
    ]
    return ll.from_scores(nested, direction=direction)


def assert_same(one, other, but=()):
    for entry in dataclasses.fields(Regime):
        if entry.name not in but:
            np.testing.assert_array_equal(
                getattr(one, entry.name), getattr(other, entry.name), err_msg=entry.name
            )


@pytest.fixture(params=[1, -1], ids=["minimize", "maximize"])
def sign(request):
    return request.param


def test_a_fraction_starts_midway_to_the_next_score(sign):
    regime = cut(search(LOSS, sign), tail_fraction=0.5)
    assert regime.n_tail == 10
    assert regime.threshold == pytest.approx((BEST[9] + BEST[10]) / 2, rel=1e-15)
    assert regime.best == BEST[0]
    assert regime.tail_scale == pytest.approx(regime.threshold - (BEST[4] + BEST[5]) / 2, rel=1e-15)
    assert regime.resolution == 0
    assert not regime.replicated
    # In the order of the trials, so that rows point to them.
    np.testing.assert_array_equal(regime.rows, np.flatnonzero(BEST[9] >= LOSS))
    np.testing.assert_array_equal(regime.loss, LOSS[regime.rows])


def test_the_directions_are_mirrored():
    for options in ({"tail_fraction": 0.6}, {"tail_fraction": 0.6, "resolution": 0.01}):
        assert_same(cut(search(LOSS, 1), **options), cut(search(LOSS, -1), **options))
    assert_same(cut(search(LOSS, 1), threshold=3.3), cut(search(LOSS, -1), threshold=-3.3))


def test_a_threshold_is_a_fraction_in_score_units(sign):
    trials = search(LOSS, sign)
    by_fraction = cut(trials, tail_fraction=0.5)
    by_threshold = cut(trials, threshold=sign * by_fraction.threshold)
    assert_same(by_fraction, by_threshold)


def test_a_score_at_the_threshold_is_inside(sign):
    trials = search(LOSS, sign)
    at = cut(trials, threshold=sign * BEST[11])
    assert at.n_tail == 12
    assert at.threshold == BEST[11]
    short = cut(trials, threshold=sign * np.nextafter(BEST[11], -np.inf))
    assert short.n_tail == 11


def test_ties_at_the_edge_are_all_inside(sign):
    loss = [*BEST[:8], BEST[9], BEST[9], BEST[9], *BEST[12:]]
    regime = cut(search(loss, sign), tail_fraction=9 / len(loss), resolution=0)
    assert regime.n_tail == 11
    assert regime.threshold == pytest.approx((BEST[9] + BEST[12]) / 2, rel=1e-15)


def test_all_trials_can_be_past_the_threshold(sign):
    regime = cut(search(LOSS, sign), tail_fraction=1.0)
    assert regime.n_tail == 20
    assert regime.threshold == BEST[-1]


@pytest.mark.parametrize("status", [None, ["complete"] * 20 + ["failed"] * 10 + ["pruned"] * 10])
def test_failed_and_pruned_trials_count_and_are_never_inside(sign, status):
    # A pruned trial may carry a very good intermediate value.
    extra = [NAN] * 20 if status is None else [NAN] * 10 + [-100.0] * 10
    columns = {} if status is None else {"status": status}
    regime = cut(search([*LOSS, *extra], sign, **columns), tail_fraction=0.25)
    assert regime.n_tail == 10
    assert regime.group_trials.tolist() == [40]
    assert regime.group_in_regime.tolist() == [10]
    assert_same(regime, cut(search(LOSS, sign), tail_fraction=0.5), but=("group_trials",))


def test_running_trials_do_not_count():
    status = ["complete"] * 20 + ["running"] * 20
    running = cut(search([*LOSS, *[NAN] * 20], status=status), tail_fraction=0.5)
    assert_same(running, cut(search(LOSS), tail_fraction=0.5))


def test_trials_are_grouped_by_their_number_of_replicates(sign):
    # Means are exact in binary; the sums of squares are 2 · 0.25² and 2 · 0.5².
    twice = [[x - 0.25, x + 0.25] for x in range(1, 11)]
    thrice = [[x - 0.5, x, x + 0.5] for x in range(1, 7)]
    once = [x + 0.125 for x in range(1, 9)]
    failed = [[1.0, NAN], NAN]
    trials = search([*twice, *thrice, *once, *failed], sign)
    regime = cut(trials, threshold=sign * 5.5, resolution=0)
    assert regime.group_replicates.tolist() == [1, 2, 3]
    assert regime.group_trials.tolist() == [9, 11, 6]
    assert regime.group_in_regime.tolist() == [5, 5, 5]
    assert regime.n_tail == 15
    assert regime.replicated
    # Fewest seeds first, each in the order of the trials.
    np.testing.assert_array_equal(regime.replicates, [1] * 5 + [2] * 5 + [3] * 5)
    np.testing.assert_allclose(regime.sum_of_squares, [0] * 5 + [0.125] * 5 + [0.5] * 5)
    np.testing.assert_array_equal(regime.rows, [*range(16, 21), *range(5), *range(10, 15)])
    np.testing.assert_array_equal(regime.loss[5:10], [1, 2, 3, 4, 5])
    assert regime.tail_scale == 5.5 - 3.0


def test_the_best_score_changes_itself_and_nothing_else(sign):
    lower = np.where(BEST[0] == LOSS, -7.25, LOSS)
    for options in ({"tail_fraction": 0.6}, {"threshold": sign * 3.3}):
        one, other = cut(search(LOSS, sign), **options), cut(search(lower, sign), **options)
        assert_same(one, other, but=("loss",))
        np.testing.assert_array_equal(np.sort(one.loss)[1:], np.sort(other.loss)[1:])


def test_the_scale_of_the_scores_is_that_of_the_regime(sign):
    one = cut(search(LOSS, sign), tail_fraction=0.5)
    other = cut(search(8 * LOSS - 64, sign), tail_fraction=0.5)
    assert other.tail_scale == pytest.approx(8 * one.tail_scale, rel=1e-12)
    assert other.threshold == pytest.approx(8 * one.threshold - 64, rel=1e-12)
    np.testing.assert_array_equal(one.rows, other.rows)


# Of the 25 losses on a grid of 0.01, 13 are at most 0.34 and the next is 0.37.
GRID = np.array([20, 22, 23, 23, 26, 27, 28, 29, 30, 31, 33, 33, 34, *range(37, 49)]) / 100


def test_with_a_grid_the_regime_ends_with_a_cell(sign):
    inferred = cut(search(GRID, sign), tail_fraction=13 / 25)
    assert inferred.resolution == pytest.approx(0.01, rel=1e-9)
    assert inferred.threshold == pytest.approx(0.345, rel=1e-9)
    assert inferred.tail_scale == pytest.approx(0.345 - 0.28, rel=1e-9)
    # Whatever was asked for within the cell, or the empty cells after it.
    for threshold in (0.34, 0.343, 0.36):
        same = cut(search(GRID, sign), threshold=sign * threshold, resolution=0.01)
        assert same.threshold == pytest.approx(0.345, rel=1e-12)
        assert same.n_tail == 13


def test_the_resolution_that_is_given_counts(sign):
    given = cut(search(GRID, sign), tail_fraction=13 / 25, resolution=0.002)
    assert given.resolution == 0.002
    assert given.threshold == pytest.approx(0.341, rel=1e-12)
    none = cut(search(GRID, sign), tail_fraction=13 / 25, resolution=0)
    assert none.resolution == 0
    assert none.threshold == pytest.approx((0.34 + 0.37) / 2, rel=1e-12)


def test_ties_outside_the_regime_show_no_grid():
    # Diverged trials that all report the same number say nothing of the good ones.
    assert cut(search([*BEST[:12], *[9.0] * 8]), tail_fraction=0.5).resolution == 0


def test_the_grid_of_a_mean_is_finer():
    seeds = [[x - 0.02, x, x + 0.02] for x in GRID]
    regime = cut(search(seeds), tail_fraction=13 / 25)
    assert regime.resolution == pytest.approx(0.01, rel=1e-9)
    assert regime.threshold == pytest.approx(0.34 + 0.01 / 6, rel=1e-9)


TAIL = {"tail_fraction": 0.5}


@pytest.mark.parametrize(
    ("loss", "options", "words"),
    [
        (LOSS, {}, "either threshold.*or tail_fraction"),
        (LOSS, {"threshold": 3.0, "tail_fraction": 0.5}, "not both"),
        (LOSS, {"tail_fraction": 0}, r"in \(0, 1\], got 0"),
        (LOSS, {"tail_fraction": -0.5}, r"in \(0, 1\], got -0.5"),
        (LOSS, {"tail_fraction": 1.0001}, r"in \(0, 1\], got 1.0001"),
        (LOSS, {"tail_fraction": NAN}, r"in \(0, 1\], got nan"),
        (LOSS, {"tail_fraction": "0.5"}, "tail_fraction must be a number, got '0.5'"),
        (LOSS, {"tail_fraction": True}, "tail_fraction must be a number, got True"),
        (LOSS, {"tail_fraction": [0.2, 0.5]}, "tail_fraction must be a number"),
        (LOSS, {"tail_fraction": 0.01}, r"of 20 trials is less than one.*>= 0.40 \(8 trials\)"),
        (LOSS, {"tail_fraction": 0.35}, r"only 7 of 20 trials.*at least 8.*tail_fraction >= 0.40"),
        (
            [*LOSS, *[NAN] * 20],
            {"tail_fraction": 0.55},
            "asks for 22 of 40 trials, but only 20 have a score; use tail_fraction <= 0.50",
        ),
        (LOSS, {"threshold": "3"}, "threshold must be a number, got '3'"),
        (LOSS, {"threshold": NAN}, "threshold must be a finite number.*nan"),
        (LOSS, {"threshold": np.inf}, "threshold must be a finite number.*inf"),
        (LOSS, TAIL | {"resolution": -0.1}, "resolution must be 0 or more.*got -0.1"),
        (LOSS, TAIL | {"resolution": NAN}, "resolution must be 0 or more.*got nan"),
        (LOSS, TAIL | {"resolution": np.inf}, "resolution must be 0 or more.*got inf"),
        (LOSS, TAIL | {"resolution": "no"}, "resolution must be a number, got 'no'"),
        ([0.25] * 20, TAIL, "all 20 scores are equal.*right score column"),
        ([0.25] * 12 + [*BEST], {"tail_fraction": 0.3}, "at least half of the 12 scores.*equal"),
    ],
)
def test_what_cannot_be_cut(sign, loss, options, words):
    with pytest.raises(LeadlineError, match=words) as caught:
        cut(search(loss, sign), **options)
    assert "\n" not in str(caught.value)


def test_a_threshold_outside_the_scores_names_their_range(sign):
    for threshold in (BEST[0] - 0.1, BEST[-1] + 0.1):
        low, high = sorted((sign * BEST[0], sign * BEST[-1]))
        with pytest.raises(LeadlineError, match=f"run from {low:g} to {high:g}"):
            cut(search(LOSS, sign), threshold=sign * threshold)


def test_a_threshold_with_too_few_scores_names_it_in_score_units(sign):
    with pytest.raises(LeadlineError, match=f"only 3 of 20 trials .* threshold {sign * 1.8:g};"):
        cut(search(LOSS, sign), threshold=sign * 1.8)


def test_as_many_as_needed_are_enough():
    assert cut(search(LOSS), threshold=BEST[MIN_TAIL_TRIALS - 1]).n_tail == MIN_TAIL_TRIALS


def test_half_of_the_tail_at_the_threshold_has_no_scale(sign):
    loss = [*BEST[:6], *[4.0] * 14, 5.0]
    with pytest.raises(LeadlineError, match=f"equal to it \\({sign * 4:g}\\)"):
        cut(search(loss, sign), threshold=sign * 4.0, resolution=0)
