"""The advice on a fit that has not converged is new with each fit, until sampling cannot help."""

from pathlib import Path

import numpy as np
import pytest

from leadline.cli.parser import build_parser
from leadline.cli.wording import in_command_line_words
from leadline.stats.sampling_advice import sampling_advice

USED = {"draws": 1000, "tune": 1000, "chains": 4, "model": "crossed"}


@pytest.mark.parametrize(
    ("used", "found", "following"),
    [
        ({}, {"diverged": True}, ["tune=2000"]),
        ({"tune": 2000}, {"diverged": True}, ["tune=4000"]),
        ({"tune": 3000}, {"diverged": True}, ["tune=4000"]),
        ({"tune": 4000}, {"diverged": True}, ["model='single'"]),
        ({"tune": 4000, "model": "single"}, {"diverged": True}, ["tail_fraction"]),
        ({}, {"disagree": True}, ["draws=2000", "tune=2000"]),
        ({}, {"missing": 1.1}, ["draws=2000"]),
        ({}, {"missing": 4.0}, ["draws=5000"]),
        ({}, {"missing": np.nan}, ["draws=2000"]),
        ({"chains": 1}, {"missing": 2.0}, ["chains=4"]),
    ],
)
def test_the_next_settings_follow_from_those_that_were_used(used, found, following):
    problems = {"diverged": False, "disagree": False, "missing": 0.5} | found
    advice = sampling_advice(USED | used, **problems)
    before, after = advice.split(";")
    for name in ("draws", "tune", "chains"):
        assert f"{name}={(USED | used)[name]}" in before
    assert after.count("=") == sum("=" in words for words in following)
    assert all(words in after for words in following)


def test_advice_is_in_the_words_of_the_place():
    advice = sampling_advice(
        USED | {"tune": 2000}, diverged=True, disagree=False, missing=0.5, target_accept=0.99
    )
    assert "0.99" in advice
    typed = in_command_line_words(advice, Path("there/fit.nc"))
    assert typed.endswith(
        f"add `--tune 4000 -o {Path('there-2').absolute()}` to the command that made this fit"
    )
    # Without the file of the fit, it is replaced.
    assert "`--tune 4000 --force`" in in_command_line_words(advice)


def test_a_fit_without_settings_gets_general_advice():
    assert "more" in sampling_advice({}, diverged=True, disagree=False, missing=2.0)


def test_a_pooled_fit_takes_the_draws_of_its_searches():
    used = USED | {"model_reason": "3 tasks; pooled in two stages", "tune": 4000}
    advice = sampling_advice(used, diverged=True, disagree=False, missing=4.0)
    typed = in_command_line_words(advice, Path("there/fit.nc"))
    # `pool` has neither option, and no other model.
    assert "fit the searches again with --draws 5000 and a smaller --tail-fraction" in typed
    assert "to the command that made this fit" not in typed


def test_each_option_that_the_demo_is_advised_can_be_typed():
    arguments = build_parser().parse_args(["demo", "--draws", "2000", "--tune", "2000"])
    assert (arguments.draws, arguments.tune, arguments.chains) == (2000, 2000, 4)
