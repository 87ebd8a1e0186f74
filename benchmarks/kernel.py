"""Measure the accuracy and speed of the kernel and print every figure of its targets.

    python benchmarks/kernel.py accuracy [--points 5000] [--processes 2]   # about 10 minutes
    python benchmarks/kernel.py speed                                      # about 1 minute
    python benchmarks/kernel.py compile                                    # about 1 minute

`accuracy` compares with mpmath (50 digits) at random points and at every regime boundary, in both
directions. `speed` times value and gradient of 100,000 observations, those of PyMC's ExGaussian,
and opda's density. `compile` times a small model through nutpie with an empty and with a filled
cache.
"""

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

SPEED_ROUNDS = 25
OBSERVATIONS = 100_000


def _reference_row(point: tuple[float, float, float]) -> np.ndarray:
    import helpers_kernels

    return np.concatenate(helpers_kernels.reference(*point))


def measure_accuracy(points: int, processes: int, reference: Path | None) -> None:
    """Print the largest errors of the density, both tails and their gradients."""
    import helpers_kernels

    if reference is not None and reference.exists():
        saved = np.load(reference)
        grid, exact = saved[:, :3], saved[:, 3:]
    else:
        boundary = helpers_kernels.boundary_points(1e-9)[::2]
        grid = np.concatenate([helpers_kernels.random_points(points, seed=7), boundary])
        with multiprocessing.Pool(processes) as pool:
            exact = np.array(pool.map(_reference_row, [tuple(p) for p in grid], chunksize=20))
        if reference is not None:
            np.save(reference, np.column_stack([grid, exact]))
    print(
        f"{len(grid)} points, gamma = 2k in [{2 * grid[:, 1].min():.2f}, "
        f"{2 * grid[:, 1].max():.2f}], w in [{grid[:, 0].min():.0f}, {grid[:, 0].max():.0f}], "
        f"lam in [{grid[:, 2].min():.2g}, {grid[:, 2].max():.2g}]"
    )
    for convex in (True, False):
        print(f"\n{'minimise' if convex else 'maximise'}: largest relative error, at (w, k, lam)")
        for name, error in helpers_kernels.relative_errors(grid, exact, convex).items():
            worst = int(np.argmax(error))
            at = ", ".join(f"{x:.6g}" for x in grid[worst])
            print(f"  {name:28s} {error[worst]:.1e}  at ({at})")

    print("\njump across regime boundaries, a few ulp to either side")
    for name, jump in helpers_kernels.boundary_jumps(1e-15).items():
        print(f"  {name:28s} {jump:.1e}")


def _median_times(
    functions: dict[str, Callable[[], object]],
    rounds: int = SPEED_ROUNDS,
    observations: int = OBSERVATIONS,
    calls: int = 1,
) -> dict[str, float]:
    """Return nanoseconds of thread time per observation; the calls of the functions alternate.

    Thread time counts other processes only through the caches and the memory they share. Each timed
    call follows an untimed call of the same function, so that it finds the heap as it leaves it.
    """
    times: dict[str, list[float]] = {name: [] for name in functions}
    for function in functions.values():
        function()
    for _ in range(rounds):
        for name, function in functions.items():
            function()
            start = time.thread_time()
            for _ in range(calls):
                function()
            times[name].append(time.thread_time() - start)
    return {name: float(np.median(t)) / (calls * observations) * 1e9 for name, t in times.items()}


def measure_speed() -> None:
    """Print the times of value and gradient, of ExGaussian's, and of opda's density."""
    import opda.parametric
    import pymc as pm
    import pytensor
    import pytensor.tensor as pt

    from leadline.distributions.kernels import noisy_quadratic

    def compiled(log_density: pt.TensorVariable, inputs: list) -> Callable:
        total = log_density.sum()
        outputs = [total, *pytensor.grad(total, inputs[1:])]
        return pytensor.function(inputs, outputs, trust_input=True)

    y = pt.dvector("y")
    params = [pt.dscalar(name) for name in ("alpha", "beta", "gamma", "sigma")]
    ours = compiled(noisy_quadratic.logpdf(y, *params), [y, *params])
    mu, sigma, nu = pt.dscalars("mu", "sigma", "nu")
    theirs = compiled(pm.logp(pm.ExGaussian.dist(mu=mu, sigma=sigma, nu=nu), y), [y, mu, sigma, nu])

    rng = np.random.default_rng(0)
    one, zero = np.array(1.0), np.array(0.0)
    normal = rng.normal(size=OBSERVATIONS)
    ex_gaussian = normal + rng.exponential(size=OBSERVATIONS)
    print("ns per observation, value and gradient; in brackets relative to ExGaussian")
    print(f"{'gamma':>6} {'lam':>5} {'ExGaussian':>11} {'below 30 %':>15} {'all':>15}")
    for gamma in (1.0, 2.0, 3.0, 6.0):
        for lam in (10.0, 20.0, 50.0, 200.0):
            scores = rng.random(OBSERVATIONS) ** (2.0 / gamma) + normal / lam
            tail = np.resize(scores[scores < np.quantile(scores, 0.3)], OBSERVATIONS)
            arguments = [zero, one, np.array(gamma), np.array(1.0 / lam)]
            ns = _median_times(
                {
                    "ex": lambda: theirs(ex_gaussian, zero, one, one),
                    "tail": lambda t=tail, a=arguments: ours(t, *a),
                    "all": lambda s=scores, a=arguments: ours(s, *a),
                }
            )
            print(
                f"{gamma:6.0f} {lam:5.0f} {ns['ex']:11.0f} "
                f"{ns['tail']:7.0f} ({ns['tail'] / ns['ex']:4.2f}) "
                f"{ns['all']:7.0f} ({ns['all'] / ns['ex']:4.2f})"
            )

    print("\nat the sizes of real searches, scores below 30 %: us per call (ExGaussian's)")
    for observations in (30, 100, 300):
        row = []
        for gamma, lam in ((1.5, 100.0), (2.0, 30.0), (3.0, 10.0)):
            scores = rng.random(observations * 4) ** (2.0 / gamma)
            scores += rng.normal(size=scores.size) / lam
            tail = np.resize(scores[scores < np.quantile(scores, 0.3)], observations)
            arguments = [zero, one, np.array(gamma), np.array(1.0 / lam)]
            ns = _median_times(
                {
                    "ex": lambda s=ex_gaussian[:observations]: theirs(s, zero, one, one),
                    "tail": lambda t=tail, a=arguments: ours(t, *a),
                },
                observations=observations,
                calls=300,
            )
            us = {name: time * observations * 1e-3 for name, time in ns.items()}
            row.append(f"gamma {gamma}, lam {lam:.0f}: {us['tail']:.1f} ({us['ex']:.1f})")
        print(f"  {observations:4d} scores: " + "; ".join(row))

    print("\nopda's density beside our density with its gradient")
    density = pytensor.function([y, *params], noisy_quadratic.logpdf(y, *params), trust_input=True)
    for gamma in (1, 3):
        for lam in (20.0, 50.0, 200.0):
            opda_distribution = opda.parametric.NoisyQuadraticDistribution(
                0.0, 1.0, gamma, 1.0 / lam, convex=True
            )
            scores = rng.random(OBSERVATIONS) ** (2.0 / gamma) + normal / lam
            arguments = [zero, one, np.array(float(gamma)), np.array(1.0 / lam)]
            times = {
                "ours": lambda s=scores, a=arguments: ours(s, *a),
                "opda": lambda s=scores, d=opda_distribution: d.pdf(s),
            }
            ns = _median_times(times, rounds=5)
            # Densities of at least 1e-3 of the peak: opda's is orders off farther out.
            grid = np.linspace(-5.0 / lam, 1.0 + 5.0 / lam, 300)
            exact = np.exp([_exact_log_density(x, gamma, lam) for x in grid])
            seen = exact > 1e-3 * exact.max()
            grid, exact = grid[seen], exact[seen]
            error = {
                "ours": np.abs(np.exp(density(grid, *arguments)) / exact - 1.0).max(),
                "opda": np.abs(opda_distribution.pdf(grid) / exact - 1.0).max(),
            }
            print(
                f"  gamma {gamma}, lam {lam:.0f}: {ns['opda'] / ns['ours']:.0f} times faster "
                f"({ns['opda']:.0f} and {ns['ours']:.0f} ns); "
                f"relative error {error['opda']:.1e} and {error['ours']:.1e}"
            )


def _exact_log_density(x: float, gamma: float, lam: float) -> float:
    import helpers_kernels

    k = 0.5 * gamma
    log_moment = helpers_kernels.reference(x * lam, k, lam).log_moment[0]
    return np.log(k * lam) - k * np.log(lam) + log_moment


_COMPILE = """
import time; start = time.perf_counter()
import numpy as np, pymc as pm, pytensor.tensor as pt, nutpie
import {extra}
imported = time.perf_counter()
rng = np.random.default_rng(0)
y = 0.3 + 0.4 * rng.random(60) ** 0.8 + 0.02 * rng.normal(size=60)
with pm.Model() as model:
    scores = pm.Data("scores", y)
    a = pm.Normal("a", 0.3, 0.1); g = pm.LogNormal("g", 0.0, 1.0); s = pm.HalfNormal("s", 0.1)
    {likelihood}
compiled = nutpie.compile_pymc_model(model)
done = time.perf_counter()
print(f"import {{imported - start:.2f}} s, build and compile {{done - imported:.2f}} s")
"""
_LIKELIHOODS = {
    "Normal": ("numpy", 'pm.Potential("y", pm.logp(pm.Normal.dist(a + g, s), scores).sum())'),
    "ExGaussian": (
        "numpy",
        'pm.Potential("y", pm.logp(pm.ExGaussian.dist(mu=a, sigma=s, nu=g), scores).sum())',
    ),
    "noisy quadratic": (
        "leadline.distributions.kernels.noisy_quadratic as nq",
        'pm.Potential("y", nq.logpdf(scores, a, a + 0.4, g, s).sum() '
        "- 60 * nq.logcdf(0.7, a, a + 0.4, g, s))",
    ),
}


def measure_compile() -> None:
    """Print the times of a model's first and second compilation, each in its own process."""
    for name, (extra, likelihood) in _LIKELIHOODS.items():
        with tempfile.TemporaryDirectory() as folder:
            environment = os.environ | {"PYTENSOR_FLAGS": f"base_compiledir={folder}"}
            script = _COMPILE.format(extra=extra, likelihood=likelihood)
            for state in ("empty cache", "filled cache"):
                result = subprocess.run(
                    [sys.executable, "-c", script], env=environment, capture_output=True, text=True
                )
                if result.returncode:
                    raise RuntimeError(result.stderr)
                print(f"{name:16s} {state:13s} {result.stdout.strip()}")


def main() -> None:
    """Run one of the three measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("measurement", choices=["accuracy", "speed", "compile"])
    parser.add_argument("--points", type=int, default=5000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--reference", type=Path, help="where to keep the mpmath values")
    arguments = parser.parse_args()
    if arguments.measurement == "accuracy":
        measure_accuracy(arguments.points, arguments.processes, arguments.reference)
    elif arguments.measurement == "speed":
        measure_speed()
    else:
        measure_compile()


if __name__ == "__main__":
    main()
