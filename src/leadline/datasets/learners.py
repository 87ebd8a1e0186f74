"""The models of the bundled searches: a configuration and a seed in, probabilities out.

Needs scikit-learn (``pip install leadline[datasets]``).
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from leadline.datasets.tasks import Task

Configuration = dict[str, float]

BOOSTING_ITERATIONS = 40
LANDMARKS = 200
LOGISTIC_ITERATIONS = 100


class DivergedError(Exception):
    """Training left the finite numbers."""


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
        # All epochs always run: early stopping would be one more, hidden, hyperparameter.
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
        max_iter=BOOSTING_ITERATIONS,
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
    features = Nystroem(
        gamma=configuration["gamma"] / scale, n_components=LANDMARKS, random_state=seed
    )
    classifier = LogisticRegression(C=configuration["C"], max_iter=LOGISTIC_ITERATIONS)
    classifier.fit(features.fit_transform(task.x_train), task.y_train)
    return classifier.predict_proba(features.transform(task.x_test))


@dataclass(frozen=True)
class Learner:
    """How to train and predict, and what to say about it.

    Attributes
    ----------
    predict
        Takes a configuration, a task and a seed; returns held-out probabilities, (row, class).
    description
        What is trained, and what the seed changes.
    """

    predict: Callable[[Configuration, Task, int], np.ndarray]
    description: str


LEARNERS: dict[str, Learner] = {
    "mlp": Learner(
        _mlp,
        "one hidden layer of rectified linear units trained by SGD with Nesterov momentum, all "
        "epochs run (scikit-learn MLPClassifier); the seed draws initial weights and batches",
    ),
    "boosting": Learner(
        _boosting,
        f"{BOOSTING_ITERATIONS} rounds of histogram gradient boosting (scikit-learn "
        "HistGradientBoostingClassifier); the seed draws the columns tried at each split",
    ),
    "kernel": Learner(
        _kernel,
        f"multinomial logistic regression on {LANDMARKS} Nystroem features of an RBF kernel "
        f"(scikit-learn, at most {LOGISTIC_ITERATIONS} steps of L-BFGS); the seed draws the "
        "landmarks",
    ),
}


def predict_held_out(model: str, configuration: Configuration, task: Task, seed: int) -> np.ndarray:
    """Return held-out class probabilities, (row, class), after training with one seed.

    Raises
    ------
    DivergedError
        If training or prediction left the finite numbers.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        probability = LEARNERS[model].predict(configuration, task, seed)
    if not np.isfinite(probability).all():
        raise DivergedError("a predicted probability is not finite")
    return probability


def score(probability: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Return the log-loss in nats and the error rate of class probabilities.

    The probability of the true class is clipped at the float64 epsilon, 2.2e-16, as scikit-learn
    does: one surely wrong row costs at most 36 nats.
    """
    of_truth = probability[np.arange(y.size), y]
    log_loss = -np.log(np.maximum(of_truth, np.finfo(float).eps)).mean()
    return float(log_loss), float((probability.argmax(axis=1) != y).mean())
