"""Formulas of the score distributions: plain PyTensor functions without `pm.Model`."""
