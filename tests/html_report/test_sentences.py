"""What the report says in words follows from its numbers."""

import copy
import re

import pytest

from leadline.html_report.formats import amount, estimate, gain, number, percent, unbroken
from leadline.html_report.sentences import search_sentences, verdict_sentences


def changed(data, **figures):
    """Return the data with other figures for the first search."""
    result = copy.deepcopy(data)
    result["searches"][0].update(figures)
    return result


@pytest.mark.parametrize(
    ("chance", "how", "percentage"), [(0.97, "less", 97), (0.55, "less", 55), (0.1, "more", 90)]
)
def test_headroom_in_words(data, chance, how, percentage):
    sentences = search_sentences(changed(data, best_within_noise=chance), 0)
    (gain,) = [one for one in sentences if f"gain {how}" in one]
    assert f"{percentage} %" in gain


def test_numbers_in_sentences_are_those_of_the_table(data):
    search = data["searches"][0]
    said = " ".join(search_sentences(data, 0))
    assert estimate(search["optimum"]) in said
    assert estimate(search["effective_dim"]) in said
    assert f"measured {number(search['best_seen'], search['optimum']['decimals'])};" in said


@pytest.mark.parametrize(("direction", "end"), [("minimize", "lower"), ("maximize", "upper")])
def test_luck_is_called_luck(data, direction, end):
    optimum = data["searches"][0]["optimum"]
    past = optimum[end] + 0.01 * (1 if direction == "maximize" else -1)
    lucky = changed(data, best_seen=past) | {"direction": direction}
    assert "lucky" in " ".join(search_sentences(lucky, 0))
    sober = changed(data, best_seen=optimum["mean"]) | {"direction": direction}
    assert "lucky" not in " ".join(search_sentences(sober, 0))


def test_doubts_come_first(data):
    doubtful = copy.deepcopy(data)
    message = "do not rely on these numbers: 3 divergences"
    doubtful["convergence"] = {"ok": False, "message": message}
    doubtful["failed_checks"] = ["ties", "order of trials"]
    doubtful["searches"][0]["warning"] = "3 divergences"
    verdict = verdict_sentences(doubtful)
    assert "3 divergences" in verdict[0]
    assert all(name in verdict[1] for name in ("ties", "order of trials"))
    assert "3 divergences" in search_sentences(doubtful, 0)[0]


def test_integer_dimensions(data):
    said = search_sentences(changed(data, effective_dim_probability={"1": 0.2, "2": 0.8}), 0)
    assert re.search(r"\b2 of the hyperparameters.* 80 %", said[-1])


def test_every_search_is_counted_once(data):
    several = copy.deepcopy(data)
    for search, chance in zip(several["searches"], (0.99, 0.1, 0.5, 0.95), strict=True):
        search["best_within_noise"] = chance
    said = verdict_sentences(several)[-3:]
    names = [search["name"] for search in several["searches"]]
    assert "gain less than" in said[0]
    assert f"in 2 of 4 searches: {names[0]}, {names[3]} " in said[0]
    assert f"in 1 of 4 searches: {names[1]} " in said[1]
    assert "undecided" in said[2]
    assert said[2].endswith(f"in 1 of 4 searches: {names[2]}.")


def test_formats():
    assert percent(0.995) == "> 99 %"
    assert percent(0.001) == "< 1 %"
    assert percent(None) == number(None, 3) == amount(None) == "–"
    assert number(1234567.8, None) == "1.23457e+06"
    assert gain(0.0, 3) == "0.000"
    assert gain(1e-9, 3) == "< 0.001"
    assert amount(1234.5) == "1,234"
    assert unbroken("0.1 (0.0 to 0.2)") == "0.1 (0.0\u00a0to\u00a00.2)"
    assert unbroken("> 99 % / < 1 %") == ">\u00a099\u00a0% / <\u00a01\u00a0%"
