"""The pictures of a fit by name: the command line's list is this one."""

import json
import sys

import pytest
from helpers import make_averaged_tree, make_tree, make_trials

import leadline as ll
from leadline.cli import main as cli
from leadline.cli import parser as cli_parser
from leadline.inference.write_netcdf import file_of_tree
from leadline.plots.gallery import PICTURES, pages_of, pictures_of


@pytest.fixture(scope="module")
def content():
    return file_of_tree(make_tree(draws=20))


@pytest.fixture
def saved(content, tmp_path, monkeypatch):
    """Return the name of a saved fit in an empty working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fit.nc").write_bytes(content)
    return "fit.nc"


def test_every_picture_has_a_name_and_numbers():
    assert tuple(PICTURES) == cli_parser.PICTURES
    for name, plot in PICTURES.items():
        assert getattr(ll, f"plot_{name}") is plot
        assert callable(getattr(ll, f"{name}_numbers"))


def test_pictures_with_nothing_to_say_are_left_out():
    assert set(PICTURES) - set(pictures_of(make_tree(draws=20))) == {
        "threshold",
        "comparison",
        "scaling",
        "surface",
        "ranks",
    }
    several = make_averaged_tree(make_trials(), (0.2, 0.3), weights=(0.6, 0.4))
    assert "threshold" in pictures_of(several)
    two = make_tree(make_trials(searches=(("a", "x"), ("a", "y"))), draws=4)
    assert "comparison" in pictures_of(two)


def test_many_searches_have_pages_and_few_pictures(monkeypatch):
    monkeypatch.setattr("leadline.plots.gallery.PER_PAGE", 8)
    pairs = tuple((f"t{number}", model) for number in range(7) for model in ("x", "y"))
    tree = make_tree(make_trials(n=20, n_failed=1, searches=pairs), chains=2, draws=10)
    assert pictures_of(tree) == ["optimum", "comparison", "ranks"]
    pages = pages_of("optimum", tree)
    assert list(pages) == ["optimum-1", "optimum-2"]
    sizes = [page["tree"]["posterior"].sizes["search"] for page in pages.values()]
    assert sizes == [8, 6]
    assert list(pages_of("ranks", tree)) == ["ranks"]
    ll.plot_optimum(**pages["optimum-2"])


def test_the_command_draws_what_is_named(saved, tmp_path, capsys):
    options, out = ["--format", "svg", "-o", "out"], tmp_path / "out"
    assert cli.main(["plot", saved, "optimum", "effective_dim", *options]) == 0
    assert {path.name for path in out.iterdir()} == {"optimum.svg", "effective_dim.svg"}
    first = (out / "optimum.svg").read_bytes()
    assert cli.main(["plot", saved, "optimum", *options]) == 0
    assert (out / "optimum.svg").read_bytes() == first
    assert "optimum.svg" in capsys.readouterr().out


def test_html_is_plotlys_by_default(saved, tmp_path):
    pytest.importorskip("webcolors")
    assert cli.main(["plot", saved, "optimum", "--format", "html"]) == 0
    page = (tmp_path / "leadline-pictures" / "optimum.html").read_text()
    assert "Plotly.newPlot" in page
    assert json.dumps("best seen") in page


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["nonsense"], ("nonsense", "optimum")),
        (["--format", "png", "--backend", "bokeh"], ("bokeh", "png")),
        (["--format", "html", "--backend", "matplotlib"], ("matplotlib", "html")),
    ],
)
def test_usage_errors(saved, options, words, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["plot", saved, *options])
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert all(word in error for word in words)


def test_a_picture_that_the_fit_does_not_have_is_one_line(saved, capsys):
    assert cli.main(["plot", saved, "comparison"]) == 1
    error = capsys.readouterr().err
    assert "model" in error
    assert "Traceback" not in error


def test_a_missing_backend_names_the_command_to_install_it(saved, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "bokeh", None)
    assert cli.main(["plot", saved, "--backend", "bokeh"]) == 1
    assert "pip install 'leadline[bokeh]'" in capsys.readouterr().err
