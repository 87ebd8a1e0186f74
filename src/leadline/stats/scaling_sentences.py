"""A scaling law in words: its exponents, what remains, and the optimum at ten times the size."""

import functools

import numpy as np
import xarray as xr

from leadline.stats.intervals import estimate, validate_interval
from leadline.stats.scaling_law import covariates, scaling_law

BEYOND = 10.0
"""The law is told up to this many times the largest size and data."""


def law_sentences(
    tree: xr.DataTree, *, ci_prob: float | None = None, ci_kind: str | None = None
) -> list[str]:
    """Return sentences on the law of a fit with posterior means and intervals."""
    prob, kind = validate_interval(ci_prob, ci_kind)
    told = functools.partial(estimate, prob=prob, kind=kind)
    pooled, known = tree["pooled"].dataset, covariates(tree)
    exponents = " and ".join(
        f"{name} with the exponent {told(pooled[f'{name}_exponent'])}" for name in known
    )
    if "outer_exponent" in pooled:
        exponents += f", and is their sum to the power {told(pooled['outer_exponent'])}"
    largest = {name: BEYOND * float(own.max()) for name, own in known.items()}
    beyond = scaling_law(tree, size=largest.get("size"), data=largest.get("data"))
    where = " and ".join(f"{name} {short(value)}" for name, value in largest.items())
    optimum = told(beyond["optimum"].isel(point=0))
    return [
        f"Fully tuned, the optimum approaches {told(pooled['irreducible'])} with larger "
        f"{' and '.join(known)}. The distance shrinks by {exponents}.",
        f"Optima depart from this law by {told(pooled['misfit'])} (sd).",
        f"At {where}, ten times the largest, the optimum would be {optimum}, if the law "
        "holds that far.",
    ]


def short(value: float) -> str:
    """Return a size in few characters, such as "2.1e9"."""
    if 0.01 <= value < 10_000:
        return f"{value:.3g}"
    power = int(np.floor(np.log10(value)))
    return f"{value / 10.0**power:.2g}e{power}"
