"""Advice on a fit that has not converged: the next settings of the sampler.

The advice starts from the settings that were used, so that none is given twice.
"""

import math
from collections.abc import Mapping
from typing import Any

# Draws per unit of effective sample size vary between seeds; ask for somewhat more.
_MARGIN = 1.25

POOLED = "pooled in two stages"
"""The end of the setting `model_reason` of a result of `leadline.pool`."""

# Past two doublings of the default, divergences come from the posterior, not from the tuning.
_MOST_TUNE = 4000


def sampling_advice(
    settings: Mapping[str, Any],
    *,
    diverged: bool,
    disagree: bool,
    missing: float,
    target_accept: float | None = None,
) -> str:
    """Return which settings were used, and which to use next, as arguments of `leadline.fit`.

    `settings` are those that a fit records. `diverged` means divergences, and `disagree` a large
    R-hat. `missing` is the factor by which an effective sample size is too small, 1 if none is, and
    nan if unknown. An earlier version of leadline may have recorded no settings.
    """
    try:
        draws, tune, chains = (int(settings[name]) for name in ("draws", "tune", "chains"))
    except KeyError:
        return "fit again with more draws and tuning"
    used = f"draws={draws}, tune={tune}, chains={chains}"
    if target_accept is not None and not math.isnan(target_accept):
        used += f" (target acceptance {target_accept:g})"
    better = []
    if chains == 1:
        better.append("chains=4")
    # One chain cannot disagree with others; its number of draws is judged once there are more.
    if (not missing <= 1.0 or disagree) and chains > 1:
        factor = 2 if math.isnan(missing) else max(2, math.ceil(_MARGIN * missing))
        better.append(f"draws={factor * draws}")
    if (diverged or disagree) and tune < _MOST_TUNE:
        better.append(f"tune={min(2 * tune, _MOST_TUNE)}")
    elif diverged:
        alone = settings.get("model") == "single" or _is_pooled(settings)
        better.append("a smaller tail_fraction" if alone else "model='single'")
    return f"{used} were used; {fit_again(settings, ' and '.join(better))}"


def fit_again(settings: Mapping[str, Any], options: str) -> str:
    """Return the advice to fit again with options, which `leadline.pool` takes from its fits."""
    if _is_pooled(settings):
        return f"fit the searches again with {options}, and pool them"
    return f"fit again with {options}"


def _is_pooled(settings: Mapping[str, Any]) -> bool:
    return str(settings.get("model_reason", "")).endswith(POOLED)
