"""`sentences`: text for a paper, with the numbers of the other answers and their citations."""

import json
import re

import numpy as np
import pytest
import xarray as xr
from helpers import make_averaged_tree, make_tree, make_trials
from helpers_surface import make_surface_tree

import leadline as ll
from leadline.cli.main import main
from leadline.errors import LeadlineError
from leadline.inference.write_netcdf import file_of_tree
from leadline.stats.citations import BIBTEX, REFERENCES
from leadline.stats.markup import escape
from leadline.stats.paper import optimum_sentence
from leadline.stats.rounding import percent


def converged(tree):
    """Return the tree with sound sampling."""
    candidates = tree["candidates"].dataset
    good = {"max_rhat": 1.001, "min_ess_bulk": 900.0, "min_ess_tail": 800.0}
    values = {name: xr.full_like(candidates[name], value) for name, value in good.items()}
    tree["candidates"] = candidates.assign(values)
    return tree


SEARCHES = (("my_task", "a&b"), ("my_task", "c@d"))


@pytest.fixture(scope="module")
def tree():
    tree = converged(make_tree(make_trials("maximize", searches=SEARCHES), draws=300))
    tree.attrs["failed_checks"] = '["regime fit"]'
    return tree


@pytest.mark.parametrize("form", ["markdown", "latex"])
def test_it_has_the_numbers_of_the_summary_and_of_the_comparison(tree, form):
    text = ll.sentences(tree, rope=0.01, budget=20, ci_prob=0.8, form=form)
    plain = text.replace(r"\textless{}", "<").replace("\\", "").replace("$-$", "-")
    row = ll.summary(tree, ci_prob=0.8, ci_kind="eti").iloc[0]
    fully = ll.sentences(tree, ci_prob=0.8)
    for column in ("optimum", "optimum_eti80_lb", "optimum_eti80_ub"):
        assert f"{row[column]:.4f}" in fully or f"{row[column]:.5f}" in fully
    found = ll.compare(tree, budget=20, rope=0.01, ci_prob=0.8)
    names = ("a&b", "c@d")
    both = [found.sel(model=own, other_model=other) for own, other in (names, names[::-1])]
    pair = max(both, key=lambda own: float(own["p_better_overall"]))
    chances = [percent(float(pair[f"p_{kind}_overall"])) for kind in ("better", "equal", "worse")]
    assert "{} (practically equal {}, worse {})".format(*chances) in plain
    assert f"{pair['model'].item()} is better than {pair['other_model'].item()}" in plain
    assert f"{float(pair['difference_in_scores']):.3f}"[:-1] in plain
    # The score of each search at the budget.
    for name, own in ll.tuning_curve(tree, [20], kind="expected").groupby("search"):
        assert re.search(rf"{float(own.mean()):.3f}"[:-1] + rf"\S* \[[^]]*\] for {name}", plain)
    assert "89 %" not in plain
    for words in ("80 %", "regime fit", "R-hat at most 1.001", "at least 800"):
        assert words in plain


@pytest.mark.parametrize(
    ("accept", "expected", "missing"),
    [
        ([0.95, 0.95], ["NUTS"], ["importance"]),
        ([np.nan, np.nan], ["importance"], ["NUTS"]),
        ([np.nan, 0.95], ["importance", "NUTS"], []),
    ],
)
def test_the_sampler_is_the_one_that_was_used(tree, accept, expected, missing):
    table = tree["candidates"].dataset
    values = np.broadcast_to(np.reshape(accept, (2, 1)), table["weight"].shape)
    changed = tree.copy()
    changed["candidates"] = table.assign(target_accept=(table["weight"].dims, values))
    methods = ll.sentences(changed).split("##")[0]
    assert all(words in methods for words in expected)
    assert not any(words in methods for words in missing)


def test_special_characters_are_escaped(tree):
    latex = ll.sentences(tree, form="latex").split(r"\begin{filecontents*}")[0]
    assert r"a\&b" in latex
    assert "c@d" in latex
    assert not re.search(r"(?<!\\)[&%#_]", latex)


def test_every_citation_has_its_reference(tree):
    markdown = ll.sentences(tree)
    cited = sorted(set(map(int, re.findall(r" \[(\d+)\]", markdown))))
    listed = sorted(map(int, re.findall(r"^(\d+)\. ", markdown, re.MULTILINE)))
    assert cited == listed == list(range(1, len(listed) + 1))
    latex = ll.sentences(tree, form="latex")
    keys = re.findall(r"\\cite\{(\w+)\}", latex)
    assert keys == re.findall(r"^@article\{(\w+),", latex, re.MULTILINE)
    assert REFERENCES.keys() == BIBTEX.keys()
    # How to print them, as a comment.
    after = latex.partition("\\end{filecontents*}\n")[2].splitlines()
    assert all(line.startswith("% ") for line in after)
    assert "\\bibliography{leadline}" in after[-1]


def test_no_claim_where_sampling_has_not_converged(tmp_path, capsys):
    tree = make_tree(make_trials(searches=SEARCHES), draws=50, divergences=7)
    with pytest.raises(LeadlineError, match="14 divergences"):
        ll.sentences(tree)
    (tmp_path / "fit.nc").write_bytes(file_of_tree(tree))
    assert main(["sentence", str(tmp_path / "fit.nc")]) == 1
    out, error = capsys.readouterr()
    assert out == ""
    assert "14 divergences" in error


def test_the_command_prints_it(tree, tmp_path, capsys):
    (tmp_path / "fit.nc").write_bytes(file_of_tree(tree))
    assert main(["sentence", str(tmp_path / "fit.nc"), "--format", "latex", "--rope", "0.01"]) == 0
    assert capsys.readouterr().out == ll.sentences(tree, rope=0.01, form="latex")


def test_one_search_of_one_model_reads_as_one(tmp_path):
    alone = converged(make_tree(make_trials(), draws=300))
    text = ll.sentences(alone, budget=50)
    assert "The model was tuned" in text
    assert "of each search" not in text
    # The name of its file is no name of a search.
    assert "digits" not in text
    assert text.count("Perfectly tuned") == 1
    row = ll.tuning_curve(alone, [50], kind="expected").mean()
    assert f"After 50 trials, the expected score is {float(row):.3f}"[:-1] in text
    assert "trial that measures best of so many" in text.split("**Results")[0]


@pytest.mark.parametrize("failed", [0, 10])
def test_failed_trials_are_counted_where_there_are_some(failed):
    alone = converged(make_tree(make_trials(n_failed=failed), draws=300))
    assert ("those without a score included" in ll.sentences(alone)) == bool(failed)


def test_the_best_trial_its_re_run_the_noise_and_the_trials_used_are_results():
    alone = converged(make_tree(make_trials(), draws=300))
    row, text = ll.summary(alone).iloc[0], ll.sentences(alone)
    for column in ("best_seen", "best_seen_expected", "noise_sd"):
        assert f"{row[column]:.3f}"[:-1] in text
    assert f"the best {row['in_regime']} trials" in text


@pytest.mark.parametrize(
    ("sampler", "words", "missing"),
    [
        ("RandomSampler", "random search", "taken"),
        ("random share", "random trials among them", "by random search"),
        ("unknown", "taken to be random draws", "by random search"),
        ("TPESampler", "taken to be random draws", "by random search"),
    ],
)
def test_a_search_is_called_random_where_that_is_recorded(sampler, words, missing):
    for made in (converged(make_tree(make_trials(), draws=300)), make_surface_tree(law=True)):
        made.attrs |= {"search_sampler": sampler, "trials": "9 trials (12 evaluations): 9 complete"}
        text = ll.sentences(made).split("**Results")[0]
        assert words in text
        assert missing not in text
        assert not re.search(r"\([^()]*\(12", text)
    made = make_surface_tree(law=False)
    made.attrs["search_sampler"] = sampler
    assert "random" not in ll.sentences(made).split("**Results")[0].replace(sampler, "")


def test_answers_are_averaged_over_thresholds_only_where_several_have_weight():
    def text_of(weights):
        tree = converged(make_averaged_tree(make_trials(), (0.2, 0.3), weights))
        tree.attrs["settings"] = '{"threshold": "auto", "model": "single"}'
        return ll.sentences(tree)

    assert "averaged over the thresholds" in text_of((0.5, 0.5))
    assert "averaged over the thresholds" not in text_of((1.0, 0.0))


def test_a_single_search_of_few_trials_says_so_below_the_limit_of_the_check():
    for n, few in ((36, True), (44, False)):
        text = ll.sentences(converged(make_tree(make_trials(n=n), 0.5, draws=100)))
        assert ("which are few (below 20)" in text) == few


def test_negative_numbers_of_latex_have_a_minus_and_names_a_hyphen():
    assert escape("mlp-2: -0.5 [-.1, 1-2]", "latex") == "mlp-2: $-$0.5 [$-$.1, 1-2]"
    assert escape("-0.5", "markdown") == "-0.5"


def test_a_text_on_several_models_is_short_and_names_the_law_first(tree):
    text = ll.sentences(tree, budget=20)
    assert text.index("(the law)") < text.index("The law")
    for left_out in ("If re-run", "noise sd of one run"):
        assert left_out not in text


def test_many_optima_are_left_to_the_table():
    few, many = (
        optimum_sentence({f"t{place}": "0.1" for place in range(count)}) for count in (12, 13)
    )
    assert few.count("0.1") == 12
    assert "0.1" not in many
    assert "13" in many


def test_two_stages_are_cited(tree):
    stages = tree.copy()
    table = stages["candidates"].to_dataset()
    stages["candidates"] = xr.DataTree(
        table.assign(overlap=("search", [1.0] * table.sizes["search"]))
    )
    assert "Lunn" in ll.sentences(stages)
    assert "Lunn" not in ll.sentences(tree)


@pytest.mark.parametrize("kind", ["crossed", "hierarchical"])
def test_priors_have_their_bounds_and_those_of_a_crossed_model(tree, kind):
    own = tree.copy()
    settings = json.loads(tree.attrs["settings"]) | {"model": kind, "bounds": [0.0, 0.95]}
    own.attrs["settings"] = json.dumps(settings)
    text = ll.sentences(own)
    priors = ll.Priors()
    assert "between 1 and 10; optima are at most 0.95" in text
    for name in ("model_scatter", "interaction_sd"):
        assert (str(getattr(priors, name)) in text) == (kind == "crossed")


def test_optima_of_several_searches_are_one_sentence(tree):
    text = ll.sentences(tree)
    assert text.count("Perfectly tuned, the expected score is") == 1
    assert "The models were tuned" in text


@pytest.mark.parametrize("form", ["markdown", "latex"])
@pytest.mark.parametrize("law", [False, True])
def test_a_surface_has_a_sentence(form, law):
    surface = make_surface_tree(law=law)
    text = ll.sentences(surface, form=form)
    for words in ("Gaussian process", "eriksson2021" if form == "latex" else "2103.00349", "lr"):
        assert words in text
    assert ("test studies by TPE" in text) == (not law)
    assert ("We follow the" in text) == law
    assert "count as no gain" in text
    # Remarks for users of the program alone.
    assert "default" not in text
    assert "checks do not" not in text


@pytest.mark.parametrize("place", [0.01, 0.3])
def test_an_optimum_at_an_edge_is_a_result(place):
    surface = make_surface_tree()
    posterior = surface["posterior"].dataset
    setting = posterior["best_setting"].copy()
    setting.loc[{"hyperparameter": "lr"}] = place
    surface["posterior"] = xr.DataTree(posterior.assign(best_setting=setting))
    text = ll.sentences(surface)
    assert ("The optimum lies at the lower end of the range of lr." in text) == (place < 0.05)


def test_trials_without_a_score_are_left_out_of_a_surface():
    assert "trials without a score were left out" in ll.sentences(make_surface_tree())


@pytest.mark.parametrize("make", [make_surface_tree, lambda: converged(make_tree(make_trials()))])
def test_a_rope_needs_models_to_compare(make, tmp_path):
    tree = make()
    for ask in (ll.sentences, lambda *own, **rope: ll.report(*own, tmp_path / "r.html", **rope)):
        with pytest.raises(LeadlineError, match="rope"):
            ask(tree, rope=0.01)
    file = tmp_path / "fit.nc"
    tree.to_netcdf(file)
    assert main(["plot", str(file), "-o", str(tmp_path / "p"), "--rope", "0.01"]) == 1
    assert not (tmp_path / "p").exists()


def test_an_unknown_form_is_refused(tree):
    with pytest.raises(LeadlineError, match="latex"):
        ll.sentences(tree, form="html")


@pytest.mark.parametrize("tasks", [3, 7])
def test_a_comparison_comes_first_with_each_of_a_few_tasks(tasks):
    names = [f"t{place}" for place in range(tasks)]
    searches = tuple((task, model) for task in names for model in ("mlp", "forest"))
    made = converged(make_tree(make_trials(n=40, searches=searches), draws=100))
    text = ll.sentences(made, rope=0.01, budget=90)
    results = text.split("**Results.**")[1]
    # Scores of many searches are in the table.
    assert ("After 90 trials, the expected score" in results) == (tasks == 3)
    assert results.index("is better than") < len(results.split("After 90 trials, the")[0])
    # Fully tuned, the answer may lean on the prior, which a near budget does not say.
    assert "erfectly tuned" not in results
    found = ll.compare(made, rope=0.01, budget=90)
    pairs = [found.sel(model=a, other_model=b) for a, b in (("mlp", "forest"), ("forest", "mlp"))]
    pair = max(pairs, key=lambda own: float(own["p_better_overall"]))
    for task in names:
        own = pair.sel(task=task)
        better, equal, worse = (percent(float(own[f"p_{n}"])) for n in ("better", "equal", "worse"))
        words = f"{task} {better} (practically equal {equal}, worse {worse}), "
        words += f"{float(own['difference']):.3f}"[:-1]
        assert (words in results.replace("\\", "")) == (tasks == 3)
    assert ("per task are in the table" in results) == (tasks == 7)
    # Caveats stand once.
    assert results.count("decided by the prior") <= 1
    assert results.count("The law rests") == 1


def test_stages_are_told_once(tree):
    stages = tree.copy()
    table = stages["candidates"].to_dataset()
    dims, shape = table["weight"].dims, table["weight"].shape
    overlap = ("search", [1.0] * table.sizes["search"])
    stages["candidates"] = xr.DataTree(
        table.assign(overlap=overlap, target_accept=(dims, np.full(shape, np.nan)))
    )
    stages["pooled"] = xr.DataTree(xr.Dataset({"mean": 0.0}))
    methods = ll.sentences(stages).split("**Results")[0]
    assert methods.count("first") == 1
    assert methods.count("second stage") == 1
