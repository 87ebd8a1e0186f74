"""Plotting backends: their names, packages and ArviZ's module of each."""

from importlib import import_module
from typing import Any

from arviz import rcParams
from arviz_plots import PlotCollection

from leadline.errors import LeadlineError, format_value, join_values

_BACKENDS = ("matplotlib", "plotly", "bokeh", "none")
_PACKAGES = {"plotly": ("plotly", "webcolors"), "bokeh": ("bokeh",)}


def choose_backend(plot_collection: PlotCollection | None, backend: str | None) -> str:
    """Return the name of the plotting backend, by default that of ArviZ.

    An unknown one raises LeadlineError, a missing package ImportError.
    """
    if backend is None:
        backend = plot_collection.backend if plot_collection else rcParams["plot.backend"]
    if backend not in _BACKENDS:
        known = join_values(_BACKENDS)
        raise LeadlineError(f"backend must be one of {known}; got {format_value(backend)}")
    for package in _PACKAGES.get(backend, ()):
        try:
            import_module(package)
        except ImportError:
            missing = f"the package {package}: pip install 'leadline[{backend}]'"
            raise ImportError(f"backend {backend!r} needs {missing}") from None
    return str(backend)


def backend_module(backend: str) -> Any:
    """Return ArviZ's module of a plotting backend."""
    return import_module(f"arviz_plots.backend.{backend}")
