"""The section of the report on a scaling law."""

import pytest
from helpers_scaling import make_scaling_tree

from leadline.html_report.pictures import draw_law
from leadline.html_report.render import render
from leadline.stats.scaling_sentences import law_sentences

# Power scaling of densities that were made up.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")


def test_a_fit_with_a_law_has_a_section_with_its_numbers_and_pictures():
    tree = make_scaling_tree(draws=20)
    page = render(tree)
    section = page.split('id="law"')[1].split("</section>")[0]
    for sentence in law_sentences(tree):
        assert sentence in section
    # One picture for size and one for data.
    assert section.count("<figure>") == 2
    assert section.count("<svg") == 2


def test_a_law_of_size_alone_has_one_picture():
    assert len(draw_law(make_scaling_tree(data=False, draws=20))) == 1


def test_other_fits_have_no_such_section(page):
    assert 'id="law"' not in page
