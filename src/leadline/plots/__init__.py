"""Pictures of a fit, one file each, all returning an `arviz_plots.PlotCollection`.

Each `plot_<picture>` has a sibling `<picture>_numbers` that returns what it draws. A model has one
colour and one marker in every picture of a fit. What all pictures take:

ci_prob, ci_kind
    Probability and kind ("eti" or "hdi") of the intervals. Default: those of ``arviz.rcParams``.
plot_collection
    Draw into this one, faceted by `search`, instead of a new one.
backend
    "matplotlib", "plotly" or "bokeh". Default: ``arviz.rcParams["plot.backend"]``.
visuals
    Mapping of the name of a visual to its keyword arguments, as ArviZ names them, or to False to
    leave it out. The names are those in the docstring of each picture.
figure_kwargs, **pc_kwargs
    Passed to `arviz_plots.PlotCollection.wrap` (`grid` for `plot_threshold`).
"""

from leadline.plots.comparison_numbers import comparison_numbers
from leadline.plots.effective_dim_numbers import effective_dim_numbers
from leadline.plots.forecast_numbers import forecast_numbers
from leadline.plots.optimum_numbers import optimum_numbers
from leadline.plots.plot_comparison import plot_comparison
from leadline.plots.plot_effective_dim import plot_effective_dim
from leadline.plots.plot_forecast import plot_forecast
from leadline.plots.plot_optimum import plot_optimum
from leadline.plots.plot_tail_fit import plot_tail_fit
from leadline.plots.plot_threshold import plot_threshold
from leadline.plots.plot_tuning_curve import plot_tuning_curve
from leadline.plots.tail_fit_numbers import tail_fit_numbers
from leadline.plots.threshold_numbers import threshold_numbers
from leadline.plots.tuning_curve_numbers import tuning_curve_numbers

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
