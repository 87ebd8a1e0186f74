"""Forecasts in words: advice on stopping, rows of a table, and numbers of trials needed."""

import math
from dataclasses import dataclass

import numpy as np
import xarray as xr

from leadline.errors import join_values
from leadline.stats.diagnostics import convergence, recorded_checks
from leadline.stats.fitted_search import search_names
from leadline.stats.intervals import SAMPLE_DIMS
from leadline.stats.options import validate_probability
from leadline.stats.reported import with_trials
from leadline.stats.rounding import percent, rounded
from leadline.stats.surface_forecast import chance_of_perfect_search
from leadline.stats.surface_tree import is_surface


@dataclass(frozen=True)
class Advice:
    """Advice to stop a search or to go on, with its reason."""

    stop: bool
    """True if no search is likely to gain enough; False, without advice, if sampling failed."""
    p_gain: float
    """The largest probability of a gain among the searches."""
    sentence: str
    """The advice in words, with the checks that failed."""


def stopping_advice(tree: xr.DataTree, found: xr.Dataset, *, probability: float = 0.05) -> Advice:
    """Return the advice to stop or to go on, for the largest number of trials of a forecast.

    `found` is the result of `leadline.forecast` for the tree. The advice is to stop if every search
    that has trials gains more than its `minimum_gain` with less than `probability`. Of a surface,
    whose sampler may do better than random trials, the advice is about a perfect search, and
    without a `minimum_gain` about a gain above the noise of one run.
    """
    probability = validate_probability(probability)
    if is_surface(tree):
        return _surface_advice(tree, found.attrs["minimum_gain"], probability)
    last = found.isel(trials=int(np.argmax(found["trials"].to_numpy())))
    # A search known from reported bests alone was run by others: it cannot be continued.
    p_gain = last["p_gain"].sel(search=search_names(with_trials(tree)))
    largest = float(p_gain.max())
    sampling = convergence(tree)
    if not sampling.ok:
        problems = ", ".join(sampling.problems)
        return Advice(False, largest, f"No advice: sampling has not converged ({problems}).")
    trials = f"{float(last['trials']):g}"
    floor = found.attrs["minimum_gain"]
    gain = "improve the best seen" + (f" by more than {floor:g}" if floor else "")
    stop = largest < probability
    where = f", most likely for {p_gain.idxmax('search').item()}," if not stop else " in any search"
    where = where if p_gain.sizes["search"] > 1 else ""
    verdict = f"{'Stop' if stop else 'Not settled'}: {trials} more trials {gain}{where} with "
    verdict += f"probability {percent(largest)}"
    if not stop:
        # The winner of many noisy trials was lucky too.
        again = float(last["expected_gain_mean"].sel(search=p_gain.idxmax("search").item()))
        verdict += f"; re-run, the winner gains {again:.2g} on average"
    limit = f", below {100 * probability:g} %" if stop else ""
    failed = tree.attrs.get("failed_checks")
    doubts = {None: " But the fit was not checked.", "[]": ""}
    doubt = doubts.get(failed, f" But {recorded_checks(tree)}.")
    return Advice(stop, largest, f"{verdict}{limit}.{doubt}")


def _surface_advice(tree: xr.DataTree, minimum_gain: float, probability: float) -> Advice:
    chance = chance_of_perfect_search(tree, minimum_gain)
    largest, sampling = float(chance.max()), convergence(tree)
    if not sampling.ok:
        problems = ", ".join(sampling.problems)
        return Advice(False, largest, f"No advice: sampling has not converged ({problems}).")
    stop = largest < probability
    where = f", most likely for {chance.idxmax('search').item()}," if not stop else " in any search"
    where = where if chance.sizes["search"] > 1 else ""
    amount = f"{minimum_gain:g}" if minimum_gain else "the noise of one run"
    limit = f", below {100 * probability:g} %" if stop else ""
    failed = tree.attrs.get("failed_checks", "[]") != "[]"
    return Advice(
        stop,
        largest,
        f"{'Stop' if stop else 'Not settled'}: a perfect search would gain more than {amount}"
        f"{where} with probability {percent(largest)}{limit}. The trials above are random; a "
        f"sampler that learns gains more.{f' But {recorded_checks(tree)}.' * failed}",
    )


def forecast_cells(found: xr.Dataset, prob: float) -> list[list[str]]:
    """Return the rows of a forecast as text, one per search and number of trials.

    The columns are the search, best seen, number of trials, the median and the interval of
    probability `prob` of their best, P(gain), the mean gain, the mean gain expected if re-run, and
    the cost.
    """
    ends = found["best"].quantile([0.5, 0.5 - prob / 2, 0.5 + prob / 2], SAMPLE_DIMS)
    rows = []
    for search in found["search"].to_numpy():
        # The digits that show the differences between numbers of trials.
        sd = float(found["best"].sel(search=search).isel(trials=-1).std())
        for number, m in enumerate(found["trials"].to_numpy()):
            row = found.sel(search=search).isel(trials=number)
            quantiles = ends.sel(search=search).isel(trials=number).to_numpy()
            median, *interval = (rounded(float(end), sd) for end in quantiles)
            low, high = sorted(interval, key=float)
            cost = float(row["cost"])
            rows.append(
                [
                    str(search) if number == 0 else "",
                    rounded(float(row["best_seen"]), sd) if number == 0 else "",
                    f"{m:g}",
                    f"{median} [{low}, {high}]",
                    percent(float(row["p_gain"])),
                    f"{float(row['gain_mean']):.2g}",
                    f"{float(row['expected_gain_mean']):.2g}",
                    "" if math.isnan(cost) else f"{cost:.3g}",
                ]
            )
    return rows


def trials_needed_sentences(needed: xr.DataArray) -> list[str]:
    """Return the result of `leadline.trials_needed` in words, one sentence per number."""
    attrs = needed.attrs
    chance, problems = f"{100 * attrs['probability']:g} %", attrs["problems"]
    goal = f"within {attrs['within']} of the optimum with probability {chance}"
    sentences = [f"Do not rely on these numbers of trials: {problems}."] if problems else []
    searches: dict[float, list[str]] = {}
    for search, number in zip(needed["search"].to_numpy(), needed.to_numpy(), strict=True):
        searches.setdefault(float(number), []).append(str(search))
    for number, names in searches.items():
        who = join_values(names, limit=6)
        if number == 0:
            sentences.append(f"{who}: already {goal}.")
        elif math.isinf(number):
            sentences.append(
                f"{who}: more than {attrs['max_trials']:,} further trials to come {goal}: with "
                "this much noise, one run does not show which trials are best; re-run the best."
            )
        else:
            sentences.append(f"{who}: {number:,.0f} further trials to come {goal}.")
    return sentences
