"""The models of the bundled searches: a configuration and a seed in, probabilities out.

Requires scikit-learn (``pip install leadline[datasets]``). ``datasets.json`` describes the models.
"""

import warnings
from collections.abc import Callable, Mapping

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from leadline.datasets.tasks import Task

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
