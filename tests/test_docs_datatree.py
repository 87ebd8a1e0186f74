"""The page of the saved fit has every variable of real trees, with its dims."""

import pathlib
import re

import numpy as np
import pandas as pd
import pytest
from helpers_surface import make_surface_tree

import leadline as ll
from leadline.inference.read_netcdf import read_netcdf

TESTS = pathlib.Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "datatree.md").read_text(encoding="utf-8")
LAW, SURFACE = PAGE.split("## Groups of a surface")
# Described in words: the parameters of the priors, by their names.
IN_WORDS = ("pooled", "log_prior")


def described(part):
    """Return the set of dims of each variable of a part of the page, by group and name."""
    found, groups = {}, ["posterior"]
    for line in part.splitlines():
        if line.startswith("### "):
            groups = re.findall(r"`(\w+)`", line)
        elif line.startswith("| ") and not line.startswith(("| variable", "| ---")):
            names, dims, content = line.strip("| ").split(" | ")
            for name in re.findall(r"`([^`]+)`", names):
                for group in groups:
                    found[group, name] = set(dims.split(", "))
            for name in re.findall(r"\*`(\w+)`\*", content):
                found[groups[0], name] = set(dims.split(", "))
    return found


def missing(tree, page):
    """Return the variables of a tree that a page lacks, or gives other dims."""
    wrong = []
    for group, node in tree.children.items():
        for name in node.data_vars if group not in IN_WORDS else ():
            name = "trial_param:…" if name.startswith("trial_param:") else name
            known = page.get((group, name))
            dims = set(node[name].dims) if name in node else {"trial"}
            if group == "log_likelihood":
                dims -= {"chain", "draw"}
            if known != dims:
                wrong.append((group, name, dims, known))
    return wrong


@pytest.mark.parametrize("name", ["single", "crossed", "integer", "log", "reports"])
def test_the_page_has_the_variables_of_stored_fits(name):
    tree = read_netcdf(TESTS / "data" / f"{name}.nc")
    page = described(LAW)
    # The statistics of these fits of an earlier version have a search where none is shared.
    del tree["sample_stats"]
    assert not missing(tree, page)


@pytest.mark.slow
def test_the_page_has_the_variables_of_a_fit():
    rng = np.random.default_rng(1)
    loss = np.repeat(0.2 + rng.random(40), 2) + 0.01 * rng.standard_normal(80)
    table = pd.DataFrame({"config": np.repeat(range(40), 2), "seed": np.tile([0, 1], 40)})
    table = table.assign(lr=np.repeat(rng.random(40), 2), cost=1.0, loss=loss)
    options = {"score": "loss", "direction": "minimize", "trial": "config", "replicate": "seed"}
    trials = ll.read_table(table, params=["lr"], **options)
    tree = ll.fit(trials, tail_fraction=0.5, draws=100, tune=200, random_seed=1, progressbar=False)
    page = described(LAW)
    assert not missing(tree, page)
    required = {key for key in page if f"*`{key[1]}`*" not in LAW}
    assert required <= {(group, name) for group, node in tree.children.items() for name in node}
    assert set(tree.attrs) <= set(re.findall(r"`(\w+)`", LAW))


def test_the_page_has_the_variables_of_a_surface():
    tree = make_surface_tree()
    page = described(LAW) | described(SURFACE)
    own = {group: tree[group]["0"] for group in ("surfaces", "functions")}
    statistics = {"diverging", "energy"}
    for group, node in own.items():
        for name in set(node.data_vars) - statistics:
            dims = set(node[name].dims)
            assert dims <= page.get((group, name), set()), (group, name, dims)
    for name in tree["posterior"].data_vars:
        assert set(tree["posterior"][name].dims) == page["posterior", name]
