"""When a scaling law is fitted, and what it refuses in one line."""

import numpy as np
import pytest
from helpers_scaling import SIZES, make_scaling_trials

import leadline as ll
from leadline.errors import LeadlineError
from leadline.inference.fit_options import choose_model, validate_option_names


def of(trials, **columns):
    table = trials.table.drop(columns=[name for name, own in columns.items() if own is None])
    given = {name: own for name, own in columns.items() if own is not None}
    return ll.Trials(table.assign(**given), trials.direction)


def first(trials, count):
    kept = [f"n{place}" for place in range(count)]
    return ll.Trials(trials.table[trials.table["task"].isin(kept)], trials.direction)


def test_five_searches_of_known_size_have_a_law():
    trials = make_scaling_trials(n=12)
    kind, reason = choose_model("auto", trials)
    assert kind == "scaling"
    assert "size" in reason
    assert choose_model("auto", first(trials, 5))[0] == "scaling"
    assert choose_model("auto", first(trials, 4))[0] == "hierarchical"
    assert choose_model("auto", of(trials, size=None, data=None))[0] == "hierarchical"
    assert choose_model("auto", of(trials, size=1e6))[0] == "hierarchical"
    assert choose_model("hierarchical", trials)[0] == "hierarchical"


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"size": 1e6}, "size 1e.06.*leave size out"),
        ({"data": 1e6}, "data 1e.06.*leave data out"),
        ({"size": None, "data": None}, "size='params'"),
    ],
)
def test_what_has_no_law_is_one_line(columns, words):
    trials = of(make_scaling_trials(n=12), **columns)
    with pytest.raises(LeadlineError, match=words) as error:
        ll.fit(trials, model="scaling")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("option", "meant"),
    [
        ("seed", "random_seed"),
        ("random_sed", "random_seed"),
        ("progress_bar", "progressbar"),
        ("chain", "chains"),
        ("save_warmup", ""),
        ("no_such_thing", ""),
    ],
)
@pytest.mark.parametrize("of", [ll.fit, ll.fit_many])
def test_an_unknown_option_is_refused_before_any_work(of, option, meant, monkeypatch):
    monkeypatch.setattr("leadline.inference.fit.validate_any_complete", pytest.fail)
    with pytest.raises(TypeError, match=option) as error:
        of(ll.from_scores([0.3, 0.2], direction="minimize"), **{option: 1})
    assert (f"Did you mean {meant!r}?" in str(error.value)) == bool(meant)


def test_options_of_the_sampler_are_its_own():
    known = ["random_seed", "progressbar", "nuts_sampler", "tune"]
    for option, value in {
        "maxdepth": 5,
        "target_accept": 0.9,
        "cores": 1,
        "sampler": "nuts",
    }.items():
        validate_option_names({option: value}, known, "auto")
    # Those of pymc are only known to its steps.
    validate_option_names({"max_treedepth": 5}, known, "pymc")
    with pytest.raises(TypeError):
        validate_option_names({"max_treedepth": 5}, known, "auto")


def test_few_searches_other_scales_and_reports_are_refused():
    trials = make_scaling_trials(n=12)
    with pytest.raises(LeadlineError, match="4 searches"):
        ll.fit(first(trials, 4), model="scaling")
    with pytest.raises(LeadlineError, match="identity"):
        ll.fit(trials, model="scaling", scale="log")
    reported = trials.table.assign(best_of=np.where(trials.table["trial"] == 1, 50, np.nan))
    with pytest.raises(LeadlineError, match="reported"):
        ll.fit(ll.Trials(reported, "minimize"), model="scaling")


@pytest.mark.slow
@pytest.mark.parametrize(("direction", "data"), [("minimize", True), ("maximize", False)])
def test_a_law_is_found_again(direction, data, request):
    options = {"draws": 500, "tune": 500}
    if not data:
        # The other law has second fits, and as many chains as users.
        request.getfixturevalue("few_draws_suffice")
        options["chains"] = 2
    sign = 1.0 if direction == "minimize" else -1.0
    trials = make_scaling_trials(direction, data)
    tree = ll.fit(trials, tail_fraction=0.4, **options, random_seed=1, progressbar=False)
    constant, pooled = tree["constant_data"], tree["pooled"]
    np.testing.assert_array_equal(constant["size"], SIZES)
    assert ("data" in constant) == data
    assert pooled.attrs["divergences"] == 0
    true = {"irreducible": sign * 0.5, "size_exponent": 0.3}
    for name, value in true.items():
        low, high = pooled[name].quantile([0.01, 0.99])
        assert float(low) < value < float(high)
    # At the searches the law is known to a hundredth.
    found = ll.scaling_law(tree)["law"].mean(("chain", "draw"))
    from helpers_scaling import DATA, law

    expected = law(SIZES, DATA if data else None, sign)
    np.testing.assert_allclose(found, expected, atol=0.02)
