"""Whether to go on with a search: an advice and its sentence, made from a forecast."""

import dataclasses
import json
import math

import numpy as np
import xarray as xr

from leadline.checks.check import checks_line
from leadline.errors import join_values
from leadline.stats.convergence import convergence
from leadline.stats.fitted_search import search_names
from leadline.stats.intervals import SAMPLE_DIMS
from leadline.stats.reported import with_trials
from leadline.stats.rounding import percent, rounded
from leadline.stats.trials_needed import validate_probability

# Of the predictive interval in tables.
_LOW, _HIGH = 0.1, 0.9


@dataclasses.dataclass(frozen=True)
class Advice:
    """Whether to stop, and why.

    Attributes
    ----------
    stop : bool
        Whether no search is likely to gain what is worth having. False where sampling has not
        converged: then nothing is advised. Checks that failed are named in the sentence.
    p_gain : float
        The largest probability of a gain among the searches.
    sentence : str
        The advice in words.
    """

    stop: bool
    p_gain: float
    sentence: str


def stopping_advice(tree: xr.DataTree, found: xr.Dataset, *, probability: float = 0.05) -> Advice:
    """Return whether further trials are worth it, judged by the largest number in a forecast.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    found : Dataset
        What `leadline.forecast` returned for it.
    probability : float
        Stop when the probability of a gain of more than the forecast's `minimum_gain` is below
        this in every search that has trials.
    """
    validate_probability(probability)
    last = found.isel(trials=int(np.argmax(found["trials"].to_numpy())))
    # Nobody can go on with a search that is known from what others reported.
    last = last.sel(search=search_names(with_trials(tree)))
    m = f"{float(last['trials']):g}"
    chances = last["p_gain"]
    best = int(np.argmax(chances.to_numpy()))
    chance = float(chances[best])
    sampled = convergence(tree)
    if not sampled.ok:
        problems = ", ".join(sampled.problems)
        return Advice(False, chance, f"No advice: sampling has not converged ({problems}).")
    failed = tree.attrs.get("failed_checks")
    checks = "not checked" if failed is None else checks_line(json.loads(failed))
    but = "" if failed == "[]" else f" But {checks}."
    floor = found.attrs["minimum_gain"]
    gain = f"a gain of more than {floor:g}" if floor else "any gain"
    many = chances.sizes["search"] > 1
    name = f", most likely for {chances['search'].to_numpy()[best]}," if many else ""
    if chance < probability:
        where = " in any search" if many else ""
        return Advice(
            True,
            chance,
            f"Stop: {m} more trials bring {gain}{where} with probability {percent(chance)}, "
            f"below {100 * probability:g} %.{but}",
        )
    return Advice(
        False,
        chance,
        f"Not settled: {m} more trials bring {gain}{name} with probability {percent(chance)}.{but}",
    )


def forecast_cells(found: xr.Dataset) -> list[list[str]]:
    """Return the rows of a forecast for readers, one for each search and number of trials.

    Each has the search, best seen, number of trials, the median and the 80 % interval of their
    best, P(gain), the mean gain, the mean gain once re-run, and the cost.
    """
    ends = found["best"].quantile([0.5, _LOW, _HIGH], SAMPLE_DIMS)
    rows = []
    for search in found["search"].to_numpy():
        # Digits are those that tell one number of trials from another.
        width = float((found["best"].sel(search=search).isel(trials=-1)).std())
        for place, m in enumerate(found["trials"].to_numpy()):
            one = found.sel(search=search).isel(trials=place)
            median, low, high = (
                rounded(float(end), width)
                for end in ends.sel(search=search).isel(trials=place).to_numpy()
            )
            cost = float(one["cost"])
            rows.append(
                [
                    str(search) if place == 0 else "",
                    rounded(float(one["best_seen"]), width) if place == 0 else "",
                    f"{m:g}",
                    f"{median} [{min(low, high, key=float)}, {max(low, high, key=float)}]",
                    percent(float(one["p_gain"])),
                    f"{float(one['gain_mean']):.2g}",
                    f"{float(one['expected_gain_mean']):.2g}",
                    "" if math.isnan(cost) else f"{cost:.3g}",
                ]
            )
    return rows


def trials_needed_sentences(needed: xr.DataArray) -> list[str]:
    """Return in words what `leadline.trials_needed` found, one sentence for each answer."""
    within, chance = needed.attrs["within"], 100 * needed.attrs["probability"]
    reach = f"within {within} of the optimum with probability {chance:g} %"
    problems = needed.attrs["problems"]
    sentences = [f"Do not rely on these numbers of trials: {problems}."] if problems else []
    groups: dict[float, list[str]] = {}
    for search, number in zip(needed["search"].to_numpy(), needed.to_numpy(), strict=True):
        groups.setdefault(float(number), []).append(str(search))
    for number, searches in groups.items():
        names = join_values(searches, limit=6)
        if number == 0:
            sentences.append(f"{names}: already {reach}.")
        elif math.isinf(number):
            sentences.append(
                f"{names}: more than {needed.attrs['max_trials']:,} further trials to come "
                f"{reach}: one run tells too little of a trial; run the best ones again."
            )
        else:
            sentences.append(f"{names}: {number:,.0f} further trials to come {reach}.")
    return sentences
