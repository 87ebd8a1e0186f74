"""What the tree holds of reported bests."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from leadline.data.scale import SCALES
from leadline.inference.reported_groups import _log_likelihood


def test_densities_are_of_scores_and_probabilities_have_no_units():
    """On a scale of logarithms: one report past the threshold, and one that is not."""
    reports = pd.DataFrame({"score": [0.2, 0.5], "best_of": [50.0, 5.0]})
    regime = SimpleNamespace(scale=SCALES["log"], threshold=np.log(0.3))
    search = SimpleNamespace(sign=1.0, regime=regime, reports=reports)
    given = np.array([[[-1.0, -2.0], [-3.0, -4.0]]])
    tail = SimpleNamespace(search=search, log_likelihood={"reported": given})
    got = _log_likelihood(SimpleNamespace(tail=tail))
    # The density of y is that of log y, over y.
    np.testing.assert_allclose(got, given + np.array([-np.log(0.2), 0.0]))
