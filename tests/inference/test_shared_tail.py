"""Log-likelihoods of a mixture of thresholds are of the trials beyond the deepest one."""

import numpy as np
from helpers import LEVELS, make_draws, make_part, make_trials
from scipy.special import ndtr

from leadline.data.tails import cut_tail
from leadline.inference.posterior import law_of
from leadline.inference.shared_tail import log_likelihood, shared_tail


def parts_at(fractions):
    """Return fits of one search whose conditional log-densities are all 0."""
    parts = []
    for fraction in fractions:
        tails = cut_tail(make_trials(), tail_fraction=fraction, max_effective_dim=10)
        posterior = make_draws(tails, 0, np.random.default_rng(1), (2, 30), 1.0, False)
        parts.append(make_part(tails, posterior, informative=False))
    return parts


def test_scores_are_given_that_they_are_beyond_the_deepest_threshold():
    deep, wide = parts_at([0.2, 0.5])
    rows, edge = shared_tail([deep, wide], 0)
    np.testing.assert_array_equal(rows, np.sort(deep["tails"]["row"]))
    assert edge == float(deep["tails"].dataset["threshold"][0])

    alpha, beta, gamma, sigma = law_of(wide)
    expected = alpha + (beta - alpha) * LEVELS ** (2.0 / gamma)
    below = {
        name: np.log(
            ndtr((float(part["tails"].dataset["threshold"][0]) - expected) / sigma).mean(1)
        )
        for name, part in (("deep", deep), ("wide", wide))
    }
    found = log_likelihood(wide, [(rows, edge)])["score"].to_numpy().reshape(len(alpha), -1)
    wanted = np.broadcast_to((below["wide"] - below["deep"])[:, None], found.shape)
    assert (found > 0).all()
    np.testing.assert_allclose(found, wanted, rtol=1e-3)
    # The deepest fit needs no correction.
    assert (log_likelihood(deep, [(rows, edge)])["score"] == 0).all()
