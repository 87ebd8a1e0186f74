"""The log-density of every structure of model, and its gradient, are those of an earlier version.

`tests/data/densities.npz` holds both at 100 random points per structure. They were stored when the
edge and the noise scale came; `test_independent`, `test_shared_dim` and `test_crossed` compare the
densities with other ways to compute them.
"""

import pathlib

import numpy as np
import pytest
from helpers_models import PYTHON
from pinned import DENSITIES, pinned_trials

from leadline.data.tails import cut_tail, join_tails
from leadline.inference.candidates import space_names
from leadline.inference.reported_searches import with_reports
from leadline.models import best_of_k, crossed, hierarchical, independent
from leadline.models.priors import Priors

STORED = np.load(pathlib.Path(__file__).parent.parent / "data" / "densities.npz")
MODELS = {"single": independent, "hierarchical": hierarchical, "crossed": crossed}


def build(arguments, kind, effective_dim):
    trials = pinned_trials(**arguments)
    priors = Priors(max_effective_dim=3.0)
    spaces = space_names(trials)
    tails = [
        cut_tail(
            trials.search(*pair),
            tail_fraction=0.5,
            min_tail=2,
            max_effective_dim=3.0,
            space=spaces[pair],
        )
        for pair in trials.with_trials
    ]
    tails = with_reports(join_tails(tails), trials, priors)
    if "report" in tails.sizes:
        return best_of_k.build(tails, priors, MODELS[kind])
    return MODELS[kind].build(tails, priors, effective_dim)


# A change of a density is seen at nearly every point, and Python evaluates them slowly.
EVERY = 5
# Building and differentiating takes seconds; these have the parts of all.
QUICK = {
    "single_rounded_replicated_continuous",
    "hierarchical_plain_continuous",
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name not in QUICK)) for name in DENSITIES],
)
def test_log_density_and_gradient_are_unchanged(name):
    model = build(*DENSITIES[name])
    variables = model.free_RVs
    order = [str(known).replace("_departure", "_offset") for known in STORED[f"{name}/order"]]
    assert sorted(variable.name for variable in variables) == sorted(order)
    variables = [model[known] for known in order]
    values = [model.rvs_to_values[variable] for variable in variables]
    outputs = [model.logp(), model.dlogp(vars=variables)]
    evaluate = model.compile_fn(outputs, inputs=values, point_fn=False, mode=PYTHON)
    shapes = [model.eval_rv_shapes()[value.name] for value in values]
    points = [STORED[f"{name}/point/{known}"] for known in STORED[f"{name}/order"]]
    stored = [STORED[f"{name}/{of}"] for of in ("logp", "gradient")]
    for index, (logp, gradient) in list(enumerate(zip(*stored, strict=True)))[::EVERY]:
        at = [point[index].reshape(shape) for point, shape in zip(points, shapes, strict=True)]
        found_logp, found_gradient = evaluate(*at)
        np.testing.assert_allclose(found_logp, logp, rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(found_gradient, gradient, rtol=1e-8, atol=1e-8)
