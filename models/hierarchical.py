"""Searches that learn from each other: effective dimension, noise and depth are partly pooled.

The story of each search is that of `leadline.models.single`. What they share (`several`): their
effective dimensions are near that of their search space, or the very same where it is an integer
(`shared_dim`), their noise ratios near a common one, and the depths of their optima, in tail
scales, near a common one:

    log gap_j ~ Normal(log pooled_gap, gap_scatter)

In the law without noise the gap is ``1 / (1 − 2^(−2/gamma))`` and the same for all searches with
the same gamma; noise makes it smaller, and the tail scale is a median's distance, with an
error of its own. The scatter is kept from zero for that reason. A pooled scale measured from
the best scores instead would let the likelihood, which is unbounded at the best score for
gamma < 2, drag all optima onto the sample minima at once (DESIGN.md, section 3, trap 1).
"""

from collections.abc import Sequence

import pymc as pm
import pytensor.tensor as pt
from leadline.models import several, shared_dim, single
from leadline.models.priors import Priors
from pytensor.tensor.variable import TensorVariable

data_of = several.data_of


def build(
    searches: Sequence[several.Search],
    sign: float,
    priors: Priors,
    effective_dim: str = "continuous",
) -> pm.Model:
    """Return the model of several searches.

    Parameters
    ----------
    searches : sequence of Search
        The searches.
    sign : float
        1 when scores are losses, −1 when they are maximised: `optimum` is reported in scores.
    priors : Priors
        See `leadline.models.priors`.
    effective_dim : {"continuous", "integer", "shared"}
        Real and pooled, or one a space: see `leadline.models.shared_dim`.

    Returns
    -------
    pymc.Model
        Observed `loss` (tail_trial), `in_regime` (replicate_count) and, where trials were repeated,
        `seed_variance` (repeated_trial), the searches one after the other; `optimum`,
        `effective_dim`, `noise_sd`, `tail_fraction` and `spread` (search), and the parameters that
        they share. When gamma is summed out, `spread` and `tail_fraction` have one entry per
        `dimension`, and `effective_dim_probability` (space, dimension) takes the place of
        `effective_dim`. All that comes from the data is `pm.Data`.
    """
    with pm.Model(coords=coords_of(searches)) as model:
        declare(several.declare_data(data_of(searches, sign)), searches, priors, effective_dim)
    return model


def coords_of(searches: Sequence[several.Search]) -> dict[str, range]:
    """Return the coordinates of the model."""
    spaces = len({search.space for search in searches})
    return {"search": range(len(searches)), "space": range(spaces)}


def declare(
    data: several.Data,
    searches: Sequence[several.Search],
    priors: Priors,
    effective_dim: str = "continuous",
) -> tuple[TensorVariable, TensorVariable, TensorVariable, TensorVariable]:
    """Declare the variables of the model in the one at hand.

    Returns
    -------
    alpha, beta, gamma, sigma : TensorVariable, shape (search,)
        The laws, in losses.
    """
    dims = shared_dim.effective_dims(effective_dim, data, searches, priors)
    noise_ratio = several.noise_ratios(data, priors)
    pooled_gap = single.from_prior("pooled_gap", priors.pooled_gap)
    scatter = single.from_prior("gap_scatter", priors.gap_scatter)
    gap = dims.gaps(
        lambda mu, sigma, size: pm.LogNormal.dist(mu, sigma, size=size),
        lambda value, mu, sigma: pm.logp(pm.LogNormal.dist(mu, sigma), value),
        (pt.log(pooled_gap), scatter),
        noise_ratio,
    )
    alpha, beta, sigma = several.observe(data, gap, noise_ratio, dims)
    return alpha, beta, dims.gamma, sigma
