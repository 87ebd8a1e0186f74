"""`plot_surface`: the expected score along each hyperparameter, the others at their best."""

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr
from arviz_plots import PlotCollection
from arviz_plots.visuals import ci_line_y, line_xy, scatter_xy, vline, vspan

from leadline.errors import LeadlineError, pluralize
from leadline.plots.figures import Options, make_figure
from leadline.plots.page import fit_columns
from leadline.plots.picture import TITLE_CHARACTERS, Picture, Visuals, score_label
from leadline.plots.style import DASHED, MARK, QUIET, model_styles, search_models
from leadline.stats.fitted_search import direction_sign, search_names, validate_tree
from leadline.stats.rounding import percent
from leadline.stats.surface_slices import surface_slices
from leadline.stats.surface_tree import NO_SURFACE, is_surface

_MOST_COLUMNS = 4
_MOST_PANELS = 16
_PANEL_WIDTH = 2.7
_MOST_TICK_CHARACTERS = 24
_FEW_VALUES = 6
# Inches of a panel that its title cannot use.
_BESIDE_TITLE = 0.5
# The axis reaches beyond the worst median of a slice by this share of its height.
_ROOM = 0.15


def surface_numbers(
    tree: xr.DataTree,
    search: str | None = None,
    *,
    ci_prob: float | None = None,
    ci_kind: Literal["eti", "hdi"] | None = None,
) -> xr.Dataset:
    """Return the numbers of `leadline.plot_surface`.

    Parameters
    ----------
    tree, ci_prob, ci_kind
        As in all pictures, see `leadline.plots`; `tree` is the result of
        ``leadline.fit(model="surface")``.
    search : str, optional
        The search; required if there are several.

    Returns
    -------
    Dataset
        Hyperparameters are in the order of `leadline.best_setting`, the one that matters most
        first. `expected`, `lower` and `upper` (hyperparameter, point): the posterior median and
        the interval of the expected score in score units, all other hyperparameters at the best
        setting; nan where inactive. `position` (hyperparameter, point): the value, its base-10
        logarithm on an axis that is `log`, or the place of a choice in `choices`, separated by line
        breaks. `trial_position` (hyperparameter, trial) and `trial_score` (trial): the trials that
        were fitted. `together`, `best_trial`, `best_lower`, `best_upper` (hyperparameter): the best
        setting, the best trial, and the interval of the best value; `tuning_gain` and `p_matters`
        as in `leadline.best_setting`.

    Examples
    --------
    >>> import xarray
    >>> fit = xarray.open_datatree("surface.nc")
    >>> ll.surface_numbers(fit)["expected"].dims
    ('hyperparameter', 'point')
    """
    if not is_surface(tree):
        raise LeadlineError(NO_SURFACE)
    return surface_slices(validate_tree(tree, surface=True), search, ci_prob, ci_kind)


def plot_surface(
    tree: xr.DataTree,
    search: str | None = None,
    *,
    ci_prob: float | None = None,
    ci_kind: Literal["eti", "hdi"] | None = None,
    backend: str | None = None,
    visuals: Visuals | None = None,
    figure_kwargs: Mapping[str, Any] | None = None,
) -> PlotCollection:
    """Plot the expected score along each hyperparameter, the others at the best setting.

    A panel per hyperparameter, the one that matters most first, holds the expected score as a line
    with a band (a choice: a dot with a bar), the trials as grey dots, those beyond the axis as
    triangles at its end, the best setting as a dashed line (the best trial, where
    `leadline.best_setting` says to keep that one), and the interval of the best value as
    a shaded strip. The trials have other values of the
    other hyperparameters, so that most of them score worse than the line. In brackets: the
    probability that a random value costs more than the noise of one run. Of more than 16
    hyperparameters the first 16 are drawn.

    Parameters
    ----------
    tree, ci_prob, ci_kind, backend, figure_kwargs
        As in all pictures, see `leadline.plots`; `tree` is the result of
        ``leadline.fit(model="surface")``.
    search : str, optional
        The search; required if there are several.
    visuals : mapping of str to mapping or False, optional
        `ci_band` (`fill_between_y`), `expected` (`line_xy`), `choice` (`ci_line_y`), `trials`
        (`scatter_xy`), `best` (`vline`), `best_interval` (`vspan`), `legend`, `caption`, `title`,
        `warning`.

    Examples
    --------
    >>> import xarray
    >>> fit = xarray.open_datatree("surface.nc")
    >>> picture = ll.plot_surface(fit, visuals={"trials": False})
    """
    options = Options(None, backend, visuals, figure_kwargs, {})
    numbers = surface_numbers(tree, search, ci_prob=ci_prob, ci_kind=ci_kind)
    numbers = numbers.isel(hyperparameter=slice(None, _MOST_PANELS))
    count = numbers.sizes["hyperparameter"]
    columns = fit_columns(min(count, _MOST_COLUMNS), _PANEL_WIDTH)
    rows = math.ceil(count / columns)
    size = (_PANEL_WIDTH * columns + 0.4, 2.3 * rows + 0.8)
    facets = {"cols": ["hyperparameter"], "col_wrap": columns}
    data = numbers[["tuning_gain"]]
    collection = make_figure(data, size, options, facets, spaces=(0.7, 0.75 if rows > 1 else 0.0))
    return draw_surface(Picture(collection, tree, [], visuals), numbers)


_SHOWN = 0.9
"""Share of the trials that are on the axis of scores, where slices go so far."""


def draw_surface(
    picture: Picture, numbers: xr.Dataset, limits: tuple[float, float] | None = None
) -> PlotCollection:
    """Draw what `surface_numbers` returned, a panel per hyperparameter.

    `limits` are the ends of the axis of scores, by default those of `score_limits`.
    """
    model = search_models(picture.tree, [numbers.attrs["search"]])[0]
    color = model_styles(picture.tree)[model].color
    prob = f"{100 * numbers.attrs['ci_prob']:g} %"
    number = numbers["choices"] == ""
    limits = score_limits(numbers, picture.tree) if limits is None else limits
    score, trial = (numbers[name] for name in ("trial_score", "trial_position"))
    sign = direction_sign(picture.tree)
    side, (edge, other) = ("above", limits[::-1]) if sign > 0 else ("below", limits)
    beyond = sign * score > sign * edge
    edge += 0.03 * (other - edge)
    size = 9.0 if picture.backend == "matplotlib" else 4.0
    dots = {"color": QUIET, "alpha": 0.45, "size": size}
    large = {**dots, "marker": "C2", "size": 3.0 * size, "alpha": 0.8}
    outside = f"{pluralize(int(beyond.sum()), 'trial')} {side} the axis"
    for name, heights, style, label in (
        ("trials", score.where(~beyond), dots, "trials"),
        ("beyond", xr.full_like(score, edge).where(beyond), large, outside),
    ):
        if heights.notnull().any():
            at = xr.concat([trial, heights.broadcast_like(trial)], "plot_axis").rename(name)
            at = at.assign_coords(plot_axis=["x", "y"])
            picture.draw(name, scatter_xy, at, style, label=label, kind="dot", option="trials")
    ends = xr.concat([numbers["best_lower"], numbers["best_upper"]], "ci_bound").rename("best")
    ends = ends.where(numbers["together"].notnull())
    if ends.notnull().any():
        faint = {"color": MARK, "alpha": 0.12}
        label = f"{prob} interval of the best value"
        picture.draw("best_interval", vspan, ends, faint, label=label, kind="band")
    keep = numbers.attrs["keep_best"]
    best = numbers["best_trial" if keep else "together"].rename("best")
    label = "best trial, to be kept" if keep else "best setting"
    picture.draw("best", vline, best, DASHED, label=label)
    band = {"color": color, "alpha": 0.3}
    curve, x = numbers["expected"].where(number), numbers["position"]
    sides = (numbers["lower"].where(number), numbers["upper"].where(number))
    picture.fill("ci_band", curve, x, sides, label=f"{prob} interval of the score", style=band)
    line = {"color": color, "width": 2}
    label = "expected score, the others at their best"
    picture.draw("expected", line_xy, curve, line, {"x": x.where(number)}, label=label)
    bars = [x, numbers["lower"], numbers["upper"]]
    choices = xr.concat([part.where(~number) for part in bars], "plot_axis").rename("choice")
    choices = choices.assign_coords(plot_axis=["x", "y_bottom", "y_top"])
    middle = xr.concat([x.where(~number), numbers["expected"].where(~number)], "plot_axis")
    middle = middle.assign_coords(plot_axis=["x", "y"]).rename("choice")
    picture.draw("choice", ci_line_y, choices, line | {"width": 3})
    dot = {"color": color, "facecolor": "white", "marker": "C0", "width": 1.5}
    picture.draw("choice_mean", scatter_xy, middle, dot, kind="dot", option="choice")
    names = [str(name) for name in numbers["hyperparameter"].to_numpy()]
    columns = picture.collection.viz.dataset["col_index"]
    for name in names:
        target, own = picture.target(hyperparameter=name), numbers.sel(hyperparameter=name)
        picture.module.ylim(limits, target)
        _label_values(picture, target, own)
        if picture.options("title") is not None:
            inactive = np.isnan(own["together"])
            matters = f"matters: {percent(float(own['p_matters']))}"
            matters = "inactive" if inactive else matters
            # Wrapped before the bracket, not within it.
            bracket = f"({matters})".replace(" ", "\N{NO-BREAK SPACE}")
            wide = picture.characters(target, _BESIDE_TITLE, TITLE_CHARACTERS)
            picture.add_title(f"{name} {bracket}", target, wide)
        if int(columns.sel(hyperparameter=name)) == 0:
            picture.module.ylabel(score_label(picture.tree), target)
    search, several = numbers.attrs["search"], len(search_names(picture.tree)) > 1
    which = f"search {search}" if several else ""
    return picture.finish(titles=False, conditions=which, searches=[search])


def score_limits(numbers: xr.Dataset, tree: xr.DataTree) -> tuple[float, float]:
    """Return the ends of the axis of scores: nine trials in ten, and the better half in any case.

    Slices that stay among them end sooner; where one goes further, the good part would be flat.
    """
    sign = direction_sign(tree)
    losses = [sign * numbers[name].to_numpy().ravel() for name in ("lower", "upper", "expected")]
    trials = sign * numbers["trial_score"].to_numpy()
    best = float(min(np.nanmin(np.concatenate(losses)), trials.min()))
    most, half = np.quantile(trials, [_SHOWN, 0.5])
    choices = sign * numbers["expected"].where(numbers["choices"] != "").to_numpy()
    # The mark of a choice beyond the axis would be missed.
    marks = choices[np.isfinite(choices)].max(initial=-np.inf)
    worst = float(max(min(np.nanmax(losses[2]), most), half, marks))
    room = _ROOM * (worst - best)
    low, high = sorted([sign * (best - 0.3 * room), sign * (worst + room)])
    return low, high


def _label_values(picture: Picture, target: Any, own: xr.Dataset) -> None:
    """Set limits and ticks of the axis of one hyperparameter."""
    choices = str(own["choices"].item())
    if choices:
        labels = choices.split("\n")
        picture.module.xlim((-0.6, len(labels) - 0.4), target)
        most = max(3, _MOST_TICK_CHARACTERS // len(labels))
        short = [text if len(text) <= most else f"{text[: most - 1]}…" for text in labels]
        picture.module.xticks(list(range(len(labels))), short, target)
        return
    position = own["position"].to_numpy()
    low, high = float(np.nanmin(position)), float(np.nanmax(position))
    room = 0.03 * (high - low)
    picture.module.xlim((low - room, high + room), target)
    log, tried = bool(own["log"]), np.unique(own["trial_position"].dropna("trial"))
    if len(tried) <= _FEW_VALUES:
        ticks: list[float] = []
        for at in tried:
            # Labels of closer values would touch.
            if not ticks or at - ticks[-1] > 5.0 * room:
                ticks.append(at)
        labels = [f"{10.0**at if log else at:.4g}" for at in ticks]
        picture.module.xticks(ticks, labels, target)
        return
    if not log:
        if (tried == np.round(tried)).all():
            step = math.ceil((high - low) / 4)
            whole = list(range(math.ceil(low), math.floor(high) + 1, step))
            picture.module.xticks(whole, [str(at) for at in whole], target)
        return
    # At most four labels: all powers of ten, or every second, third ...
    first, last = math.ceil(low - 1e-9), math.floor(high + 1e-9)
    powers = list(range(first, last + 1))
    step = math.ceil(len(powers) / 4)
    if len(powers) >= 2:
        picture.module.xticks(powers[::step], _powers(powers[::step]), target)
        return
    ticks = [low, 0.5 * (low + high), high]
    picture.module.xticks(ticks, [f"{10.0**own:.3g}" for own in ticks], target)


def _powers(exponents: list[int]) -> list[str]:
    """Return powers of ten in a few characters, all of one axis in one notation."""
    plain = all(abs(own) <= 2 for own in exponents)
    return [f"{10.0**own:g}" if plain else f"1e{own}" for own in exponents]
