"""Pictures of a fit, one file each, all returning an `arviz_plots.PlotCollection`."""

from leadline.plots.plot_comparison import plot_comparison
from leadline.plots.plot_optimum import plot_optimum
from leadline.plots.plot_tail_fit import plot_tail_fit
from leadline.plots.plot_threshold import plot_threshold
from leadline.plots.plot_tuning_curve import plot_tuning_curve

__all__ = [
    "plot_comparison",
    "plot_optimum",
    "plot_tail_fit",
    "plot_threshold",
    "plot_tuning_curve",
]
