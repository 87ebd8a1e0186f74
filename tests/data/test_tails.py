"""Tails cut at thresholds and fractions, in both directions, worked out by hand."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import leadline as ll
from leadline.data.scale import SCALES
from leadline.data.tails import (
    MIN_TAIL_TRIALS,
    cut_tail,
    join_tails,
    noise_scale,
    scores_of,
    trial_losses,
    with_guided,
    without_trial,
)
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


def assert_same(one, other, but=("tail_fraction",)):
    xr.testing.assert_equal(one.drop_vars(but), other.drop_vars(but))


def number(tail, name):
    """Return a variable of the one search."""
    return tail[name].to_numpy()[0]


@pytest.fixture(params=[1, -1], ids=["minimize", "maximize"])
def sign(request):
    return request.param


def test_a_fraction_starts_midway_to_the_next_score(sign):
    tail = cut_tail(search(LOSS, sign), tail_fraction=0.5, max_effective_dim=3, space="s")
    edge = (BEST[9] + BEST[10]) / 2
    assert number(tail, "n_tail") == 10
    assert number(tail, "threshold") == pytest.approx(edge, rel=1e-15)
    assert number(tail, "best_loss") == BEST[0]
    median = (BEST[4] + BEST[5]) / 2
    assert number(tail, "tail_scale") == pytest.approx(edge - median, rel=1e-15)
    known = {"resolution": 0, "tail_fraction": 0.5, "max_effective_dim": 3, "scale": "identity"}
    assert {name: number(tail, name) for name in known} == known
    assert tail.attrs["loss_sign"] == sign
    assert [number(tail, name) for name in ("task", "model", "space")] == ["task", "model", "s"]
    # In the order of the trials, so that rows point to them.
    np.testing.assert_array_equal(tail["row"], np.flatnonzero(BEST[9] >= LOSS))
    np.testing.assert_array_equal(tail["loss"], LOSS[tail["row"]])
    assert scores_of(tail, tail["threshold"])[0] == pytest.approx(sign * edge, rel=1e-15)


def test_the_directions_are_mirrored():
    for options in (
        {"tail_fraction": 0.6},
        {"tail_fraction": 0.6, "resolution": 0.01},
        {"threshold": 3.3},
    ):
        mirrored = {k: -v if k == "threshold" else v for k, v in options.items()}
        assert_same(cut_tail(search(LOSS, 1), **options), cut_tail(search(LOSS, -1), **mirrored))


def test_a_threshold_is_a_fraction_in_score_units(sign):
    trials = search(LOSS, sign)
    by_fraction = cut_tail(trials, tail_fraction=0.5)
    by_threshold = cut_tail(trials, threshold=sign * number(by_fraction, "threshold"))
    assert_same(by_fraction, by_threshold)
    assert np.isnan(number(by_threshold, "tail_fraction"))


def test_a_threshold_of_zero_is_one(sign):
    tail = cut_tail(search(LOSS - 3.0, sign), threshold=0.0)
    assert number(tail, "threshold") == 0
    assert number(tail, "n_tail") == 9


def test_a_score_at_the_threshold_is_inside(sign):
    trials = search(LOSS, sign)
    at = cut_tail(trials, threshold=sign * BEST[11])
    assert number(at, "n_tail") == 12
    assert number(at, "threshold") == BEST[11]
    short = cut_tail(trials, threshold=sign * np.nextafter(BEST[11], -np.inf))
    assert number(short, "n_tail") == 11


def test_ties_at_the_edge_are_all_inside(sign):
    loss = [*BEST[:8], BEST[9], BEST[9], BEST[9], *BEST[12:]]
    tail = cut_tail(search(loss, sign), tail_fraction=9 / len(loss), resolution=0)
    assert number(tail, "n_tail") == 11
    assert number(tail, "threshold") == pytest.approx((BEST[9] + BEST[12]) / 2, rel=1e-15)


def test_all_trials_can_be_beyond_the_threshold(sign):
    tail = cut_tail(search(LOSS, sign), tail_fraction=1.0)
    assert number(tail, "n_tail") == 20
    assert number(tail, "threshold") == BEST[-1]


@pytest.mark.parametrize("status", [None, ["complete"] * 20 + ["failed"] * 10 + ["pruned"] * 10])
def test_failed_and_pruned_trials_count_and_are_never_inside(sign, status):
    # A pruned trial may carry a very good intermediate value.
    extra = [NAN] * 20 if status is None else [NAN] * 10 + [-100.0] * 10
    columns = {} if status is None else {"status": status}
    tail = cut_tail(search([*LOSS, *extra], sign, **columns), tail_fraction=0.25)
    assert number(tail, "n_tail") == 10
    assert tail["group_trials"].to_numpy().tolist() == [40]
    assert tail["n_exceedances"].to_numpy().tolist() == [10]
    other = cut_tail(search(LOSS, sign), tail_fraction=0.5)
    assert_same(tail, other, but=("group_trials", "tail_fraction"))


def test_running_trials_do_not_count():
    status = ["complete"] * 20 + ["running"] * 20
    running = cut_tail(search([*LOSS, *[NAN] * 20], status=status), tail_fraction=0.5)
    assert_same(running, cut_tail(search(LOSS), tail_fraction=0.5))


@pytest.fixture
def replicated(sign):
    # Means are exact in binary; the sums of squares are 2 · 0.25² and 2 · 0.5².
    twice = [[x - 0.25, x + 0.25] for x in range(1, 11)]
    thrice = [[x - 0.5, x, x + 0.5] for x in range(1, 7)]
    once = [x + 0.125 for x in range(1, 9)]
    failed = [[1.0, NAN], NAN]
    trials = search([*twice, *thrice, *once, *failed], sign)
    return cut_tail(trials, threshold=sign * 5.5, resolution=0)


def test_trials_are_grouped_by_their_number_of_replicates(replicated):
    tail = replicated
    assert tail["group_replicates"].to_numpy().tolist() == [1, 2, 3]
    assert tail["group_trials"].to_numpy().tolist() == [9, 11, 6]
    assert tail["n_exceedances"].to_numpy().tolist() == [5, 5, 5]
    assert number(tail, "n_tail") == 15
    # Fewest seeds first, each in the order of the trials.
    np.testing.assert_array_equal(tail["replicates"], [1] * 5 + [2] * 5 + [3] * 5)
    np.testing.assert_allclose(tail["sum_of_squares"], [0] * 5 + [0.125] * 5 + [0.5] * 5)
    np.testing.assert_array_equal(tail["row"], [*range(16, 21), *range(5), *range(10, 15)])
    np.testing.assert_array_equal(tail["loss"][5:10], [1, 2, 3, 4, 5])
    assert number(tail, "tail_scale") == 5.5 - 3.0


def test_without_a_trial_its_counts_are_one_less(replicated):
    tail = without_trial(replicated, 5)  # The best of those with two seeds.
    np.testing.assert_array_equal(tail["loss"], np.delete(replicated["loss"].to_numpy(), 5))
    np.testing.assert_array_equal(tail["row"], np.delete(replicated["row"].to_numpy(), 5))
    assert tail["group_trials"].to_numpy().tolist() == [9, 10, 6]
    assert tail["n_exceedances"].to_numpy().tolist() == [5, 4, 5]
    assert (number(tail, "n_tail"), number(tail, "best_loss")) == (14, 1)
    for name in ("threshold", "tail_scale", "resolution"):
        assert number(tail, name) == number(replicated, name)


def test_joined_tails_stand_one_after_the_other(replicated, sign):
    other = cut_tail(search(LOSS, sign), tail_fraction=0.5)
    both = join_tails([replicated, other])
    assert both.attrs == replicated.attrs
    for search_number, own in enumerate((replicated, other)):
        part = both.isel(
            search=[search_number],
            tail_trial=both["tail_search"].to_numpy() == search_number,
            replicate_count=both["group_search"].to_numpy() == search_number,
        )
        assert_same(part, own, but=("tail_search", "group_search"))
    assert join_tails([other]) is other


def test_the_best_score_changes_itself_and_nothing_else(sign):
    lower = np.where(BEST[0] == LOSS, -7.25, LOSS)
    for options in ({"tail_fraction": 0.6}, {"threshold": sign * 3.3}):
        one, other = (cut_tail(search(loss, sign), **options) for loss in (LOSS, lower))
        assert_same(one, other, but=("loss", "best_loss"))
        np.testing.assert_array_equal(np.sort(one["loss"])[1:], np.sort(other["loss"])[1:])


def test_the_units_of_the_scores_are_those_of_the_tail(sign):
    one = cut_tail(search(LOSS, sign), tail_fraction=0.5)
    other = cut_tail(search(8 * LOSS - 64, sign), tail_fraction=0.5)
    scale, edge = (number(one, name) for name in ("tail_scale", "threshold"))
    assert number(other, "tail_scale") == pytest.approx(8 * scale, rel=1e-12)
    assert number(other, "threshold") == pytest.approx(8 * edge - 64, rel=1e-12)
    np.testing.assert_array_equal(one["row"], other["row"])


def test_losses_on_a_scale_are_means_of_its_values():
    trials = search([[0.1, 0.4], 0.2, NAN, *np.linspace(0.5, 0.9, 9)])
    losses = trial_losses(trials, SCALES["log"])
    assert losses["loss"][0] == pytest.approx(np.log([0.1, 0.4]).mean())
    assert losses["loss"][2] == np.inf
    # The derivative of the logarithm, summed over the seeds.
    np.testing.assert_allclose(losses["log_slope"][:2], [-np.log(0.1 * 0.4), -np.log(0.2)])
    tail = cut_tail(trials, tail_fraction=0.7, scale=SCALES["log"], losses=losses)
    assert_same(tail, cut_tail(trials, tail_fraction=0.7, scale=SCALES["log"]))


# 13 of the 25 losses on a grid of 0.01 are at most 0.34; the next is 0.37.
GRID = np.array([20, 22, 23, 23, 26, 27, 28, 29, 30, 31, 33, 33, 34, *range(37, 49)]) / 100


def test_with_a_grid_the_tail_ends_with_a_bin(sign):
    inferred = cut_tail(search(GRID, sign), tail_fraction=13 / 25)
    assert number(inferred, "resolution") == pytest.approx(0.01, rel=1e-9)
    assert number(inferred, "threshold") == pytest.approx(0.345, rel=1e-9)
    assert number(inferred, "tail_scale") == pytest.approx(0.345 - 0.28, rel=1e-9)
    # Any threshold within the bin, or in the empty bins after it.
    for threshold in (0.34, 0.343, 0.36):
        same = cut_tail(search(GRID, sign), threshold=sign * threshold, resolution=0.01)
        assert number(same, "threshold") == pytest.approx(0.345, rel=1e-12)
        assert number(same, "n_tail") == 13


def test_the_resolution_that_is_given_counts(sign):
    for resolution, edge in ((0.002, 0.341), (0, (0.34 + 0.37) / 2)):
        tail = cut_tail(search(GRID, sign), tail_fraction=13 / 25, resolution=resolution)
        assert number(tail, "resolution") == resolution
        assert number(tail, "threshold") == pytest.approx(edge, rel=1e-12)


def test_ties_outside_the_tail_show_no_grid():
    # Diverged trials that all report the same number are no evidence about the good ones.
    tail = cut_tail(search([*BEST[:12], *[9.0] * 8]), tail_fraction=0.5)
    assert number(tail, "resolution") == 0


def test_the_grid_of_a_mean_is_finer():
    tail = cut_tail(search([[x - 0.02, x, x + 0.02] for x in GRID]), tail_fraction=13 / 25)
    assert number(tail, "resolution") == pytest.approx(0.01, rel=1e-9)
    np.testing.assert_allclose(tail["bin_width"], 0.01 / 3, rtol=1e-9)
    assert number(tail, "threshold") == pytest.approx(0.34 + 0.01 / 6, rel=1e-9)


TAIL = {"tail_fraction": 0.5}


@pytest.mark.parametrize(
    ("loss", "options", "words"),
    [
        (LOSS, {}, "threshold tail_fraction"),
        (LOSS, {"threshold": 3.0, "tail_fraction": 0.5}, "threshold tail_fraction"),
        *((LOSS, {"tail_fraction": x}, f"tail_fraction {x}") for x in (0, -0.5, 1.0001, NAN)),
        *((LOSS, {"tail_fraction": x}, f"tail_fraction {x!r}") for x in ("0.5", True)),
        (LOSS, {"tail_fraction": [0.2, 0.5]}, "tail_fraction number"),
        (LOSS, {"tail_fraction": 0.01}, "tail_fraction=0.01 20 0.40 8"),
        (LOSS, {"tail_fraction": 0.35}, "7 of 20|8|tail_fraction >= 0.40"),
        ([*LOSS, *[NAN] * 20], {"tail_fraction": 0.55}, "22 of 40|20|tail_fraction <= 0.50"),
        (LOSS, {"threshold": "3"}, "threshold '3'"),
        *((LOSS, {"threshold": x}, f"threshold {x}") for x in (NAN, np.inf)),
        *((LOSS, TAIL | {"resolution": x}, f"resolution {x}") for x in (-0.1, NAN, np.inf)),
        (LOSS, TAIL | {"resolution": "no"}, "resolution 'no'"),
        ([0.25] * 20, TAIL, "20|0.25|score column"),
        ([0.25] * 12 + [*BEST], {"tail_fraction": 0.3}, "12 equal"),
    ],
)
def test_what_cannot_be_cut(sign, loss, options, words):
    with pytest.raises(LeadlineError) as caught:
        cut_tail(search(loss, sign), **options)
    message = str(caught.value)
    for word in words.split("|") if "|" in words else words.split():
        assert word in message
    assert "\n" not in message


def test_a_threshold_outside_the_scores_names_their_range(sign):
    for threshold in (BEST[0] - 0.1, BEST[-1] + 0.1):
        low, high = sorted((sign * BEST[0], sign * BEST[-1]))
        with pytest.raises(LeadlineError, match=f"{low:g}.*{high:g}"):
            cut_tail(search(LOSS, sign), threshold=sign * threshold)


def test_a_threshold_with_too_few_scores_is_named_in_score_units(sign):
    with pytest.raises(LeadlineError, match=f"3 of 20.*{sign * 1.8:g}"):
        cut_tail(search(LOSS, sign), threshold=sign * 1.8)


def test_as_many_as_needed_are_enough():
    tail = cut_tail(search(LOSS), threshold=BEST[MIN_TAIL_TRIALS - 1])
    assert number(tail, "n_tail") == MIN_TAIL_TRIALS


def test_half_of_the_tail_at_the_threshold_has_no_scale(sign):
    loss = [*BEST[:6], *[4.0] * 14, 5.0]
    with pytest.raises(LeadlineError, match=f"\\({sign * 4:g}\\)"):
        cut_tail(search(loss, sign), threshold=sign * 4.0, resolution=0)


def test_the_unit_of_the_noise_is_the_same_at_every_threshold():
    loss = np.random.default_rng(3).random(100) ** 2
    one = search(loss)
    wide, deep = (cut_tail(one, tail_fraction=share, resolution=0) for share in (0.7, 0.1))
    fifth = cut_tail(one, tail_fraction=0.2, resolution=0)
    for tail in (wide, deep, fifth):
        assert number(tail, "noise_scale") == number(fifth, "tail_scale")
    assert number(wide, "tail_scale") != number(wide, "noise_scale")


@pytest.mark.parametrize(
    "loss",
    [[1, 1, 1, 1, 2], [1] * 30 + [2] * 5, [1, 2, 2, 2], [1] * 9 + [np.inf] * 90 + [2], [1, 2]],
)
def test_the_unit_of_the_noise_is_positive_with_many_ties(loss):
    assert 0 < noise_scale(np.array(loss, dtype=float)) <= 1


@pytest.mark.parametrize("scale", ["identity", "log"])
def test_guided_trials_are_on_the_scale_of_the_tail_with_the_bins_of_their_means(scale):
    tail = cut_tail(search(LOSS), tail_fraction=0.5, scale=SCALES[scale], resolution=0.1)
    guided = ll.from_scores([[0.5, 0.7], [2.0], [NAN]], direction="minimize")
    found = with_guided(tail, guided)
    forward = SCALES[scale].forward
    expected = [np.mean(forward(np.array([0.5, 0.7]))), forward(np.float64(2.0))]
    np.testing.assert_allclose(found["guided_loss"], expected)
    assert found["guided_replicates"].to_numpy().tolist() == [2, 1]
    steps = [0.05, 0.1] if scale == "identity" else [0.05 / np.sqrt(0.35), 0.05]
    np.testing.assert_allclose(found["guided_width"], steps)
