"""How well a surface predicts each of its trials from all others."""

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.special import ndtr

from leadline.data.unit_cube import UnitCube
from leadline.distributions.surface_kernels import (
    JITTER,
    matern52,
    own_correlation,
    scaled,
    squared_distances,
)
from leadline.stats.surface_tree import axes_of, surface_groups

Floats = npt.NDArray[np.float64]

_MOST_DRAWS = 50


def leave_one_out_levels(tree: xr.DataTree, search: str) -> tuple[Floats, Floats]:
    """Return the losses of the trials of a surface, and the level of each in its prediction.

    The level, uniform in (0, 1) if the surface holds, is the probability of a smaller loss given
    all other trials (Rasmussen and Williams 2006, section 5.4.2), averaged over draws of the
    parameters, which have seen the trial. Shapes are (trial,).
    """
    group = surface_groups(tree)[search]
    data = group.to_dataset()
    loss, points = data["loss"].to_numpy(), data["points"].to_numpy()
    coordinates, owners = UnitCube(axes_of(group), points).embed(points)
    own = own_correlation(squared_distances(coordinates, coordinates))
    sizes = data.sizes
    step = max(1, sizes["chain"] * sizes["draw"] // _MOST_DRAWS)
    draws = data.stack(sample=("chain", "draw"), create_index=False).isel(
        sample=slice(None, None, step)
    )
    names = ("surface_variance", "residual_sd", "own_share", "level")
    relevance = draws["relevance"].transpose("sample", "hyperparameter").to_numpy()
    total = np.zeros(len(loss))
    for sample, (variance, residual, share, level) in enumerate(
        zip(*(draws[name].to_numpy() for name in names), strict=True)
    ):
        place = scaled(coordinates, owners, relevance[sample])
        covariance = variance * matern52(squared_distances(place, place))
        covariance += share * residual**2 * own
        noise = (1.0 - share) * residual**2 / data["replicates"].to_numpy()
        inverse = np.linalg.inv(covariance + np.diag(noise + JITTER))
        spread = 1.0 / np.diag(inverse)
        # The error of the prediction, measured minus predicted.
        error = spread * (inverse @ (loss - level))
        total += ndtr(error / np.sqrt(spread))
    return loss, total / len(relevance)
