"""PyMC distributions of random-search scores; the formulas live in `kernels`."""

from leadline.distributions.scores import BestScore, NoisyQuadratic, Quadratic

__all__ = ["BestScore", "NoisyQuadratic", "Quadratic"]
