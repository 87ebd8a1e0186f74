"""Numerics of the score distributions: plain PyTensor functions that know no `pm.Model`."""
