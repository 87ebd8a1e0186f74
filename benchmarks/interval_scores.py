"""Tables of the fits of `real_searches.py`: coverage, interval scores, errors, checks.

The interval score of Winkler (1972) is the width of an interval, plus 2 / (1 − 0.8) times the
distance by which it misses the truth: smaller is better (Gneiting and Raftery 2007,
doi:10.1198/016214506000001437). Scores and errors of a search are divided by the fall of its true
tuning curve from the smallest to the largest budget. The score of a family is the geometric mean
over budgets of means over searches. The points of one curve hit and miss together: standard
errors are over searches.
"""

import json
import pathlib

import numpy as np
import pandas as pd

from leadline.checks.levels import WARNING, level_of

PROB = 0.8
KEY = ["family", "pool", "n", "index"]
_PARTS = ("truth", "low", "mid", "high")
_PARAMETERS = ("optimum", "best_expected", "noise_sd", "effective_dim")
_RESAMPLES = 400
# They depend on the number of draws, and mean nothing for a run with fewer than `leadline.fit`.
_OF_DRAWS, _DEFAULT_DRAWS = {"R-hat", "ESS, bulk", "ESS, tail"}, 4000
# A search is right if at least this share of its tuning curve is inside the intervals.
_RIGHT = 0.5


def finished(path: pathlib.Path) -> set[tuple[str, str, int, int]]:
    """Return the searches that a file of fits holds."""
    if not path.exists():
        return set()
    table = pd.read_csv(path, usecols=KEY, dtype={"pool": str})
    return set(table[KEY].itertuples(index=False, name=None))


def read_fits(folder: pathlib.Path) -> pd.DataFrame:
    """Return the rows of a run, one per search."""
    return pd.read_csv(folder / "fits.csv", dtype={"pool": str})


def points(fits: pd.DataFrame) -> pd.DataFrame:
    """Return one row per search and point: a budget of its tuning curve, or a parameter.

    Columns are those of `KEY`, `what`, `inside`, `below` and `above` (the truth is outside, on
    that side), `score` and `error`; nan where the fit has no interval.
    """
    budgets = sorted(
        (name.removesuffix("_truth") for name in fits if name[0].isdigit() and "_truth" in name),
        key=int,
    )
    curves = fits[[f"{k}_truth" for k in budgets]]
    fall = curves.max(axis=1) - curves.min(axis=1)
    tables = []
    for what in (*budgets, *_PARAMETERS):
        own = fits[[f"{what}_{part}" for part in _PARTS]].set_axis(_PARTS, axis=1)
        known = own["truth"].notna()
        below = (own["low"] - own["truth"]).clip(lower=0)
        above = (own["truth"] - own["high"]).clip(lower=0)
        if what == "optimum":
            # The truth of a table is an interval itself.
            below, above = ((miss - fits["optimum_error"]).clip(lower=0) for miss in (below, above))
        unit = 1.0 if what == "effective_dim" else fall.where(fall > 0)
        if what == "noise_sd":
            unit = own["truth"]
        width = own["high"] - own["low"]
        found = fits[KEY].assign(
            what=what,
            inside=((below == 0) & (above == 0)).where(width.notna()).astype(float),
            below=(below > 0).where(width.notna()).astype(float),
            above=(above > 0).where(width.notna()).astype(float),
            score=(width + 2 / (1 - PROB) * (below + above)) / unit,
            error=(own["mid"] - own["truth"]) / unit,
            ratio=own["mid"] / own["truth"],
        )
        tables.append(found[known])
    return pd.concat(tables, ignore_index=True)


def is_curve(table: pd.DataFrame) -> pd.Series:
    """Return which points belong to tuning curves."""
    return ~table["what"].isin(_PARAMETERS)


def by_search(table: pd.DataFrame, values: str) -> pd.Series:
    """Return the mean over the points of each search."""
    return table.groupby(KEY)[values].mean()


def geometric(table: pd.DataFrame, values: str) -> pd.Series:
    """Return by family and size the geometric mean over budgets of means over searches."""
    means = table.groupby(["family", "n", "what"], sort=False)[values].mean()
    return np.exp(np.log(means[means > 0]).groupby(["family", "n"], sort=False).mean())


def curve_table(fits: pd.DataFrame) -> pd.DataFrame:
    """Return coverage, interval score and error of the tuning curves, by family and size."""
    table = points(fits)
    table = table[is_curve(table)]
    cells = by_search(table, "inside").groupby(["family", "n"], sort=False)
    attempts = fits.groupby(["family", "n"], sort=False)
    squared = table.assign(squared=table["error"] ** 2)
    sides = {
        side: by_search(table, side).groupby(["family", "n"]).mean() for side in ("below", "above")
    }
    return pd.DataFrame(
        {
            "searches": attempts.size(),
            "fitted": attempts["error"].agg(lambda errors: errors.isna().mean()),
            "coverage": cells.mean(),
            "± se": cells.sem(),
            "truth better": sides["below"],
            "truth worse": sides["above"],
            "interval score": geometric(table, "score"),
            "RMSE": np.sqrt(geometric(squared, "squared")),
            "CPU s": attempts["cpu_seconds"].median(),
        }
    )


def budget_table(fits: pd.DataFrame) -> pd.DataFrame:
    """Return coverage by family, size and budget."""
    table = points(fits)
    table = table[is_curve(table)].assign(k=lambda own: own["what"].astype(int))
    return table.pivot_table(index=["family", "n"], columns="k", values="inside", sort=False)


def parameter_table(fits: pd.DataFrame) -> pd.DataFrame:
    """Return coverage, score and error of optimum and noise, by family and size."""
    table = points(fits)
    table = table[~is_curve(table)]
    cells = table.groupby(["what", "family", "n"], sort=False)
    found = cells.agg(
        searches=("inside", "count"),
        coverage=("inside", "mean"),
        below=("below", "mean"),
        above=("above", "mean"),
        score=("score", "mean"),
        ratio=("ratio", "median"),
    )
    found.insert(2, "± se", cells["inside"].sem())
    found["RMSE"] = cells["error"].agg(lambda error: np.sqrt((error**2).mean()))
    # The optimum of a simulation is 0.
    found["ratio"] = found["ratio"].where(found.index.get_level_values("what") != "optimum")
    return found.rename(columns={"below": "truth lower", "above": "truth higher"})


def exact_table(fits: pd.DataFrame) -> pd.DataFrame:
    """Return the coverage of the optimum on the exact law, by (gamma, noise) and size."""
    own = points(fits[fits["family"] == "exact law"])
    own = own[own["what"] == "optimum"]
    return own.pivot_table(index="pool", columns="n", values="inside", aggfunc=["mean", "count"])


def check_table(fits: pd.DataFrame, draws: int) -> pd.DataFrame:
    """Return how often each check fails on real searches, and what that goes with.

    `draws` is the number of all chains; with fewer than the default, the checks of it are left out.

    `coverage: fails` and `passes` are of tuning curves; `± se` is that of their difference.
    `score ratio` is the interval score where the check fails over that where it passes, the
    geometric mean over families and sizes that have both. `right, fails` is the share of the
    searches whose intervals are right in which the check fails.
    """
    real = fits[(fits["is_real"] == 1) & fits["error"].isna()]
    table = points(real)
    table = table[is_curve(table)]
    searches = real.set_index(KEY)
    coverage, score = by_search(table, "inside"), by_search(table, "score")
    ignored = _OF_DRAWS if draws < _DEFAULT_DRAWS else set()
    failed = searches["checks"].map(lambda text: set(json.loads(text)) - ignored)
    rows = {}
    for name in sorted({check for own in failed for check in own}):
        fails = failed.map(lambda own, name=name: name in own)
        rows[name] = _compare_groups(fails, coverage, score)
    rows["any check"] = _compare_groups(failed.map(bool), coverage, score)
    warned = failed.map(lambda own: any(level_of(check) == WARNING for check in own))
    rows["any warning"] = _compare_groups(warned, coverage, score)
    levels = ["" if name.startswith("any ") else level_of(name) for name in rows]
    return pd.DataFrame(rows).T.assign(level=levels)


def _compare_groups(fails: pd.Series, coverage: pd.Series, score: pd.Series) -> dict[str, float]:
    inside = coverage.reindex(fails.index)
    yes, no = inside[fails], inside[~fails]
    scores = score.reindex(fails.index)
    means = [scores[own].groupby(["family", "n"]).mean() for own in (fails, ~fails)]
    ratio = (means[0] / means[1]).dropna()
    return {
        "fails": fails.mean(),
        "coverage: fails": yes.mean(),
        "passes": no.mean(),
        "± se": float(np.hypot(yes.sem(), no.sem())),
        "score ratio": float(np.exp(np.log(ratio).mean())),
        "right, fails": fails[inside >= _RIGHT].mean(),
    }


def report(folder: pathlib.Path) -> str:
    """Return the tables of a run as text."""
    fits, settings = read_fits(folder), json.loads((folder / "settings.json").read_text())
    parts = {
        "Tuning curves": curve_table(fits),
        "Coverage of tuning curves by budget": budget_table(fits),
        "Optimum, noise and effective dimension": parameter_table(fits),
    }
    if (fits["family"] == "exact law").any():
        parts["Exact law: coverage of the optimum by gamma, noise"] = exact_table(fits)
    if fits["checks"].notna().any():
        parts["Checks on real searches"] = check_table(fits, settings["draws"] * settings["chains"])
    text = [json.dumps(settings)]
    text += [f"{title}\n{table.round(2).to_string()}" for title, table in parts.items()]
    errors = fits.loc[fits["error"].notna(), ["family", "n", "pool", "error"]]
    return "\n\n".join([*text, errors.to_string() if len(errors) else "all searches were fitted"])


def compare(first: pathlib.Path, second: pathlib.Path) -> str:
    """Return the paired ratios of the second run to the first, as text.

    Only points that both have count. Standard errors are from resampling searches.
    """
    tables = [points(read_fits(folder)) for folder in (first, second)]
    both = tables[0].merge(tables[1], on=[*KEY, "what"], suffixes=("", " 2"))
    both = both.dropna(subset=["error", "error 2"])
    curves = both[is_curve(both)]
    found = pd.DataFrame(
        {
            "searches": curves.groupby(["family", "n"], sort=False)["pool"].size()
            // curves.groupby(["family", "n"], sort=False)["what"].nunique(),
            "coverage": by_search(curves, "inside").groupby(["family", "n"]).mean(),
            "then": by_search(curves, "inside 2").groupby(["family", "n"]).mean(),
            "score ratio": geometric(curves, "score 2") / geometric(curves, "score"),
            "error ratio": _rmse(curves, "error 2") / _rmse(curves, "error"),
        }
    )
    rng = np.random.default_rng(0)
    resampled = [_ratios(_resample(curves, rng)) for _ in range(_RESAMPLES)]
    logs = np.log(pd.concat(resampled, axis=1))
    found["× se"] = np.exp(logs.std(axis=1))
    total = np.exp(np.log(found["score ratio"]).mean())
    spread = np.exp(logs.mean(axis=0).std())
    parameters = both[~is_curve(both)].groupby(["what", "family", "n"], sort=False)
    own = parameters[["inside", "inside 2", "score", "score 2"]].mean()
    own["score ratio"] = own["score 2"] / own["score"]
    own.insert(0, "searches", parameters.size())
    return "\n\n".join(
        [
            f"{second} against {first}; ratios below 1 are better\n{found.round(3).to_string()}",
            f"geometric mean over families and sizes: {total:.3f} (× or / {spread:.3f})",
            own.drop(columns=["score", "score 2"]).round(3).to_string(),
        ]
    )


def _rmse(table: pd.DataFrame, error: str) -> pd.Series:
    return np.sqrt(geometric(table.assign(squared=table[error] ** 2), "squared"))


def _ratios(curves: pd.DataFrame) -> pd.Series:
    return geometric(curves, "score 2") / geometric(curves, "score")


def _resample(curves: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return the points of as many searches of each family and size, drawn with replacement."""
    positions = [
        rows
        for _, cell in curves.reset_index(drop=True).groupby(["family", "n"])
        for searches in [list(cell.groupby(KEY).indices.values())]
        for number in rng.integers(len(searches), size=len(searches))
        for rows in [cell.index.to_numpy()[searches[number]]]
    ]
    return curves.iloc[np.concatenate(positions)]
