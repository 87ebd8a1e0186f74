"""Colours, markers and line styles of models, observed scores and marks."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import xarray as xr

# The palette of Okabe and Ito, which colour-blind readers can distinguish.
FIT = "#0072B2"
OBSERVED = "#000000"
MARK = "#D55E00"
QUIET = "#767676"

DASHED: dict[str, Any] = {"color": MARK, "linestyle": "C1", "width": 1.5}
DOTTED: dict[str, Any] = {"color": QUIET, "linestyle": "C2", "width": 1.5}

# Vermillion is reserved for marks, black for observed scores; yellow is too faint on white.
_MODEL_COLORS = (FIT, "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
# ArviZ's aliases of circle, square, triangle and diamond, on every backend. With five colours they
# give twenty styles; neighbours differ in both, so that grey print suffices.
_MODEL_MARKERS = ("C0", "C5", "C2", "C4")


@dataclass(frozen=True)
class Style:
    """Colour and marker of a model."""

    color: str
    marker: str


def model_styles(tree: xr.DataTree) -> dict[str, Style]:
    """Return the style of each model, by order of appearance; a single model is blue."""
    models = dict.fromkeys(tree["posterior"].dataset["model"].to_numpy().astype(str).tolist())
    styles = map(Style, itertools.cycle(_MODEL_COLORS), itertools.cycle(_MODEL_MARKERS))
    return dict(zip(models, styles, strict=False))


def search_models(tree: xr.DataTree, names: Sequence[str]) -> list[str]:
    """Return the name of the model of each named search."""
    models = tree["posterior"].dataset["model"].sel(search=list(names))
    return [str(model) for model in models.to_numpy()]
