"""PyMC distributions of random-search scores; the formulas live in `kernels`."""

from leadline.distributions.best_score import BestScore
from leadline.distributions.noisy_quadratic import NoisyQuadratic
from leadline.distributions.quadratic import Quadratic

__all__ = ["BestScore", "NoisyQuadratic", "Quadratic"]
