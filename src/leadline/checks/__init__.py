"""Checks of a fit: whether its answers can be believed. One question per file."""
