"""Reported bests: the density is that of the law, of known and of unknown numbers of trials."""

import math

import numpy as np
import pymc as pm
import pytensor
import pytest
import xarray as xr
from helpers import reference_cdf
from scipy import stats

import leadline as ll
from leadline.data.prepare import prepare
from leadline.distributions.kernels import noisy_quadratic
from leadline.distributions.scores import BestScore
from leadline.inference.densities import Densities
from leadline.models import best_of_k, crossed, hierarchical, several
from leadline.models.best_of_k import Report, reported_search

ALPHA, SPREAD, GAMMA, SIGMA = 0.2, 0.6, 2.0, 0.02


def simulate(n, rng):
    return ALPHA + SPREAD * rng.random(n) ** (2 / GAMMA) + SIGMA * rng.standard_normal(n)


def full_search(n=60):
    trials = ll.from_scores(simulate(n, np.random.default_rng(3)), direction="minimize")
    regime = prepare(trials, ll.Priors(), tail_fraction=0.4).regime
    return several.Search(regime, 4.0)


def terms_of(model, point):
    variables = [*model.free_RVs, *model.observed_RVs]
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        compiled = model.compile_fn(model.logp(vars=variables, sum=False), point_fn=True)
    return dict(zip([one.name for one in variables], compiled(point), strict=True))


def law_at(model, point):
    """Return alpha, beta, gamma and sigma at a point."""
    names = ("optimum", "spread", "effective_dim", "noise_sd")
    found = model.compile_fn(
        model.replace_rvs_by_values([model[name] for name in names]),
        inputs=model.value_vars,
        point_fn=True,
        on_unused_input="ignore",
    )(point)
    alpha, spread, gamma, sigma = found
    return alpha, alpha + spread, gamma, sigma


def test_reports_have_the_density_of_the_best_of_k():
    search = full_search()
    edge = search.regime.threshold
    far = [edge + 0.05, edge + 1.0]
    only = reported_search(0.4, 0.1, 3.0)
    # Of the last report nobody knows how many trials it is the best of.
    reports = [
        Report(0.24, 20, 0),
        Report(far[0], 3, 0),  # past the threshold of its search
        Report(far[1], 3, 0),
        Report(0.23, 100, 1),
        Report(0.30, 7, 1),
        Report(0.25, math.nan, 1),
    ]
    model = best_of_k.build([search, only], reports, 1.0, ll.Priors())
    assert model.potentials == []
    assert {one.name for one in model.data_vars} == set(
        best_of_k.data_of([search, only], reports, 1.0)
    )
    rng = np.random.default_rng(4)
    start = model.initial_point(random_seed=1)
    for _ in range(4):
        point = {name: value + rng.uniform(-1, 1, value.shape) for name, value in start.items()}
        found = terms_of(model, point)["reported"]
        alpha, beta, gamma, sigma = law_at(model, point)
        # As sampled: log(k − 1), the prior being cut off at 1.
        unknown = 1.0 + float(
            np.exp(next(v for k, v in point.items() if "reported_trials" in k)[0])
        )
        for place, report in enumerate(reports):
            trials = unknown if math.isnan(report.trials) else report.trials
            law = [float(part[report.search]) for part in (alpha, beta, gamma, sigma)]
            if report.loss in far:
                wanted = trials * noisy_quadratic.logsf(edge, *law).eval()
            else:
                wanted = pm.logp(BestScore.dist(*law, trials), report.loss).eval()
            assert found[place] == pytest.approx(float(wanted), rel=1e-9)


def test_reports_that_are_all_past_the_threshold_leave_a_finite_density():
    only = reported_search(0.2, 0.1, 3.0)
    model = best_of_k.build([only], [Report(0.3, 10, 0)], 1.0, ll.Priors())
    terms = terms_of(model, model.initial_point(random_seed=1))
    assert all(np.isfinite(term).all() for term in terms.values())


def test_the_likelihood_of_a_report_is_that_of_its_trials_with_only_the_best_told():
    """Of k trials the best is told, and that the others are worse: the same information."""
    alpha, beta, gamma, sigma = ALPHA, ALPHA + SPREAD, GAMMA, SIGMA
    law, k, y = (alpha, beta, gamma, sigma), 30, 0.22
    told = pm.logp(BestScore.dist(*law, k), y).eval()
    one = noisy_quadratic.logpdf(y, *law).eval()
    others = (k - 1) * noisy_quadratic.logsf(y, *law).eval()
    assert float(told) == pytest.approx(math.log(k) + float(one) + float(others), rel=1e-12)


def test_an_unknown_number_of_trials_has_its_prior():
    only = reported_search(0.4, 0.1, 3.0)
    model = best_of_k.build([only], [Report(0.23, math.nan, 0)], 1.0, ll.Priors())
    with model:
        drawn = pm.draw(model["reported_trials"], 4000, random_seed=1)
    wanted = stats.lognorm(s=1, scale=math.exp(3.91))
    assert stats.kstest(drawn[:, 0], wanted.cdf).pvalue > 1e-3
    assert drawn.min() >= 1.0


def crossed_searches():
    """Return two models on two tasks, the second model on the second task without trials."""
    first, second = full_search(60), full_search(40)
    regime = first.regime
    return [
        several.Search(first.regime, 4.0, 0, 0, 0),
        several.Search(second.regime, 4.0, 0, 0, 1),
        several.Search(second.regime, 4.0, 0, 1, 0),
        reported_search(regime.threshold + 0.3, regime.tail_scale, 4.0, task=1, model=1),
    ]


@pytest.mark.parametrize("base", [hierarchical, crossed], ids=["hierarchical", "crossed"])
def test_reports_leave_what_trials_say_as_it_is(base):
    """Also those of a search with trials: the terms are those without reports, and one more."""
    searches = crossed_searches()
    reports = [Report(0.22, 50, 3), Report(0.21, 100, 0), Report(0.25, math.nan, 3)]
    beside = best_of_k.build(searches, reports, 1.0, ll.Priors(), base)
    plain = base.build(searches, 1.0, ll.Priors())
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        # At the same values of the parameters, whatever the coordinates of the sampler are.
        values = beside.compile_fn(
            beside.replace_rvs_by_values(beside.free_RVs),
            inputs=beside.value_vars,
            point_fn=True,
        )(beside.initial_point(random_seed=2))
        draws = xr.Dataset(
            {
                one.name: (("chain", "draw", *beside.named_vars_to_dims.get(one.name, ())), value)
                for one, value in zip(
                    beside.free_RVs, [value[None, None] for value in values], strict=True
                )
            }
        )
        without = Densities(plain)(draws, base.data_of(searches, 1.0))
        found = Densities(beside)(draws, best_of_k.data_of(searches, reports, 1.0, base))
    added = [
        set(with_reports) - set(plain_ones)
        for plain_ones, with_reports in zip(without, found, strict=True)
    ]
    assert added == [{"reported"}, {"reported_trials"}]
    for plain_ones, with_reports in zip(without, found, strict=True):
        for name, term in plain_ones.items():
            np.testing.assert_allclose(with_reports[name], term, rtol=1e-12, err_msg=name)


def test_a_report_has_the_density_that_counting_gives():
    """An independent path: the law as a mean over many expected losses, and differences."""
    search = full_search()
    report = Report(0.24, 20, 0)
    model = best_of_k.build([search], [report], 1.0, ll.Priors())
    point = model.initial_point(random_seed=1)
    alpha, beta, gamma, sigma = (float(part[0]) for part in law_at(model, point))
    step = 1e-4
    better = [
        1.0 - (1.0 - reference_cdf(report.loss + side, alpha, beta - alpha, gamma, sigma)) ** 20
        for side in (-step, step)
    ]
    density = (better[1] - better[0]) / (2 * step)
    found = terms_of(model, point)["reported"]
    # The mean over 4,000 losses and the difference are good to four digits.
    assert np.exp(found[0]) == pytest.approx(float(density), rel=1e-3)


def test_a_task_is_measured_from_searches_with_trials():
    searches = crossed_searches()
    data = best_of_k.data_of(searches, [Report(0.22, 50, 3)], 1.0, crossed)
    measured = crossed.data_of(searches[:3], 1.0)
    for name in ("task_anchor", "task_unit"):
        np.testing.assert_array_equal(data[name], measured[name])
