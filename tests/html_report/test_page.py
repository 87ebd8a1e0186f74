"""The report in a browser: opened from a file, without a network, with its sliders moved."""

import re
import urllib.parse

import pytest
from helpers_browser import CHROMIUM, Browser

from leadline.html_report.grids import BUDGETS, FURTHER

READY = "document.documentElement.dataset.ready === '1'"
SLIDE = """
(() => {{ const slider = document.getElementById("{name}"); slider.value = {place};
slider.dispatchEvent(new Event("input")); }})()
"""
CELLS = """
[...document.querySelectorAll("[data-cell], [data-pair], .reading")].map((one) => one.textContent)
"""
WIDTHS = "[document.documentElement.scrollWidth, innerWidth]"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture
def url(page, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def opened(browser, url):
    browser.open(url, READY)
    return browser


def slide(browser, name, place):
    browser.evaluate(SLIDE.format(name=name, place=place))


def state(browser):
    """Return what the fragment of the address says."""
    return dict(urllib.parse.parse_qsl(browser.evaluate("location.hash.slice(1)")))


def test_it_is_ready_without_a_complaint_or_a_request(opened, url):
    assert opened.complaints == []
    assert [one for one in opened.requests if one != "about:blank"] == [url]


def test_hostile_names_do_nothing(browser, hostile_page, tmp_path):
    path = tmp_path / "hostile.html"
    path.write_text(hostile_page, encoding="utf-8")
    browser.open(path.as_uri(), READY)
    assert browser.complaints == []
    assert len(browser.requests) == 1 + browser.requests.count("about:blank")
    shown = browser.evaluate("document.querySelector('tbody th').textContent")
    assert shown.startswith("<script>alert(1)</script> / mlp")
    assert browser.evaluate("document.querySelectorAll('img').length") == 0


def test_budget_40_on_the_slider_is_that_of_python(opened, tree):
    import leadline as ll

    slide(opened, "k", BUDGETS.index(40))
    assert opened.evaluate("document.getElementById('k-shown').textContent") == "40"
    curve = ll.tuning_curve(tree, BUDGETS, kind="expected").sel(budget=40).mean(("chain", "draw"))
    cells = "[...document.querySelectorAll('[data-cell=best]')].map((one) => {})"
    values = opened.evaluate(cells.format("Number(one.dataset.value)"))
    assert values == curve.to_numpy().tolist()
    texts = opened.evaluate(cells.format("one.textContent"))
    alone = ll.tuning_curve(tree, [40], kind="expected").mean(("chain", "draw")).to_numpy()[:, 0]
    for text, value in zip(texts, alone, strict=True):
        decimals = len(text.split()[0].partition(".")[2])
        assert text.split()[0] == f"{value:.{decimals}f}"
    assert state(opened)["k"] == "40"


def test_a_script_shows_numbers_as_python_does(opened, page):
    # As written by the template, then written again by the script.
    shown = opened.evaluate(CELLS)
    written = re.findall(
        r'<(?:span data-(?:cell|pair)[^>]*|p class="reading")>(.*?)</(?:span|p)>', page
    )
    assert shown == [one.replace("&lt;", "<").replace("&gt;", ">") for one in written]


def test_further_trials(opened, data):
    slide(opened, "m", FURTHER.index(1000))
    text = opened.evaluate("document.querySelector('[data-cell=chance]').textContent")
    chance = data["forecast"]["p_gain"][0][FURTHER.index(1000)]
    assert text.replace("\u00a0", " ") == ("> 99 %" if chance > 0.99 else f"{100 * chance:.0f} %")
    assert opened.evaluate("document.getElementById('m').getAttribute('aria-valuetext')") == (
        "1,000 more trials"
    )


def test_practical_equivalence(opened, data):
    last = len(data["comparison"]["ropes"]) - 1
    slide(opened, "rope", last)
    text = opened.evaluate("document.querySelector('[data-pair]').textContent")
    assert text.replace("\u00a0", " ") == "< 1 % / > 99 % / < 1 %"
    assert float(state(opened)["rope"]) == data["comparison"]["ropes"][last]


def test_searches_are_toggled_and_the_address_keeps_it(opened, url):
    opened.evaluate("document.querySelector('#toggles input').click()")
    hidden = "getComputedStyle(document.querySelector('article[data-search=\"0\"]')).display"
    assert opened.evaluate(hidden) == "none"
    assert state(opened)["off"] == "0"
    opened.open(f"{url}#k=40&m=20&off=0", READY)
    assert opened.evaluate(hidden) == "none"
    assert not opened.evaluate("document.querySelector('#toggles input').checked")
    assert opened.evaluate("document.getElementById('k-shown').textContent") == "40"
    assert opened.evaluate("document.getElementById('m-shown').textContent") == "20"


@pytest.mark.parametrize("fragment", ["k=abc&off=9.x&rope=", "%%%", "answers", "k=-5&m=1e99"])
def test_no_address_breaks_it(browser, url, fragment):
    browser.open(f"{url}#{fragment}", READY)
    assert browser.complaints == []


def test_pointing_at_a_curve_shows_its_numbers(opened):
    reading = "document.querySelector('.reading').textContent"
    before = opened.evaluate(reading)
    opened.evaluate(
        "(() => { const svg = document.querySelector('[data-curve] svg');"
        "const box = svg.getBoundingClientRect();"
        "svg.dispatchEvent(new PointerEvent('pointermove', {clientX: box.right - 10})); })()"
    )
    assert opened.evaluate(reading) != before
    opened.evaluate(
        "document.querySelector('[data-curve] svg').dispatchEvent(new PointerEvent('pointerleave'))"
    )
    assert opened.evaluate(reading) == before


@pytest.mark.parametrize("width", [360, 400, 1400])
def test_it_never_scrolls_sideways(browser, url, width):
    browser.send(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=800,
        deviceScaleFactor=1,
        mobile=width < 500,
    )
    browser.open(url, READY)
    content, window = browser.evaluate(WIDTHS)
    browser.send("Emulation.clearDeviceMetricsOverride")
    assert content <= window
