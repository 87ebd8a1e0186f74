"""Bundled real random searches, and the script that made them."""

from leadline.datasets.load import load_dataset, read_catalogue

__all__ = ["load_dataset", "read_catalogue"]
