"""Credible intervals of labelled draws, as ArviZ computes them and with its defaults."""

from collections.abc import Iterable

import xarray as xr

from leadline.errors import LeadlineError, format_value
from leadline.stats.options import validate_probability
from leadline.stats.rounding import with_interval, with_intervals

SAMPLE_DIMS = ("chain", "draw")


def validate_interval(ci_prob: float | None, ci_kind: str | None) -> tuple[float, str]:
    """Return the probability and the kind of an interval, from `arviz.rcParams` where None."""
    from arviz_base import rcParams

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
    if kind == "eti":
        # The numbers of arviz_stats, which takes as long to import as all else for a summary.
        edge = (1 - prob) / 2
        lower, upper = draws.quantile([edge, 1 - edge], SAMPLE_DIMS, skipna=False)
        return lower.drop_vars("quantile"), upper.drop_vars("quantile")
    import arviz_stats  # noqa: F401  (adds `azstats` to DataArrays)

    bounds = draws.azstats.hdi(prob=prob, dim=list(SAMPLE_DIMS), skipna=False)
    return bounds.sel(ci_bound="lower", drop=True), bounds.sel(ci_bound="upper", drop=True)


def estimate(draws: xr.DataArray, prob: float, kind: str = "eti") -> str:
    """Return the posterior mean and the interval as text, of draws with dims (chain, draw)."""
    return with_interval(*_figures(draws, prob, kind))


def estimates(draws: Iterable[xr.DataArray], prob: float, kind: str = "eti") -> list[str]:
    """Return the texts of `estimate` for a list that is read as one, with shared decimals."""
    return with_intervals([_figures(own, prob, kind) for own in draws])


def _figures(draws: xr.DataArray, prob: float, kind: str) -> tuple[float, float, float, float]:
    """Return the mean, the ends of the interval and the sd."""
    low, high = (float(end) for end in interval(draws, prob, kind))
    return float(draws.mean()), low, high, float(draws.std())
