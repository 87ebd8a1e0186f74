"""A search without trials borrows a tail from its task; reports out of reach are refused."""

import numpy as np
import pandas as pd
import pytest
from helpers import simulate_losses

import leadline as ll
from leadline.data.reported_notes import notes_on_reports, validate_with_reports
from leadline.data.tails import join_tails
from leadline.data.trials import Trials
from leadline.errors import LeadlineError
from leadline.inference.candidates import (
    DEFAULT_MAX_DIM,
    TAIL_FRACTIONS,
    candidates_of,
    space_names,
)
from leadline.inference.reported_searches import validate_reports, with_reports
from leadline.models.priors import Priors

SIZES = {("digits", "A"): 60, ("digits", "C"): 40, ("wine", "A"): 40}


def make(score=0.25, task="digits", model="B", sign=1.0, best_of=50.0, space=None, **columns):
    tables = [
        pd.DataFrame({"task": one, "model": name, "score": simulate_losses(n, place)[1] + shift})
        for place, ((one, name), n) in enumerate(SIZES.items())
        for shift in [0.1 * (name == "C")]
    ]
    frame = pd.concat(tables, ignore_index=True).assign(**columns)
    report = {"task": task, "model": model, "score": score, "best_of": best_of, "space": space}
    frame = pd.concat([frame, pd.DataFrame([report | {"status": "reported"}])], ignore_index=True)
    frame["status"] = frame["status"].fillna("complete")
    frame["score"] *= sign
    direction = "minimize" if sign > 0 else "maximize"
    if space is None:
        frame = frame.drop(columns="space")
    else:
        frame["space"] = frame["space"].fillna(space)
    return Trials(frame, direction, source="runs.csv")


def candidates(trials, fractions=(0.2, 0.4), scale="identity", priors=None):
    spaces = space_names(trials)
    return [
        candidates_of(
            trials,
            pair,
            priors or Priors(),
            scale=scale,
            fractions=dict.fromkeys(fractions, 1.0),
            space=spaces[pair],
        )
        for pair in trials.with_trials
    ]


def reported(trials, place=0, priors=None, **how):
    """Return the tails at one of the thresholds, with reports, and those without."""
    plain = join_tails([own[place] for own in candidates(trials, priors=priors, **how)])
    return with_reports(plain, trials, priors or Priors()), plain


def last(tails, *names):
    """Return variables of the last search, which is known from its report alone."""
    return [tails[name].to_numpy()[-1] for name in names]


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("place", [0, 1])
def test_it_takes_the_most_lenient_threshold_of_its_task(sign, place):
    tails, plain = reported(make(sign=sign), place)
    assert tails.sizes["search"] == 4
    names = ("threshold", "tail_scale")
    lender = plain.isel(search=[1])  # C, which is worse everywhere
    assert last(tails, *names) == last(lender, *names)
    assert last(tails, "task", "model", "n_tail") == ["digits", "B", 0]
    assert (tails["tail_search"] < 3).all()
    assert tails["report_search"].to_numpy().tolist() == [3]
    assert tails["reported_loss"].to_numpy().tolist() == [0.25]
    assert tails["report_trials"].to_numpy().tolist() == [50]
    assert tails.attrs["loss_sign"] == sign


def test_reports_of_searches_with_trials_are_theirs():
    tails, plain = reported(make(model="C", best_of=np.nan))
    assert tails.drop_dims("report").equals(plain)
    assert tails["report_search"].to_numpy().tolist() == [1]
    assert np.isnan(tails["report_trials"]).all()


def test_without_reports_tails_stay_as_they_are():
    trials = make()
    plain = join_tails([own[0] for own in candidates(trials)])
    only_trials = Trials(trials.table, trials.direction, source=trials.source)
    assert with_reports(plain, only_trials, Priors()) is plain


@pytest.mark.parametrize("best_of", [2.0, 50.0, np.nan])
def test_what_is_borrowed_does_not_depend_on_the_report(best_of):
    found = {
        tuple(last(reported(make(score=score, best_of=best_of))[0], "threshold", "tail_scale"))
        for score in (0.02, 0.2, 0.3)
    }
    assert len(found) == 1


def test_a_poorer_report_is_reached_by_a_wider_tail_of_the_same_search():
    trials = make(score=0.55)
    tails, plain = reported(trials, fractions=(0.2,))
    threshold, tail_scale = last(tails, "threshold", "tail_scale")
    finite = np.sort(trials.search("digits", "C").table["score"])
    assert threshold > 0.55 > float(plain["threshold"][1])
    inside = finite[finite < threshold]
    assert len(inside) / len(finite) in TAIL_FRACTIONS
    assert tail_scale == pytest.approx(threshold - np.median(inside))


def test_it_borrows_on_the_scale_of_the_lender():
    tails, plain = reported(make(), scale="log")
    assert last(tails, "scale") == ["log"]
    assert last(tails, "threshold")[0] == float(plain["threshold"][1]) < 0
    np.testing.assert_allclose(tails["reported_loss"], np.log(0.25))


def test_its_effective_dimension_is_bounded_as_that_of_its_space():
    three = {"param:lr": 0.1, "param:width": 3, "param:depth": 2}
    assert last(reported(make(**three))[0], "max_effective_dim", "space") == [DEFAULT_MAX_DIM, "B"]
    trials = make(space="s", **three)
    assert last(reported(trials)[0], "max_effective_dim", "space") == [3.0, "s"]
    priors = Priors(max_effective_dim=4)
    assert last(reported(trials, priors=priors)[0], "max_effective_dim") == [4]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"task": "mnist"}, ["runs.csv", "'mnist'", "'B'"]),
        ({"score": 0.88}, ["digits / B", "0.88", "70%", "digits / C"]),
        ({"score": 25.0}, ["25", "70%"]),
        ({"score": -30.0}, ["-30", "100", "digits / A", "units"]),
    ],
)
def test_what_cannot_be_used_is_refused_before_it_is_fitted(changes, words):
    trials = make(**changes)
    with pytest.raises(LeadlineError) as caught:
        validate_reports(trials, candidates(trials), Priors())
    for word in words:
        assert word in str(caught.value)
    validate_reports(make(), candidates(make()), Priors())


@pytest.mark.parametrize(
    ("kind", "effective_dim", "option"),
    [
        ("single", "continuous", "model='single'"),
        ("crossed", "integer", "effective_dim='integer'"),
    ],
)
def test_options_that_do_not_go_with_reports(kind, effective_dim, option):
    with pytest.raises(LeadlineError, match=option):
        validate_with_reports(make(), kind, effective_dim)
    validate_with_reports(make(), "hierarchical", "continuous")


@pytest.mark.parametrize(
    ("changes", "options", "words"),
    [
        ({}, {"model": "single"}, "model='single'"),
        ({"task": "mnist"}, {}, "'mnist'"),
        ({"score": -0.1}, {"scale": "log"}, r"scale='log'.*-0\.1"),
    ],
)
def test_fit_refuses_before_it_compiles(changes, options, words):
    with pytest.raises(LeadlineError, match=words):
        ll.fit(make(**changes), tail_fraction=0.4, **options)


def test_notes_name_what_is_assumed_and_what_may_count_twice():
    (note,) = notes_on_reports(make())
    assert "'digits / B'" in note
    own = make().table["score"].iloc[3]
    (note,) = notes_on_reports(make(model="A", score=own))
    assert f"{own:g}" in note
    assert notes_on_reports(make(model="A")) == []
