"""What a search without trials borrows from those of its task, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from helpers import simulate_losses

import leadline as ll
from leadline.data.prepare import DEFAULT_MAX_DIM
from leadline.data.reported_notes import notes_on_reports, validate_with_reports
from leadline.data.scale import SCALES
from leadline.data.trials import Trials
from leadline.errors import LeadlineError
from leadline.inference.candidates import candidates_of
from leadline.inference.fit import space_labels
from leadline.inference.reported_searches import reported_searches
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


def prepared(trials, fractions=(0.2, 0.4), scale="identity"):
    return [
        candidates_of(
            trials.search(*pair),
            Priors(),
            [SCALES[scale]],
            dict.fromkeys(fractions, 1.0),
            threshold=None,
            resolution=None,
        )
        for pair in trials.with_trials
    ]


def reported(trials, candidates, priors=None):
    spaces = [space for space, _, _ in space_labels(trials)]
    return reported_searches(trials, spaces, candidates, priors or Priors())


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("place", [0, 1])
def test_it_takes_the_most_lenient_threshold_of_its_task(sign, place):
    trials = make(sign=sign)
    candidates = prepared(trials)
    (one,) = reported(trials, candidates)
    assert one.lenders == (0, 1)
    chosen = [of_search[0][place] for of_search in candidates]
    search = one.borrow(chosen).search
    lender = chosen[1].search.regime  # C, which is worse everywhere
    assert search.regime.threshold == lender.threshold
    assert search.regime.tail_scale == lender.tail_scale
    assert (search.regime.n_tail, len(search.trials), len(search.reports)) == (0, 0, 1)
    assert search.sign == sign


@pytest.mark.parametrize("best_of", [2.0, 50.0, np.nan])
def test_what_is_borrowed_does_not_depend_on_the_report(best_of):
    found = set()
    for score in (0.02, 0.2, 0.3):
        trials = make(score=score, best_of=best_of)
        candidates = prepared(trials)
        (one,) = reported(trials, candidates)
        regime = one.borrow([of_search[0][0] for of_search in candidates]).search.regime
        found.add((regime.threshold, regime.tail_scale))
    assert len(found) == 1


def test_a_poorer_report_is_reached_by_a_wider_tail_of_the_same_search():
    trials = make(score=0.55)
    candidates = prepared(trials, fractions=(0.2,))
    (one,) = reported(trials, candidates)
    chosen = [of_search[0][0] for of_search in candidates]
    regime = one.borrow(chosen).search.regime
    lender = chosen[1].search
    finite = np.sort(lender.trials["score"])
    assert regime.threshold > 0.55 > lender.regime.threshold
    inside = finite[finite < regime.threshold]
    assert len(inside) / len(finite) in (0.3, 0.4, 0.5, 0.6, 0.7)
    assert regime.tail_scale == pytest.approx(regime.threshold - np.median(inside))


def test_it_borrows_on_the_scale_of_the_lender():
    trials = make()
    candidates = prepared(trials, scale="log")
    (one,) = reported(trials, candidates)
    chosen = [of_search[0][0] for of_search in candidates]
    search = one.borrow(chosen).search
    assert search.regime.scale.name == "log"
    assert search.regime.threshold == chosen[1].search.regime.threshold < 0


def test_its_effective_dimension_is_bounded_as_that_of_its_space():
    trials = make(**{"param:lr": 0.1, "param:width": 3, "param:depth": 2})
    assert reported(trials, prepared(trials))[0].max_effective_dim == DEFAULT_MAX_DIM
    assert [space for space, _, _ in space_labels(trials)][-1] == ""
    trials = make(space="s", **{"param:lr": 0.1, "param:width": 3, "param:depth": 2})
    assert reported(trials, prepared(trials))[0].max_effective_dim == 3.0
    assert {space for space, _, _ in space_labels(trials)} == {"s"}
    assert reported(trials, prepared(trials), Priors(max_effective_dim=4))[0].max_effective_dim == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"task": "mnist"},
            r"runs.csv: of task 'mnist' there are reported bests only \(model 'B'\)",
        ),
        ({"task": "mnist"}, r"add a random search of any model on the same task, or say both"),
        (
            {"score": 0.88},
            r"digits / B: the reported best 0.88 is poorer than 70% of the trials of",
        ),
        ({"score": 25.0}, r"the reported best 25 is poorer than 70%"),
        ({"score": -30.0}, r"the reported best -30 is over 100 times as far from the best trial"),
    ],
)
def test_what_cannot_be_used_is_refused_with_what_to_do(changes, message):
    trials = make(**changes)
    with pytest.raises(LeadlineError, match=message):
        reported(trials, prepared(trials))


@pytest.mark.parametrize(
    ("kind", "effective_dim", "message"),
    [
        ("single", "continuous", r"there is 1 reported best, and model='single' fits every search"),
        ("crossed", "integer", r"1 reported best, which effective_dim='integer' does not go with"),
    ],
)
def test_options_that_do_not_go_with_reports(kind, effective_dim, message):
    with pytest.raises(LeadlineError, match=message):
        validate_with_reports(make(), kind, effective_dim)
    validate_with_reports(make(), "hierarchical", "continuous")


def test_fit_refuses_before_it_compiles():
    with pytest.raises(LeadlineError, match="model='single'"):
        ll.fit(make(), model="single", tail_fraction=0.4)
    with pytest.raises(LeadlineError, match="of task 'mnist' there are reported bests only"):
        ll.fit(make(task="mnist"), tail_fraction=0.4)
    with pytest.raises(LeadlineError, match=r"scale='log' takes .* -0.1 for one"):
        ll.fit(make(score=-0.1), scale="log", tail_fraction=0.4)


def test_notes_say_what_is_assumed_and_what_may_count_twice():
    (note,) = notes_on_reports(make())
    assert note.startswith("known from reported bests alone: 'digits / B'. That their best scores")
    own = make().table["score"].iloc[3]
    (note,) = notes_on_reports(make(model="A", score=own))
    assert "is the score of one of its trials too" in note
    assert notes_on_reports(make(model="A")) == []
