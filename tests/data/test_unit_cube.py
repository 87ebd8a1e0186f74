"""Hyperparameters as points of the unit cube."""

import numpy as np
import pandas as pd
import pytest

from leadline.data.unit_cube import Axis, UnitCube, unit_cube
from leadline.errors import LeadlineError

DECLARED = {
    "lr": ("log-uniform", 1e-4, 1.0),
    "layers": ("integer", 1, 4),
    "dropout": ("uniform", 0.0, 0.6, 0.3),
    "opt": ("categorical", "adam", "sgd", "lamb"),
}


def table(**columns):
    return pd.DataFrame({f"param:{name}": values for name, values in columns.items()})


def cube(inactive=False):
    return unit_cube(
        table(
            lr=[1e-4, 1e-2, 1.0],
            layers=[1, 4, 2],
            dropout=[0.0, np.nan if inactive else 0.3, 0.6],
            opt=["sgd", "adam", "adam"],
        ),
        DECLARED,
        "test",
    )


def test_positions_are_quantiles_of_the_declared_distributions():
    expected = [[0.0, 0.125, 1 / 6, 1], [0.5, 0.875, 0.5, 0], [1.0, 0.375, 5 / 6, 0]]
    np.testing.assert_allclose(cube().seen, expected, atol=1e-12)


def test_values_that_were_tried_come_back_exactly():
    values = [64.0, 100.0, 128.0, 256.0, 512.0, 0.002002]
    axis = Axis("units", np.log(0.002002), np.log(512.0), log=True)
    assert axis.from_unit(axis.to_unit(pd.Series(values))) == values


def test_positions_map_back_to_values():
    space = cube()
    for index, (axis, expected) in enumerate(
        zip(space.axes, ([1e-4, 1e-2, 1.0], [1, 4, 2], [0, 0.3, 0.6]), strict=False)
    ):
        np.testing.assert_allclose(axis.from_unit(space.seen[:, index]), expected, atol=1e-12)
    assert space.axes[3].from_unit(space.seen[:, 3]) == ["sgd", "adam", "adam"]


def test_without_a_declaration_the_values_decide():
    seen = unit_cube(
        table(lr=[1e-4, 1e-2, 1.0], width=[3, 5, 4], x=[-1.0, 0.5, 0.0], kind=[True, False, True]),
        None,
        "test",
    )
    by_name = {axis.name: axis for axis in seen.axes}
    assert by_name["lr"].log
    assert by_name["width"].cells == 3
    assert [axis.name for axis in seen.axes if axis.integer] == ["width"]
    assert (by_name["x"].low, by_name["x"].high, by_name["x"].cells) == (-1.0, 0.5, 0)
    assert by_name["kind"].choices == ("False", "True")


def test_two_choices_and_two_ends_are_a_distance_of_one_apart():
    points, owners = cube(inactive=True).embed(np.array([[0, 0, 0.0, 0], [0, 0, 0.0, 2.0]]))
    assert np.linalg.norm(points[0] - points[1]) == pytest.approx(1.0)
    assert owners.tolist() == [0, 1, 2, 2, 3, 3, 3]
    active, missing = cube(inactive=True).embed(np.array([[0, 0, 1.0, 0], [0, 0, np.nan, 0]]))[0]
    assert np.linalg.norm(active - missing) == pytest.approx(1.0)


def test_random_points_are_possible_and_fill_the_space():
    space = cube()
    points = space.draw(2000, np.random.default_rng(1))
    assert set(np.unique(points[:, 1])) == {0.125, 0.375, 0.625, 0.875}
    assert set(np.unique(points[:, 3])) == {0.0, 1.0, 2.0}
    np.testing.assert_allclose(points[:, 0].mean(), 0.5, atol=0.03)


@pytest.mark.parametrize("width", [0.05, 0.3])
def test_neighbours_are_possible_near_and_mostly_others(width):
    space, generator = cube(), np.random.default_rng(2)
    centres = space.draw(500, generator)
    near = space.near(centres, width, generator)
    assert ((near[:, :3] >= 0) & (near[:, :3] <= 1)).all()
    assert set(np.unique(near[:, 1])) <= {0.125, 0.375, 0.625, 0.875}
    assert np.abs(near[:, 0] - centres[:, 0]).max() < 5 * width
    assert (near != centres).any(axis=1).mean() > 0.7


def test_inactive_parameters_follow_a_trial():
    space = cube(inactive=True)
    points = space.draw(300, np.random.default_rng(3))
    missing = np.isnan(points[:, 2])
    assert missing.any()
    # Only a trial with adam lacks it.
    assert (points[missing, 3] == 0).all()
    near = space.near(points, 0.1, np.random.default_rng(4))
    assert (np.isnan(near[:, 2]) == missing).all()


def test_a_space_in_which_nothing_varies_is_refused():
    with pytest.raises(LeadlineError, match="hyperparameters"):
        unit_cube(table(lr=[0.1, 0.1], opt=["a", "a"]), None, "test")


def test_many_cells_are_as_good_as_continuous():
    axis = Axis("x", cells=4)
    np.testing.assert_allclose(axis.snap(np.array([0.0, 0.3, 1.0])), [0.125, 0.375, 0.875])
    wide = unit_cube(table(x=[1, 500]), {"x": ("integer", 1, 1000)}, "test")
    assert wide.axes[0].cells == 0
    assert isinstance(wide, UnitCube)


@pytest.mark.parametrize(
    ("values", "log"), [([64, 128, 256, 512], True), ([100, 200, 300, 400], False)]
)
def test_values_that_double_are_on_a_log_scale(values, log):
    table = pd.DataFrame({"param:units": np.tile(values, 5)})
    (axis,) = unit_cube(table, None, "runs.csv").axes
    assert axis.log == log


def test_a_wide_range_is_searched_by_log_only_if_the_values_look_so():
    even = np.linspace(0.01, 0.9, 50)
    table = pd.DataFrame({"param:even": even, "param:log": np.geomspace(0.01, 0.9, 50)})
    assert [axis.log for axis in unit_cube(table, None, "runs.csv").axes] == [False, True]
