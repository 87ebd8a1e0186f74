"""The report of a surface."""

import html
import re

import pytest
from helpers_surface import fail_fit, make_surface_tree

import leadline as ll
from leadline.stats.intervals import validate_interval
from leadline.stats.stopping import stopping_advice

ODD = (("<b>", "m & n"), ("<b>", "y"))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    return ll.report(make_surface_tree(law=True), path).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Return the report of two models whose names are markup."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    return ll.report(make_surface_tree(ODD), path).read_text(encoding="utf-8")


def test_the_answers_of_all_rooms_are_in_it(page):
    optimum = ll.summary(make_surface_tree())["optimum"].item()
    assert f"{optimum:.3f}" in page
    for name in ("lr", "opt", "y", "momentum"):
        assert re.search(rf"<figcaption>{name}", page)
    assert "Act on the surface" in page
    assert "scale of scores" in page
    # How often such intervals hold is known of searches that learned.
    assert "test studies by TPE" not in page
    assert "effective hyperparameters" in page
    assert "No check failed" in page
    assert "calibration:" not in page
    assert page.count("<svg") == 5


def test_intervals_have_one_form_and_the_caption_names_it(page):
    assert "interval in brackets" in page
    assert re.search(r"expected if re-run\">[\d.]+ \[[\d.]+,\s[\d.]+\]<", page)
    assert not re.search(r"\([\d.]+\sto\s[\d.]+\)", page)


def test_a_search_that_learned_has_its_calibration(tmp_path):
    path = ll.report(make_surface_tree(), tmp_path / "report.html")
    page = html.unescape(path.read_text(encoding="utf-8"))
    assert "test studies by TPE" in page
    # The intervals were not those of the defaults; numbers of draws, of which a fit has several,
    # are left out.
    prob, _ = validate_interval(None, None)
    assert f"intervals of 80 % (the default is {100 * prob:g} %) held" in page
    assert not re.search(r"from [\d,]+ draws", page)
    # The advice of `forecast`, and what bounds every sampler.
    assert stopping_advice(make_surface_tree(), ll.forecast(make_surface_tree(), 50)).reason in page
    assert "a perfect search</td>" in page
    assert "RandomShareSampler" in page
    assert "Best together: expected score" in page
    assert "(trial " in page
    assert "ct on the surface" not in page


def test_the_same_surface_gives_the_same_bytes(page, tmp_path):
    again = ll.report(make_surface_tree(law=True), tmp_path / "again.html")
    assert page == again.read_text(encoding="utf-8")


def test_nothing_is_loaded_and_names_are_escaped(two):
    assert "<b>" not in two
    assert "<script" not in two
    assert "http://" not in two.replace("http://www.w3.org", "")


def test_the_best_trial_is_named_where_no_sentence_precedes(two):
    verdict = html.unescape(two.split('id="verdict"')[1].split("</ul>")[0])
    assert verdict.count("over the best trial re-run (trial ") == len(ODD)
    assert "that trial" not in verdict


def test_the_search_of_a_failed_check_is_named(tmp_path):
    tree = fail_fit(make_surface_tree((("a", "x"), ("a", "y"))), "y")
    page = ll.report(tree, tmp_path / "report.html").read_text(encoding="utf-8")
    banner = page.split('role="note"')[1].split("</div>")[0]
    assert "leave-one-out (in y)" in banner
    rows = page.split('id="answers"')[1].split("</table>")[0].split("<tr>")
    assert ["leave-one-out" in row for row in rows[-2:]] == [False, True]


def test_a_note_is_not_called_a_failed_check(tmp_path):
    tree = make_surface_tree()
    checks = tree["checks"].dataset.copy(deep=True)
    checks["passed"].loc[{"check": "optimum at an edge"}] = 0.0
    tree["checks"] = checks
    page = ll.report(tree, tmp_path / "r.html").read_text(encoding="utf-8")
    assert "Checks that failed or note something" in page
    assert "Failed checks" not in page
    assert 'data-label="no score">1<' in page


def test_models_are_compared(two, tmp_path):
    assert "Which model is better" in two
    assert two.count("<figcaption>lr") == 2
    unsound = make_surface_tree(max_rhat=1.2)
    page = ll.report(unsound, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "R-hat 1.2" in page


@pytest.mark.parametrize(("direction", "how"), [("minimize", "low"), ("maximize", "high")])
def test_title_and_heading_ask_the_same(direction, how, tmp_path):
    page = ll.report(make_surface_tree(direction=direction), tmp_path / "r.html").read_text()
    assert page.casefold().count(f"how {how} can loss go?") == 2
    assert "does better" not in page
    assert "lies between random trials and a perfect search" in page
