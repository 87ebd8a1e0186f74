"""`plot_tail_fit`: the fitted law over the observed scores, threshold marked."""

from collections.abc import Mapping
from typing import Any, Literal

import xarray as xr
from arviz_plots import PlotCollection
from arviz_plots.visuals import ecdf_line, line_xy, vline, vspan

from leadline.plots.panels import add_axis_labels, backend_of, panels, score_label
from leadline.plots.picture import Picture, Visuals, band
from leadline.plots.style import MARK, OBSERVED, QUIET
from leadline.plots.tail_fit_numbers import tail_fit_numbers
from leadline.stats.fitted_search import direction_sign, search_names, validate_tree
from leadline.stats.reported import with_trials


def plot_tail_fit(
    tree: xr.DataTree,
    *,
    ci_prob: float | None = None,
    ci_kind: Literal["eti", "hdi"] | None = None,
    plot_collection: PlotCollection | None = None,
    backend: str | None = None,
    visuals: Visuals | None = None,
    figure_kwargs: Mapping[str, Any] | None = None,
    **pc_kwargs: Any,
) -> PlotCollection:
    """Plot the share of trials that reach a score: as the law has it, and as observed.

    One panel a search that has trials. The band should cover the steps on the good side of the
    threshold; beyond it, in the grey, the law need not hold, and is drawn to show whether it still
    would.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    ci_prob, ci_kind, plot_collection, backend, figure_kwargs, **pc_kwargs
        As of all pictures, see `leadline.plots`.
    visuals : mapping of str to mapping or False, optional
        `ci_band` (`fill_between_y`), `fit_line` (`line_xy`), `observed` (`ecdf_line`),
        `threshold` (`vline`), `not_fitted` (`vspan`), `legend`, `title`, `warning`.

    Returns
    -------
    PlotCollection

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit or an option is not valid.

    See Also
    --------
    leadline.tail_fit_numbers : The numbers behind it.
    """
    tree = with_trials(validate_tree(tree))
    numbers = tail_fit_numbers(tree, ci_prob=ci_prob, ci_kind=ci_kind)
    backend = backend_of(plot_collection, backend)
    if plot_collection is None:
        size = (6.0, 3.7) if numbers.sizes["search"] == 1 else (3.2, 2.6)
        plot_collection = panels(
            numbers[["threshold"]], backend, size, figure_kwargs=figure_kwargs, **pc_kwargs
        )
    picture = Picture(plot_collection, tree, visuals)
    share, score, threshold = numbers["share"], numbers["score"], numbers["threshold"]
    down = direction_sign(tree) > 0
    edge = score.max("point") if down else score.min("point")
    picture.draw(
        "not_fitted",
        vspan,
        xr.concat([threshold, edge], "side").rename("score"),
        label="not fitted",
        kind="band",
        color=QUIET,
        alpha=0.15,
    )
    picture.draw(
        "ci_band",
        band,
        share,
        {"x": score, "y_bottom": numbers["lower"], "y_top": numbers["upper"]},
        label=f"{100 * numbers.attrs['ci_prob']:g} % interval",
        kind="band",
        color=picture.colors,
        alpha=0.3,
    )
    picture.draw(
        "fit_line", line_xy, share, {"x": score}, label="fit", color=picture.colors, width=2
    )
    picture.draw(
        "observed",
        ecdf_line,
        numbers["observed"].rename("share"),
        label="observed trials",
        color=OBSERVED,
        width=1.5,
    )
    picture.draw(
        "threshold", vline, threshold, label="threshold", color=MARK, linestyle="C1", width=1.5
    )
    for name in search_names(tree):
        of_panel = numbers.sel(search=name)
        target = picture.target(search=name)
        picture.module.ylim((0.0, min(1.1 * float(of_panel["upper"].max()), 1.05)), target)
        picture.module.xlim(
            (float(of_panel["score"].min()), float(of_panel["score"].max())), target
        )
    y_label = "share of trials\nat least as good"
    add_axis_labels(plot_collection, tree, score_label(tree), y_label)
    return picture.finish(titles=True)
