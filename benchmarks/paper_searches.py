"""The random searches of arXiv 2510.02721 as their authors publish them, with their point fits.

The files are those of the folder `data` of https://github.com/nicholaslourie/opda: JSON lines, one
trial a line, with a learning curve. Its score is the best of the curve, as in the authors'
notebooks: the lowest error (one minus `top_1`, or minus the accuracy on `matched`) or the lowest
cross-entropy (`val_raw_loss`). An empty curve is a failed trial. The point fits are printed in two
notebooks of the same repository, in `nbs/experiments`: "validating the parametric analysis in
practice" (errors and cross-entropies) and "generalizing the parametric analysis across
architectures" (accuracies: optimum and threshold are one minus theirs here).
"""

import dataclasses
import json
import math
import pathlib
from typing import Any

import pandas as pd

_VISION = (
    *("epochs", "batch_size", "lr", "lr_peak_epoch", "momentum"),
    *("weight_decay", "label_smoothing"),
)
_LANGUAGE = (
    *("num_train_epochs", "train_batch_size", "learning_rate"),
    *("warmup_steps", "cls_drop_out"),
)
_LLAMA = ("lr", "beta1", "beta2", "warmup_steps", "weight_decay", "dropout")
_SHARE_TOLERANCE = 0.03


@dataclasses.dataclass(frozen=True)
class Published:
    """A search and its point fit, in losses: optimum, noise and threshold in units of the score."""

    title: str
    stem: str
    score: str
    params: tuple[str, ...]
    optimum: float
    effective_dim: int
    noise_sd: float
    threshold: float
    share: float
    """Share of the trials that score better than the threshold."""
    table: str = ""
    """A CSV file of the same trials, with a column `error`."""


PUBLISHED = (
    Published(
        *("AlexNet on ImageNet", "alexnet", "error", _VISION),
        *(0.418, 2, 0.0062, 0.50, 0.183),
    ),
    Published(
        *("ResNet18 on ImageNet", "resnet18", "error", (*_VISION, "use_blurpool")),
        *(0.288, 2, 0.0066, 0.325, 0.343),
    ),
    Published(
        *("ConvNeXt Tiny on ImageNet", "convnext-tiny", "error", _VISION),
        *(0.256, 2, 0.0079, 0.40, 0.204, "convnext_imagenet"),
    ),
    Published(
        *("DeBERTa on MultiNLI", "deberta-base", "error", _LANGUAGE),
        *(0.113, 1, 0.0019, 0.13, 0.543, "deberta_mnli"),
    ),
    Published(
        *("DeBERTaV3 on MultiNLI", "deberta-v3-base", "error", _LANGUAGE),
        *(0.095, 1, 0.0010, 0.11, 0.573, "deberta_mnli"),
    ),
    Published(
        *("Llama 33M on SlimPajama", "llama-33m", "cross_entropy", _LLAMA),
        *(3.580, 1, 0.028, 3.695, 0.438),
    ),
)


def read_search(folder: pathlib.Path, search: Published) -> pd.DataFrame | None:
    """Return one row a trial, in the order of the search, or None if no file of it is there.

    Columns are the score, nan for failed trials, and the hyperparameters. A CSV file is taken only
    if as many of its trials beat the published threshold as the authors say.
    """
    for name in (f"{search.stem}_tuning.results.jsonl", f"{search.stem}.results.jsonl"):
        for path in sorted(folder.rglob(name)):
            lines = path.read_text(encoding="utf-8").splitlines()
            return pd.DataFrame([_row(json.loads(line), search) for line in lines if line.strip()])
    for path in sorted(folder.rglob(f"{search.table}.csv")) if search.table else ():
        table = pd.read_csv(path)
        if abs(share_within(table, search) - search.share) < _SHARE_TOLERANCE:
            return table[[search.score, *(name for name in search.params if name in table)]]
    return None


def share_within(table: pd.DataFrame, search: Published) -> float:
    """Return the share of all trials that score better than the published threshold."""
    return float((table[search.score] < search.threshold).mean())


def _row(trial: dict[str, Any], search: Published) -> dict[str, Any]:
    """Return the score and the hyperparameters of a line."""
    if search.stem.startswith("deberta"):
        losses = [1.0 - accuracy for _, accuracy in trial["learning_curves"]["matched"]]
    elif search.stem.startswith("llama"):
        losses = [step["val_raw_loss"] for step in trial["learning_curve"]]
    else:
        losses = [1.0 - epoch["top_1"] for epoch in trial["learning_curve"]]
    best = min((loss for loss in losses if math.isfinite(loss)), default=math.nan)
    values = trial.get("hyperparameters", trial)
    return {search.score: best} | {name: values[name] for name in search.params if name in values}
