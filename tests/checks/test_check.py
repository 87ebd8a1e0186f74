"""Every check fails on data made to fail it, and passes on searches from the quadratic law."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from helpers import (
    ALPHA,
    SIGMA,
    SPREAD,
    make_averaged_tree,
    make_tree,
    make_trials,
    reference_cdf,
    simulate_losses,
)

import leadline as ll
from leadline.checks import regime_fit, sensitivity
from leadline.checks.catalogue import CHECKS
from leadline.checks.check import check, failed_checks
from leadline.checks.evidence import Evidence
from leadline.data.trials import UNUSED, Trials

N = 400
TRIAL = np.arange(N)
NOISE = SIGMA * np.random.default_rng(1).standard_normal(N)
PAIR = (("digits", "mlp"), ("digits", "forest"))


def search(seed=0, n=N, losses=None, direction="minimize", **columns):
    """Return a search from the law, with other losses or more columns if given."""
    loss = simulate_losses(n, seed)[1] if losses is None else losses
    sign = 1.0 if direction == "minimize" else -1.0
    return Trials(pd.DataFrame({"score": sign * loss, **columns}), direction, source="simulated")


def tree_of(trials, tail_fraction=0.4, **options):
    """Return a fit whose posterior is close to the truth."""
    return make_tree(trials, tail_fraction=tail_fraction, spread_of_draws=0.3, **options)


def evidence_of(tree):
    return Evidence(tree, str(tree["posterior"]["search"].to_numpy()[0]))


def outcome(tree, name):
    return CHECKS[name](evidence_of(tree))


def failing(tree, name):
    """Return the outcome of a check that must have failed, with advice."""
    found = outcome(tree, name)
    assert found.passed is False, found
    assert found.advice.endswith(".")
    return found


def replaced(tree, group, **variables):
    """Return the tree with other values of some variables of a group."""
    old = tree[group].to_dataset()
    new = {name: xr.full_like(old[name], 0, float) + value for name, value in variables.items()}
    return with_group(tree, group, old.assign(new))


def with_group(tree, group, dataset):
    """Return the tree with another group."""
    changed = tree.copy()
    changed[group] = xr.DataTree(dataset)
    return changed


@pytest.fixture(scope="module")
def good():
    return tree_of(search())


def test_the_table_has_one_row_per_search_and_check_of_a_fit():
    assert ll.check is check
    table = check(make_tree(make_trials(searches=PAIR)))
    assert list(table["search"].unique()) == ["mlp", "forest"]
    assert list(table["check"]) == list(CHECKS) * 2
    assert table["passed"].dtype == "boolean"
    assert (table["advice"].eq("") == table["passed"].fillna(False)).all()
    assert table.loc[table["passed"].notna(), ["figure", "limit"]].notna().all(axis=None)
    assert set(table["level"]) == {"warning", "note"}
    assert table.attrs["failed"] == failed_checks(table)
    assert table.attrs["noted"] == failed_checks(table, "note")
    with pytest.raises(ll.LeadlineError, match="DataTree"):
        check(pd.DataFrame())


def test_searches_from_the_law_pass():
    failed = []
    for seed in range(10):
        direction = ("minimize", "maximize")[seed % 2]
        rng = np.random.default_rng(1000 + seed)
        columns = {f"param:{name}": rng.random(N) for name in "abc"}
        failed.append(check(tree_of(search(seed, direction=direction, **columns))).attrs["failed"])
    assert sum(map(bool, failed)) <= 2, failed


def test_failed_checks_are_named_once_with_what_they_are_about():
    table = pd.DataFrame(
        {
            "check": ["resolution", "order of trials", "resolution", "best seen"],
            "passed": pd.array([False, True, False, pd.NA], dtype="boolean"),
            "about": ["lr", "", "lr", ""],
        }
    )
    assert failed_checks(table) == ["resolution (lr)"]


def test_notes_are_no_failed_warnings(good):
    tree = replaced(good, "candidates", n_tail=19, divergences=1)
    table = check(tree, recompute=True)
    assert (table.attrs["failed"], table.attrs["noted"]) == (["divergences"], ["tail points"])
    level = table.set_index("check")["level"]
    assert (level["tail points"], level["divergences"]) == ("note", "warning")


def test_a_saved_fit_is_checked_like_the_fit(good, tmp_path):
    good.to_netcdf(tmp_path / "fit.nc", engine="h5netcdf")
    with xr.open_datatree(tmp_path / "fit.nc", engine="h5netcdf") as opened:
        pd.testing.assert_frame_equal(check(opened.load()), check(good))


@pytest.mark.parametrize(
    ("name", "group", "variables"),
    [
        ("divergences", "candidates", {"divergences": 1}),
        ("R-hat", "candidates", {"max_rhat": 1.02}),
        ("ESS, bulk", "candidates", {"min_ess_bulk": 399.0}),
        ("ESS, tail", "candidates", {"min_ess_tail": 399.0}),
        ("E-BFMI", "candidates", {"min_bfmi": 0.29}),
        ("tail points", "candidates", {"n_tail": 19}),
        ("regime fit", "candidates", {"p_value": 0.04}),
        ("effective dimension above 1", "posterior", {"effective_dim": 1.02}),
        ("effective dimension below its bound", "posterior", {"effective_dim": 9.9}),
    ],
)
def test_a_recorded_number_beyond_its_limit(good, name, group, variables):
    assert outcome(good, name).passed is not False
    failing(replaced(good, group, **variables), name)


def test_a_number_that_was_not_recorded_or_needs_more_trials_is_not_judged(good):
    assert outcome(good, "E-BFMI").passed is None
    assert outcome(replaced(good, "candidates", max_rhat=np.nan), "R-hat").passed is None
    old = with_group(good, "candidates", good["candidates"].to_dataset().drop_vars("min_bfmi"))
    assert outcome(old, "E-BFMI").passed is None
    few = tree_of(search(n=9), tail_fraction=1.0)
    assert outcome(few, "order of trials").passed is None
    assert outcome(few, "regime fit, best scores").passed is None


@pytest.mark.parametrize("name", ["regime fit, best scores", "order of trials", "constant noise"])
def test_what_a_check_needs_is_said_with_what_to_do(good, name):
    advice = outcome(tree_of(search(n=9), tail_fraction=1.0), name).advice
    assert re.search(r" \d+ trials.* and this check needs \d+: run ", advice)
    # Averaged over thresholds, the number of trials used is another.
    assert "likeliest threshold" in advice or name == "order of trials"
    if name == "regime fit, best scores":
        needed = int(re.search(r"needs (\d+)", advice)[1])
        ends = (replaced(good, "candidates", n_tail=n) for n in (needed, needed - 1))
        assert [outcome(own, name).passed is None for own in ends] == [False, True]


@pytest.mark.parametrize(
    ("name", "seed", "spoiled"),
    [
        # One trial in ten is far better than the law has it.
        ("regime fit, best scores", 1, lambda loss: np.where(TRIAL % 10, loss, ALPHA + NOISE / 5)),
        # No score between 0.3 and 0.4: a cliff, as where training starts to work.
        ("regime fit, leave-one-out", 2, lambda loss: loss + 0.1 * (loss > 0.3)),
        ("best seen", 3, lambda loss: np.where(TRIAL == 7, ALPHA - 4 * SIGMA, loss)),
        # Ties without a grid, as where trials are entered twice.
        ("ties", 6, lambda loss: np.repeat(loss[: N // 2], 2)),
        ("resolution", 6, lambda loss: np.round(loss / 0.05) * 0.05),
        ("order of trials", 8, lambda loss: loss + 0.3 * np.linspace(1, 0, N)),
        # Failures count as bad scores.
        ("order of trials", 8, lambda loss: np.where(TRIAL < 60, np.nan, loss)),
    ],
)
def test_losses_that_break_an_assumption(name, seed, spoiled):
    loss = simulate_losses(N, seed)[1]
    assert outcome(tree_of(search(losses=loss)), name).passed
    for direction in ("minimize", "maximize"):
        failing(tree_of(search(losses=spoiled(loss.copy()), direction=direction)), name)


def test_ties_on_a_grid_pass():
    loss = simulate_losses(N, 6)[1]
    assert outcome(tree_of(search(losses=np.round(loss, 2))), "ties").passed


@pytest.mark.parametrize("direction", [1, -1])
def test_the_order_of_a_sorted_table_is_not_used(direction):
    losses = np.sort(search().table["score"].to_numpy())[::direction]
    found = outcome(tree_of(search(losses=losses)), "order of trials")
    assert found.passed is None
    assert "sorted" in found.advice


def test_the_column_order_counts_not_the_order_of_the_rows():
    better = simulate_losses(N, 8)[1] + 0.3 * np.linspace(1, 0, N)
    assert "better" in failing(tree_of(search(losses=better)), "order of trials").advice
    rows = np.random.default_rng(8).permutation(N)
    failing(tree_of(search(losses=better[rows], order=rows.astype(float))), "order of trials")


def test_a_failed_order_names_the_column_that_may_tell_searches_apart():
    tree = tree_of(search(losses=simulate_losses(N, 8)[1] + 0.3 * np.linspace(1, 0, N)))
    assert "set" not in failing(tree, "order of trials").advice.split()
    tree.attrs["notes"] = json.dumps([f"{UNUSED} 'set'; if it tells searches apart, name it"])
    assert "'set'" in failing(tree, "order of trials").advice


def test_another_tail_is_advised_unless_the_data_have_chosen(good):
    advice = failing(replaced(good, "candidates", p_value=0.04), "regime fit").advice
    assert "`tail_fraction`" in advice
    chosen = make_averaged_tree(search(1), (0.2, 0.3), weights=(0.6, 0.4))
    advice = failing(replaced(chosen, "candidates", p_value=0.04), "regime fit").advice
    assert "tail_fraction" not in advice
    assert "scale" in advice


def test_thresholds_that_disagree(good):
    ends = [np.array(e) for e in ([0.1, 0.2, 0.3], [0.31, 0.4, 0.5])]
    assert regime_fit.separation(*ends) > 1.0
    assert regime_fit.separation(*ends[::-1]) == regime_fit.separation(*ends)
    assert regime_fit.separation(ends[0], ends[1] - 0.02) < 1.0
    assert outcome(good, "thresholds agree").passed is None
    table = good["candidates"].to_dataset()
    other = table.assign(optimum=table["optimum"] + 0.1).assign_coords(candidate=[1])
    both = xr.concat([table, other], "candidate", data_vars="minimal", join="outer")
    for weights, verdict in (([0.9, 0.1], False), ([0.96, 0.04], None)):
        weighted = both.assign(weight=(("search", "candidate"), [weights]))
        tree = with_group(good, "candidates", weighted)
        assert outcome(tree, "thresholds agree").passed is verdict


def test_an_integer_effective_dimension_has_probabilities():
    tree = make_tree(make_trials(), integer=True)
    assert outcome(tree, "effective dimension above 1").passed is None
    tree = replaced(tree, "constant_data", max_effective_dim=3.0)
    assert outcome(tree, "effective dimension below its bound").passed
    tree = replaced(tree, "posterior", effective_dim_probability=np.array([0.1, 0.2, 0.7]))
    failing(tree, "effective dimension below its bound")


@pytest.mark.parametrize(
    ("name", "variable"),
    [("prior of the optimum", "optimum"), ("prior of the effective dimension", "effective_dim")],
)
def test_prior_sensitivity(good, name, variable):
    draws = good["posterior"][variable].to_numpy()[..., 0]
    z = (draws - draws.mean()) / draws.std()
    assert outcome(good, name).passed

    def tilted(prior, likelihood):
        """Return the fit with log-densities along the variable, so many sds for a doubling."""
        slope = z[..., None] / np.log(2)
        tree = replaced(good, "log_prior", gap=prior * slope)
        return replaced(tree, "log_likelihood", score=0.0, in_regime=likelihood * slope)

    # The limit is lower where the likelihood is weak.
    assert failing(tilted(0.5, 0.1), name).limit == sensitivity.INFORMATIVE
    assert outcome(tilted(0.5, 1.0), name).passed
    assert failing(tilted(2.0, 2.0), name).limit == sensitivity.MAX_PRIOR_SENSITIVITY
    certain = outcome(replaced(good, "posterior", **{variable: 2.0}), name)
    assert certain.passed is None
    assert ", 2:" in certain.advice


def test_prior_sensitivity_of_one_search_ignores_the_others():
    tree = make_tree(make_trials(searches=PAIR))
    draws = tree["posterior"]["optimum"].sel(search="forest")
    z = ((draws - draws.mean()) / draws.std()).to_numpy()
    score = tree["log_likelihood"]["score"]
    of_forest = np.char.startswith(score["tail_trial"].to_numpy().astype(str), "forest")
    assert of_forest.any()
    other = replaced(tree, "log_likelihood", score=score.to_numpy() + z[..., None] * of_forest)

    def of_likelihood(tree, search):
        return sensitivity.sensitivities(Evidence(tree, search), "optimum")[1]

    assert of_likelihood(other, "mlp") == of_likelihood(tree, "mlp")
    assert of_likelihood(other, "forest") > 1.0


def test_a_search_without_repeated_trials_beside_one_that_has_them():
    noise = SIGMA * np.random.default_rng(4).standard_normal(120)
    seeds = {
        "task": "repeated",
        "trial": np.repeat(np.arange(60), 2),
        "replicate": np.tile([1, 2], 60),
        "score": np.repeat(simulate_losses(60, 1)[0], 2) + noise,
    }
    once = {"task": "once", "trial": range(60), "replicate": 1, "score": simulate_losses(60, 2)[1]}
    table = pd.concat([pd.DataFrame(seeds), pd.DataFrame(once)], ignore_index=True)
    tree = tree_of(Trials(table, "minimize", source="two"))
    for name in ("repeated", "once"):
        assert CHECKS["prior of the optimum"](Evidence(tree, name)).passed is not None
    tree = replaced(tree, "log_likelihood", score=2.0, seed_variance=1.0)
    for name, expected in (("repeated", 3.0), ("once", 2.0)):
        density = regime_fit.log_likelihood(Evidence(tree, name))
        assert density.shape == (600, 24)
        assert (density == expected).all()


@pytest.mark.parametrize(
    ("grows", "n", "passed"), [(True, N, False), (False, N, True), (False, 20, None)]
)
def test_noise_that_grows_with_the_loss(grows, n, passed):
    expected, _ = simulate_losses(n, 4)
    sd = SIGMA * ((expected - ALPHA) / (0.25 * SPREAD) if grows else np.ones(n))
    noise = sd[:, None] * np.random.default_rng(4).standard_normal((n, 3))
    trials = ll.from_scores(expected[:, None] + noise, direction="minimize")
    assert outcome(tree_of(trials), "constant noise").passed is passed


def test_best_trials_at_an_edge_of_the_space():
    expected, loss = simulate_losses(N, 5)
    rng = np.random.default_rng(5)
    columns = {"param:depth": rng.integers(1, 9, N).astype(float), "param:kind": ["a", "b"] * 200}

    def found(rate):
        trials = search(losses=loss, **columns, **{"param:rate": rate})
        return outcome(tree_of(trials), "edges of the space")

    # The better the lower the rate; far below 1, where only a log scale shows it.
    rate = 10.0 ** (-4.0 * (1.0 - expected / expected.max()) + 0.2 * rng.standard_normal(N))
    for values, edge, way in ((rate, "lower", "downward"), (-rate, "upper", "upward")):
        assert (found(values).passed, found(values).about) == (False, "rate")
        assert edge in found(values).advice
        assert way in found(values).advice
    inside = np.sign(rng.standard_normal(N)) * (expected - ALPHA)
    assert found(inside).passed
    assert outcome(tree_of(search(losses=loss)), "edges of the space").passed is None


def test_leaving_a_trial_out_weights_draws_by_the_inverse_of_its_likelihood(monkeypatch):
    tree = make_tree(search(n=60), tail_fraction=0.4, chains=2, draws=100, spread_of_draws=2.0)
    evidence = evidence_of(tree)
    names = ("optimum", "spread", "effective_dim", "noise_sd")
    laws = np.stack([evidence.values(name) for name in names], axis=1)
    loss = evidence.shared_tail["score"].to_numpy(dtype=float)

    edge = evidence.constant("threshold")

    def share(loss):
        """Return F(loss)/F(threshold) under each draw, shape (draw, trial)."""
        return np.array([reference_cdf(loss, *law) / reference_cdf(edge, *law) for law in laws])

    # Beyond the edge too, the density is a difference of the distribution function.
    density = share(loss + 1e-4) - share(loss - 1e-4)
    monkeypatch.setattr(regime_fit, "log_likelihood", lambda _: np.log(density))
    weight = (1 / density) / (1 / density).sum(axis=0)
    expected = (weight * share(loss)).sum(axis=0)
    # Pareto smoothing changes the largest weights a little; with the wrong sign all change much.
    wrong = (density / density.sum(axis=0) * share(loss)).sum(axis=0)
    error = np.abs(regime_fit.loo_pit(evidence) - expected).max()
    assert error < 0.2 * np.abs(wrong - expected).max()


@pytest.mark.parametrize("different", [1, 2, 5, 10])
def test_draws_with_few_different_values_are_no_error(different):
    tree = tree_of(search(), draws=50)
    index = np.arange(50) % different
    for group in ("posterior", "noisy_quadratic", "log_likelihood", "log_prior"):
        few = tree[group].dataset.isel(draw=index, chain=[0] * 4)
        tree[group] = few.assign_coords(draw=np.arange(50), chain=np.arange(4))
    made = outcome(tree, "regime fit, leave-one-out").passed is not None
    assert made == (different == 10)
    for name in ("prior of the optimum", "prior of the effective dimension"):
        assert (outcome(tree, name).passed is not None) == (different == 10)


@pytest.mark.parametrize(("scale", "advised"), [("identity", True), ("auto", False)])
def test_advice_that_was_followed_is_not_given_again(scale, advised):
    tree = make_averaged_tree(make_trials(n=60), (0.3, 0.5), (0.5, 0.5))
    settings = json.loads(tree.attrs["settings"]) | {"scale": scale}
    tree.attrs["settings"] = json.dumps(settings)
    failed = replaced(tree, "candidates", p_value=0.001)
    assert ("scale='auto'" in outcome(failed, "regime fit").advice) == advised
