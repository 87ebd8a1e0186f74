"""What the report says in words: made from the numbers of `report_data` alone.

A word stands for a range of probabilities, and the probability is beside it, so that a sentence
cannot say more than its number.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.checks.check import checks_line
from leadline.html_report.formats import estimate, gain, number, percent
from leadline.html_report.grids import DEFAULT_FURTHER

_SIGNS = {"minimize": 1.0, "maximize": -1.0}
_GAIN = "Perfect tuning would gain {} than the noise of one run over the best trial"
# Searches whose optima the verdict tells; of more they are in the table.
_FEW = 4
LIKELY = 0.8
"""From here on a list of searches takes something to be so."""


def verdict_sentences(data: Mapping[str, Any]) -> list[str]:
    """Return what a fit says as a whole: doubts first, then which model, then where to tune.

    Parameters
    ----------
    data : mapping
        What `leadline.html_report.data.report_data` returns, whose searches have their sentences.
    """
    searches = data["searches"]
    sentences = doubt_sentences(data)
    if data["comparison"] is not None:
        sentences += data["comparison"]["sentences"]
    if len(searches) == 1:
        # Its warning and its failed checks are those of the whole.
        return sentences + _answers(data, 0)
    if len(searches) <= _FEW:
        sentences += [
            f"Perfectly tuned, the expected score of {one['name']} is {estimate(one['optimum'])}."
            for one in searches
        ]
    return sentences + _room(searches)


def doubt_sentences(data: Mapping[str, Any]) -> list[str]:
    """Return what speaks against the numbers, empty when nothing does.

    Parameters
    ----------
    data : mapping
        What `leadline.html_report.data.report_data` returns.
    """
    sentences = []
    if not data["convergence"]["ok"]:
        sentences.append(_sentence(data["convergence"]["message"]))
    if data["failed_checks"]:
        sentences.append(
            _sentence(checks_line(data["failed_checks"]))
            + " Read every answer with that in mind; the checks below say what to do."
        )
    return sentences


def search_sentences(data: Mapping[str, Any], place: int) -> list[str]:
    """Return what is known of one search.

    Parameters
    ----------
    data : mapping
        What `leadline.html_report.data.report_data` returns.
    place : int
        Which of its searches.
    """
    search = data["searches"][place]
    sentences = []
    if search["warning"]:
        sentences.append(f"Do not rely on these numbers: {search['warning']}.")
    sentences += _answers(data, place)
    if search["failed_checks"]:
        sentences.append(_sentence(checks_line(search["failed_checks"])))
    return sentences


def _answers(data: Mapping[str, Any], place: int) -> list[str]:
    search, forecast = data["searches"][place], data["forecast"]
    optimum = search["optimum"]
    digits = optimum["decimals"]
    prob = f"{100 * data['interval']['prob']:g} %"
    again = number(search["best_seen_expected"], digits)
    what = f"The best of {search['trials']} trials" if search["trials"] else "The reported best"
    told = f" ({search['reported']})" if search["reported"] and not search["trials"] else ""
    sentences = [
        f"{what}{told} measured {number(search['best_seen'], digits)}; once re-run, it would "
        f"score {again} on average.",
        f"Perfectly tuned, the expected score is {estimate(optimum)}, with probability {prob} in "
        "that interval.",
    ]
    if _lucky(data["direction"], search):
        sentences.append(
            "The best score was lucky: not even perfect tuning is expected to score so well."
        )
    sentences.append(_headroom(search["best_within_noise"]))
    more = forecast["trials"].index(DEFAULT_FURTHER)
    improved = gain(forecast["expected_gain_mean"][place][more], digits)
    improved = improved.replace("< ", "less than ")
    sentences.append(
        f"One of {DEFAULT_FURTHER} more trials would measure better than the best seen with "
        f"probability {percent(forecast['p_gain'][place][more])}; on average they improve the "
        "expected score by "
        f"{improved}."
    )
    sentences.append(_dimension(search))
    return sentences


def _lucky(direction: str, search: Mapping[str, Any]) -> bool:
    """Return whether the best seen is better than all of the interval of the optimum."""
    sign, optimum = _SIGNS[direction], search["optimum"]
    best_end = min(sign * optimum["lower"], sign * optimum["upper"])
    return sign * search["best_seen"] < best_end


def _headroom(within_noise: float) -> str:
    how, chance = ("less", within_noise) if within_noise >= 0.5 else ("more", 1 - within_noise)
    return f"{_GAIN.format(how)}, with probability {percent(chance)}."


def _dimension(search: Mapping[str, Any]) -> str:
    chances = search["effective_dim_probability"]
    if chances:
        likely = max(chances, key=lambda dimension: chances[dimension])
        verb = "matters" if likely == "1" else "matter"
        return (
            f"Near the optimum, {likely} of the hyperparameters effectively {verb}, with "
            f"probability {percent(chances[likely])}."
        )
    return (
        "The effective number of hyperparameters near the optimum is "
        f"{estimate(search['effective_dim'])}."
    )


def _room(searches: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return in which searches better tuning would gain something, and in which it would not."""
    chances = {one["name"]: one["best_within_noise"] for one in searches}
    settled = [name for name, chance in chances.items() if chance >= LIKELY]
    left = [name for name, chance in chances.items() if chance <= 1.0 - LIKELY]
    undecided = [name for name in chances if name not in {*settled, *left}]
    limit = percent(LIKELY)
    sentences = [
        f"{_GAIN.format(how)} in {_which(names, list(chances))} (probability {limit} or more each)."
        for names, how in ((settled, "less"), (left, "more"))
        if names
    ]
    if undecided:
        sentences.append(
            "Whether perfect tuning would gain more than the noise of one run over the best trial "
            f"is undecided in {_which(undecided, list(chances))}."
        )
    return sentences


def _which(names: Sequence[str], all_names: Sequence[str]) -> str:
    """Return the words for some of the searches, by those that are not among them if fewer."""
    others = [name for name in all_names if name not in names]
    count = f"{len(names)} of {len(all_names)} searches"
    if not others:
        return f"all {len(all_names)} searches"
    if len(others) < len(names):
        return f"{count}, all but {', '.join(others)}"
    return f"{count}: {', '.join(names)}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "." * (not text.endswith("."))
