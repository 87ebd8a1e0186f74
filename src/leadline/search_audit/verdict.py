"""All evidence on how one search drew its configurations, and the verdict."""

import re
from collections.abc import Container, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from leadline.data.trials import LOSS_SIGNS, PARAM_PREFIX, Trials, likely_params
from leadline.search_audit.design_evidence import Design, grid_evidence, level_codes
from leadline.search_audit.order_evidence import (
    Result,
    blocks_chance,
    is_categorical,
    order_evidence,
    to_coordinate,
)
from leadline.search_audit.search_space import Distribution, ShapeTest, shape_test

_FEWEST_TRIALS = 20
"""With fewer trials the tests have no power, and the verdict is unknown."""

# Probabilities of a false alarm per search: 6e-4 for a refusal, 1e-4 for each of the notes.
# Distributions that were not declared do not suffice for a refusal, since a user may draw from
# any. With them the order must still have a p-value below one in 200.
_COMBINED = 5e-4
_ORDER_ALONE = 1e-4
_ORDER_IN_SUPPORT = 5e-3
_DRIFT_IN_SUPPORT = 0.05
_AGAINST_A_RECORD = 1e-6
_NOTE = 1e-4
_SORTED = 1e-6
_LEAST_EVEN = 1e-3

_NOT_DECLARED = "distributions that were not declared do not suffice as evidence"

_SAMPLERS = {
    "model-based": r"tpe|cma|gauss|\bgp|bayes|\bbo\b|botorch|smac|nsga|evolution|genetic|hyperopt"
    r"|hebo|bohb|pbt|anneal",
    "quasi-random": r"quasi|qmc|sobol|halton|latin|lhs|hammersley",
    "grid": r"grid|brute",
    "random": r"random",
}
_ADVICE = {
    "random": "",
    "grid": "a grid is not a random sample; fit a random subset of its trials for valid intervals",
    "quasi-random": "its trials are spread more evenly than a random search's, so intervals are "
    "approximate",
    "model-based": "fit only the trials that were drawn at random, or run a random search; "
    "assume_random=True fits all the same",
}


@dataclass(frozen=True)
class Evidence:
    """One row of `check_random_search`, which documents the attributes."""

    evidence: str
    parameter: str = ""
    statistic: float = np.nan
    p_value: float = np.nan
    limit: float = np.nan
    verdict: str = "random"
    advice: str = ""


def evidence_on(
    search: Trials, declared: dict[str, Distribution], searches: int = 1
) -> list[Evidence]:
    """Return all evidence on one search, the verdict first.

    `declared` holds the distributions that the user declares, by column. The limits are divided
    among the number of `searches`.
    """
    table = _in_order(search.per_trial())
    params = [name for name in table.columns if name.startswith(PARAM_PREFIX)]
    params = [name for name in params if level_codes(table[name]).max(initial=-1) > 0]
    sampler = (search.sampler or "").casefold()
    kinds = [kind for kind, words in _SAMPLERS.items() if re.search(words, sampler)]
    recorded = kinds[0] if kinds else "unknown"
    rows = []
    if search.sampler is not None:
        rows.append(Evidence("sampler", verdict=recorded, advice=f"recorded: {search.sampler}"))
    if not params or len(table) < _FEWEST_TRIALS:
        if recorded != "unknown":
            advice = _ADVICE[recorded]
        elif params:
            advice = f"fewer than {_FEWEST_TRIALS} trials, too few for the tests"
        else:
            columns = likely_params(search.notes)
            advice = f"no hyperparameters are known: name their columns, as in {columns}"
        return [Evidence("overall", verdict=recorded, advice=advice), *rows]

    note = _NOTE / searches
    design = Design.of(table[params])
    duplicates = _duplicates(design, note)
    rows.append(duplicates)
    if duplicates.verdict != "random" and design.continuous:
        # Repetitions of a configuration, perhaps with other seeds, are no draws of the sampler.
        table = table[design.first].reset_index(drop=True)
        design = Design.of(table[params])
    sorted_by = _sorted_by(table, params)
    grid = _grid(table[params], design, bool(sorted_by), note)
    tests = {name: shape_test(table[name], declared.get(name)) for name in params}
    shapes = {name: test for name, test in tests.items() if test is not None}
    even = _evenness(shapes, design, note)
    all_declared = set(params) <= set(declared)
    shape = _distributions(shapes, declared, all_declared, _COMBINED / searches)
    if sorted_by:
        advice = f"the trials are sorted by {sorted_by}, so their order is no evidence"
        order = [Evidence("order", verdict="unknown", advice=advice)]
    else:
        sign = LOSS_SIGNS[search.direction]
        order = _order(table, params, sign, _ORDER_ALONE / searches)
    combined = _combine(order[0], shape[0], all_declared, _COMBINED / searches)
    rows += [grid, even, combined, *order, *shape]

    against = _AGAINST_A_RECORD / searches
    verdict = _verdict(recorded, (grid, even), combined, order[0], against)
    advice = _ADVICE.get(verdict, "")
    if verdict == "unknown":
        advice = order[0].advice
        if sorted_by:
            advice += ", and some distributions are unusual: add a column 'order'"
    return [Evidence("overall", verdict=verdict, advice=advice), *rows]


def _verdict(
    recorded: str, designs: Iterable[Evidence], combined: Evidence, order: Evidence, against: float
) -> str:
    """Return the verdict; an order below `against` refutes a record of random draws."""
    if recorded not in ("unknown", "random"):
        return recorded
    learns = order.verdict == "model-based"
    if recorded == "random":
        return "model-based" if learns and order.p_value < against else "random"
    # First, because a grid in nested loops has an order, and a quasi-random search is more even
    # than any random one.
    found = [design.verdict for design in designs if design.verdict != "random"]
    # The order was tested and is that of random draws.
    weak = combined.advice == _NOT_DECLARED and not np.isnan(order.p_value)
    return [*found, "model-based" if learns else "random" if weak else combined.verdict][0]


def _test(
    kind: str, name: str, result: Result, limit: float, against: str, advice: str = ""
) -> Evidence:
    """Return the evidence of a test, with the verdict `against` below the limit."""
    verdict = against if result[1] < limit else "random"
    return Evidence(kind, name.removeprefix(PARAM_PREFIX), *result, limit, verdict, advice)


def _duplicates(design: Design, limit: float) -> Evidence:
    pairs, expected, p_value = design.duplicates()
    advice = f"{pairs} pairs of equal trials, {expected:.2g} by chance"
    if p_value < limit:
        advice += ": if they are replicates, name the column of the trial"
    return _test("duplicates", "", (float(pairs), p_value), limit, "unknown", advice)


def _grid(params: pd.DataFrame, design: Design, nested: bool, limit: float) -> Evidence:
    coverage, p_value = grid_evidence(params, design, nested)
    advice = f"{coverage:.0%} of all combinations of the observed values" if coverage else ""
    return _test("grid", "", (coverage, p_value), limit, "grid", advice)


def _evenness(shapes: dict[str, ShapeTest], design: Design, limit: float) -> Evidence:
    # Choices drawn without replacement from few combinations are even too, and do not repeat.
    large = design.combinations() > 10 * len(design.configuration) or design.replaced()
    tested = [test.p_even for test in shapes.values() if large or not test.discrete]
    p_even = sorted(p_value for p_value in tested if not np.isnan(p_value))
    p_value = _fisher(p_even)
    if len(p_even) > 2:
        # One parameter must not suffice, as a sampler that learns may make it look even: the
        # smallest p-value is left out, or none counts for more than one in a thousand.
        capped = _fisher([max(own, _LEAST_EVEN) for own in p_even])
        p_value = min(1.0, 2.0 * min(_fisher(p_even[1:]), capped))
    advice = "the values are more even than draws" if p_value < limit else ""
    return _test("evenness", "", (float(len(p_even)), p_value), limit, "quasi-random", advice)


def _distributions(
    shapes: dict[str, ShapeTest], declared: Container[str], all_declared: bool, limit: float
) -> list[Evidence]:
    """Return the evidence of all parameters by Fisher's method, then of each."""

    def row(
        kind: str, name: str, result: Result, limit: float, known: bool, expected: str
    ) -> Evidence:
        against = "model-based" if known else "unknown"
        advice = f"not {expected}" if result[1] < limit else expected
        return _test(kind, name, result, limit, against, advice)

    result = float(len(shapes)), _fisher([test.p_value for test in shapes.values()])
    expected = "as declared" if all_declared else "uniform, log-uniform or equal shares"
    rows = [row("distributions", "", result, limit, all_declared, expected)]
    for name, test in shapes.items():
        result, own = (test.statistic, test.p_value), limit / len(shapes)
        rows.append(row("distribution", name, result, own, name in declared, test.distribution))
    return rows


def _order(table: pd.DataFrame, params: list[str], sign: float, limit: float) -> list[Evidence]:
    """Return the evidence of the order, then of each of its tests, then of each parameter."""
    complete = (table["status"] == "complete").to_numpy()
    # A pruned trial counts as worst. Pruning spares the first trials, so without pruned trials
    # the scores of a random search would improve.
    loss = np.where(complete, sign * table["score"].to_numpy(), np.inf)
    coordinates = {name: to_coordinate(table[name]) for name in params}
    found = order_evidence(coordinates, stats.rankdata(loss))
    rows = [_test("order", "", found.combined, limit, "model-based")]
    if rows[0].verdict != "random" and found.parameters[1] > _DRIFT_IN_SUPPORT:
        advice = "scores improve though the parameters do not drift: did code or data change?"
        rows = [_test("order", "", found.combined, limit, "unknown", advice)]
    for name, result in found.tests.items():
        rows.append(_test(name, "", result, limit / len(found.tests), "model-based"))
    for name, result in found.drift.items():
        rows.append(_test("drift", name, result, limit / len(found.drift), "model-based"))
    return rows


def _combine(order: Evidence, shape: Evidence, all_declared: bool, limit: float) -> Evidence:
    tested = not np.isnan(order.p_value)
    p_value = _fisher([order.p_value, shape.p_value] if tested else [shape.p_value])
    verdict, advice = "random", ""
    if p_value < limit and order.advice and tested:
        verdict, advice = "unknown", order.advice
    elif p_value < limit and (all_declared or order.p_value < _ORDER_IN_SUPPORT):
        verdict = "model-based"
    elif p_value < limit:
        verdict, advice = "unknown", _NOT_DECLARED
    return Evidence("order and distributions", "", np.nan, p_value, limit, verdict, advice)


def _sorted_by(table: pd.DataFrame, params: list[str]) -> str:
    """Return the column by which the trials are sorted, "" when there is none."""
    by = {"score": table.loc[table["status"] == "complete", "score"].to_numpy()}
    if "cost" in table.columns:
        by["cost"] = table["cost"].dropna().to_numpy()
    for name in params:
        values = table[name].dropna()
        names = is_categorical(values)
        by[name] = values.map(repr).to_numpy(object) if names else values.to_numpy(np.float64)
    found = (name for name, values in by.items() if blocks_chance(values) < _SORTED)
    return next(found, "").removeprefix(PARAM_PREFIX)


def _in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Return the trials in the order in which they ran, if the table records it."""
    for name in ("order", "trial"):
        known = name in table.columns and pd.api.types.is_numeric_dtype(table[name])
        if known and table[name].notna().all():
            return table.sort_values(name, kind="stable").reset_index(drop=True)
    return table


def _fisher(p_values: list[float]) -> float:
    """Return the combined p-value of Fisher's method, 1 without p-values."""
    if not p_values:
        return 1.0
    return float(stats.combine_pvalues(np.maximum(p_values, 1e-300)).pvalue)
