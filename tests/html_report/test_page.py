"""The report in a browser: opened from a file, without a network, with its sliders moved."""

import html
import re
import shutil
import urllib.parse

import pytest

import leadline as ll
from leadline.html_report.sliders import BUDGETS, FURTHER

playwright = pytest.importorskip("playwright.sync_api")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, tmp_path):
    """Return a function that opens a page and waits for its script.

    The page gets the lists `complaints`, of console messages and errors, and `requests`, of
    addresses.
    """
    tabs = []

    def opened(text, fragment="", **options):
        path = tmp_path / "report.html"
        path.write_text(text, encoding="utf-8")
        tab = browser.new_page(**options)
        tabs.append(tab)
        tab.complaints, tab.requests = [], []
        tab.on("console", lambda message: tab.complaints.append(message.text))
        tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
        tab.on("request", lambda request: tab.requests.append(request.url))
        tab.goto(path.as_uri() + fragment)
        tab.wait_for_selector("html[data-ready='1']", state="attached")
        return tab

    yield opened
    for tab in tabs:
        tab.close()


@pytest.fixture
def opened(open_page, page):
    return open_page(page)


def slide(tab, name, index):
    tab.locator(f"#{name}").fill(str(index))


def state(tab):
    """Return the settings in the fragment of the address."""
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(tab.url).fragment))


def spaced(text):
    return text.replace("\u00a0", " ")


def test_it_loads_nothing_and_complains_of_nothing(opened):
    assert opened.complaints == []
    (request,) = opened.requests
    assert request.partition("#")[0] == opened.url.partition("#")[0]


def test_hostile_names_do_nothing(open_page, hostile_page):
    tab = open_page(hostile_page)
    assert tab.complaints == []
    assert len(tab.requests) == 1
    name = tab.locator("tbody th").first.text_content()
    assert name.startswith("<script>alert(1)</script> / mlp")
    assert tab.locator("img").count() == 0


def test_budget_40_on_the_slider_is_that_of_python(opened, tree):
    slide(opened, "k", BUDGETS.index(40))
    assert opened.locator("#k-shown").text_content() == "40"
    cells = opened.locator("[data-cell=best]")
    alone = ll.tuning_curve(tree, [40], kind="expected").mean(("chain", "draw")).to_numpy()[:, 0]
    for text, value in zip(cells.all_text_contents(), alone, strict=True):
        mean = text.split()[0]
        assert mean == f"{value:.{len(mean.partition('.')[2])}f}"
    assert state(opened)["k"] == "40"


def test_a_script_shows_numbers_as_python_does(opened, page):
    # As written by the template, then written again by the script.
    shown = opened.locator("[data-cell], [data-pair], .reading").all_text_contents()
    element = r'<(?:span data-(?:cell|pair)[^>]*|p class="reading")>(.*?)</(?:span|p)>'
    assert shown == list(map(html.unescape, re.findall(element, page)))


def test_further_trials(opened, data):
    place = FURTHER.index(1000)
    slide(opened, "m", place)
    chance = data["forecast"]["p_gain"][0][place]
    text = spaced(opened.locator("[data-cell=chance]").first.text_content())
    assert text == ("> 99 %" if chance > 0.99 else f"{100 * chance:.0f} %")
    assert opened.locator("#m").get_attribute("aria-valuetext") == "1,000 more trials"


def test_practical_equivalence(opened, data):
    last = len(data["comparison"]["ropes"]) - 1
    slide(opened, "rope", last)
    text = spaced(opened.locator("[data-pair]").first.text_content())
    assert text == "< 1 % / > 99 % / < 1 %"
    assert float(state(opened)["rope"]) == data["comparison"]["ropes"][last]


def test_a_moved_rope_marks_that_verdict_and_pictures_stay(opened):
    note, words = (opened.locator(f"#rope-{name}") for name in ("note", "words"))
    assert not words.is_visible()
    assert "doubt" not in (note.get_attribute("class") or "")
    slide(opened, "rope", 3)
    assert "doubt" in note.get_attribute("class")
    assert words.is_visible()
    assert "verdict and pictures are for 0." in note.text_content()


def test_searches_are_toggled_and_the_address_keeps_it(open_page, page):
    tab = open_page(page)
    row = tab.locator("[data-part='search-0']")
    assert row.count() == 1
    opaque = float(row.evaluate("(one) => getComputedStyle(one).opacity"))
    tab.locator("#toggles input").first.click()
    assert tab.locator("article[data-search='0']").is_hidden()
    assert float(row.evaluate("(one) => getComputedStyle(one).opacity")) < opaque
    assert state(tab)["off"] == "0"
    again = open_page(page, "#k=40&m=20&off=0")
    assert again.locator("article[data-search='0']").is_hidden()
    assert not again.locator("#toggles input").first.is_checked()
    assert again.locator("#k-shown").text_content() == "40"
    assert again.locator("#m-shown").text_content() == "20"


@pytest.mark.parametrize("fragment", ["k=abc&off=9.x&rope=", "%%%", "answers", "k=-5&m=1e99"])
def test_no_address_breaks_it(open_page, page, fragment):
    assert open_page(page, f"#{fragment}").complaints == []


def test_pointing_at_a_curve_shows_its_numbers(opened):
    reading, curve = opened.locator(".reading").first, opened.locator("[data-curve] svg").first
    before = reading.text_content()
    curve.scroll_into_view_if_needed()
    box = curve.bounding_box()
    opened.mouse.move(box["x"] + box["width"] - 10, box["y"] + box["height"] / 2)
    assert reading.text_content() != before
    opened.mouse.move(0, 0)
    assert reading.text_content() == before


def test_the_pointer_stands_at_its_budget_on_the_axis(opened):
    slide(opened, "k", BUDGETS.index(100))
    pointer = opened.locator("[data-curve='0'] .pointer").bounding_box()
    tick = opened.locator("[data-curve='0'] text", has_text=re.compile("^100$")).bounding_box()
    middle = tick["x"] + tick["width"] / 2
    assert pointer["x"] + pointer["width"] / 2 == pytest.approx(middle, abs=2)


@pytest.mark.parametrize("width", [360, 400, 1400])
def test_it_never_scrolls_sideways(open_page, page, width):
    tab = open_page(page, viewport={"width": width, "height": 800})
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_text_in_pictures_has_the_colour_of_the_page(open_page, page, scheme):
    tab = open_page(page, color_scheme=scheme)
    colour = "(one) => getComputedStyle(one).{}"
    text = tab.locator("figure svg text").first.evaluate(colour.format("fill"))
    assert text == tab.locator("body").evaluate(colour.format("color"))
