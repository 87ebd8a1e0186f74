"""`load_dataset`: the bundled real random searches as `Trials`."""

import dataclasses
import json
from importlib.resources import files
from typing import Any, Literal

import pandas as pd

from leadline.data.trials import Trials
from leadline.data.validate import COVARIATES
from leadline.errors import LeadlineError, closest, format_value, join_values
from leadline.io.table import read_table

_FOLDER = files("leadline.datasets")


def read_catalogue() -> dict[str, Any]:
    """Return the description of the bundled searches: data, licences, units, search spaces.

    Returns
    -------
    dict
        Keys `datasets`, `tasks`, `models`, `spaces`, each by name; `columns`, the units of every
        column; `direction` and `metrics`; `made`, with versions, date and seed.

    Examples
    --------
    >>> from leadline.datasets import read_catalogue
    >>> read_catalogue()["tasks"]["digits"]["held_out_rows"]
    599
    """
    return json.loads((_FOLDER / "datasets.json").read_text("utf-8"))


def load_dataset(name: str, *, metric: Literal["log_loss", "error"] = "log_loss") -> Trials:
    """Return bundled real random searches.

    The searches cover three models on four tasks. Each has 400 trials, of which a random 100 were
    trained with three seeds (replicates). A trial whose training diverged has the status
    `failed`. Columns `cost`, `order`, `space` (the name of the model, whose search space is the
    same on all tasks) and `param:*` are filled. `read_catalogue` returns data sources, units and
    search spaces. "digits-scaling" is a family for scaling laws, made by
    `leadline.datasets.scaling_family`: one search of 60 trials for each size and amount of data.

    Parameters
    ----------
    name : str
        One search, such as "digits-mlp"; all models on a task, such as "digits"; a model on all
        tasks, such as "mlp"; "all" of these; or "digits-scaling".
    metric : {"log_loss", "error"}
        The score: held-out log-loss in nats, or the share of held-out rows misclassified. The
        direction is "minimize" for both.

    Raises
    ------
    LeadlineError
        If the name or the metric is unknown; the message lists the known ones.

    Examples
    --------
    >>> import leadline as ll
    >>> print(ll.load_dataset("digits-mlp"))
    400 trials (600 evaluations): 343 complete, 57 failed
    >>> ll.load_dataset("digits").searches
    [('digits', 'mlp'), ('digits', 'boosting'), ('digits', 'kernel')]
    """
    catalogue = read_catalogue()
    if metric not in catalogue["metrics"]:
        raise LeadlineError(
            f"metric must be one of {join_values(catalogue['metrics'])}, got {format_value(metric)}"
        )
    searches = _validate_name(name, catalogue["datasets"] | catalogue["families"])
    sizes = {column: column for column in COVARIATES if column in searches[0]}
    table = pd.concat([_read_search(search) for search in searches], ignore_index=True)
    trials = read_table(table, score=metric, direction=catalogue["direction"], **sizes)
    return dataclasses.replace(
        trials,
        source=f"dataset {format_value(name)}",
        sampler="random",
        cost_unit="seconds",
    )


def _validate_name(name: object, datasets: dict[str, dict[str, str]]) -> list[dict[str, str]]:
    """Return the descriptions of the searches that `name` stands for."""
    alike = [search for search in datasets.values() if "size" not in search]
    groups = {"all": alike}
    for key in ("task", "model"):
        for search in alike:
            groups.setdefault(search[key], []).append(search)
    groups |= {search: [description] for search, description in datasets.items()}
    if isinstance(name, str) and name in groups:
        return groups[name]
    hint = closest(name, groups) if isinstance(name, str) else ""
    raise LeadlineError(f"no dataset {format_value(name)}.{hint} There are {join_values(groups)}")


def _read_search(description: dict[str, str]) -> pd.DataFrame:
    with (_FOLDER / description["file"]).open("r", encoding="utf-8") as file:
        return pd.read_csv(file).assign(space=description["space"])
