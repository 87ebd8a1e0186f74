"""Pictures of a fit, one per file, each with its numbers.

`plot_<picture>` returns an `arviz_plots.PlotCollection`, `<picture>_numbers` the numbers in it. A
model has the same colour and marker in every picture of a fit. Arguments of all pictures:

tree : DataTree
    The result of `leadline.fit`; another object, or an invalid option, raises `LeadlineError`.
ci_prob, ci_kind : optional
    Probability and kind ("eti" or "hdi") of the intervals. Default: those of ``arviz.rcParams``.
plot_collection : PlotCollection, optional
    Figure to draw into, faceted by `search`. Default: a new one.
backend : str, optional
    "matplotlib", "plotly" or "bokeh". Default: ``arviz.rcParams["plot.backend"]``.
visuals : mapping, optional
    Mapping of the name of a visual to its keyword arguments, as ArviZ names them, or to False to
    leave it out. The docstring of each picture lists the names.
figure_kwargs, **pc_kwargs : optional
    Passed to `arviz_plots.PlotCollection.wrap` (`grid` for `plot_threshold`).
"""
