"""Real random searches bundled with the package, and the script that ran them."""

from leadline.datasets.load import load_dataset, read_catalogue

__all__ = ["load_dataset", "read_catalogue"]
