"""What further random trials bring, by the functions of a surface."""

import numpy as np
import pytest
import xarray as xr
from helpers import make_tree
from helpers_surface import make_surface_tree

import leadline as ll
from leadline.errors import LeadlineError
from leadline.stats.stopping import _decision, forecast_cells, perfect_search, stopping_advice
from leadline.stats.surface_forecast import headroom_of, perfect_search_sentences
from leadline.stats.surface_tree import FUNCTIONS, scores_of, surface_groups

NAME = "digits / mlp"


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_probabilities_are_those_of_simulated_trials(direction):
    tree = make_surface_tree(direction=direction)
    sign = 1.0 if direction == "minimize" else -1.0
    found = ll.forecast(tree, [1, 10, 300])
    assert found["best"].dims == ("chain", "draw", "search", "trials")
    # The best of m draws improves with m, and so do all that follow from it.
    assert (sign * found["best"].diff("trials") <= 0.0).all()
    for name in ("p_gain", "gain_mean", "expected_gain_mean"):
        assert (found[name].diff("trials") >= 0.0).all()
    functions = surface_groups(tree, FUNCTIONS)[NAME]
    loss = functions["random_loss"].to_numpy().astype(float)
    generator = np.random.default_rng(8)
    spread = np.hypot(functions["own_sd"], functions["noise"]).to_numpy()[..., None]
    measured = loss + spread * generator.standard_normal(loss.shape)
    seen = scores_of(surface_groups(tree)[NAME]).loss_of(float(found["best_seen"][0]))
    share = (measured < seen) * 44 / 45
    expected = 1 - (1 - share.mean(axis=-1)) ** 300
    assert found["p_gain"].sel(trials=300).item() == pytest.approx(expected.mean(), abs=0.05)
    assert found["best_seen_expected"].item() == pytest.approx(
        ll.summary(tree)["best_seen_expected"].item()
    )


def test_the_mean_gain_is_that_of_the_draws_without_their_error():
    tree = make_surface_tree((("digits", "mlp"), ("digits", "rf")), "maximize")
    numbers = [1, 3, 10, 30, 100, 300]
    found = ll.forecast(tree, numbers)
    gains = found["expected_gain_mean"]
    assert (gains.diff("trials") >= 0.0).all()
    # Hardly any draw has a gain with few trials.
    draws = found["expected_gain"].sel(trials=[100, 300])
    error = draws.std(("chain", "draw")) / np.sqrt(draws.sizes["chain"] * draws.sizes["draw"])
    assert (abs(draws.mean(("chain", "draw")) - gains) < 3 * error).all()
    # Alone or among others, a number of trials gains the same.
    np.testing.assert_allclose(
        ll.forecast(tree, 30)["expected_gain_mean"], gains.sel(trials=[30]), rtol=1e-9
    )


def test_a_mean_gain_below_zero_is_that_of_the_draws():
    tree = make_surface_tree(law=True)
    posterior = tree["posterior"].to_dataset()
    # A best trial that was unlucky: what measures better is worse if re-run.
    again = posterior["best_seen_expected"] - 0.05
    tree["posterior"] = xr.DataTree(posterior.assign(best_seen_expected=again))
    found = ll.forecast(tree, [300])
    mean = found["expected_gain_mean"].item()
    draws = found["expected_gain"]
    assert mean == pytest.approx(draws.mean().item(), abs=3 * draws.std().item() / np.sqrt(60))
    assert mean < 0.0
    assert float(forecast_cells(found, 0.8)[0][5]) == pytest.approx(mean, abs=1e-3)


def test_the_best_of_m_follows_its_distribution_and_has_no_steps():
    tree = make_surface_tree()
    numbers = [1, 2, 3, 5, 7, 10, 15, 22, 32, 46, 68, 100, 150, 220, 320, 460, 680, 1000]
    best = ll.forecast(tree, numbers)["best"]
    ends = best.quantile([0.055, 0.5], ("chain", "draw"))
    # With few sequences of trials, most of the way was one step.
    fall = -ends.isel(search=0, trials=slice(8, None)).diff("trials")
    assert (fall >= 0.0).all()
    assert (fall.max("trials") < 0.5 * fall.sum("trials")).all()
    functions = surface_groups(tree, FUNCTIONS)[NAME]
    loss = functions["random_loss"].to_numpy().astype(float)
    spread = np.hypot(functions["own_sd"], functions["noise"]).to_numpy()[..., None, None]
    generator = np.random.default_rng(3)
    points = np.stack([generator.permutation(1000)[:10] for _ in range(200)])
    sampled = loss[..., points] + spread * generator.standard_normal((*loss.shape[:2], 200, 10))
    sampled = np.where(generator.random(sampled.shape) < 44 / 45, sampled, np.inf).min(axis=-1)
    scores = scores_of(surface_groups(tree)[NAME])
    expected = scores.expected_score(np.quantile(sampled, 0.5), np.zeros(()))
    assert float(ends[1, 0].sel(trials=10)) == pytest.approx(float(expected), abs=0.01)


def test_one_trial_is_one():
    tree = make_surface_tree()
    assert "1 more random trial," in stopping_advice(tree, ll.forecast(tree, 1)).sentence


def test_a_gain_above_a_minimum_is_less_likely():
    tree = make_surface_tree()
    least, more = (ll.forecast(tree, 100, minimum_gain=own)["p_gain"] for own in (0.0, 0.05))
    assert float(more[0, 0]) < float(least[0, 0])


@pytest.mark.parametrize("trials", [1001, 2.5])
def test_more_trials_than_stored_points_are_refused(trials):
    with pytest.raises(LeadlineError, match="1,000"):
        ll.forecast(make_surface_tree(), trials)


def test_the_advice_on_a_search_that_learned_is_about_a_perfect_one():
    tree = make_surface_tree()
    # Random trials rarely gain, which is no reason to stop a sampler that learns.
    chance = (headroom_of(tree) > tree["posterior"]["noise_sd"]).mean(("chain", "draw"))
    advice = stopping_advice(tree, ll.forecast(tree, 10))
    assert advice.p_worthwhile == pytest.approx(float(chance.max()))
    assert advice.stop == (advice.p_worthwhile < 0.05)
    far = stopping_advice(tree, ll.forecast(tree, 10, minimum_gain=0.3))
    assert far.stop
    unsound = make_surface_tree(max_rhat=1.2)
    assert not stopping_advice(unsound, ll.forecast(unsound, 10, minimum_gain=0.3)).stop
    assert len(perfect_search_sentences(tree, 0.8)) == 1


def test_random_trials_and_a_perfect_search_are_told_apart_where_a_sampler_learned():
    tree = make_surface_tree()
    found = ll.forecast(tree, [10, 200])
    perfect = perfect_search(tree, None)
    *rows, last = forecast_cells(found, 0.8, perfect)
    assert [row[1] for row in rows] == ["10", "200"]
    assert last[1] == "a perfect search"
    sentence = stopping_advice(tree, found).sentence
    random = f"the best of 200 more random trials, if re-run, with {rows[1][6]}"
    assert random in sentence
    assert "a perfect search would gain more than the noise of one run" in sentence
    chance = 100 * perfect["p_worthwhile"].item()
    assert chance < 10
    assert f"with probability {chance:.1f} % " in sentence
    assert last[6] == f"{chance:.0f} %"
    assert len(perfect_search(make_surface_tree(law=True), None)["search"]) == 0


def test_the_advice_on_a_random_search_is_about_random_trials_as_that_of_the_law():
    tree = make_surface_tree(law=True)
    found = ll.forecast(tree, [10, 200])
    advice = stopping_advice(tree, found)
    assert advice.p_worthwhile == pytest.approx(float(found["p_worthwhile"].isel(trials=1).max()))
    assert "the best of 200 more random trials" in advice.sentence
    assert "perfect search" not in advice.sentence


@pytest.mark.parametrize(
    "make", [lambda: make_surface_tree(law=True), lambda: make_tree(draws=400)]
)
def test_the_advice_on_a_random_share_is_about_a_perfect_search(make):
    tree = make()
    constant = tree["constant_data"].to_dataset()
    tree["constant_data"] = xr.DataTree(constant.assign(n_guided=("search", [30])))
    found = ll.forecast(tree, [10, 200], minimum_gain=0.3)
    perfect = perfect_search(tree, 0.3)
    assert forecast_cells(found, 0.8, perfect)[-1][1] == "a perfect search"
    advice = stopping_advice(tree, found)
    assert advice.p_worthwhile == pytest.approx(perfect["p_worthwhile"].item())
    assert "a perfect search would gain" in advice.reason
    assert "the best of 200 more random trials" in advice.reason


@pytest.mark.parametrize("law", [True, False])
def test_the_advice_says_which_new_best_counts(law):
    tree = make_surface_tree(law=law)
    found = ll.forecast(tree, 50)
    seen = f"{float(found['best_seen'][0]):.3f}"
    assert f"counted where it measures better than {seen}" in stopping_advice(tree, found).reason


def test_a_minimum_gain_of_0_is_one():
    tree = make_surface_tree(law=True)
    found, noise = (ll.forecast(tree, 200, minimum_gain=least) for least in (0.0, None))
    chance = (found["expected_gain"] > 0.0).mean(("chain", "draw"))
    assert found["p_worthwhile"].item() == chance.item() > noise["p_worthwhile"].item()
    assert "more than 0 with" in stopping_advice(tree, found).reason
    assert "more than 0 with" in perfect_search_sentences(tree, 0.8, 0.0)[0]
    assert "minimum_gain" not in noise.attrs


@pytest.mark.parametrize("law", [True, False])
def test_no_small_step_is_advised_where_it_would_be_to_stop(law):
    tree = make_surface_tree(law=law)
    found = ll.forecast(tree, 200)
    # The chance of the step alone is 0 %.
    few = stopping_advice(tree, ll.forecast(tree, 20, minimum_gain=0.3))
    found = found.assign_attrs(minimum_gain=0.3)
    found["p_worthwhile"] = found["p_worthwhile"] * 0.0 + 0.2
    advice = stopping_advice(tree, found)
    assert few.stop
    assert advice.verdict == ("not settled" if law else "stop")
    assert "Go on in small steps" not in advice.reason
    assert ("The best of 20 more would with < 1 %" in advice.reason) == law


@pytest.mark.parametrize(
    ("hits", "draws", "limit"), [(7, 200, 0.05), (6, 200, 0.045), (4, 60, 0.09), (30, 200, 0.18)]
)
def test_the_numbers_printed_show_whether_to_stop(hits, draws, limit):
    chance = hits / draws
    error = np.sqrt(chance * (1 - chance) / draws)
    texts = _decision(chance, error, limit, stop=chance + error < limit)
    printed = sum(float(text.removesuffix(" %")) for text in texts)
    assert (printed < 100 * limit) == (chance + error < limit)
    assert ("." in texts[0]) or chance >= 0.1


@pytest.mark.parametrize(("better", "stop"), [(0, True), (2, False)])
def test_the_error_of_few_functions_does_not_stop_a_search(better, stop):
    tree = make_surface_tree()
    posterior = tree["posterior"].to_dataset()
    optimum = posterior["best_seen_expected"].copy(deep=True)
    # 2 of 60 draws are 3 %, give or take 2.3 %.
    optimum[0, :better] -= 1.0
    tree["posterior"] = xr.DataTree(posterior.assign(optimum=optimum))
    advice = stopping_advice(tree, ll.forecast(tree, 10))
    assert advice.p_worthwhile == pytest.approx(better / 60)
    assert advice.stop == stop
    assert ("standard error 2.3 %" in advice.sentence) == (better > 0)
