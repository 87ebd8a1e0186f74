"""`load_dataset`: the bundled real random searches as `Trials`."""

import dataclasses
import json
from importlib.resources import files
from typing import Any, Literal

import pandas as pd

from leadline.data.trials import Trials
from leadline.errors import LeadlineError, closest, format_value, join_values
from leadline.io.table import read_table

METRICS = ("log_loss", "error")


def read_catalogue() -> dict[str, Any]:
    """Return what is known of the bundled searches: data, licences, units, search spaces.

    Returns
    -------
    dict
        Keys `datasets`, `tasks`, `models`, `spaces`, each by name; `columns`, the units of every
        column; `direction` and `metrics`; `made`, with versions, date and seed.
    """
    return json.loads((files("leadline.datasets") / "datasets.json").read_text("utf-8"))


def load_dataset(name: str, *, metric: Literal["log_loss", "error"] = "log_loss") -> Trials:
    """Return bundled real random searches.

    Three models on four tasks, 400 trials a search, of which a random 100 were trained with three
    seeds (replicates); trials whose training diverged are there as failed. Columns `cost`,
    `order`, `space` (the model's name: a model has one search space on all tasks) and `param:*`
    are filled. `read_catalogue` has data sources, units and search spaces.

    Parameters
    ----------
    name : str
        One search, such as "digits-mlp"; all models on a task, such as "digits"; a model on all
        tasks, such as "mlp"; or "all".
    metric : {"log_loss", "error"}
        The score: held-out log-loss in nats, or the share of held-out rows misclassified. The
        direction is "minimize" for both.

    Raises
    ------
    LeadlineError
        If there is no such name or metric; the message lists those there are.
    """
    catalogue = read_catalogue()
    if metric not in METRICS:
        raise LeadlineError(
            f"metric must be one of {join_values(METRICS)}, got {format_value(metric)}"
        )
    searches = _validate_name(name, catalogue)
    frames = [_read_search(catalogue["datasets"][search]) for search in searches]
    trials = read_table(
        pd.concat(frames, ignore_index=True), score=metric, direction=catalogue["direction"]
    )
    return dataclasses.replace(trials, source=f"dataset {format_value(name)}", sampler="random")


def _validate_name(name: object, catalogue: dict[str, Any]) -> list[str]:
    """Return the searches that a name stands for."""
    datasets = catalogue["datasets"]
    groups = {"all": list(datasets)}
    for key in ("task", "model"):
        for search, one in datasets.items():
            groups.setdefault(one[key], []).append(search)
    groups |= {search: [search] for search in datasets}
    if isinstance(name, str) and name in groups:
        return groups[name]
    hint = closest(name, groups) if isinstance(name, str) else ""
    raise LeadlineError(f"no dataset {format_value(name)}.{hint} There are {join_values(groups)}")


def _read_search(dataset: dict[str, Any]) -> pd.DataFrame:
    with (files("leadline.datasets") / dataset["file"]).open("r", encoding="utf-8") as file:
        return pd.read_csv(file).assign(space=dataset["space"])
