"""Several searches in one posterior: their tree, small searches, and sets of thresholds."""

import numpy as np
import pandas as pd
import pytest
from helpers import make_trials, simulate_losses

import leadline as ll
from leadline.data.trials import Trials
from leadline.errors import LeadlineError
from leadline.inference.candidates import candidates_of
from leadline.inference.joint_fit import (
    THRESHOLD_SETS,
    _borrowed_weights,
    _draw_sets,
    joint_sampler,
)
from leadline.inference.sampler import Sampler

# Chains adapted for half as long were stuck for a while: interactions of 5.5 sds, where chains of
# 1,000 draws have 3.1 at most.
SETTINGS = {"draws": 200, "tune": 300, "chains": 2, "random_seed": 1, "progressbar": False}
SIZES = {
    ("digits", "mlp"): 60,
    ("digits", "forest"): 60,
    ("mnist", "mlp"): 60,
    ("wine", "forest"): 6,
}


def searches(sizes=SIZES):
    tables = []
    for place, ((task, model), n) in enumerate(sizes.items()):
        loss = simulate_losses(n, 20 + place)[1] + 0.3 * place
        tables.append(pd.DataFrame({"task": task, "model": model, "score": -loss}))
    return Trials(pd.concat(tables, ignore_index=True), "maximize", source="simulated.csv")


@pytest.fixture(scope="module", params=[pytest.param("fit", marks=pytest.mark.slow)])
def fitted(few_draws_suffice):
    # Given, so that divergences of so short a fit do not start a second one.
    return ll.fit(searches(), tail_fraction=[0.35, 0.5], target_accept=0.95, **SETTINGS)


def test_the_model_and_its_reason_are_in_the_provenance(fitted):
    settings = fitted.attrs["settings"]
    assert '"model": "crossed"' in settings
    assert '"model_reason": "2 models on 3 tasks"' in settings


def test_groups_and_dims(fitted):
    posterior = fitted["posterior"]
    assert posterior["optimum"].dims == ("chain", "draw", "search")
    assert posterior["task"].to_numpy().tolist() == [task for task, _ in SIZES]
    assert posterior["model"].to_numpy().tolist() == [model for _, model in SIZES]
    pooled = fitted["pooled"].to_dataset()
    assert pooled["model_effect"].dims == ("chain", "draw", "model")
    assert pooled["model"].to_numpy().tolist() == ["mlp", "forest"]
    assert pooled["task_scale"]["task"].to_numpy().tolist() == ["digits", "mnist", "wine"]
    assert not [name for name in pooled if str(name).endswith("_offset")]
    # The priors of the shared parameters, and of the reach.
    log_prior = fitted["log_prior"].to_dataset()
    shared = {"pooled_gap", "gap_scatter", "pooled_noise_ratio", "interaction_sd", "reach"}
    assert shared <= set(log_prior.data_vars)
    assert not {"gap", "noise_ratio", "effective_dim"} & set(log_prior.data_vars)
    for group in (posterior.to_dataset(), pooled, log_prior):
        for name, values in group.items():
            assert np.isfinite(values).all(), name
    assert fitted["sample_stats"]["diverging"].dims == ("chain", "draw")


def test_draws_of_all_searches_belong_to_one_draw_of_what_they_share(fitted):
    pooled, posterior = fitted["pooled"].to_dataset(), fitted["posterior"].to_dataset()
    # In losses; scores are maximised. Where thresholds vary so do locations and scales.
    optimum = -posterior["optimum"]
    for task in ("digits", "mnist", "wine"):
        own = np.flatnonzero(posterior["task"] == task)
        location = optimum.isel(search=own).mean("search")
        np.testing.assert_allclose(-pooled["task_location"].sel(task=task), location, rtol=1e-9)
    digits = (optimum.isel(search=0) - optimum.isel(search=1)) / pooled["task_scale"].sel(
        task="digits"
    )
    effect = pooled["model_effect"].sel(model="mlp") - pooled["model_effect"].sel(model="forest")
    ratio = abs((digits - effect) / (np.sqrt(2) * pooled["interaction_sd"])).to_numpy()
    # As large as the prior lets them be.
    assert np.quantile(ratio, 0.99) < 4


def test_a_small_search_learns_from_the_others(fitted):
    candidates = fitted["candidates"].to_dataset()
    np.testing.assert_allclose(candidates["weight"].sum("candidate"), 1)
    candidates = candidates.isel(search=3)
    assert set(candidates["n_tail"].to_numpy().tolist()) <= {2, 3, 0}
    optimum = fitted["posterior"]["optimum"].isel(search=3)
    best = -simulate_losses(6, 23)[1].min() - 0.9
    assert np.isfinite(optimum).all()
    # The truth is 1.1 (maximised: −1.1); six trials alone would leave it anywhere.
    assert best - 0.1 < float(optimum.mean()) < best + 0.5
    assert float(optimum.std()) < 0.5


def test_the_likelihood_is_of_the_trials_past_the_thresholds(fitted):
    likelihood = fitted["log_likelihood"].to_dataset()
    n_tail = fitted["constant_data"]["n_tail"].to_numpy()
    assert likelihood.sizes["tail_trial"] == n_tail.sum()
    assert likelihood["in_regime"].dims == ("chain", "draw", "search")
    assert np.isfinite(likelihood["score"]).all()


def test_answers_take_the_tree(fitted):
    assert len(ll.summary(fitted)) == len(SIZES)
    curve = ll.tuning_curve(fitted, [1, 10])
    assert np.isfinite(curve).all()
    table = ll.check(fitted)
    assert set(table["search"]) == set(fitted["posterior"]["search"].to_numpy())


def test_one_trial_with_a_score_is_not_enough():
    sizes = {("a", "x"): 40, ("b", "x"): 1}
    with pytest.raises(LeadlineError, match=r"b / x.* 1 of 1 "):
        ll.fit(searches(sizes), **SETTINGS)


def test_sets_keep_the_weights_as_nearly_as_they_can():
    weights = [np.array([0.5, 0.5]), np.array([0.24, 0.76]), np.array([1.0])]
    for seed in range(50):
        sets = _draw_sets(weights, np.random.default_rng(seed))
        assert sets.total() == THRESHOLD_SETS
        for place, weight in enumerate(weights):
            shares = np.zeros(len(weight))
            for chosen, count in sets.items():
                shares[chosen[place]] += count / THRESHOLD_SETS
            # Each is rounded up or down.
            assert (np.abs(shares - weight) < 1 / THRESHOLD_SETS).all()


def test_one_set_is_enough_without_a_choice():
    assert len(_draw_sets([np.ones(1), np.ones(1)], np.random.default_rng(0))) == 1


def test_a_small_search_borrows_weights_at_its_nearest_fractions():
    trials = make_trials(n=30, n_failed=0)
    fractions = {0.3: 1.0, 0.6: 3.0}
    candidates = candidates_of(trials, trials.searches[0], ll.Priors(), fractions=fractions)
    weight = _borrowed_weights(candidates, {0.1: 0.5, 0.2: 0.25, 0.5: 0.25})
    np.testing.assert_allclose(weight, [0.75, 0.25])
    # Without others, the prior.
    np.testing.assert_allclose(_borrowed_weights(candidates, {}), [0.25, 0.75])


@pytest.mark.parametrize(
    ("searches", "sampler", "options"),
    [
        (15, Sampler(), {}),
        (16, Sampler(), {"extra_doublings": 1}),
        (16, Sampler(options={"extra_doublings": 0}), {"extra_doublings": 0}),
        # Other samplers have no such option.
        (16, Sampler(nuts_sampler="numpyro"), {}),
    ],
)
def test_many_searches_get_longer_trajectories(searches, sampler, options):
    settings = joint_sampler(sampler, searches)
    assert settings.options == options
    assert settings.target_accept > Sampler().target_accept
