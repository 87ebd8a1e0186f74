"""Options that no answer can use are refused, with the option and its value in the message."""

import numpy as np
import pytest
from helpers import make_tree, make_trials

import leadline as ll
from leadline.errors import LeadlineError, format_value
from leadline.stats.compare import equivalence
from leadline.stats.stopping import stopping_advice
from leadline.stats.summary import summary_text


def advise(tree, probability):
    return stopping_advice(tree, ll.forecast(tree, [5]), probability=probability)


@pytest.mark.parametrize(
    ("answer", "options", "name", "values"),
    [
        (ll.compare, {}, "by", ["seed"]),
        (ll.compare, {}, "budget", [0, True, 100.5]),
        (ll.compare, {}, "rope", [-0.1, "small"]),
        (ll.compare, {}, "ci_prob", [2]),
        (lambda tree, rope: equivalence(tree, [0.0, rope]), {}, "rope", [-1.0]),
        (ll.forecast, {}, "trials", [[0], ["many"]]),
        (ll.forecast, {"trials": [5]}, "minimum_gain", [-1.0, "big"]),
        (ll.trials_needed, {}, "within", [0, -0.1, "close", "0%", True, np.inf]),
        (ll.trials_needed, {"within": 0.1}, "probability", [0, 1, "sure", True]),
        (advise, {}, "probability", [0, 1.5, "half"]),
        (ll.tuning_curve, {}, "budgets", [[0], [], [1, np.nan], "many", [[1, 2], [3]], -3, np.inf]),
        (ll.tuning_curve, {"budgets": 1}, "quantile", [0, 1, -0.1, "median", None, True, [0.5]]),
        (ll.tuning_curve, {"budgets": 1}, "kind", ["best"]),
        (ll.summary, {}, "ci_prob", [1.5, True]),
        (ll.summary, {}, "ci_kind", ["x"]),
        (summary_text, {}, "form", ["html"]),
    ],
)
def test_wrong_options_are_refused(answer, options, name, values):
    tree = make_tree(make_trials(searches=(("a", "m"), ("a", "n"))), draws=10)
    for value in values:
        with pytest.raises(LeadlineError, match=name) as error:
            answer(tree, **options, **{name: value})
        shown = f"{value:g}" if isinstance(value, float) else format_value(value)
        assert shown in str(error.value)
