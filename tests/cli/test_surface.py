"""Surfaces on the command line."""

import functools
import json
import shutil

import numpy as np
import optuna
import pandas as pd
import pytest
import xarray as xr
from helpers import make_tree, make_trials
from helpers_surface import fail_fit, learned, make_surface_tree

import leadline as ll
from leadline.cli.commands import EXIT_CODES
from leadline.cli.main import main
from leadline.cli.wording import in_command_line_words
from leadline.inference import fit as fit_module
from leadline.inference.write_netcdf import file_of_tree
from leadline.stats.setting_words import which_matter

PAIR = (("a", "x"), ("a", "y"))


@functools.cache
def file_of(searches, sampler, law):
    """Return the content of the file of a surface, made once."""
    tree = make_surface_tree(searches, law=law)
    tree.attrs["search_sampler"] = sampler
    return file_of_tree(tree)


@pytest.fixture
def saved(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = file_of((("digits", "mlp"),), "TPESampler", law=True)
    (tmp_path / "fit.nc").write_bytes(content)
    return tmp_path


def test_a_failed_check_is_said_where_it_matters(tmp_path, capsys):
    tree = fail_fit(make_surface_tree(PAIR), "y")
    (tmp_path / "fit.nc").write_bytes(file_of_tree(tree))
    for command in ("compare", "forecast", "summary"):
        assert main([command, str(tmp_path / "fit.nc")]) == 0
        out = " ".join(capsys.readouterr().out.split())
        assert "leave-one-out (in y)" in out
        # Beside the advice, as the line on checks comes last.
        assert ("Before you act, see the checks below." in out) == (command == "forecast")


def test_the_answers_of_a_saved_surface(saved, capsys):
    for command in ("summary", "forecast"):
        assert main([command, "fit.nc"]) == 0
        out = capsys.readouterr().out
        # How often such intervals hold is known of searches that learned.
        assert "test studies by TPE" not in out
    assert main(["summary", "fit.nc"]) == 0
    out = capsys.readouterr().out
    assert "lr" in out
    assert "effective dimension (law)" in out
    assert main(["check", "fit.nc", "--all"]) == 0
    assert "leave-one-out" in capsys.readouterr().out
    assert main(["forecast", "fit.nc", "--minimum-gain", "0.3", "--exit-code"]) == 3
    assert "more than 0.3 with probability" in capsys.readouterr().out
    tree = xr.open_datatree("fit.nc")
    for gain in (0.0, 0.005, 0.01, 0.02):
        found = ll.forecast(tree, 50, minimum_gain=gain)
        code = EXIT_CODES[ll.stopping_advice(tree, found).verdict]
        options = ["--trials", "50", "--minimum-gain", str(gain)]
        assert main(["forecast", "fit.nc", *options, "--exit-code"]) == code
        assert main(["forecast", "fit.nc", *options]) == 0
    assert "perfect search" in capsys.readouterr().out
    assert main(["report", "fit.nc"]) == 0
    assert main(["plot", "fit.nc", "surface", "optimum"]) == 0
    assert "replaced" not in capsys.readouterr().out
    assert main(["plot", "fit.nc", "optimum"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "written to leadline-pictures: optimum.png (replaced: optimum.png)" in out
    assert {own.name for own in (saved / "leadline-pictures").iterdir()} == {
        "surface.png",
        "optimum.png",
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ["plot", "fit.nc", "optimum", "tail_fit"],
        ["plot", "fit.nc", "comparison", "--budget", "50"],
        ["forecast", "fit.nc", "--within", "1%"],
        ["compare", "fit.nc", "--budget", "50"],
        ["sentence", "fit.nc", "--budget", "50"],
    ],
)
def test_what_needs_the_law_is_refused_first_by_its_option(saved, arguments, capsys):
    for sampler, law in (("unknown", True), ("TPESampler", False)):
        (saved / "fit.nc").write_bytes(file_of(PAIR, sampler, law))
        assert main(arguments) == 1
        out, error = capsys.readouterr()
        assert not out
        assert not (saved / "leadline-pictures").exists()
        option = arguments[-2] if arguments[-2].startswith("--") else arguments[-1]
        assert option in error
        # No advice for a random search, where it is known that it was none.
        assert ("If the search was random" in error) == law
        assert ("TPESampler" in error) == (not law)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the file of a study of Optuna's default sampler."""
    file = tmp_path_factory.mktemp("study") / "study.db"
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = optuna.storages.RDBStorage(f"sqlite:///{file}")
    own = optuna.create_study(storage=storage, sampler=optuna.samplers.TPESampler(seed=1))
    own.optimize(lambda trial: (trial.suggest_float("x", 0, 1) - 0.3) ** 2, n_trials=30)
    # Open connections are warnings, which are errors here.
    storage.remove_session()
    storage.engine.dispose()
    return file


@pytest.fixture
def study(made, tmp_path, monkeypatch):
    """Return the file of that study in the working directory."""
    monkeypatch.chdir(tmp_path)
    shutil.copyfile(made, "study.db")
    return "study.db"


def test_the_refusal_of_a_learned_search_names_both_ways(study, capsys):
    assert main(["fit", study]) == 1
    error = capsys.readouterr().err
    # What was found, what to type now, and what to do next time.
    assert len(error) < 450
    assert error.count(". ") == 2
    for words in ("TPESampler chose 20 of 30 trials", "fit with --surface", "RandomShareSampler"):
        assert words in error
    assert not any(words in error for words in ("tpe:", "attribute", "for the reader"))
    with pytest.raises(ll.LeadlineError, match="model='surface'"):
        ll.read_optuna("sqlite:///study.db")


def test_inspect_shows_what_is_in_a_learned_study_and_what_fit_will_do(study, capsys):
    assert main(["inspect", study]) == 0
    out = capsys.readouterr().out
    for words in ("30 trials", "1 hyperparameter: 'x'", "its sampler learned"):
        assert words in out
    assert "refused by `leadline fit`" in out
    assert "`leadline fit study.db --surface`" in out


def test_a_learned_study_is_fitted_without_more_options(study, monkeypatch, capsys):
    asked = []

    def fit(trials, **options):
        asked.append((trials, options))
        return make_surface_tree()

    monkeypatch.setattr(fit_module, "fit", fit)
    assert main(["fit", study, "--surface", "--seed", "1", "--no-pictures"]) == 0
    (trials, options) = asked[0]
    assert len(trials.table) == 30
    assert options["model"] == "surface"
    assert options["draws"] is options["tune"] is options["scale"] is None
    out = capsys.readouterr().out
    assert "test studies by TPE" in out
    # Advice for the next study, and the score of the best configuration.
    assert "RandomShareSampler" in out
    assert "best together: expected score" in out


def test_a_study_in_place_of_a_fit_has_the_line_that_fits_it(study, capsys):
    for command in ("summary", "check", "forecast"):
        assert main([command, study]) == 1
        assert "`leadline fit study.db --surface`" in capsys.readouterr().err


def test_what_leaves_too_few_configurations_is_refused_before_sampling(study, capsys):
    assert main(["fit", study, "--surface", "--random-start", "10", "--no-pictures"]) == 1
    error = capsys.readouterr().err
    assert "sampling" not in error
    assert "--random-start" in error
    assert "more trials" not in error


def test_the_only_objective_is_named(study, capsys):
    assert main(["fit", study, "--surface", "--score", "accuracy"]) == 1
    error = capsys.readouterr().err
    assert "'0'" in error
    assert "Leave out `--score`" in error


def test_options_of_the_law_are_refused_by_their_names(study, tmp_path, capsys):
    # Before the folder of an earlier fit is.
    (tmp_path / "leadline-study").mkdir()
    options = ["--tail-fraction", "0.2", "--guided-evidence", "--bounds", "0", "1"]
    assert main(["fit", study, "--surface", *options]) == 1
    error = capsys.readouterr().err
    for name in ("--tail-fraction", "--guided-evidence", "--bounds"):
        assert name in error
    with pytest.raises(SystemExit):
        main(["forecast", "fit.nc", "--minimum-gain", "0.2%"])
    assert "score units" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["fit", study, "--surface", "--resume"])
    assert "--resume" in capsys.readouterr().err


def test_the_pictures_of_one_model_are_no_comparisons(saved, capsys):
    assert main(["plot", "fit.nc", "effective_dim"]) == 1
    error = capsys.readouterr().err
    assert "effective_dim" in error
    assert not any(words in error for words in ("--effective-dim", "comparison", "ranks"))


def test_a_task_in_place_of_a_model_is_told(saved, capsys):
    assert main(["compare", "fit.nc", "digits"]) == 1
    error = capsys.readouterr().err
    assert "task" in error
    assert "nothing to compare" in error


def test_options_that_exclude_each_other(study, capsys):
    with pytest.raises(SystemExit):
        main(["fit", study, "--surface", "--pooling", "single"])
    assert "--pooling" in capsys.readouterr().err


def test_words_of_python():
    assert in_command_line_words("use model='surface'") == "use --surface"
    assert learned().sampler == "TPESampler"


def test_columns_that_look_like_hyperparameters_are_named_to_paste(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(1)
    columns = {name: generator.random(30) for name in ("learning rate", "x", "loss")}
    pd.DataFrame(columns).to_csv("t.csv", index=False)
    asked = ["t.csv", "--score", "loss", "--direction", "minimize"]
    named = "name their columns, as in --params 'learning rate' x\n"
    assert main(["fit", *asked, "--surface"]) == 1
    assert capsys.readouterr().err.endswith(named)
    assert main(["inspect", *asked]) == 0
    assert named in capsys.readouterr().out
    trials = ll.read_table("t.csv", score="loss", direction="minimize")
    tree = make_tree(make_trials(), draws=4)
    tree.attrs["notes"] = json.dumps(trials.notes)
    assert "params=['learning rate', 'x']" in which_matter(tree)
