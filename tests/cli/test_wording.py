"""Every refusal of the library is in words of the command line there: no mix of both."""

import ast
import re
from pathlib import Path

import pandas as pd
import pytest

import leadline
from leadline.cli.wording import OPTIONS, in_command_line_words
from leadline.errors import LeadlineError
from leadline.io.table import read_table

ROOT = Path(leadline.__file__).parent

# Python that is left: arguments, functions, modules, True and None.
PYTHON = re.compile(
    r"(?<![-\w'.])[a-z][a-z_]*=(?!=)|\bleadline\.\w+|\b(?:True|None)\b|\bread_[a-z]+|"
    r"(?<![-\w])(?:params|random_seed|tail_fraction|minimum_gain|assume_random)\b"
)

# Refusals that only Python can meet, and what concerns the user's own Python.
ONLY_PYTHON = (
    "leadline.optuna",
    "max_tuning_runs=None",
    "nuts_sampler",
    "fit takes Trials",
    "priors must be",
    "random_seed must be",
    "expected the DataTree",
    "scores must be",
    "must be a sequence",
    "StopWhenSettled",
    "RandomShareSampler",
    "base_sampler",
    "max_effective_dim",
    "bounds must be",
    "for an array of scores",
    "fit_many fits",
    "fit_many takes",
    "pool takes",
    "executor=NUMBER",
)


def text_of(node):
    """Return a string or f-string with X for what is filled in, None for other expressions."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(
            part.value if isinstance(part, ast.Constant) else "X" for part in node.values
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return (text_of(node.left) or "X") + (text_of(node.right) or "X")
    return None


def refusals():
    """Yield the place and the text of every error of bad input, and of the constants in it."""
    for path in sorted(ROOT.rglob("*.py")):
        if path.parent.name in ("distributions", "partial_moment"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Raise) or not isinstance(node.exc, ast.Call):
                continue
            name = getattr(node.exc.func, "id", "")
            if name not in ("LeadlineError", "NotRecordedError", "SeveralError"):
                continue
            text = text_of(node.exc.args[0]) if node.exc.args else None
            if text:
                yield f"{path.relative_to(ROOT)}:{node.lineno}", " ".join(text.split())


REFUSALS = dict(refusals())


def test_there_are_many():
    assert len(REFUSALS) > 100


@pytest.mark.parametrize("place", REFUSALS)
def test_every_refusal_is_in_words_of_the_command_line(place):
    message = REFUSALS[place]
    if any(words in message for words in ONLY_PYTHON):
        return
    words = in_command_line_words(message)
    assert not PYTHON.search(words), words


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("a.csv: no column 'forrest' for model.", "a.csv: no column 'forrest' for --model."),
        ("a.csv: no column 'lrr' for params.", "a.csv: no column 'lrr' for --params."),
        ("fit the trials again without model='surface'", "fit the trials again without --surface"),
        ("(compare with budget=100)", "(compare with --budget 100)"),
        (
            "read them with assume_random=True and fit with model='surface', a regression",
            "fit with --surface, a regression",
        ),
    ],
)
def test_advice_for_both(message, words):
    assert in_command_line_words(message) == words


def test_options_are_unique():
    assert len(set(OPTIONS.values())) == len(OPTIONS)


@pytest.mark.parametrize(
    ("kind", "option"), [("surface", "--surface"), ("crossed", "--pooling crossed"), ("mlp", "")]
)
def test_a_kind_of_model_in_place_of_a_column_is_answered_with_its_option(kind, option):
    frame = pd.DataFrame({"loss": [0.1, 0.2]})
    with pytest.raises(LeadlineError) as refused:
        read_table(frame, score="loss", direction="minimize", model=kind)
    text = in_command_line_words(str(refused.value))
    assert f"no column '{kind}' for --model" in text
    assert ("did you mean" in text) == bool(option)
    assert f"did you mean {option}? The columns are" in text or not option


@pytest.mark.parametrize(("name", "counted"), [("t.csv", False), ("t.jsonl", True)])
def test_rows_of_a_file_are_counted_without_its_header(name, counted, tmp_path):
    frame, path = pd.DataFrame({"loss": ["0.1", "x"]}), tmp_path / name
    if counted:
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, index=False)
    with pytest.raises(LeadlineError) as refused:
        read_table(path, score="loss", direction="minimize")
    text = in_command_line_words(str(refused.value))
    assert "row 2" in text
    assert ("row 2 (the header is not counted)" in text) == (not counted)
