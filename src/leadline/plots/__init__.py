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

from leadline.plots.plot_comparison import comparison_numbers, plot_comparison
from leadline.plots.plot_effective_dim import effective_dim_numbers, plot_effective_dim
from leadline.plots.plot_forecast import forecast_numbers, plot_forecast
from leadline.plots.plot_optimum import optimum_numbers, plot_optimum
from leadline.plots.plot_tail_fit import plot_tail_fit, tail_fit_numbers
from leadline.plots.plot_threshold import plot_threshold, threshold_numbers
from leadline.plots.plot_tuning_curve import plot_tuning_curve, tuning_curve_numbers

__all__ = [
    "comparison_numbers",
    "effective_dim_numbers",
    "forecast_numbers",
    "optimum_numbers",
    "plot_comparison",
    "plot_effective_dim",
    "plot_forecast",
    "plot_optimum",
    "plot_tail_fit",
    "plot_threshold",
    "plot_tuning_curve",
    "tail_fit_numbers",
    "threshold_numbers",
    "tuning_curve_numbers",
]
