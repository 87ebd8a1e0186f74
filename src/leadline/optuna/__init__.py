"""For Optuna: a sampler with a random share, and a callback that stops a study."""

import lazy_loader

__all__ = ["RandomShareSampler", "StopWhenSettled"]

# Optuna is imported with the sampler, PyMC with the callback's first check.
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "random_share": ["RandomShareSampler"],
        "stop_when_settled": ["StopWhenSettled"],
    },
)
