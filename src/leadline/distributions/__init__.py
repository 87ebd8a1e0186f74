"""PyMC distributions of random-search scores; the formulas live in `kernels`.

The distributions load when they are first used: `array_functions` needs neither PyMC nor PyTensor.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submod_attrs={"scores": ["BestScore", "NoisyQuadratic", "Quadratic"]}
)
