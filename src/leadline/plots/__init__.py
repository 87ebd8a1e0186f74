"""Pictures of a fit, one per file, each with its numbers.

`plot_<picture>` returns an `arviz_plots.PlotCollection`, `<picture>_numbers` the numbers in it. A
model has the same colour and marker in every picture of a fit. Arguments of all pictures:

ci_prob, ci_kind
    Probability and kind ("eti" or "hdi") of the intervals. Default: those of ``arviz.rcParams``.
plot_collection
    Figure to draw into, faceted by `search`. Default: a new one.
backend
    "matplotlib", "plotly" or "bokeh". Default: ``arviz.rcParams["plot.backend"]``.
visuals
    Mapping of the name of a visual to its keyword arguments, as ArviZ names them, or to False to
    leave it out. The docstring of each picture lists the names.
figure_kwargs, **pc_kwargs
    Passed to `arviz_plots.PlotCollection.wrap` (`grid` for `plot_threshold`).
"""
