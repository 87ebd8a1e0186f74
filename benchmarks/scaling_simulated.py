"""Scaling laws on simulated searches: calibration, and the power of the check of the law.

    python benchmarks/scaling_simulated.py PART [--replications N] [--work DIR]

PART is one of

`calibration`: simulation-based calibration (Talts et al. 2018, arXiv:1804.06788) of the law. Its
parameters and the optima of eight searches are drawn from the prior, and each optimum is measured
with a normal error of known sd: what a search fitted alone tells of it, without the fit.

`full`: the same through `leadline.fit`, with trials, thresholds and tail scales as in
`benchmarks/calibration.py`. A replication takes a minute.

`kink`: ten optima measured so along a law that holds, and along two that bend in the middle.
It counts how often the check `scaling law` fails.

Results are appended to files in WORK, and a second run continues.
"""

import argparse
import itertools
import pathlib

import calibration
import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr

import leadline as ll
from leadline.checks.scaling import MIN_P_VALUE, smoothness_p_value
from leadline.inference.sampler import Sampler
from leadline.models import scaling
from leadline.models.likelihood import declare_data

SIZES = np.array([1.0, 1.0, 4.0, 4.0, 16.0, 16.0, 64.0, 64.0])
DATA = np.array([1.0, 30.0, 3.0, 100.0, 1.0, 30.0, 3.0, 100.0])
POWERS = ("size_part", "size_exponent", "data_part", "data_exponent", "outer_exponent")
PARAMETERS = ("middle", "irreducible", *POWERS, "misfit")
# Sizes and the error of measured optima of `kink`, and the last exponents of the laws of `kink`.
KINK_SIZES, KINK_ERROR = np.geomspace(1e6, 1e9, 10), 0.01
EXPONENTS = {"holds": 0.3, "ends": 0.03, "steepens": 1.0}


class Design(calibration.Design):
    """Eight searches whose optima follow a law drawn from the prior."""

    def build(self, tails: xr.Dataset):
        sizes = tails.assign(size=("search", SIZES), data=("search", DATA))
        return scaling.build(sizes, self.priors)

    def draw(self, replication: int) -> tuple[xr.Dataset, calibration.Drawn]:
        truth, drawn = super().draw(replication)
        tails = [
            tail.assign(size=("search", SIZES[[number]]), data=("search", DATA[[number]]))
            for number, tail in enumerate(drawn.tails)
        ]
        return truth, drawn._replace(tails=tails)

    def parameters(self, posterior: xr.Dataset) -> list[str]:
        return list(PARAMETERS)


def calibrate(path: pathlib.Path, replications: int) -> None:
    """Append each replication that `path` lacks."""
    calibration.DESIGNS["scaling"] = [(task, 0) for task in range(len(SIZES))]
    calibration.MODELS = {**calibration.MODELS, "scaling": scaling}
    calibration.run(Design("scaling"), path, replications)


# Sds of the errors of measured optima, in units of the spread of good scores.
ERRORS = np.array([0.02, 0.05, 0.1, 0.05, 0.02, 0.1, 0.05, 0.02])
DRAWS = {"draws": 400, "tune": 500, "chains": 2, "target_accept": 0.95}


class Law:
    """The law of searches at `size` and `data`, whose optima are measured with a known error."""

    def __init__(self, errors: np.ndarray, unit: float, **covariates: np.ndarray) -> None:
        searches = len(errors)
        tails = xr.Dataset(
            {
                # The spread of good scores is then the unit.
                "threshold": ("search", np.full(searches, 2.0 * unit)),
                "tail_scale": ("search", np.full(searches, unit)),
                "least_loss": ("search", np.full(searches, -np.inf)),
                **{name: ("search", own) for name, own in covariates.items()},
            },
            attrs={"loss_sign": 1.0},
        )
        self.covariates, self.errors = covariates, errors
        self.values = scaling.law_data(tails) | {"measured": np.zeros(searches)}
        with pm.Model(coords={"search": range(searches)}) as model:
            data = declare_data(self.values)
            self.mean, self.sd = scaling.optimum_population(data, ll.Priors())
            pm.Deterministic("law_and_smooth", self.mean, dims="search")
            pm.Deterministic("own_sd", self.sd)
            scale = pm.math.sqrt(self.sd**2 + errors**2)
            pm.Normal("optima", self.mean, scale, observed=data["measured"], dims="search")
        self.model = model
        self.compiled = None

    def draw(self, count: int) -> xr.Dataset:
        """Return draws from the prior (draw), with `optima` (search) as they would be measured."""
        found = pm.sample_prior_predictive(count, model=self.model, random_seed=3)
        measured = found["prior_predictive"]["optima"]
        return found["prior"].to_dataset().assign(measured=measured).isel(chain=0)

    def fit(self, measured: np.ndarray, seed: int) -> xr.DataTree:
        sampler = Sampler(**DRAWS)
        if self.compiled is None:
            self.compiled = sampler.compile(self.model)
        return self.compiled.with_data(self.values | {"measured": measured}).sample_carefully(
            seed, seed + 1
        )


def calibrate_law(path: pathlib.Path, replications: int) -> None:
    """Append each replication that `path` lacks."""
    law = Law(ERRORS, 1.0, size=SIZES, data=DATA)
    prior = law.draw(replications)
    done = set(pd.read_csv(path)["replication"]) if path.exists() else set()
    for replication in sorted(set(range(replications)) - done):
        truth = prior.isel(draw=replication)
        drawn = law.fit(truth["measured"].to_numpy(), 10 * replication)
        posterior = drawn["posterior"].to_dataset()
        row = {
            "replication": replication,
            "parameter": PARAMETERS,
            "index": 0,
            "pit": [float((posterior[name] < truth[name]).mean()) for name in PARAMETERS],
            "divergences": int(drawn["sample_stats"]["diverging"].sum()),
        }
        pd.DataFrame(row).to_csv(path, mode="a", header=not path.exists(), index=False)


def bent(replication: int, kind: str) -> np.ndarray:
    """Return optima (search) that follow a law of size, up to its middle or to its end."""
    rng = np.random.default_rng([7, replication])
    x = np.log(KINK_SIZES) - np.log(KINK_SIZES).mean()
    part = 0.4 * np.exp(-np.where(x > 0, EXPONENTS[kind], EXPONENTS["holds"]) * x)
    return 1.5 + part + 0.004 * rng.standard_normal(len(x))


def kink(path: pathlib.Path, replications: int) -> None:
    """Append the p-value of each simulated law, and print how often the check fails."""
    done = set()
    if path.exists():
        done = set(pd.read_csv(path)[["kind", "replication"]].itertuples(index=False, name=None))
    unit = float(np.std(bent(0, "holds")))
    law = Law(np.full(len(KINK_SIZES), KINK_ERROR), unit, size=KINK_SIZES)
    for replication, kind in itertools.product(range(replications), EXPONENTS):
        if (kind, replication) in done:
            continue
        rng = np.random.default_rng([8, replication])
        measured = bent(replication, kind) + KINK_ERROR * rng.standard_normal(len(KINK_SIZES))
        # Around the typical optimum of the model, which is zero.
        shift = measured.mean()
        drawn = law.fit(measured - shift, 10 * replication)["posterior"].to_dataset()
        tree = tree_of_law(drawn, measured - shift, law, rng)
        row = {"kind": kind, "replication": replication, "p_value": smoothness_p_value(tree)}
        row |= {"misfit": float(drawn["misfit"].mean()) / unit}
        pd.DataFrame([row]).to_csv(path, mode="a", header=not path.exists(), index=False)
    table = pd.read_csv(path)
    table["fails"] = table["p_value"] < MIN_P_VALUE
    print(table.groupby("kind")[["p_value", "fails", "misfit"]].mean().round(3).to_string())


def tree_of_law(
    drawn: xr.Dataset, measured: np.ndarray, law: Law, rng: np.random.Generator
) -> xr.DataTree:
    """Return what the check needs of a fit: draws of the optima given those of the law."""
    own, error = drawn["own_sd"] ** 2, xr.DataArray(law.errors**2, dims="search")
    known = own / (own + error)
    mean = drawn["law_and_smooth"] + known * (measured - drawn["law_and_smooth"])
    optimum = mean + np.sqrt(known * error) * rng.standard_normal(mean.shape)
    names = np.array([f"n{place}" for place in range(len(measured))])
    covariates = {name: ("search", value) for name, value in law.covariates.items()}
    groups = {
        "posterior": xr.Dataset({"optimum": optimum.transpose("chain", "draw", "search")}),
        "constant_data": xr.Dataset(covariates),
    }
    groups = {name: group.assign_coords(search=names) for name, group in groups.items()}
    pooled = drawn.drop_dims("search")
    tree = xr.DataTree.from_dict(groups | {"pooled": pooled})
    tree.attrs["direction"] = "minimize"
    return tree


def main() -> None:
    """Run one of the parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=("calibration", "full", "kink"))
    parser.add_argument("--replications", type=int)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("."))
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    if options.part == "kink":
        kink(options.work / "scaling-kink.csv", options.replications or 100)
        return
    path = options.work / f"scaling-{options.part}.csv"
    full = options.part == "full"
    run, usual, draws = (calibrate, 20, calibration.DRAWS) if full else (calibrate_law, 200, 800)
    run(path, options.replications or usual)
    calibration.report(f"scaling-{options.part}", path, path.with_suffix(".png"), draws)


if __name__ == "__main__":
    main()
