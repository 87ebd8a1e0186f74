"""The partial moment of the normal distribution, with its derivatives, as PyTensor Ops.

J(w, k, λ) = ∫_0^λ t^(k−1) φ(w − t) dt, with φ the standard normal density, is proportional to the
density of the noisy quadratic (docs/theory.md, "The kernel"). This package computes log J, the
distribution function that belongs to it, and its inverse. `quadrature` holds PyTensor expressions
that any backend can run, `log_moment` and `tails` the fast kernel that numba compiles, on the nodes
of `panels`. `ops` holds the Ops that models use, and `arrays` the kernel on NumPy arrays.
"""
