"""What `leadline compare` prints: every sentence agrees with the table under which it stands."""

import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from helpers import make_tree, make_trials

from leadline.cli.main import main
from leadline.cli.show_comparison import choose_items, show_comparison
from leadline.errors import LeadlineError
from leadline.html_report.sliders import comparison_data
from leadline.inference.write_netcdf import file_of_tree
from leadline.plots.plot_comparison import tabulate_pairs
from leadline.stats.compare import compare_once
from leadline.stats.comparison_paper import comparison_results
from leadline.stats.rounding import percent

PAIRS = tuple((task, model) for task in ("digits", "wine") for model in "abc")
DRAWS = (2, 60)
WORDS = {0.99: "almost certainly", 0.95: "very probably", 0.8: "probably", 0.6: "perhaps"}


@pytest.fixture(scope="module", params=["minimize", "maximize"])
def plain(request):
    return make_tree(make_trials(request.param, searches=PAIRS), chains=2, draws=60)


def random_fit(plain, rng):
    """Return the fit with random optima, effects and task scales, some searches left out."""
    chosen = np.sort(rng.choice(len(PAIRS), rng.integers(4, len(PAIRS) + 1), replace=False))
    tree = plain.isel(search=chosen)
    posterior = tree["posterior"].dataset
    n, size = len(chosen), rng.uniform(0.01, 1)
    skew = (
        rng.standard_t(3, (*DRAWS, n)) if rng.random() < 0.5 else rng.standard_normal((*DRAWS, n))
    )
    values = size * (rng.standard_normal(n) + rng.uniform(0.05, 2) * skew)
    tree["posterior"] = posterior.assign(optimum=(posterior["optimum"].dims, values))
    models = list(dict.fromkeys(posterior["model"].to_numpy().tolist()))
    tasks = list(dict.fromkeys(posterior["task"].to_numpy().tolist()))
    scales = np.exp(rng.normal(0, 2, len(tasks)))
    dims = ("chain", "draw")
    pooled = {
        "model_effect": ((*dims, "model"), rng.standard_normal((*DRAWS, len(models)))),
        "interaction_sd": (dims, rng.uniform(0.01, 2, DRAWS)),
        "task_scale": ((*dims, "task"), np.tile(scales, (*DRAWS, 1))),
    }
    if rng.random() < 0.8:
        tree["pooled"] = xr.Dataset(pooled, {"model": models, "task": tasks})
    return tree


def rows_of(out, table=0):
    """Return the cells of a table, by the pair and the head of the column."""
    part = out.split("┏")[table + 1].split("└")[0]
    lines = [line for line in part.splitlines() if line[0] in "┃│"]
    heads = [cell.strip() for cell in lines[0].strip("┃").split("┃")]
    rows = {}
    for line in lines[1:]:
        name, *cells = (cell.strip() for cell in line.strip("│").split("│"))
        rows[tuple(name.split(", "))] = dict(zip(heads[1:], cells, strict=True))
    return rows


def triple(text):
    """Return the probabilities in brackets as they stand in a cell of the table."""
    return " / ".join(own.strip() for own in re.findall(r"((?:[<>] )?\d+) %", text))


def as_number(text):
    return {"< 1": 0.5, "> 99": 99.5}.get(text) or float(text)


# Twice all pairs of a rope and a budget.
@pytest.mark.parametrize("seed", range(12))
def test_every_sentence_agrees_with_the_table_above_it(plain, capsys, seed):
    rng = np.random.default_rng(seed)
    tree = random_fit(plain, rng)
    rope = [0.0, rng.uniform(0, 1)][seed % 2]
    budget = None if seed % 3 else 20.0
    show_comparison(tree, rope=rope, budget=budget)
    out = capsys.readouterr().out
    rows, sentences = rows_of(out), [line for line in out.splitlines() if line[0] not in "┏┃┡│└"]
    when = "After 20 trials each" if budget else "Fully tuned"
    when += f", differences up to {rope:g} counting as equal" if rope else ""
    assert when.lower() in " ".join(out.split("┏")[0].split()).lower()
    kind = f"ahead of all others by more than {rope:g}" if rope else "the best model"
    best = [line for line in sentences if kind in line and "at most" not in line]
    for line in best:
        assert line.startswith(when)
        name = re.search(rf"most likely it is (\w)|, (\w) is [a-z ]+ {kind}", line)
        name = name[1] or name[2]
        chance = as_number(triple(line))
        assert ("clearly" in line) == (chance < 59.6)
        word = next((word for least, word in WORDS.items() if chance >= 100 * least + 0.6), "")
        assert word in line or chance > 98.4
        # Whoever is ahead of all is ahead of each.
        for pair, cells in rows.items():
            if name in pair:
                chances = cells["overall"].split(" / ")
                assert chance <= as_number(chances[0 if pair[0] == name else -1]) + 0.6
    in_scales = rows_of(out, 1)
    found = compare_once(tree, rope=rope, budget=budget)
    picture = tabulate_pairs(found, in_scores=True)
    paper = " ".join(comparison_results(found))
    for (first, second), cells in rows.items():
        verdicts = [
            (column, verdict, triple(chances))
            for line in sentences
            for column, verdict, chances in verdicts_of(line, first, second)
        ]
        shown = {column for column in ("overall", "a new task") if cells.get(column)}
        assert {column for column, _, _ in verdicts} == shown
        for column, verdict, numbers in verdicts:
            assert numbers == cells[column]
            agrees(verdict, first, second, cells[column], rope)
        # Beside P overall stands the interval of what it is about, then that of the picture.
        for line in sentences:
            if f"positive: {first} is ahead" in line and list(verdicts_of(line, first, second)):
                scales, scores = re.findall(r"(\S+ \[\S+ \S+\]) (?:task|in)", line)
                assert scales == in_scales[first, second]["overall *"]
                assert close_to(scores, picture.sel(pair=f"{first} better than {second}"))
                order = f"{second} is better than {first}"
                assert order in paper or f"{scales} task scales, or {scores} in" in paper
                tasks = [task for task in ("digits", "wine") if cells.get(task)]
                per_task = [f"{task} {told(*cells[task].split(' / '))}, " for task in tasks]
                assert order in paper or len(tasks) < 2 or all(own in paper for own in per_task)


def told(better, *others):
    """Return the probabilities of a task in a text: with a rope, all three."""
    if len(others) < 2:
        return f"{better} %"
    return f"{better} % (practically equal {others[0]} %, worse {others[1]} %)"


def close_to(text, numbers):
    """Return whether a mean with its interval is that of a row of the picture, rounded."""
    shown = [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", text)]
    own = [float(numbers[name].sel(row="overall")) for name in ("difference", "lower", "upper")]
    return np.allclose(shown, own, atol=0.2 * (own[2] - own[1]))


def verdicts_of(line, first, second):
    """Yield the column, the words and the probabilities of each verdict on a pair."""
    for found in re.finditer(rf"(\b{first} (?:is|and) [^().]*)\((better[^)]*)\)", line):
        if re.search(rf"\b{second}\b", found[1]):
            column = "a new task" if "new task" in line[: found.start()] else "overall"
            yield column, found[1], found[2]


def agrees(verdict, first, second, cell, rope):
    chances = [as_number(number) for number in cell.split(" / ")]
    better, worse = chances[0], chances[-1]
    equal = chances[1] if rope else 0.0
    largest = max(chances)
    if "cannot be told apart" in verdict:
        assert largest < 60.6
        return
    assert largest > 59.4
    relation = {"practically equal": equal, "better than": better, "worse than": worse}
    stated = [value for words, value in relation.items() if words in verdict]
    assert stated == [largest]
    words = next(word for least, word in WORDS.items() if largest >= 100 * least - 0.6)
    assert any(word in verdict for word in (words, *[w for w in WORDS.values() if w in words])) or (
        # A rounded percentage on the border of two words.
        any(abs(largest - 100 * least) < 0.6 for least in WORDS)
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_sentences_of_the_report_agree_with_its_table(plain, seed):
    tree = random_fit(plain, np.random.default_rng(100 + seed))
    data = comparison_data(tree)
    for pair in data["pairs"]:
        line = [
            one
            for one in data["sentences"]
            if list(verdicts_of(one, pair["first"], pair["second"]))
        ]
        columns = {column["label"]: column for column in pair["columns"]}
        for text in line:
            for column, _, chances in verdicts_of(text, pair["first"], pair["second"]):
                own = columns[column]
                numbers = [percent(own[name][0]) for name in ("p_better", "p_worse")]
                assert [number for number in numbers if number in chances] == numbers


def test_differences_are_in_score_units_with_their_interval_and_the_task_scales(plain, capsys):
    tree = random_fit(plain, np.random.default_rng(1))
    show_comparison(tree, ci_prob=0.8)
    out = " ".join(capsys.readouterr().out.split())
    assert "posterior mean and 80 % interval" in out
    assert "89 %" not in out
    assert "* in task scales (last row, in log_loss)" in out
    assert "│ task scale " in out
    assert "A task scale is about the distance from the worst to the median" in out
    assert "of the trials used, a mean over the models, in log_loss" in out


def test_a_missing_new_task_is_explained_in_words_of_the_command_line(plain, capsys):
    tree = plain.copy()
    show_comparison(tree)
    out = capsys.readouterr().out
    assert "No answer for a new task" in out
    assert "--pooling crossed" in out


def test_compared_models_are_chosen_by_name(plain, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("fit.nc").write_bytes(file_of_tree(plain))
    assert main(["compare", "fit.nc", "a", "c"]) == 0
    rows = rows_of(capsys.readouterr().out)
    assert set(rows) == {("a", "c")}
    assert main(["compare", "fit.nc", "a", "cc"]) == 1
    assert "no model 'cc' in this fit" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("by", "names", "words"),
    [
        ("model", ["a", "d"], "no model 'd' in this fit; there are 'a', 'b', 'c'"),
        ("task", ["digits", "wien"], "Did you mean 'wine'"),
        ("model", ["b"], "name another model beside it"),
    ],
)
def test_names_that_are_not_there_are_refused(plain, by, names, words):
    with pytest.raises(LeadlineError, match=words):
        choose_items(plain, by, names)


def test_a_comparison_of_few_trials_says_on_what_it_leans(capsys):
    few = make_tree(make_trials(n=40, n_failed=2, searches=PAIRS), chains=2, draws=60)
    for budget, words in ((None, "the answer extrapolates"), (100.0, "which are few")):
        show_comparison(few, budget=budget)
        out = " ".join(capsys.readouterr().out.split())
        assert "The law rests on the best 16 trials of each search" in out
        assert words in out


def test_a_comparison_of_many_trials_leans_on_nothing(plain, capsys):
    show_comparison(plain)
    assert "The law rests" not in capsys.readouterr().out


def test_a_rope_beyond_all_differences_is_named_on_the_screen(plain, capsys):
    show_comparison(plain, rope=50.0)
    assert "50 decides these answers" in " ".join(capsys.readouterr().out.split())


def test_models_are_compared_in_the_order_of_their_names(plain):
    models = list(dict.fromkeys(plain["posterior"]["model"].to_numpy().tolist()))[::-1]
    assert compare_once(choose_items(plain, "model", models))["model"].to_numpy().tolist() == models
