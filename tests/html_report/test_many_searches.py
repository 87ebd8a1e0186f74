"""The report of many searches: small, tables to filter and to sort, no picture for each."""

import json
import re
from importlib.resources import files

import pytest
from helpers import make_tree, make_trials

from leadline.html_report.many_searches import is_many, page_data
from leadline.html_report.render import render
from leadline.html_report.sentences import _name_searches

# 200 searches may take 2 MB.
MOST_BYTES_PER_SEARCH = 10_000


SEARCHES = 12


@pytest.fixture(scope="module")
def many():
    """Return the page of a fit of a dozen searches, which are many here."""
    pairs = tuple((f"t{task}", model) for task in range(SEARCHES // 2) for model in ("x", "y"))
    tree = make_tree(make_trials(n=20, n_failed=1, searches=pairs), chains=2, draws=10)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("leadline.html_report.many_searches.MOST_SEARCHES", SEARCHES - 1)
        return render(tree)


def test_many_searches_have_tables_and_a_small_page(many):
    page = many
    assert len(page.encode()) < MOST_BYTES_PER_SEARCH * SEARCHES
    assert 'id="filter"' in page
    assert page.count("sortable") >= 2
    assert "data-curve" not in page.split("<script")[0]
    assert page.count("<tr data-search=") == 2 * SEARCHES


def test_the_page_has_what_its_script_uses(many, data):
    assert not is_many(data)
    own = json.loads(re.search(r'<script [^>]*id="data">(.*?)</script>', many, re.DOTALL)[1])
    script = files("leadline.html_report").joinpath("script.js").read_text()
    for found in (own, page_data(data)):
        for key in keys_of(found):
            assert re.search(rf"\b{key}\b", script), key


def keys_of(value):
    """Return the keys of nested dictionaries and lists."""
    if isinstance(value, list):
        return set().union(*map(keys_of, value))
    return set(value).union(*map(keys_of, value.values())) if isinstance(value, dict) else set()


def test_long_lists_of_searches_are_left_to_the_table():
    names = [f"t{place}" for place in range(94)]
    assert _name_searches(names[:40], names) == "40 of 94 searches"
    assert _name_searches(names[:2], names) == "2 of 94 searches: t0, t1"
    assert _name_searches(names[2:], names) == "92 of 94 searches, all but t0, t1"
