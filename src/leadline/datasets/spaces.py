"""The search spaces of the bundled searches: what was drawn, from which distribution.

A space belongs to a model and is the same on every task. All parameters of a trial are drawn
independently, so a search is true random search.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Distribution = Literal["uniform", "log-uniform"]


@dataclass(frozen=True)
class Parameter:
    """One hyperparameter and the distribution it is drawn from.

    Attributes
    ----------
    distribution
        ``"uniform"`` on [low, high], or uniform in its logarithm.
    low, high
        Bounds, in the units of the parameter.
    integer
        Whether the draw is rounded to the nearest integer.
    unit
        What the number counts or measures.
    """

    distribution: Distribution
    low: float
    high: float
    unit: str
    integer: bool = False

    def draw(self, rng: np.random.Generator) -> float:
        """Return one draw, rounded to the six digits that the data files hold."""
        if self.distribution == "log-uniform":
            value = float(np.exp(rng.uniform(np.log(self.low), np.log(self.high))))
        else:
            value = float(rng.uniform(self.low, self.high))
        value = float(round(value)) if self.integer else float(f"{value:.6g}")
        # Rounding can step over a bound.
        return min(max(value, self.low), self.high)


Space = dict[str, Parameter]

SPACES: dict[str, Space] = {
    "mlp": {
        "learning_rate": Parameter("log-uniform", 1e-4, 10.0, "step size of SGD"),
        "momentum_gap": Parameter("log-uniform", 0.01, 1.0, "1 - momentum (Nesterov)"),
        "weight_decay": Parameter("log-uniform", 1e-5, 100.0, "L2 penalty `alpha`"),
        "batch_size": Parameter("log-uniform", 8, 256, "rows", integer=True),
        "epochs": Parameter("log-uniform", 3, 100, "passes over the training rows", integer=True),
        "hidden_width": Parameter("log-uniform", 8, 256, "hidden units", integer=True),
    },
    "boosting": {
        "learning_rate": Parameter("log-uniform", 0.01, 2.0, "shrinkage of each tree"),
        "max_leaf_nodes": Parameter("log-uniform", 2, 128, "leaves a tree", integer=True),
        "min_samples_leaf": Parameter("log-uniform", 1, 150, "training rows", integer=True),
        "l2_regularization": Parameter("log-uniform", 1e-3, 1e3, "L2 penalty of leaf values"),
        "max_features": Parameter("uniform", 0.02, 0.9, "share of the columns tried at a split"),
    },
    "kernel": {
        "gamma": Parameter(
            "log-uniform", 1e-4, 100.0, "1 / (number of features x their variance), RBF exponent"
        ),
        "C": Parameter("log-uniform", 1e-2, 1e7, "inverse L2 penalty of the logistic regression"),
    },
}


def draw_configuration(space: Space, rng: np.random.Generator) -> dict[str, float]:
    """Return one configuration: every parameter of the space, drawn independently."""
    return {name: parameter.draw(rng) for name, parameter in space.items()}
