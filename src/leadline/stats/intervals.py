"""Credible intervals of labelled draws, computed by ArviZ and with its defaults."""

import xarray as xr
from arviz import rcParams

from leadline.errors import LeadlineError, format_value
from leadline.stats.options import validate_probability

SAMPLE_DIMS = ("chain", "draw")


def validate_interval(ci_prob: float | None, ci_kind: str | None) -> tuple[float, str]:
    """Return the probability and the kind of an interval, from `arviz.rcParams` where None."""
    prob = rcParams["stats.ci_prob"] if ci_prob is None else ci_prob
    kind = rcParams["stats.ci_kind"] if ci_kind is None else ci_kind
    if kind not in ("eti", "hdi"):
        allowed = "'eti' (equal-tailed) or 'hdi' (highest density)"
        raise LeadlineError(f"ci_kind must be {allowed}, got {format_value(kind)}")
    return validate_probability(prob, "ci_prob"), kind


def interval_label(prob: float, kind: str) -> str:
    """Return the name of an interval as in ArviZ's tables, such as "eti89"."""
    return f"{kind}{100 * prob:g}"


def interval(draws: xr.DataArray, prob: float, kind: str) -> tuple[xr.DataArray, xr.DataArray]:
    """Return the lower and the upper end over (chain, draw)."""
    bounds = getattr(draws.azstats, kind)(prob=prob, dim=list(SAMPLE_DIMS))
    return bounds.sel(ci_bound="lower", drop=True), bounds.sel(ci_bound="upper", drop=True)
