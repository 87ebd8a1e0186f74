"""`plot_ranks`: the mean rank of each model over the tasks, and which ranks are settled."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr
from arviz_plots import PlotCollection
from arviz_plots.visuals import line_x, scatter_x

from leadline.plots.figures import Options, make_figure
from leadline.plots.legend import make_entry
from leadline.plots.picture import Picture, Visuals
from leadline.plots.style import FIT, QUIET, Style, model_styles
from leadline.stats.compare import CERTAIN, compare_once
from leadline.stats.comparison_sentences import conditions, short_doubts, superlative
from leadline.stats.rounding import percent

RANK_PANEL = "ranks"
"""The name of the one panel."""


def ranks_numbers(
    tree: xr.DataTree,
    *,
    by: Literal["model", "task"] = "model",
    budget: float | None = None,
    rope: float = 0.0,
    ci_prob: float | None = None,
) -> xr.Dataset:
    """Return the numbers of `leadline.plot_ranks`.

    Parameters
    ----------
    tree, by, budget, rope, ci_prob
        As in `leadline.compare`, with its errors.

    Returns
    -------
    Dataset
        Dims (item), from the best mean rank to the worst: `rank`, `lower` and `upper`, the mean
        over the tasks; `p_best`, the probability to be better than all others by more than the
        rope, overall, nan where two have no task in common; `label`. `first` and
        `last` (group) are positions of items: no two from the first to the last of a group are
        settled, which means better overall with probability 0.95. ``attrs`` hold `ci_prob`, and
        the `conditions` of the comparison.

    Examples
    --------
    >>> numbers = ll.ranks_numbers(fit)
    >>> numbers["rank"].dims
    ('item',)
    """
    found = compare_once(tree, by=by, budget=budget, rope=rope, ci_prob=ci_prob)
    order = np.argsort(found["mean_rank"].to_numpy(), kind="stable")
    found = found.isel({by: order, f"other_{by}": order})
    items = found[by].to_numpy().astype(str)
    p_best = found["p_ahead_overall"].to_numpy()
    labels = [
        f"{item}  {percent(chance)}" if np.isfinite(chance) else item
        for item, chance in zip(items, p_best, strict=True)
    ]
    names = {"rank": "mean_rank", "lower": "mean_rank_lower", "upper": "mean_rank_upper"}
    notes = [conditions(found), *["ranks count every difference"] * bool(rope)]
    notes.append(f"beside a name the probability to be {superlative(found)} overall")
    notes += short_doubts(found)
    groups = _open_groups(found["p_better_overall"].to_numpy())
    return xr.Dataset(
        {
            **{name: ("item", found[source].to_numpy()) for name, source in names.items()},
            "p_best": ("item", p_best),
            "label": ("item", labels),
            "first": ("group", [first for first, _ in groups]),
            "last": ("group", [last for _, last in groups]),
        },
        {"item": items},
        attrs={"ci_prob": found.attrs["ci_prob"], "by": by, "conditions": "; ".join(notes)},
    )


def plot_ranks(
    tree: xr.DataTree,
    *,
    by: Literal["model", "task"] = "model",
    budget: float | None = None,
    rope: float = 0.0,
    ci_prob: float | None = None,
    backend: str | None = None,
    visuals: Visuals | None = None,
    figure_kwargs: Mapping[str, Any] | None = None,
) -> PlotCollection:
    """Plot the mean rank of each model over the tasks, the best first, with intervals.

    A picture like a critical-difference diagram (Demšar 2006,
    https://jmlr.org/papers/v7/demsar06a.html), from the posterior: a grey bar joins models of which
    none is better overall than another with probability 0.95.

    Parameters
    ----------
    tree, by, budget, rope, ci_prob
        As in `leadline.compare`, with its errors.
    backend, figure_kwargs
        As in all pictures, see `leadline.plots`.
    visuals : mapping of str to mapping or False, optional
        `interval`, `open` (`line_x`), `rank` (`scatter_x`), `legend`, `caption`, `warning`.

    Examples
    --------
    >>> picture = ll.plot_ranks(fit, budget=50)
    """
    numbers = ranks_numbers(tree, by=by, budget=budget, rope=rope, ci_prob=ci_prob)
    count = numbers.sizes["item"]
    longest = max(len(str(label)) for label in numbers["label"].to_numpy())
    size = (4.5 + 0.07 * longest, 0.36 * count + 0.16 * numbers.sizes["group"] + 1.6)
    data = xr.Dataset({"rank": ("picture", [0.0])}, {"picture": [RANK_PANEL]})
    options = Options(None, backend, visuals, figure_kwargs, {})
    collection = make_figure(data, size, options, {"cols": ["picture"]})
    picture = Picture(collection, tree, [], visuals)
    return draw_ranks(picture, numbers, model_styles(tree) if by == "model" else {})


def draw_ranks(
    picture: Picture, numbers: xr.Dataset, styles: Mapping[str, Style]
) -> PlotCollection:
    """Draw what `ranks_numbers` returned; `styles` holds the style of each model."""
    heights = -np.arange(numbers.sizes["item"], dtype=float)
    for place, item in enumerate(numbers["item"].to_numpy().astype(str)):
        own, style = numbers.isel(item=place), styles.get(item, Style(FIT, "C0"))
        at, line = {"y": heights[place]}, {"color": style.color, "width": 2}
        ends = _panel([float(own["lower"]), float(own["upper"])])
        picture.draw(f"interval {item}", line_x, ends, line, at, option="interval")
        dot = {"color": style.color, "facecolor": style.color, "marker": style.marker}
        middle = _panel(float(own["rank"]))
        picture.draw(f"rank {item}", scatter_x, middle, dot, at, kind="dot", option="rank")
    words = f"{100 * numbers.attrs['ci_prob']:g} % interval"
    picture.add_entries([make_entry(words, "line", {"color": QUIET, "width": 2})])
    lowest = float(heights[-1])
    bars = zip(numbers["first"].to_numpy(), numbers["last"].to_numpy(), strict=True)
    for place, (first, last) in enumerate(bars):
        lowest = float(heights[-1]) - 0.6 - 0.4 * place
        ends = _panel([float(numbers["rank"][end]) for end in (first, last)])
        grey = {"color": QUIET, "width": 4}
        label = None if place else f"none very probably better ({100 * CERTAIN:g} %)"
        picture.draw(f"open {place}", line_x, ends, grey, {"y": lowest}, option="open", label=label)
    target = picture.target(picture=RANK_PANEL)
    picture.module.yticks(heights.tolist(), [str(own) for own in numbers["label"].values], target)
    picture.module.ylim((lowest - 0.6, 0.6), target)
    context = "tasks" if numbers.attrs["by"] == "model" else "models"
    picture.module.xlabel(f"mean rank over the {context} (1 is the best)", target)
    return picture.finish(titles=False, conditions=numbers.attrs["conditions"])


def _panel(values: Any) -> xr.DataArray:
    """Return values as those of the one panel."""
    array = np.asarray(values)[None]
    dims = ("picture", "ci_bound")[: array.ndim]
    return xr.DataArray(array, {"picture": [RANK_PANEL]}, dims, name="rank")


def _open_groups(p_better: np.ndarray) -> list[tuple[int, int]]:
    """Return the longest runs of items, first and last, of which no two are settled."""
    count = len(p_better)
    # As shown, in per cent: that is the rule of the words.
    settled = np.round(np.fmax(p_better, p_better.T), 2) >= CERTAIN
    groups: list[tuple[int, int]] = []
    for first in range(count):
        last = first
        while last + 1 < count and not settled[first : last + 1, last + 1].any():
            last += 1
        if last > first and (not groups or last > groups[-1][1]):
            groups.append((first, last))
    return groups
