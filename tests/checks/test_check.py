"""Every check fails on data made to fail it, and passes on searches drawn from the law."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from helpers import (
    ALPHA,
    GAMMA,
    SIGMA,
    SPREAD,
    make_averaged_tree,
    make_tree,
    make_trials,
    reference_cdf,
    simulate_losses,
)

import leadline as ll
from leadline.checks import effective_dim, sampling, sensitivity, thresholds
from leadline.checks.check import CHECKS, check, failed_checks
from leadline.checks.evidence import Evidence
from leadline.data.trials import Trials

N = 400


def search(seed=0, n=N, losses=None, direction="minimize", **columns):
    """Return a search from the law, with other losses or more columns where given."""
    loss = simulate_losses(n, seed)[1] if losses is None else losses
    sign = 1.0 if direction == "minimize" else -1.0
    return Trials(pd.DataFrame({"score": sign * loss, **columns}), direction, source="simulated")


def tree_of(trials, tail_fraction=0.4, **options):
    """Return a fit of it that knows the truth, nearly."""
    return make_tree(trials, tail_fraction=tail_fraction, spread_of_draws=0.3, **options)


def outcome(tree, name):
    return CHECKS[name](Evidence(tree, str(tree["posterior"]["search"].to_numpy()[0])))


def failing(tree, name):
    """Return the outcome of a check that must have failed, with advice."""
    found = outcome(tree, name)
    assert found.passed is False, found
    assert found.advice.endswith(".")
    return found


def replaced(tree, group, **variables):
    """Return the tree with other values of some variables of a group."""
    groups = {name: node.to_dataset() for name, node in tree.children.items()}
    old = groups[group]
    groups[group] = old.assign(
        {
            name: (old[name].dims, np.broadcast_to(value, old[name].shape).copy())
            for name, value in variables.items()
        }
    )
    result = xr.DataTree.from_dict(groups)
    result.attrs.update(tree.attrs)
    return result


@pytest.fixture(scope="module")
def good():
    return tree_of(search())


def test_the_table_has_one_row_for_each_search_and_check():
    pair = make_trials(searches=(("digits", "mlp"), ("digits", "forest")))
    table = check(make_tree(pair))
    assert list(table["search"].unique()) == ["mlp", "forest"]
    assert list(table["check"]) == list(CHECKS) * 2
    assert table["passed"].dtype == "boolean"
    assert (table["advice"].eq("") == table["passed"].fillna(False)).all()
    assert table.loc[table["passed"].notna(), ["figure", "limit"]].notna().all(axis=None)
    assert table.attrs["failed"] == failed_checks(table)


def test_check_is_public_and_refuses_other_things():
    assert ll.check is check
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


def test_failed_checks_are_named_once_with_what_they_found():
    table = pd.DataFrame(
        {
            "search": ["a", "a", "b", "b"],
            "check": ["edges of the space", "order of trials", "edges of the space", "best seen"],
            "passed": pd.array([False, True, False, pd.NA], dtype="boolean"),
            "about": ["lr", "", "lr", ""],
        }
    )
    assert failed_checks(table) == ["edges of the space (lr)"]


def test_a_saved_fit_is_checked_like_the_fit(good, tmp_path):
    good.to_netcdf(tmp_path / "fit.nc", engine="h5netcdf")
    with xr.open_datatree(tmp_path / "fit.nc", engine="h5netcdf") as opened:
        pd.testing.assert_frame_equal(check(opened.load()), check(good))


@pytest.mark.parametrize(
    ("name", "variables"),
    [
        ("divergences", {"divergences": 1}),
        ("R-hat", {"max_rhat": 1.02}),
        ("ESS, bulk", {"min_ess_bulk": 399.0}),
        ("ESS, tail", {"min_ess_tail": 399.0}),
        ("E-BFMI", {"min_bfmi": 0.29}),
        ("tail points", {"n_tail": 19}),
        ("regime fit", {"p_value": 0.04}),
    ],
)
def test_figures_that_the_fit_recorded(good, name, variables):
    assert outcome(good, name).passed is not False
    failing(replaced(good, "candidates", **variables), name)


def test_what_the_fit_did_not_record_is_not_judged(good):
    assert outcome(good, "E-BFMI").passed is None
    assert outcome(replaced(good, "candidates", max_rhat=np.nan), "R-hat").passed is None
    groups = {name: node.to_dataset() for name, node in good.children.items()}
    groups["candidates"] = groups["candidates"].drop_vars("min_bfmi")
    old = Evidence(
        xr.DataTree.from_dict(groups), Evidence(good, "").tree["posterior"].search.item()
    )
    assert sampling.energy(old).passed is None


def test_a_bimodal_tail():
    # A second, better mode: one trial in ten is far better than the law has it.
    _, loss = simulate_losses(N, 1)
    loss[::10] = ALPHA + 0.2 * SIGMA * np.random.default_rng(1).standard_normal(N // 10)
    failing(tree_of(search(losses=loss)), "regime fit, best scores")


def test_a_discontinuous_loss():
    # Nothing between 0.3 and 0.4: a cliff, as where training starts to work.
    _, loss = simulate_losses(N, 2)
    loss = loss + 0.1 * (loss > 0.3)
    failing(tree_of(search(losses=loss)), "regime fit, leave-one-out")
    assert outcome(tree_of(search(2)), "regime fit, leave-one-out").passed


def test_no_deeper_threshold_is_advised_where_the_data_have_chosen(good):
    advice = failing(replaced(good, "candidates", p_value=0.04), "regime fit").advice
    assert "so that the data decide where the law starts" in advice
    chosen = make_averaged_tree(search(1), (0.2, 0.3), weights=(0.6, 0.4))
    advice = failing(replaced(chosen, "candidates", p_value=0.04), "regime fit").advice
    assert "the data have chosen the threshold already" in advice


def test_thresholds_that_disagree(good):
    ends = [np.array(e) for e in ([0.1, 0.2, 0.3], [0.31, 0.4, 0.5])]
    assert thresholds.separation(*ends) > 1.0
    assert thresholds.separation(*ends[::-1]) == thresholds.separation(*ends)
    assert thresholds.separation(ends[0], ends[1] - 0.02) < 1.0
    assert outcome(good, "thresholds agree").passed is None
    table = good["candidates"].to_dataset()
    other = table.assign(optimum=table["optimum"] + 0.1).assign_coords(candidate=[1])
    both = xr.concat([table, other], "candidate", data_vars="minimal", join="outer")
    for weight, verdict in (([0.9, 0.1], False), ([0.96, 0.04], None)):
        groups = {name: node.to_dataset() for name, node in good.children.items()}
        groups["candidates"] = both.assign(weight=(("search", "candidate"), [weight]))
        tree = xr.DataTree.from_dict(groups)
        tree.attrs.update(good.attrs)
        assert outcome(tree, "thresholds agree").passed is verdict


@pytest.mark.parametrize(
    ("name", "value"),
    [("effective dimension above 1", 1.02), ("effective dimension below its bound", 9.9)],
)
def test_an_effective_dimension_at_a_bound(good, name, value):
    assert outcome(good, name).passed
    failing(replaced(good, "posterior", effective_dim=value), name)


def test_an_integer_effective_dimension_uses_its_probabilities():
    trials = make_trials()
    tree = make_tree(trials, integer=True)
    assert outcome(tree, "effective dimension above 1").passed is None
    tree = replaced(tree, "constant_data", max_effective_dim=3.0)
    assert outcome(tree, "effective dimension below its bound").passed
    most = np.array([0.1, 0.2, 0.7])
    failing(
        replaced(tree, "posterior", effective_dim_probability=most),
        "effective dimension below its bound",
    )


def test_an_effective_dimension_without_doubt_has_no_sensitivity(good):
    certain = outcome(
        replaced(good, "posterior", effective_dim=2.0), "prior of the effective dimension"
    )
    assert certain.passed is None
    assert "the same effective_dim, 2:" in certain.advice


@pytest.mark.parametrize("name", ["optimum", "effective_dim"])
def test_prior_sensitivity(good, name):
    draws = good["posterior"][name].to_numpy()[..., 0]
    z = (draws - draws.mean()) / draws.std()
    check_name = f"prior of the {name.replace('effective_dim', 'effective dimension')}"
    assert outcome(good, check_name).passed

    def tilted(prior, likelihood):
        """Return the fit with log-densities along the variable, so many sds for a doubling."""
        tree = replaced(good, "log_prior", gap=prior / np.log(2) * z[..., None])
        return replaced(
            tree, "log_likelihood", score=0.0, in_regime=likelihood / np.log(2) * z[..., None]
        )

    assert "more trials" in failing(tilted(0.5, 0.1), check_name).advice
    assert outcome(tilted(0.5, 1.0), check_name).passed
    assert "pull away" in failing(tilted(2.0, 2.0), check_name).advice


def test_prior_sensitivity_is_of_its_own_search():
    pair = make_trials(searches=(("digits", "mlp"), ("digits", "forest")))
    tree = make_tree(pair)
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


def test_a_best_seen_that_is_too_good():
    _, loss = simulate_losses(N, 3)
    loss[7] = ALPHA - 4 * SIGMA
    failing(tree_of(search(losses=loss)), "best seen")
    loss[7] = ALPHA - SIGMA
    assert outcome(tree_of(search(losses=loss)), "best seen").passed


def replicated(grows, seed=4, n=N):
    """Return a search with three seeds a trial, whose noise is constant or grows with the loss."""
    rng = np.random.default_rng(seed)
    expected, _ = simulate_losses(n, seed)
    sd = SIGMA * ((expected - ALPHA) / (0.25 * SPREAD) if grows else np.ones(n))
    loss = expected[:, None] + sd[:, None] * rng.standard_normal((n, 3))
    return ll.from_scores(loss, direction="minimize")


def test_noise_that_grows_with_the_loss():
    failing(tree_of(replicated(grows=True)), "constant noise")
    assert outcome(tree_of(replicated(grows=False)), "constant noise").passed
    assert outcome(tree_of(replicated(grows=False, n=20)), "constant noise").passed is None


def test_best_trials_at_an_edge_of_the_space():
    expected, loss = simulate_losses(N, 5)
    rng = np.random.default_rng(5)
    # The better the lower the rate; far below 1, where only a log scale shows it.
    rate = 10.0 ** (-4.0 * (1.0 - expected / expected.max()) + 0.2 * rng.standard_normal(N))
    columns = {"param:depth": rng.integers(1, 9, N).astype(float), "param:kind": ["a", "b"] * 200}
    found = failing(
        tree_of(search(losses=loss, **columns, **{"param:rate": rate})), "edges of the space"
    )
    assert found.about == "rate"
    assert "lower edge of rate: widen its range downward" in found.advice
    upper = tree_of(search(losses=loss, **columns, **{"param:rate": -rate}))
    assert "widen its range upward" in failing(upper, "edges of the space").advice
    # The optimum in the middle.
    inside = np.sign(rng.standard_normal(N)) * (expected - ALPHA)
    assert outcome(
        tree_of(search(losses=loss, **columns, **{"param:rate": inside})), "edges of the space"
    ).passed
    assert outcome(tree_of(search(losses=loss)), "edges of the space").passed is None


def test_heavy_ties():
    _, loss = simulate_losses(N, 6)
    tied = np.repeat(loss[: N // 2], 2)
    # Ties without a grid, as where trials are entered twice.
    tree = tree_of(search(losses=tied))
    assert float(tree["constant_data"]["resolution"].item()) == 0.0
    failing(tree, "ties")
    assert outcome(tree_of(search(losses=np.round(loss, 2))), "ties").passed


def test_scores_too_coarse_for_the_noise():
    _, loss = simulate_losses(N, 6)
    failing(tree_of(search(losses=np.round(loss / 0.05) * 0.05)), "resolution")
    assert outcome(tree_of(search(losses=np.round(loss, 2))), "resolution").passed


def test_trials_that_get_better():
    _, loss = simulate_losses(N, 8)
    better = loss + 0.3 * np.linspace(1, 0, N)
    assert "better" in failing(tree_of(search(losses=better)), "order of trials").advice
    failing(tree_of(search(losses=better, direction="maximize")), "order of trials")
    # The column `order` counts, not the order of the rows.
    shuffled = np.random.default_rng(8).permutation(N)
    tree = tree_of(search(losses=better[shuffled], order=shuffled.astype(float)))
    failing(tree, "order of trials")
    # Failures are bad scores.
    failed = np.where(np.arange(N) < 60, np.nan, loss)
    failing(tree_of(search(losses=failed)), "order of trials")
    assert outcome(tree_of(search(losses=loss)), "order of trials").passed


def test_too_few_trials_for_an_order():
    _, loss = simulate_losses(9, 8)
    tree = tree_of(search(losses=loss), tail_fraction=1.0)
    assert outcome(tree, "order of trials").passed is None
    assert outcome(tree, "regime fit, best scores").passed is None
    assert GAMMA == 2.0
    assert effective_dim.MAX_AT_BOUND == 0.5


def test_leaving_a_trial_out_weighs_draws_by_the_inverse_of_its_likelihood(monkeypatch):
    from leadline.checks import regime_fit

    tree = make_tree(search(n=60), tail_fraction=0.4, chains=2, draws=100, spread_of_draws=2.0)
    evidence = Evidence(tree, str(tree["posterior"]["search"].to_numpy()[0]))
    names = ("optimum", "spread", "effective_dim", "noise_sd")
    draws = np.stack([evidence.posterior[name].to_numpy().ravel() for name in names], axis=1)
    loss = evidence.shared_tail["score"].to_numpy(dtype=float)
    # The density as a difference of the distribution function; past the edge, as the fit has it.
    edge = evidence.edge
    below = np.array([reference_cdf(loss, *law) / reference_cdf(edge, *law) for law in draws])
    step = 1e-4
    density = np.array(
        [
            (reference_cdf(loss + step, *law) - reference_cdf(loss - step, *law))
            / reference_cdf(edge, *law)
            for law in draws
        ]
    )
    monkeypatch.setattr(regime_fit, "log_likelihood", lambda _: np.log(density))
    got = regime_fit.loo_pit(evidence)
    weight = (1 / density) / (1 / density).sum(axis=0)
    expected = (weight * below).sum(axis=0)
    # Pareto smoothing changes the largest weights a little; with the wrong sign all change much.
    wrong = (density / density.sum(axis=0) * below).sum(axis=0)
    assert np.abs(got - expected).max() < 0.2 * np.abs(wrong - expected).max()


def test_a_search_without_repeated_trials_beside_one_that_has_them():
    rng = np.random.default_rng(4)
    seeds = pd.DataFrame(
        {
            "task": "repeated",
            "trial": np.repeat(np.arange(60), 2),
            "replicate": np.tile([1, 2], 60),
            "score": np.repeat(simulate_losses(60, 1)[0], 2) + SIGMA * rng.standard_normal(120),
        }
    )
    once = pd.DataFrame({"task": "once", "trial": range(60), "score": simulate_losses(60, 2)[1]})
    both = Trials(
        pd.concat([seeds, once.assign(replicate=1)], ignore_index=True), "minimize", source="two"
    )
    table = check(tree_of(both))
    made = table[table["check"] == "prior of the optimum"]
    assert made["passed"].notna().all()
    assert set(made["search"]) == {"repeated", "once"}
