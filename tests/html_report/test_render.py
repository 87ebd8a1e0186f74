"""The report as a file: the same bytes, self-contained, small, and text stays text."""

import base64
import hashlib
import html.parser
import json
import re

import matplotlib as mpl
import pytest
from helpers import make_tree, make_trials
from helpers_surface import make_surface_tree

import leadline as ll
from leadline.checks.plain_words import MEANINGS
from leadline.data.trials import Trials
from leadline.html_report.formats import estimate
from leadline.html_report.many_searches import page_data
from leadline.html_report.render import embed, render

MOST_BYTES = 500_000
VOID = {"meta", "link", "input", "img", "br", "hr"}


class Elements(html.parser.HTMLParser):
    """Every element of a page with its attributes, and the text in it."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.inside, self.text = [], [], {}
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.inside.append(tag)

    def handle_endtag(self, tag):
        assert tag in VOID or self.inside.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, text):
        if self.inside:
            self.text.setdefault(self.inside[-1], []).append(text)


@pytest.fixture(scope="module", params=["page", "hostile_page"])
def either(request):
    return request.getfixturevalue(request.param)


def test_the_same_fit_gives_the_same_bytes(small, tmp_path):
    page = render(small)
    with mpl.rc_context({"font.size": 30, "svg.fonttype": "path"}):
        path = ll.report(small, tmp_path / "report.html")
    assert path.read_bytes() == page.encode()
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.slow
def test_twelve_searches_are_under_500_kb():
    searches = tuple((f"task {i}", model) for i in range(4) for model in ("mlp", "svm", "forest"))
    tree = make_tree(make_trials(searches=searches), chains=2, draws=25)
    assert len(render(tree).encode()) < MOST_BYTES


def test_it_is_well_formed_and_has_no_double_identifiers(either):
    found = Elements(either)
    assert found.inside == []
    names = [attrs["id"] for _, attrs in found.elements if "id" in attrs]
    assert len(names) == len(set(names))
    wanted = re.findall(r'(?:url\(|href=")#([^)"]+)', either)
    assert set(wanted) <= set(names)


def test_the_command_of_another_difference_replaces_no_report(tree):
    assert "FIT.nc --budget 100 --rope D -o OTHER.html<" in render(tree, budget=100.0)


@pytest.mark.parametrize("rope", [0.0, 0.02])
def test_without_a_rope_no_difference_counts_as_equal(tree, page, rope):
    text = render(tree, rope=rope) if rope else page
    assert len(re.findall(r'<span id="rope-words"> Differences up to', text)) == (rope > 0)
    assert len(re.findall(r'<span id="rope-words" hidden>', text)) == (rope == 0)


def test_the_advice_to_fit_a_surface_replaces_no_fit():
    table = make_trials().table
    table["param:lr"] = [0.1 + 0.001 * row for row in range(len(table))]
    page = render(make_tree(Trials(table, "minimize"), chains=2, draws=25))
    assert "`--surface -o NEW`" in page


def test_every_picture_has_a_name_for_those_who_do_not_see_it(page, data):
    pictures = [attrs for _, attrs in Elements(page).elements if attrs.get("role") == "img"]
    # One per pair of models, per task and per search.
    assert len({attrs["aria-label"] for attrs in pictures}) == len(pictures) == 1 + 2 + 4
    assert page.count("<figure") == len(pictures)
    # Each row of an optimum picture has its numbers in a tooltip.
    for index, search in enumerate(data["searches"]):
        (title,) = re.findall(rf'data-part="search-{index}"><title>(.*?)</title>', page)
        assert estimate(search["optimum"]) in title
        assert title.startswith(search["name"])


def test_nothing_is_loaded_and_nothing_is_inline(either):
    for tag, attrs in Elements(either).elements:
        assert tag not in {"link", "img", "iframe", "object", "image", "base", "form"}
        for name, value in attrs.items():
            assert name not in {"style", "src", "srcset", "action"}, (tag, name)
            assert not name.startswith("on"), (tag, name)
            if name == "href":
                assert value.startswith("#")
    # The names in the data hold no address.
    assert "://" not in re.sub(r"http://www\.w3\.org/[\w/]+", "", either)


def test_the_policy_allows_its_own_script_and_style_alone(either):
    found = Elements(either)
    metas = {attrs.get("http-equiv"): attrs for tag, attrs in found.elements if tag == "meta"}
    policy = metas["Content-Security-Policy"]["content"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    scripts = re.findall(r"<script>(.*?)</script>", either, flags=re.DOTALL)
    styles = re.findall(r"<style>(.*?)</style>", either, flags=re.DOTALL)
    assert len(scripts) == len(styles) == 1
    for text in (*scripts, *styles):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert not re.search(r"innerHTML|\beval\b|document\.write", scripts[0])


def test_the_data_in_the_page_are_the_dictionary(data, page):
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page)
    assert json.loads(text) == page_data(data)


def test_markup_in_names_is_text(hostile_page):
    found = Elements(hostile_page)
    tags = [tag for tag, _ in found.elements]
    assert tags.count("script") == 2
    assert "alert(1)</script>" not in hostile_page
    assert any("<script>alert(1)</script> / mlp" in text for text in found.text["th"])
    assert any("探索" in text for text in found.text["th"])
    # In the pictures too: this model's name is on an axis.
    assert any("$\\frac{$" in text for text in found.text["text"])


def test_embed_json_ends_no_script():
    given = {"a": "</script><!-- & \u2028"}
    text = embed(given)
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == given


def test_doubts_stand_beside_every_row(hostile_page, page):
    assert "Do not rely on these numbers: 3 divergences" in hostile_page
    rows = re.findall(r'<tr data-search="\d">.*?</tr>', hostile_page, flags=re.DOTALL)
    assert len(rows) == 2 * 3
    # The divergences of a made-up fit are those of every search.
    assert all("do not rely on it" in row for row in rows)
    assert "do not rely on it" not in page


def test_the_sentences_of_a_single_search_stand_in_the_verdict_alone(small, tmp_path):
    for fit in (small, make_surface_tree()):
        page = ll.report(fit, tmp_path / "report.html").read_text(encoding="utf-8")
        said = re.findall("<li>.*</li>", page)
        assert len(said) == len(set(said)) > 3


def test_it_can_be_read_without_javascript(data, page):
    # Controls that do nothing yet are not shown; the numbers are there.
    for name in ("toggles", "budget-control", "rope-control"):
        assert re.search(f'id="{name}" hidden', page)
    for search in data["searches"]:
        for sentence in search["sentences"]:
            assert sentence.replace("<", "&lt;").replace(">", "&gt;") in page


def test_checks_are_in_plain_words_with_the_name_of_their_number_and_the_reason_of_a_limit(page):
    for name in ("tail points", "prior of the optimum"):
        meaning = MEANINGS[name]
        assert f"{name}: {meaning.question}" in page
        assert f"{meaning.figure}: " in page
    assert MEANINGS["prior of the optimum"].limits in page
    assert ">figure<" not in page


def test_every_table_that_may_be_wide_is_in_a_frame(page):
    for found in re.finditer("<table", page):
        assert 'class="wide"' in page[: found.start()].rsplit("<div", 1)[1]


def test_the_title_is_the_question_of_the_fit(data, page):
    assert data["comparison"]
    title = page.split("<h1>")[1].split("</h1>")[0]
    assert title == f"Which model is better in {data['metric']}?"
