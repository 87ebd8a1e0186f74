"""PyMC models, one per file; each has `build(tails, priors)` and `data_of(tails)`."""
