"""The searches of arXiv 2510.02721: the published point fits beside posteriors of `leadline.fit`.

Each search is fitted with the defaults, once with all its trials and once with its first 48, whose
tuning curve is extrapolated and compared with the observed curve of all trials. The page
docs/paper.md is written anew. Searches without a file are listed as such.

    python benchmarks/paper.py --data FOLDER [--page docs/paper.md]

FOLDER is a clone of https://github.com/nicholaslourie/opda, or a folder with some of its files.
"""

import argparse
import dataclasses
import datetime
import logging
import pathlib

import numpy as np
import pandas as pd
from paper_searches import PUBLISHED, Published, read_search, share_within
from search_families import median_best

import leadline as ll

FIRST = 48
BUDGETS = (32, 64, 128)
PARAMETERS = ("optimum", "effective_dim", "noise_sd")
PROB_CURVE = 0.8

Interval = tuple[float, float, float]
"""Lower end, middle and upper end."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """Answers of the fits to one search."""

    trials: int
    failed: int
    share_within: float
    """Share of the trials beyond the published threshold."""
    tail_fractions: tuple[float, float]
    posterior: dict[str, Interval]
    """Mean and 89 % interval per parameter."""
    warnings: tuple[str, ...]
    observed: tuple[float, ...]
    """Median best of k of all trials, per budget."""
    curve: tuple[Interval, ...]
    """The same from the first trials: median and 80 % interval, per budget."""


def answer(table: pd.DataFrame, search: Published) -> Answer:
    """Return the answers of the fits to all trials and to the first 48."""
    fit, first = (_fit(part, search) for part in (table, table.head(FIRST)))
    row = ll.summary(fit).iloc[0]
    checks = ll.check(fit)
    failed = checks[checks["passed"].eq(False) & checks["level"].eq("warning")]
    posterior = {
        name: (row[f"{name}_eti89_lb"], row[name], row[f"{name}_eti89_ub"]) for name in PARAMETERS
    }
    ends = ((1 - PROB_CURVE) / 2, 0.5, (1 + PROB_CURVE) / 2)
    curve = ll.tuning_curve(first, BUDGETS).isel(search=0).quantile(ends, ("chain", "draw"))
    loss = table[search.score].fillna(np.inf).to_numpy()
    return Answer(
        trials=len(table),
        failed=int(table[search.score].isna().sum()),
        share_within=share_within(table, search),
        tail_fractions=(row["tail_fraction_lb"], row["tail_fraction_ub"]),
        posterior=posterior,
        warnings=tuple(failed["check"]),
        observed=tuple(median_best(loss, np.asarray(BUDGETS))),
        curve=tuple(tuple(map(float, ends)) for ends in curve.transpose("budget", ...).values),
    )


def _fit(table: pd.DataFrame, search: Published):
    params = [name for name in search.params if name in table]
    trials = ll.read_table(table, score=search.score, direction="minimize", params=params)
    # The authors describe how each hyperparameter was drawn: some depend on others, such as
    # `lr_peak_epoch` on `epochs`.
    return ll.fit(trials, assume_random=True, random_seed=1, progressbar=False)


def agreement(search: Published, found: Answer) -> str:
    """Return one sentence that says which published numbers the posterior agrees with."""
    optimum, noise = (
        "inside" if _holds(found.posterior[name], getattr(search, name)) else "outside"
        for name in ("optimum", "noise_sd")
    )
    budgets = sum(map(_holds, found.curve, found.observed))
    return (
        f"The published optimum is {optimum} the 89 % interval and the published noise {noise}; "
        f"the effective number rounds to {found.posterior['effective_dim'][1]:.0f}, and "
        f"{search.effective_dim} is published; from {FIRST} trials, the observed curve is inside "
        f"the 80 % intervals at {budgets} of {len(BUDGETS)} budgets."
    )


def _holds(interval: Interval, value: float) -> bool:
    return interval[0] <= value <= interval[2]


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def page(answers: dict[str, Answer], day: datetime.date) -> str:
    """Return docs/paper.md for the searches that have answers, by title."""
    present = [search for search in PUBLISHED if search.title in answers]
    absent = [search for search in PUBLISHED if search.title not in answers]
    parts = [
        "# The paper, reproduced",
        "Lourie, He and Cho ([arXiv:2510.02721](https://arxiv.org/abs/2510.02721)) discovered the "
        "quadratic law\non six random searches. They publish the trials and print a point fit of "
        "each in\n[their repository](https://github.com/nicholaslourie/opda), with a threshold "
        "chosen by eye. This page\nholds their numbers beside posteriors of `leadline.fit` with "
        "its defaults, where the data choose the\nthreshold. Scores are errors (for Llama "
        "cross-entropies), the lowest of each trial.\nIt is written by "
        "`python benchmarks/paper.py --data FOLDER`, where FOLDER is a clone of their repository.",
        "## Point fits and posteriors",
        _parameters_table(answers),
    ]
    if present:
        parts += [
            "Brackets are 89 % intervals around the posterior mean. The share of the regime is "
            "theirs as printed,\nand ours as the range of tail fractions over which the answer is "
            "averaged. Their effective numbers are\nintegers, ours is real and at least 1, so that "
            "an interval cannot hold a published 1.",
            f"## The curve from {FIRST} trials",
            f"The median best of k trials: observed from all trials, and extrapolated from the "
            f"first {FIRST}, with its\n80 % interval.",
            _curves_table(present, answers),
            "## Agreement",
            "\n".join(_sentence(search, answers[search.title]) for search in present),
            f"Measured on {day.isoformat()}.",
        ]
    if absent:
        titles = _listed([search.title for search in absent])
        parts.append(f"Without trials at hand when this page was written: {titles}.")
    return "\n\n".join(parts) + "\n"


def _parameters_table(answers: dict[str, Answer]) -> str:
    rows = [
        "| search | | optimum | effective number | noise sd | share of the regime |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for search in PUBLISHED:
        rows.append(
            f"| {search.title} | published | {search.optimum:g} | {search.effective_dim:g} "
            f"| {search.noise_sd:g} | {search.share:.3f} |"
        )
        if found := answers.get(search.title):
            cells = " | ".join(_interval(found.posterior[name]) for name in PARAMETERS)
            low, high = found.tail_fractions
            rows.append(
                f"| {found.trials} trials | posterior | {cells} | {low:.2g} to {high:.2g} |"
            )
    return "\n".join(rows)


def _curves_table(present: list[Published], answers: dict[str, Answer]) -> str:
    heading = " | ".join(f"k = {budget}" for budget in BUDGETS)
    rows = [f"| search | | {heading} |", "| --- " * (2 + len(BUDGETS)) + "|"]
    for search in present:
        found = answers[search.title]
        observed = " | ".join(f"{value:.4g}" for value in found.observed)
        ours = " | ".join(map(_interval, found.curve))
        rows += [f"| {search.title} | observed | {observed} |", f"| | from {FIRST} | {ours} |"]
    return "\n".join(rows)


def _interval(interval: Interval) -> str:
    low, middle, high = interval
    return f"{middle:.4g} [{low:.4g}, {high:.4g}]"


def _sentence(search: Published, found: Answer) -> str:
    warned = f" Warnings: {_listed(list(found.warnings))}." if found.warnings else ""
    return f"- **{search.title}**: {agreement(search, found)}{warned}"


def main() -> None:
    """Fit the searches whose files are there, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, required=True)
    root = pathlib.Path(__file__).parents[1]
    parser.add_argument("--page", type=pathlib.Path, default=root / "docs" / "paper.md")
    options = parser.parse_args()
    # Failed checks are named on the page.
    logging.getLogger("leadline").setLevel(logging.ERROR)
    answers = {}
    for search in PUBLISHED:
        table = read_search(options.data, search)
        if table is None:
            print(f"{search.title}: no file, skipped")
            continue
        answers[search.title] = answer(table, search)
        print(f"{search.title}: {agreement(search, answers[search.title])}")
        within = answers[search.title].share_within
        print(f"  {within:.3f} of the trials beat the published threshold; {search.share} printed")
    today = datetime.datetime.now(tz=datetime.UTC).date()
    options.page.write_text(page(answers, today), encoding="utf-8")


if __name__ == "__main__":
    main()
