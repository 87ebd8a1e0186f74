"""Credible intervals of labelled draws, by ArviZ and with its defaults."""

import xarray as xr
from arviz import rcParams

from leadline.errors import LeadlineError, format_value

SAMPLE_DIMS = ("chain", "draw")


def validate_interval(ci_prob: float | None, ci_kind: str | None) -> tuple[float, str]:
    """Return the probability and the kind of an interval, from `arviz.rcParams` where None."""
    prob = rcParams["stats.ci_prob"] if ci_prob is None else ci_prob
    kind = rcParams["stats.ci_kind"] if ci_kind is None else ci_kind
    if isinstance(prob, bool) or not isinstance(prob, int | float) or not 0 < prob < 1:
        raise LeadlineError(f"ci_prob must be between 0 and 1, as in 0.9; got {format_value(prob)}")
    if kind not in ("eti", "hdi"):
        raise LeadlineError(
            f"ci_kind must be 'eti' (equal tails) or 'hdi' (highest density), got {format_value(kind)}"
        )
    return float(prob), kind


def interval_label(prob: float, kind: str) -> str:
    """Return the name of an interval as ArviZ's tables write it, such as "eti89"."""
    return f"{kind}{100 * prob:g}"


def interval(draws: xr.DataArray, prob: float, kind: str) -> tuple[xr.DataArray, xr.DataArray]:
    """Return the lower and the upper end over (chain, draw)."""
    bounds = getattr(draws.azstats, kind)(prob=prob, dim=list(SAMPLE_DIMS))
    return bounds.sel(ci_bound="lower", drop=True), bounds.sel(ci_bound="upper", drop=True)
