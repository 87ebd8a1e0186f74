"""Make the pinned fits and log-densities; run once, at commit 54bbcfb, before the code moved."""

import json
import pathlib
import sys

import numpy as np
from pytensor.compile.mode import get_mode

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from pinned import DENSITIES, FITS, SETTINGS, pinned_trials  # noqa: E402

import leadline as ll  # noqa: E402
from leadline.fit import space_labels  # noqa: E402
from leadline.joint_fitter import MODELS, _reports_of  # noqa: E402
from leadline.models import best_of_k, several, shared_dim, single  # noqa: E402
from leadline.candidates import candidates_of, scales_of  # noqa: E402
from leadline.reported_searches import reported_searches  # noqa: E402
from leadline.priors import Priors  # noqa: E402

POINTS = 100


def model_of(arguments, kind, effective_dim):
    trials = pinned_trials(**arguments)
    priors = Priors(max_effective_dim=3.0)
    candidates = [
        candidates_of(
            one := trials.search(*pair),
            priors,
            scales_of(one, "identity", trials.reports),
            {0.5: 1.0},
            threshold=None,
            resolution=None,
        )
        for pair in trials.with_trials
    ]
    if kind == "single":
        search = candidates[0][0][0].search
        return single.build(
            search.regime, search.max_effective_dim, search.sign, priors, effective_dim
        )
    labels = space_labels(trials)
    reported = reported_searches(trials, [space for space, _, _ in labels], candidates, priors)
    chosen = [one[0][0] for one in candidates]
    chosen = [*chosen, *(one.borrow(chosen) for one in reported)]
    names = [list(dict.fromkeys(part)) for part in zip(*labels, strict=True)]
    searches = [
        several.Search(
            one.search.regime,
            one.search.max_effective_dim,
            *(known.index(name) for known, name in zip(names, label, strict=True)),
        )
        for one, label in zip(chosen, labels, strict=True)
    ]
    reports = _reports_of([one.search for one in chosen])
    if reports:
        return best_of_k.build(searches, reports, 1.0, priors, MODELS[kind])
    return MODELS[kind].build(searches, 1.0, priors, effective_dim)


def make_densities():
    stored = {}
    for name, (arguments, kind, effective_dim) in DENSITIES.items():
        model = model_of(arguments, kind, effective_dim)
        values = [model.rvs_to_values[variable] for variable in model.free_RVs]
        outputs = [model.logp(), model.dlogp(vars=model.free_RVs)]
        # Python mode compiles at once; one structure has a sum of too many terms for it.
        mode = None if name == "crossed_reports" else "FAST_COMPILE"
        if mode:
            mode = get_mode(mode).excluding("fusion")
        evaluate = model.compile_fn(outputs, inputs=values, point_fn=False, mode=mode)
        start = model.initial_point(random_seed=1)
        rng = np.random.default_rng(3)
        points, logps, gradients = [], [], []
        tries = 0
        while len(points) < POINTS:
            tries += 1
            assert tries < 20 * POINTS, (name, logp, gradient)
            point = [
                start[v.name] + 0.4 * rng.standard_normal(np.shape(start[v.name])) for v in values
            ]
            logp, gradient = evaluate(*point)
            if np.isfinite(logp) and np.isfinite(gradient).all():
                points.append(point)
                logps.append(logp)
                gradients.append(gradient)
        names = [variable.name for variable in model.free_RVs]
        for place, variable in enumerate(names):
            stored[f"{name}/point/{variable}"] = np.array([point[place] for point in points])
        stored[f"{name}/logp"] = np.array(logps)
        stored[f"{name}/order"] = np.array(names)
        stored[f"{name}/gradient"] = np.array(gradients)
        print(name, names, min(logps), max(logps), flush=True)
    np.savez_compressed(HERE / "densities.npz", **stored)


def answers(fit):
    summary = ll.summary(fit)
    forecast = ll.forecast(fit, [1, 30], minimum_gain=0.002)
    result = {
        "summary": json.loads(summary.to_json(orient="split", double_precision=15)),
        "forecast": {
            name: forecast[name].to_numpy().tolist()
            for name in (
                "p_gain",
                "gain_mean",
                "expected_gain_mean",
                "best_seen",
                "best_seen_expected",
            )
        },
        "best_mean": forecast["best"].mean(("chain", "draw")).to_numpy().tolist(),
        "curves": {
            kind: ll.tuning_curve(fit, [1, 8, 64, 512], kind=kind, quantile=q)
            .mean(("chain", "draw"))
            .to_numpy()
            .tolist()
            for kind, q in (("measured", 0.3), ("expected", 0.5))
        },
    }
    models = np.unique(fit["posterior"]["model"].values)
    if len(models) > 1:
        for budget in (None, 30):
            found = ll.compare(fit, budget=budget, rope=0.005)
            result[f"compare_{budget}"] = {
                name: found[name].to_numpy().tolist() for name in found.data_vars
            }
    return result


def make_fits():
    for name, (arguments, options) in FITS.items():
        fit = ll.fit(pinned_trials(**arguments), **(SETTINGS | options))
        path = HERE / f"{name}.nc"
        encoding = {
            f"/{group}": {
                v: {"zlib": True, "complevel": 9}
                for v, a in node.dataset.data_vars.items()
                if a.dtype.kind == "f" and a.ndim
            }
            for group, node in fit.children.items()
        }
        fit.to_netcdf(path, engine="h5netcdf", encoding=encoding)
        import xarray

        found = answers(xarray.open_datatree(path))
        (HERE / f"{name}.json").write_text(json.dumps(found))
        print(name, path.stat().st_size, flush=True)


if __name__ == "__main__":
    make_densities() if "densities" in sys.argv else make_fits()
