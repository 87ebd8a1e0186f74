"""Tails to posterior draws to the DataTree."""
