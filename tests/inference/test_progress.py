"""A fit reports its stages, its searches and its divergences, and the display shows them."""

import io
import textwrap
import types

import nbformat
import pytest
from helpers import make_trials
from nbclient import NotebookClient
from rich.console import Console

import leadline as ll
from leadline.inference.progress import Progress, showing
from leadline.inference.progress_views import LinesView, TerminalView, make_view, render

PAIR = (("digits", "mlp"), ("digits", "forest"))
SHORT = {"draws": 50, "tune": 100, "chains": 2, "random_seed": 3}


def chains(finished, total=100, divergences=0):
    """Return the state of one chain, as nutpie reports it."""
    state = {"finished_draws": finished, "total_draws": total, "divergences": divergences}
    return [types.SimpleNamespace(**state)]


def text_of(progress, width=80):
    console = Console(width=width, file=io.StringIO())
    console.print(render(progress))
    return console.file.getvalue()


def test_the_share_that_is_done_grows_through_parts_and_steps():
    progress = Progress()
    progress.start("weighing", 2, "searches")
    shares = [progress.fraction]
    for label in ("a", "b"):
        progress.step(label)
        shares.append(progress.fraction)
        progress.split(2)
        for part in range(2):
            progress.part(part)
            progress.sampling(chains(50))
            shares.append(progress.fraction)
            progress.sampled(0)
            shares.append(progress.fraction)
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert progress.fraction == 1.0


def test_the_share_does_not_fall_in_runs_that_are_repeated(capsys, monkeypatch):
    monkeypatch.setattr("leadline.inference.progress_views._SECONDS_PER_LINE", -1)
    with Progress(True) as progress:
        progress.start("sampling")
        progress.step()
        progress.may_repeat()
        shares = []
        for repeated in ("sampling again, more draws", "sampling again, more draws", ""):
            for finished in (0, 50, 100):
                progress.sampling(chains(finished))
                shares.append(progress.fraction)
            assert progress.fraction < 1.0
            progress.sampled(0, repeated=repeated)
            shares.append(progress.fraction)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert "sampling (sampling again, more draws), 91 %" in capsys.readouterr().err


def test_a_place_names_the_stage_the_search_and_the_threshold():
    progress = Progress()
    progress.start("weighing", 12, "searches")
    progress.step("one")
    progress.step("digits / mlp")
    progress.split(8)
    progress.part(2)
    for words in ("weighing 2 of 12", "digits / mlp", "3 of"):
        assert words in progress.place


def test_divergences_of_repeated_runs_count_too():
    progress = Progress()
    progress.sampling(chains(80, divergences=2))
    assert (progress.divergences, progress.seen_divergences) == (0, 2)
    progress.sampled(3, repeated="again, smaller steps")
    assert progress.note
    progress.sampled(1)
    assert progress.seen_divergences == 4
    assert "4 divergences" in text_of(progress)


def test_the_remaining_time_is_that_of_sampling_not_of_compiling(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("leadline.inference.progress.time.monotonic", lambda: clock[0])
    progress = Progress()
    progress.start("sampling", 1)
    progress.step()
    assert progress.remaining is None
    with progress.compiling():
        clock[0] += 50.0
        assert "compiling" in text_of(progress)
    progress.sampling(chains(25))
    clock[0] += 10.0
    assert progress.elapsed == 60.0
    assert progress.remaining == pytest.approx(30.0)


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_display_has_two_lines_of_any_width(width):
    progress = Progress()
    progress.start("weighing thresholds", 12, "searches")
    progress.step("a search with a name that is longer than the line of a terminal " * 3)
    progress.sampling(chains(50, divergences=1000))
    lines = text_of(progress, width).splitlines()
    assert len(lines) == 2
    assert all(len(line) <= width for line in lines)


def test_a_file_gets_one_line_per_stage_and_a_terminal_the_display(capsys, monkeypatch):
    # Set for all commands of some build servers.
    monkeypatch.setenv("FORCE_COLOR", "1")
    with Progress(True) as progress:
        for stage in ("weighing", "sampling"):
            progress.start(stage, 2, "searches")
            progress.step("a")
            progress.step("b")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 2
    assert isinstance(make_view(progress), LinesView)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert isinstance(make_view(progress), TerminalView)


def test_a_terminal_is_left_without_the_display_and_answers_stay():
    progress = Progress()
    console = Console(file=io.StringIO(), force_terminal=True, width=60)
    view = TerminalView(progress, console)
    view.start()
    view.stop()
    shown = console.file.getvalue()
    assert "preparing" in shown
    # The last control codes erase lines.
    assert "\x1b[2K" in shown.split("preparing")[-1]


def test_only_the_first_answer_is_made():
    shown, made = [], []
    progress = Progress(show_answer=shown.append)
    for name in ("a", "b"):
        progress.answer(lambda name=name: made.append(name) or name)
    assert shown == made == ["a"]
    Progress().answer(lambda: pytest.fail("nobody asked for it"))


def test_nothing_is_shown_unless_asked_for(capsys):
    with showing(False) as progress:
        progress.start("sampling", 2, "searches")
    assert capsys.readouterr() == ("", "")
    mine = Progress()
    with showing(mine) as progress:
        assert progress is mine


def test_a_fit_reports_its_stages_and_no_table_of_the_sampler(capfd):
    ll.fit(make_trials(n=40, n_failed=2), tail_fraction=(0.4, 0.5), **SHORT)
    captured = capfd.readouterr()
    assert captured.out == ""
    # The last lines, if any, are logged by the fit: failed checks.
    stages = [line for line in captured.err.splitlines() if line[0].isdigit()]
    assert len(stages) == 2


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_notebook_shows_one_output_and_no_warning():
    code = """
    import time
    from leadline.inference.progress import Progress
    with Progress(True) as progress:
        progress.start("weighing", 2, "searches")
        progress.step("digits / mlp")
        time.sleep(1)
        with progress.paused():
            print("an answer")
    """
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(textwrap.dedent(code))])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    display, answer = notebook.cells[0].outputs
    assert display["output_type"] == "display_data"
    assert answer["text"] == "an answer\n"


@pytest.mark.slow
@pytest.mark.usefixtures("few_draws_suffice")
def test_the_first_search_of_a_joint_fit_is_answered_early_and_the_fit_is_the_same():
    trials = make_trials(n=40, n_failed=2, searches=PAIR)
    options = {"tail_fraction": (0.4, 0.5), **SHORT}
    answers = []
    with Progress(show_answer=answers.append) as progress:
        observed = ll.fit(trials, progressbar=progress, **options)
    (first,) = answers
    assert ll.summary(first).index.tolist() == ["mlp"]
    assert ll.summary(first).attrs["metric"] == ll.summary(observed).attrs["metric"]
    plain = ll.fit(trials, progressbar=False, **options)
    for group in ("posterior", "pooled", "sample_stats"):
        assert observed[group].to_dataset().equals(plain[group].to_dataset()), group
    assert observed["pooled"].attrs["max_rhat"] == plain["pooled"].attrs["max_rhat"]


def test_a_file_is_told_of_a_long_run_now_and_then(capsys, monkeypatch):
    clock = iter([40.0, 50.0, 60.0])
    with Progress(True) as progress:
        progress.start("sampling")
        for done in (10, 50, 60):
            seconds = next(clock)
            monkeypatch.setattr(Progress, "elapsed", seconds)
            progress.sampling(chains(done))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[1] == "0:40 sampling, 10 %"
