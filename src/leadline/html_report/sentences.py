"""Sentences of the report, made from `data`, the numbers of `report_data`, alone.

A sentence gives the probability of each statement, so that it claims no more than its number.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.checks.check import checks_line
from leadline.html_report.formats import estimate, gain, number, percent
from leadline.html_report.sliders import DEFAULT_FURTHER
from leadline.stats.comparison_sentences import LEAST
from leadline.stats.paper import optimum_sentence

_SIGNS = {"minimize": 1.0, "maximize": -1.0}
_GAIN = "Perfect tuning would gain {} than the noise of one run over the best trial"
# The verdict lists the optima of up to this many searches.
_FEW = 4

# Longer lists of searches are left to the table.
_MOST_NAMED = 12
LIKELY = 0.8
"""Smallest probability of the searches in a list."""


def verdict_sentences(data: Mapping[str, Any]) -> list[str]:
    """Return the verdict on a whole fit: doubts, the better model, then where tuning would gain."""
    searches = data["searches"]
    sentences = doubt_sentences(data)
    if data["comparison"] is not None:
        sentences += data["comparison"]["sentences"]
    if len(searches) == 1:
        # Its warning and its failed checks are those of the fit.
        return [*sentences, *_describe(data, 0), data["advice"]]
    # At a budget, fully tuned models would be another answer.
    if len(searches) <= _FEW and not (data["comparison"] and data["budget"]):
        optima = {own["name"]: estimate(own["optimum"]) for own in searches if not own["plateau"]}
        sentences += [optimum_sentence(optima)] * bool(optima)
        sentences += [f"{own['name']}: {own['plateau']}." for own in searches if own["plateau"]]
    return [*sentences, *_compare_gains(searches), data["advice"]]


def doubt_sentences(data: Mapping[str, Any]) -> list[str]:
    """Return the reasons to doubt the numbers; empty when there are none."""
    sentences = []
    if not data["convergence"]["ok"]:
        sentences.append(as_sentence(data["convergence"]["message"]))
    if data["failed_checks"]:
        searches: dict[str, list[str]] = {}
        for own in data["searches"]:
            for name in own["failed_checks"]:
                searches.setdefault(name, []).append(own["name"])
        line = checks_line(data["failed_checks"], searches, len(data["searches"]))
        remedy = " Read every answer with that in mind; see the remedies under Checks."
        sentences.append(as_sentence(line) + remedy)
    return sentences


def search_sentences(data: Mapping[str, Any], index: int) -> list[str]:
    """Return the answers of the search at an index."""
    search = data["searches"][index]
    sentences = []
    if search["warning"]:
        sentences.append(f"Do not rely on these numbers: {search['warning']}.")
    sentences += _describe(data, index)
    if search["failed_checks"]:
        sentences.append(as_sentence(checks_line(search["failed_checks"])))
    return sentences


def pair_caption(data: Mapping[str, Any], rope: float) -> str:
    """Return what the pictures of pairs of models show."""
    side, equal = ("the band", "practically equal / ") if rope else ("0", "")
    black = f", black: practically equal with {LEAST} % or more" if rope else ""
    return (
        f"Dot and line: posterior mean and {100 * data['interval']['prob']:g} % interval of the "
        f"difference; to the right of {side} the first is better. Numbers: P(better / {equal}"
        f"worse). Colour: that of the model that is better with {LEAST} % or more{black}, grey: "
        "cannot be told apart. Overall and on a new task, differences in task scales are turned "
        f"into {data['metric']} by the harmonic mean of the scales."
    )


def _describe(data: Mapping[str, Any], index: int) -> list[str]:
    search, forecast = data["searches"][index], data["forecast"]
    if search["plateau"]:
        return [as_sentence(search["plateau"])]
    optimum, digits = search["optimum"], search["optimum"]["decimals"]
    prob = f"{100 * data['interval']['prob']:g} %"
    again = number(search["best_seen_expected"], digits)
    count = search["trials"] + search["guided"]
    best = f"The best of {count} trials" if search["trials"] else "The reported best"
    if search["reported"] and not search["trials"]:
        best += f" ({search['reported']})"
    sentences = [
        f"{best} measured {number(search['best_seen'], digits)}{search['best_mean']}; if re-run, "
        f"it would score {again} on average.",
        f"Perfectly tuned, the expected score is {estimate(optimum)}, with probability {prob} in "
        "that interval.",
    ]
    if _is_lucky(data["direction"], search):
        sentences.append(
            "The best score was lucky: not even perfect tuning is expected to score so well."
        )
    within = search["best_within_noise"]
    how, chance = ("less", within) if within >= 0.5 else ("more", 1 - within)
    sentences.append(f"{_GAIN.format(how)}, with probability {percent(chance)}.")
    more = forecast["trials"].index(DEFAULT_FURTHER)
    improved = gain(forecast["expected_gain_mean"][index][more], digits)
    improved = improved.replace("< ", "less than ")
    if forecast["expected_gain_mean"][index][more] < 0.0:
        improved = "nothing, as what measures better is often luck"
    sentences.append(
        f"At least one of {DEFAULT_FURTHER} more trials, one run each, would measure better than "
        f"the best seen with probability {percent(forecast['p_gain'][index][more])}; on average "
        f"they improve the expected score by {improved}."
    )
    sentences.append(_dimension(search))
    return sentences


def _is_lucky(direction: str, search: Mapping[str, Any]) -> bool:
    """Return True if the best seen is better than the whole interval of the optimum."""
    sign, optimum = _SIGNS[direction], search["optimum"]
    best_end = min(sign * optimum["lower"], sign * optimum["upper"])
    return sign * search["best_seen"] < best_end


def _dimension(search: Mapping[str, Any]) -> str:
    chances = search["effective_dim_probability"]
    if chances:
        likely = max(chances, key=lambda dimension: chances[dimension])
        verb = "matters" if likely == "1" else "matter"
        return (
            f"Near the optimum, {likely} of the hyperparameters effectively {verb}, with "
            f"probability {percent(chances[likely])}."
        )
    by_prior = ", which the prior decides" * ("effective_dim" in search["decided_by_prior"])
    return (
        "The effective number of hyperparameters near the optimum is "
        f"{estimate(search['effective_dim'])}{by_prior}."
    )


def _compare_gains(searches: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the searches in which tuning would gain more than noise, less, or undecided."""
    flat = [search["name"] for search in searches if search["plateau"]]
    chances = {own["name"]: own["best_within_noise"] for own in searches if not own["plateau"]}
    settled = [name for name, chance in chances.items() if chance >= LIKELY]
    left = [name for name, chance in chances.items() if chance <= 1.0 - LIKELY]
    undecided = [name for name in chances if name not in {*settled, *left}]
    limit = percent(LIKELY)
    sentences = [
        f"{_GAIN.format(how)} in {_name_searches(names, list(chances))} (probability {limit} or "
        "more each)."
        for names, how in ((settled, "less"), (left, "more"))
        if names
    ]
    if undecided:
        sentences.append(
            "Perfect tuning may gain more or less than the noise of one run over the best trial in "
            f"{_name_searches(undecided, list(chances))}."
        )
    if len(searches) > _FEW and flat:
        names = [search["name"] for search in searches]
        sentences.append(
            f"The best score is a plateau that many trials reach in {_name_searches(flat, names)}."
        )
    return sentences


def _name_searches(names: Sequence[str], all_names: Sequence[str]) -> str:
    """Return a list of searches, as a list of the others where those are fewer."""
    others = [name for name in all_names if name not in names]
    count = f"{len(names)} of {len(all_names)} searches"
    if not others:
        return f"all {len(all_names)} searches"
    if min(len(others), len(names)) > _MOST_NAMED:
        # The table of answers can be sorted by it.
        return count
    if len(others) < len(names):
        return f"{count}, all but {', '.join(others)}"
    return f"{count}: {', '.join(names)}"


def as_sentence(text: str) -> str:
    """Return a text with a capital at its start and a full stop at its end."""
    return text[:1].upper() + text[1:] + "." * (not text.endswith("."))
