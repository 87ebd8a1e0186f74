"""Check whether the optima follow the scaling law, or depart from it where their sizes are alike.

Where the law has the right form, misfits are independent. Where it has a wrong one, such as a kink,
searches of like size and data depart to the same side. The discrepancy is ``r' K r / r' r``, with r
the misfits without what other parameters of the law would explain, and K a kernel of the logs of
size and data: the score statistic of a smooth departure. It is computed for each draw, and for
misfits drawn anew; the p-value is the share of draws in which these are as smooth (Gelman, Meng and
Stern 1996,
https://www3.stat.sinica.edu.tw/statistica/oldpdf/A6n41.pdf).
"""

import numpy as np
import xarray as xr

from leadline.checks.evidence import SEED, Evidence
from leadline.checks.outcome import Outcome, at_least
from leadline.stats.fitted_search import Array
from leadline.stats.scaling_law import covariates, law_at, outer_exponent

MIN_P_VALUE = 0.05
"""The p-value is not uniform where the law holds, but nearer to the middle: benchmarks/README.md
has the shares that failed for laws that hold and for laws that bend."""

# Length of the kernel, in sds of the logs of size and of data.
_LENGTH = 0.4

_MOST_DRAWS = 1000


def scaling_law(evidence: Evidence) -> Outcome:
    """Check the smoothness of the misfits of all searches: every search has the same outcome."""
    return at_least(
        smoothness_p_value(evidence.tree),
        MIN_P_VALUE,
        "Searches of like size and data depart from the scaling law to the same side, so that its "
        "form is wrong (a kink, for one): fit a narrower range of sizes, and do not extrapolate.",
    )


def smoothness_p_value(tree: xr.DataTree) -> float:
    """Return the probability that misfits drawn anew are as smooth as those of the fit."""
    known = {name: own.dropna("search") for name, own in covariates(tree).items()}
    names = next(iter(known.values()))["search"].to_numpy()
    draws = tree["posterior"].sizes["chain"] * tree["posterior"].sizes["draw"]
    rows = np.linspace(0, draws - 1, min(draws, _MOST_DRAWS)).astype(int)

    def matrix(values: xr.DataArray) -> Array:
        return np.asarray(values.stack(sample=("chain", "draw")).T.to_numpy()[rows], dtype=float)

    pooled, law = tree["pooled"].dataset, law_at(tree, known)
    apart = matrix(tree["posterior"].dataset["optimum"].sel(search=names) - law)
    logs = np.stack([np.log(own.to_numpy()) for own in known.values()], axis=-1)
    centred = logs - logs.mean(axis=0)
    scaled = centred / centred.std(axis=0)
    distance = ((scaled[:, None] - scaled) ** 2).sum(axis=-1)
    kernel = np.exp(-0.5 * distance / _LENGTH**2) - np.eye(len(logs))
    exponent = np.stack([matrix(pooled[f"{name}_exponent"]) for name in known], axis=-1)
    # The slope of the outer power, up to a factor that all searches share.
    left = matrix(abs(law - pooled["irreducible"]))[..., None]
    outer = matrix(1.0 - 1.0 / outer_exponent(tree) + 0.0 * pooled["irreducible"])
    power = np.exp(-exponent[:, None] * centred) * left ** outer[:, None, None]
    # The slopes of the law by its parameters (draw, search, parameter).
    slopes = np.concatenate([np.ones((*apart.shape, 1)), power, power * centred], axis=-1)
    rng = np.random.default_rng(SEED)
    anew = rng.standard_normal(apart.shape)
    seen, drawn = (_smoothness(values, slopes, kernel) for values in (apart, anew))
    return float((drawn >= seen).mean())


def _smoothness(apart: Array, slopes: Array, kernel: Array) -> Array:
    """Return the discrepancy of each draw; `apart` is (draw, search)."""
    basis, _ = np.linalg.qr(slopes)
    left = apart - np.einsum("dsp,dtp,dt->ds", basis, basis, apart)
    return np.einsum("ds,st,dt->d", left, kernel, left) / (left**2).sum(axis=-1)
