"""Reported bests: the density is that of the law, of known and of unknown numbers of trials."""

import math

import numpy as np
import pymc as pm
import pytest
import xarray as xr
from helpers import ALPHA, SIGMA, SPREAD, reference_cdf, simulate_losses
from helpers_models import PYTHON, REWRITTEN, Evaluator
from scipy import stats

import leadline as ll
from leadline.data.tails import cut_tail, join_tails, label_tail
from leadline.distributions.kernels import noisy_quadratic
from leadline.distributions.scores import BestScore
from leadline.inference.pointwise_logp import PointwiseLogp
from leadline.models import best_of_k, crossed, hierarchical

NAN = math.nan


def full_search(n=60, task="a", model="x"):
    trials = ll.from_scores(simulate_losses(n, 3)[1], direction="minimize")
    tail = cut_tail(trials, tail_fraction=0.4, max_effective_dim=4, space="s")
    return tail.assign_coords(task=("search", [task]), model=("search", [model]))


def only_reported(threshold, tail_scale, task="a", model="x"):
    """Return a search without trials."""
    like = full_search()
    known = {"threshold": threshold, "n_tail": 0, "best_loss": np.inf}
    known |= {"tail_scale": tail_scale, "noise_scale": tail_scale, "least_loss": -np.inf}
    known |= {"resolution": 0.0, "scale": "identity", "max_effective_dim": 3.0}
    known |= {"tail_fraction": NAN, "log_prior_weight": 0.0}
    nothing = {name: (own.dims, own.to_numpy()[:0]) for name, own in like.items()}
    searches = {name: ("search", [value]) for name, value in known.items()}
    return label_tail(nothing | searches, task, model, "s", 1.0)


def with_bests(tails, reports):
    """Return tails with reports, each a (loss, trials, search)."""
    losses, trials, search = (np.array(column) for column in zip(*reports, strict=True))
    return join_tails(tails).assign(
        reported_loss=("report", losses.astype(float)),
        report_trials=("report", trials.astype(float)),
        report_search=("report", search),
    )


def evaluator(tails, base=hierarchical):
    model = best_of_k.build(tails, ll.Priors(), base)
    return Evaluator(model, best_of_k.data_of(tails, base))


def quadratic_at(values):
    """Return alpha, beta, gamma and sigma of each search."""
    alpha = values["optimum"]
    return alpha, alpha + values["spread"], values["effective_dim"], values["noise_sd"]


@pytest.fixture(scope="module")
def one_report():
    return evaluator(with_bests([full_search()], [(0.24, 20, 0)]))


def test_reports_have_the_density_of_the_best_of_k():
    search = full_search()
    edge = float(search["threshold"][0])
    # The second and third are not beyond the threshold; the last has no number of trials.
    reports = [(0.24, 20, 0), (edge + 0.05, 3, 0), (edge + 1.0, 3, 0), (0.23, 100, 1), (0.3, 7, 1)]
    reports += [(0.25, NAN, 1)]
    built = evaluator(with_bests([search, only_reported(0.4, 0.1, model="y")], reports))
    assert built.model.potentials == []
    assert {variable.name for variable in built.model.data_vars} == set(built.data)
    for point in built.points(4):
        found, values = built.terms(point)["reported"], built.values(point)
        for place, (loss, trials, owner) in enumerate(reports):
            trials = float(values["reported_trials"][0]) if math.isnan(trials) else trials
            law = [float(part[owner]) for part in quadratic_at(values)]
            if loss > edge and owner == 0:
                expected = trials * noisy_quadratic.logsf(edge, *law).eval(mode=PYTHON)
            else:
                expected = pm.logp(BestScore.dist(*law, trials), loss).eval(mode=PYTHON)
            assert found[place] == pytest.approx(float(expected), rel=1e-9)


def test_reports_that_are_all_worse_than_the_threshold_leave_a_finite_density():
    built = evaluator(with_bests([only_reported(0.2, 0.1)], [(0.3, 10, 0)]))
    assert all(np.isfinite(term).all() for term in built.terms(built.start).values())


def test_the_likelihood_of_a_report_is_that_of_its_trials_of_which_only_the_best_is_given():
    """The best of k trials is given, and the others are worse: the same information."""
    law, k, y = (ALPHA, ALPHA + SPREAD, 2.0, SIGMA), 30, 0.22
    given = pm.logp(BestScore.dist(*law, k), y).eval(mode=PYTHON)
    density, worse = (
        float(function(y, *law).eval(mode=PYTHON))
        for function in (noisy_quadratic.logpdf, noisy_quadratic.logsf)
    )
    assert float(given) == pytest.approx(math.log(k) + density + (k - 1) * worse, rel=1e-12)


def test_an_unknown_number_of_trials_has_its_prior():
    tails = with_bests([only_reported(0.4, 0.1)], [(0.23, NAN, 0)])
    model = best_of_k.build(tails, ll.Priors())
    drawn = pm.draw(model["reported_trials"], 4000, random_seed=1, mode=REWRITTEN)
    assert stats.kstest(drawn[:, 0], stats.lognorm(s=1, scale=math.exp(3.91)).cdf).pvalue > 1e-3
    assert drawn.min() >= 1.0


def crossed_searches():
    """Return two models on two tasks, the second model on the second task without trials."""
    first = full_search(60)
    edge, scale = float(first["threshold"][0]) + 0.3, float(first["tail_scale"][0])
    others = [full_search(40, "a", "y"), full_search(40, "b", "x")]
    return [first, *others, only_reported(edge, scale, "b", "y")]


@pytest.mark.slow
@pytest.mark.parametrize("base", [hierarchical, crossed], ids=["hierarchical", "crossed"])
def test_reports_leave_the_terms_of_trials_as_they_are(base):
    """The terms are those without reports, also of a search with trials, and those of reports."""
    tails = with_bests(crossed_searches(), [(0.22, 50, 3), (0.21, 100, 0), (0.25, NAN, 3)])
    plain_tails = tails.drop_dims("report")
    beside = best_of_k.build(tails, ll.Priors(), base)
    plain = base.build(plain_tails, ll.Priors())
    # At the same values of the parameters, whatever the coordinates of the sampler are.
    values = Evaluator(beside, {})
    at = values.values(values.start)
    draws = xr.Dataset(
        {
            one.name: (
                ("chain", "draw", *beside.named_vars_to_dims.get(one.name, ())),
                at[one.name][None, None],
            )
            for one in beside.free_RVs
        }
    )
    without = PointwiseLogp(plain)(draws, base.data_of(plain_tails))
    found = PointwiseLogp(beside)(draws, best_of_k.data_of(tails, base))
    added = [set(more) - set(fewer) for fewer, more in zip(without, found, strict=True)]
    assert added == [{"reported"}, {"reported_trials"}]
    for fewer, more in zip(without, found, strict=True):
        for name, term in fewer.items():
            np.testing.assert_allclose(more[name], term, rtol=1e-12, err_msg=name)


def test_a_report_has_the_density_of_differences_of_the_distribution_function(one_report):
    """An independent path: the law as a mean over many expected losses."""
    point = one_report.start
    law = [float(part[0]) for part in quadratic_at(one_report.values(point))]
    alpha, beta, gamma, sigma = law
    step = 1e-4
    better = [
        1.0 - (1.0 - reference_cdf(0.24 + side, alpha, beta - alpha, gamma, sigma)) ** 20
        for side in (-step, step)
    ]
    density = (better[1] - better[0]) / (2 * step)
    found = one_report.terms(point)["reported"]
    # The mean over 4,000 losses and the difference are good to four digits.
    assert np.exp(found[0]) == pytest.approx(float(density), rel=1e-3)


def test_a_report_moves_the_coordinate_and_no_scale(one_report):
    plain = hierarchical.data_of(full_search())
    better = best_of_k.data_of(with_bests([full_search()], [(0.01, 20, 0)]))
    changed = {name for name in plain if np.any(plain[name] != better[name])}
    assert changed == {"depth_of_best", "n_tail"}


def test_the_scale_of_a_task_is_measured_from_searches_with_trials():
    searches = crossed_searches()
    data = best_of_k.data_of(with_bests(searches, [(0.22, 50, 3)]), crossed)
    measured = crossed.data_of(join_tails(searches[:3]))
    np.testing.assert_array_equal(data["task_unit"], measured["task_unit"])
    # The location is that of all optima of the task.
    np.testing.assert_array_equal(data["task_share"][1], [0, 0, 0.5, 0.5])
