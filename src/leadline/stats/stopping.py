"""Forecasts in words: advice on stopping, rows of a table, and numbers of trials needed."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr

from leadline.errors import join_values
from leadline.stats.diagnostics import convergence, recorded_checks
from leadline.stats.fitted_search import search_names
from leadline.stats.forecast import forecast, worthwhile
from leadline.stats.guided import guided_searches
from leadline.stats.intervals import SAMPLE_DIMS
from leadline.stats.noise_of_seeds import larger_noises
from leadline.stats.options import validate_probability
from leadline.stats.reported import with_trials
from leadline.stats.rounding import percent, rounded
from leadline.stats.setting_words import next_run
from leadline.stats.surface_beside_law import opposite_advice
from leadline.stats.surface_forecast import headroom_of
from leadline.stats.surface_tree import is_surface, learned_searches

Verdict = Literal["stop", "not settled", "go on", "no advice"]


_STEP = 20
"""The trials of a small step."""

_FAR = 10
"""A number of trials is far beyond those that were run from so many times their number on."""


@dataclass(frozen=True)
class Advice:
    """Advice to stop a search or to go on, with its reason."""

    verdict: Verdict
    """"stop" if no search is likely to gain enough, "go on" if one is more likely than not, and
    "no advice" if sampling failed."""
    p_worthwhile: float
    """The largest probability among the searches of a gain that is worth having, where a sampler
    learned of the gain of a perfect search."""
    reason: str
    """The advice in words, without the checks that failed."""
    doubt: str = ""
    """The checks that failed, in words after the reason."""

    @property
    def stop(self) -> bool:
        """True if the advice is to stop."""
        return self.verdict == "stop"

    @property
    def sentence(self) -> str:
        """The advice in words, with the checks that failed."""
        return self.reason + self.doubt


def stopping_advice(tree: xr.DataTree, found: xr.Dataset, *, probability: float = 0.05) -> Advice:
    """Return the advice to stop or to go on, for the largest number of trials of a forecast.

    `found` is the result of `leadline.forecast` for the tree. The advice has a `verdict` ("stop",
    "go on", "not settled" or "no advice"), and a `sentence` with its reason. A gain is that of the
    score expected if re-run, since luck is not worth having, and it counts from the `minimum_gain`
    on, or above the noise of one run if there is none. The advice is to stop if it counts with less
    than `probability` in every search that has trials, and to go on if it counts with more than one
    half in one, else to go on in small steps, unless one step would be to stop. The gain is that of
    the next random trials. Where a sampler learned, no trials exceed a perfect search: to stop, its
    gain must be unlikely, and to go on, that of random trials likely. A surface has few functions:
    to stop, the probability must be that low with their error added. Beside a law, the advice rests
    on the surface, and says where the law would advise the opposite.

    Raises `LeadlineError` if `probability` is not between 0 and 1.

    Examples
    --------
    >>> advice = ll.stopping_advice(fit, ll.forecast(fit, 50, minimum_gain=0.01))
    >>> advice.verdict, advice.stop
    ('no advice', False)
    """
    probability, least = validate_probability(probability), found.attrs.get("minimum_gain")
    last = found.isel(trials=int(np.argmax(found["trials"].to_numpy())))
    perfect = perfect_search(tree, least)
    learned = perfect["search"].to_numpy().tolist()
    chance = _chances(tree, last, perfect)
    largest, sampling = float(chance.max()), convergence(tree)
    if not sampling.ok:
        problems = ", ".join(sampling.problems)
        reason = f"No advice: sampling has not converged ({problems})."
        return Advice("no advice", largest, reason)
    likeliest = str(chance.idxmax("search").item())
    error = _error(tree, largest)
    stop = largest + error < probability
    go_on = float(last["p_worthwhile"].sel(search=chance["search"]).max()) > max(0.5, probability)
    verdict: Verdict = "stop" if stop else "go on" if go_on else "not settled"
    own, several = last.sel(search=likeliest), chance.sizes["search"] > 1
    amount, noise = "", ""
    if least is None:
        # Each search has a noise of its own.
        noise = f"{float(own['noise_sd']):.2g}"
        if is_surface(tree) and likeliest in (larger := larger_noises(tree)):
            noise += f", between seeds {larger[likeliest]:.2g}"
        amount = "the noise of one run" + f" ({noise})" * (not several)
    else:
        amount = f"{least:g}"
    named = likeliest + f" (noise sd {noise})" * bool(noise)
    where = f", most likely for {named}," if not stop else " in any search"
    where = where if several else ""
    kind = "random " if is_surface(tree) or learned else ""
    number = float(last["trials"])
    who = f"the best of {number:g} more {kind}trials, if re-run,"
    if number == 1:
        who = f"1 more {kind}trial, if re-run,"
    counted = ""
    if kind:
        seen = rounded(float(own["best_seen"]), float(own["noise_sd"]))
        counted = f"counted where it measures better than {'the best seen' if several else seen}"
    limit = f"{100 * probability:g} %"
    shown, shown_error = _decision(largest, error, probability, stop=stop)
    sentence = (
        f"{verdict.capitalize()}: "
        f"{'a perfect search' if likeliest in learned else who} would gain more than {amount}"
        f"{where} with probability {shown} ("
        + f"{counted}; " * bool(counted and likeliest not in learned)
        + f"standard error {shown_error}; " * bool(shown_error)
        + f"to stop: below {limit}{' with this error' * bool(shown_error)})."
    )
    if likeliest in learned:
        random = percent(float(own["p_worthwhile"]))
        sentence = f"{sentence[:-1]}; {who} with {random} ({counted})."
        sentence += " A sampler that learns lies between."
    elif not stop:
        mean = gain_cell(own)
        luck = ": what measures better is often luck" if float(mean) <= 0.0 else ""
        sentence += f" On average it gains {mean}{luck}."
    if verdict == "not settled":
        sentence += f" {_small_steps(tree, number, least, probability, perfect)}"
    if is_surface(tree) and not stop:
        steps = (next_run(tree, name, least) for name in search_names(tree))
        sentence = " ".join([sentence, *filter(None, steps)])
    beside = opposite_advice(tree, least, probability, stop=stop)
    return Advice(verdict, largest, f"{sentence} {beside}".rstrip(), _doubt(tree))


def _chances(tree: xr.DataTree, last: xr.Dataset, perfect: xr.Dataset) -> xr.DataArray:
    """Return the probabilities of a gain that is worth having, (search), for an advice to stop."""
    # A search known from reported bests alone was run by others: it cannot be continued.
    chance = last["p_worthwhile"].sel(search=search_names(with_trials(tree)))
    if not perfect.sizes["search"]:
        return chance
    return perfect["p_worthwhile"].reindex(search=chance["search"]).fillna(chance)


def _error(tree: xr.DataTree, chance: float) -> float:
    """Return the standard error of a probability: the few functions of a surface must not stop."""
    functions = tree["posterior"].sizes["chain"] * tree["posterior"].sizes["draw"]
    return math.sqrt(chance * (1 - chance) / functions) if is_surface(tree) else 0.0


def _decision(chance: float, error: float, limit: float, *, stop: bool) -> tuple[str, str]:
    """Return a probability and its error, "" for a small one, whose sum shows whether to stop."""
    error = error if error >= 0.005 else 0.0
    if not error and (chance > 0.99 or chance < 0.01 < limit):
        return percent(chance), ""
    for decimals in range(5):
        least = (int(chance < 0.1), 1)
        texts = [
            f"{100 * own:.{max(decimals, few)}f}"
            for own, few in zip((chance, error), least, strict=True)
        ]
        if (sum(map(float, texts)) < 100 * limit) == stop:
            break
    shown, shown_error = (f"{text} %" for text in texts)
    return shown, shown_error if error else ""


def _small_steps(
    tree: xr.DataTree,
    trials: float,
    minimum_gain: float | None,
    probability: float,
    perfect: xr.Dataset,
) -> str:
    """Return the advice to go on in small steps, or why not: a step alone would be one to stop."""
    if trials > _STEP:
        step = forecast(tree, [_STEP], minimum_gain=minimum_gain).isel(trials=0)
        chance = float(_chances(tree, step, perfect).max())
        error = _error(tree, chance)
        if chance + error < probability:
            shown, shown_error = _decision(chance, error, probability, stop=True)
            shown += f" (standard error {shown_error})" * bool(shown_error)
            return (
                f"The best of {_STEP} more would with {shown}, so that small steps are not worth "
                f"it: run all {trials:g}, or stop."
            )
    return f"Go on in small steps of about {_STEP} trials, and fit and forecast after each."


def _doubt(tree: xr.DataTree) -> str:
    doubts = {None: " But the fit was not checked.", "[]": ""}
    return doubts.get(tree.attrs.get("failed_checks"), f" But {recorded_checks(tree)}.")


def perfect_search(tree: xr.DataTree, minimum_gain: float | None) -> xr.Dataset:
    """Return what a perfect search would gain where a sampler learned, dim (search).

    `gain` is the posterior mean of the headroom, and `p_worthwhile` the probability that it is
    worth having, as in `leadline.forecast`. A search with guided trials learned, also where its
    law is of the random ones. Without a search that learned, it is empty.
    """
    learned = guided_searches(tree) + (learned_searches(tree) if is_surface(tree) else [])
    if not learned:
        return xr.Dataset(coords={"search": np.empty(0, str)})
    headroom = headroom_of(tree)
    worth = headroom > worthwhile(tree, minimum_gain)
    result = xr.Dataset({"gain": headroom, "p_worthwhile": worth}).mean(SAMPLE_DIMS)
    return result.sel(search=[name for name in search_names(tree) if name in learned])


def forecast_cells(
    found: xr.Dataset, prob: float, perfect: xr.Dataset | None = None
) -> list[list[str]]:
    """Return the rows of a forecast as text, one per search and number of trials.

    The columns are the search, the number of trials, best seen, the median and the interval of
    probability `prob` of their best, P(gain), the mean gain expected if re-run, the
    probability that this is worth having, and the cost. A search of `perfect`, the result of
    `perfect_search`, has one more row.
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
                    f"{m:g}",
                    rounded(float(row["best_seen"]), sd) if number == 0 else "",
                    f"{median} [{low}, {high}]",
                    percent(float(row["p_gain"])),
                    gain_cell(row),
                    percent(float(row["p_worthwhile"])),
                    "" if math.isnan(cost) else f"{cost:,.0f}" if cost >= 100 else f"{cost:.3g}",
                ]
            )
        if perfect is not None and search in perfect["search"]:
            own = perfect.sel(search=search)
            noise = float(found["noise_sd"].sel(search=search))
            best = [rounded(float(own["gain"]), noise), percent(float(own["p_worthwhile"]))]
            rows.append(["", "a perfect search", "", "", "", *best, ""])
    return rows


def gain_cell(row: xr.Dataset) -> str:
    """Return the mean gain expected if re-run as text, of one search and number of trials.

    It has the digits that runs can show, not those of Monte Carlo errors.
    """
    return rounded(float(row["expected_gain_mean"]), float(row["noise_sd"]))


def trials_needed_sentences(needed: xr.DataArray) -> list[str]:
    """Return the result of `leadline.trials_needed` in words, one sentence per number."""
    attrs = needed.attrs
    chance, problems = f"{100 * attrs['probability']:g} %", attrs["problems"]
    goal = f"within {attrs['within']} of the optimum with probability {chance}"
    sentences = [f"Do not rely on these numbers of trials: {problems}."] if problems else []
    searches: dict[tuple[float, str], list[str]] = {}
    columns = (needed[name].to_numpy() for name in ("search", "trials_run"))
    for search, run, number in zip(*columns, needed.to_numpy(), strict=True):
        # More digits would be those of the extrapolation.
        shown = float(f"{number:.2g}")
        # Reported bests have no trials of their own.
        far = f", far beyond the {run} that were run" if 0 < _FAR * run < number < math.inf else ""
        searches.setdefault((shown, far), []).append(str(search))
    for (number, far), names in searches.items():
        # One search needs no name.
        who = f"{join_values(names, limit=6)}: " if needed.size > 1 else ""
        if number == 0:
            text = f"already {goal}."
        elif math.isinf(number):
            text = (
                f"single runs do not come {goal}, not even {attrs['max_trials']:,} further ones: "
                "with this much noise, one run does not show which trials are best; re-run the "
                "best."
            )
        else:
            count = f"about {number:,.0f} further trial{'s' * (number != 1)}"
            text = f"{count} to come {goal}{far}."
        sentences.append(who + (text if who else text[:1].upper() + text[1:]))
    return sentences
