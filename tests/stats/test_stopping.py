"""The advice to stop, and its sentence: never against the numbers."""

import numpy as np
import pytest
import xarray as xr
from helpers import make_tree, make_trials

from leadline.stats.forecast import forecast
from leadline.stats.rounding import percent
from leadline.stats.stopping import forecast_cells, stopping_advice, trials_needed_sentences


@pytest.fixture(scope="module")
def tree():
    return make_tree(make_trials(searches=(("a", "m"), ("b", "m"))), draws=400)


def test_stop_when_no_search_is_likely_to_gain_enough(tree):
    found = forecast(tree, [5, 20], minimum_gain=0.05)
    advice = stopping_advice(tree, found, probability=0.05)
    assert advice.stop
    assert advice.p_worthwhile == float(found["p_worthwhile"].isel(trials=1).max()) < 0.05
    assert advice.sentence.startswith("Stop: the best of 20 more trials, if re-run, would gain")
    assert "more than 0.05" in advice.sentence


def test_go_on_while_one_search_is(tree):
    found = forecast(tree, [5, 500], minimum_gain=0.001)
    advice = stopping_advice(tree, found, probability=0.05)
    assert not advice.stop
    chances = found["p_worthwhile"].isel(trials=1).to_numpy()
    likely = str(found["search"][int(np.argmax(chances))].item())
    largest = float(chances.max())
    assert advice.verdict == ("go on" if largest > 0.5 else "not settled")
    assert "the best of 500 more trials, if re-run," in advice.sentence
    assert f"most likely for {likely}, " in advice.sentence
    # Without an amount it is that of each search, which is no gain.
    found = forecast(tree, [5, 500])
    noise = found["noise_sd"].sel(search=str(found["p_worthwhile"][:, 1].idxmax("search").item()))
    named = f"(noise sd {float(noise):.2g})"
    assert named in stopping_advice(tree, found, probability=0.0001).sentence


@pytest.mark.parametrize(
    ("chance", "verdict"), [(0.03, "stop"), (0.4, "not settled"), (0.66, "go on")]
)
def test_each_verdict_has_its_probability(tree, chance, verdict):
    found = forecast(tree, [50], minimum_gain=0.01)
    found["p_worthwhile"] = found["p_worthwhile"] * 0.0 + [[0.01], [chance]]
    advice = stopping_advice(tree, found)
    assert advice.verdict == verdict
    assert advice.stop == (verdict == "stop")
    assert advice.sentence.lower().startswith(verdict)
    # An open question has an advice.
    assert ("about 20 trials" in advice.sentence) == (verdict == "not settled")


@pytest.mark.parametrize("share", [0.02, 5.0])
def test_without_a_minimum_gain_counts_what_is_above_the_noise_of_one_run(tree, share):
    found = forecast(tree, [50])
    noise = tree["posterior"]["noise_sd"]
    gains = (found["expected_gain"] * 0.0 + share * noise).transpose(*found["expected_gain"].dims)
    certain = found.assign(p_worthwhile=(gains > noise).mean(("chain", "draw")))
    advice = stopping_advice(tree, certain)
    # A certain gain of 2 % of the noise is not worth anybody's time.
    assert advice.stop == (share < 1.0)
    assert "the noise of one run" in advice.sentence
    chance = (found["expected_gain"] > noise).mean(("chain", "draw"))
    np.testing.assert_allclose(found["p_worthwhile"], chance.transpose("search", "trials"))


def test_the_probability_of_the_advice_is_that_of_the_table(tree):
    found = forecast(tree, [5, 500])
    rows = forecast_cells(found, 0.8)
    shown = max(float(row[6].strip("<> %")) for row in rows if row[1] == "500")
    assert f"probability {percent(stopping_advice(tree, found).p_worthwhile)}" in (
        stopping_advice(tree, found).sentence
    )
    assert shown == pytest.approx(100 * stopping_advice(tree, found).p_worthwhile, abs=0.6)


def test_nothing_is_advised_when_sampling_has_not_converged():
    tree = make_tree(make_trials(), draws=100, divergences=30)
    advice = stopping_advice(tree, forecast(tree, [1], minimum_gain=1.0), probability=0.5)
    assert not advice.stop
    assert "30 divergences" in advice.sentence


def test_the_advice_names_the_checks_that_failed(tree):
    found = forecast(tree, [20], minimum_gain=0.05)
    assert stopping_advice(tree, found).sentence.endswith("not checked.")
    checked = tree.copy()
    for failed, words in (("[]", "below 5 %)."), ('["ties"]', "But 1 check failed: ties.")):
        checked.attrs["failed_checks"] = failed
        assert stopping_advice(checked, found).sentence.endswith(words)


def test_cells_hold_the_numbers_of_the_forecast(tree):
    found = forecast(tree, [5, 500])
    rows = forecast_cells(found, 0.8)
    assert [row[1] for row in rows] == ["5", "500", "5", "500"]
    assert [row[0] for row in rows] == ["a", "", "b", ""]
    median = found["best"].isel(search=1, trials=1).median().item()
    assert float(rows[3][3].split()[0]) == pytest.approx(median, abs=1e-3)
    assert rows[0][-1] == ""


def test_a_maximised_interval_runs_upwards():
    tree = make_tree(make_trials("maximize", n_failed=0))
    (row,) = forecast_cells(forecast(tree, [50]), 0.8)
    low, high = row[3][row[3].index("[") + 1 : -1].split(", ")
    assert float(low) < float(high)


def test_trials_needed_in_words():
    attrs = {"within": "1%", "probability": 0.9, "max_trials": 100_000, "problems": ""}
    coords = {"search": list("abc"), "trials_run": ("search", [40, 40, 40])}
    needed = xr.DataArray([0.0, 120.0, np.inf], coords, "search", attrs=attrs)
    none, some, never = trials_needed_sentences(needed)
    for sentence, words in (
        (none, "'a': already within 1% of the optimum with probability 90 %"),
        (some, "'b': about 120 further trials"),
        (never, "'c': single runs do not come within 1%"),
    ):
        assert sentence.startswith(words)
    assert "far beyond" not in some
    (far,) = trials_needed_sentences(needed.copy(data=[0.0, 2446.0, np.inf])[1:2])
    assert far.startswith("About 2,400 further trials")
    assert far.endswith("far beyond the 40 that were run.")
    (alone,) = trials_needed_sentences(needed[2:])
    assert alone.startswith("Single runs do not come within 1%")
    doubtful = needed.assign_attrs(problems="30 divergences")
    assert "30 divergences" in trials_needed_sentences(doubtful)[0]
