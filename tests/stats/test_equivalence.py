"""`equivalence`: what `compare` says, for many regions of practical equivalence."""

import numpy as np
import pytest
from helpers import make_tree, make_trials

import leadline as ll
from leadline.errors import LeadlineError
from leadline.stats.equivalence import equivalence

PAIRS = (("digits", "a"), ("digits", "b"), ("wine", "a"), ("wine", "c"))
ROPES = [0.0, 0.01, 0.1]


@pytest.fixture(scope="module", params=["minimize", "maximize"])
def tree(request):
    return make_tree(make_trials(request.param, searches=PAIRS), chains=2, draws=60)


@pytest.mark.parametrize("by", ["model", "task"])
def test_it_is_what_compare_says_for_each_rope(tree, by):
    found = equivalence(tree, ROPES, by=by)
    for rope in ROPES:
        alone = ll.compare(tree, rope=rope, by=by)
        for name in found.data_vars:
            expected = alone[name].to_numpy()
            np.testing.assert_array_equal(found[name].sel(rope=rope).to_numpy(), expected)


def test_a_wider_rope_has_more_in_it(tree):
    equal = equivalence(tree, ROPES)["p_equal_overall"].sel(model="a", other_model="b")
    assert (np.diff(equal) >= 0).all()
    assert float(equal[0]) == 0.0


def test_ropes_are_checked(tree):
    with pytest.raises(LeadlineError, match="rope must be 0 or more"):
        equivalence(tree, [0.0, -1.0])
