"""Reference values of the kernel with mpmath, and the points where they are compared."""

import itertools
from typing import NamedTuple

import mpmath as mp
import numpy as np
import pytensor
import pytensor.tensor as pt

from leadline.distributions.kernels import noisy_quadratic
from leadline.distributions.partial_moment import ops

DIGITS = 50
# exp(-75) = 3e-33 of an integral is cut off at either end.
_DROP = 75
_PANELS = 8
_NODES_PER_PANEL = 32


def _gauss_nodes() -> list[tuple[mp.mpf, mp.mpf]]:
    """Return Gauss-Legendre nodes and weights on [0, 1] with `DIGITS` digits."""
    n, nodes = _NODES_PER_PANEL, []
    for start in np.polynomial.legendre.leggauss(n)[0]:
        x = mp.findroot(lambda x: mp.legendre(n, x), mp.mpf(start))
        slope = n * mp.legendre(n - 1, x) / (1 - x * x)
        nodes.append(((1 + x) / 2, 1 / ((1 - x * x) * slope**2)))
    return nodes


with mp.workdps(DIGITS):
    _GAUSS = _gauss_nodes()
    _INVERSE_SQRT_2PI = 1 / mp.sqrt(2 * mp.pi)


class Reference(NamedTuple):
    """Log J and both log-tails, each a value and its partials in (w, k, lam), rounded to doubles.

    Concatenated, they are the columns of `reference.npy` behind (w, k, lam).
    """

    log_moment: np.ndarray
    log_below: np.ndarray
    log_above: np.ndarray


def _panels(w: mp.mpf, k: mp.mpf, lam: mp.mpf) -> tuple[list[mp.mpf], bool]:
    """Return the edges of panels over the window of t^k phi(t - w) dt/t, in log t if not clear."""
    root = mp.sqrt(w * w + 4 * k)
    peak = (root + w) / 2 if w > 0 else 2 * k / (root - w)
    top = min(peak, lam)
    slope = max(k / top + w - top, mp.mpf(0))
    below = 2 * _DROP / (slope + mp.sqrt(slope**2 + 2 * (1 + k / top**2) * _DROP))
    above = mp.sqrt(2 * _DROP)
    for _ in range(6):
        drop = _DROP + k * mp.log(1 + above / peak) - above * (peak - w) - above**2 / 2
        above -= drop / (k / (peak + above) - (peak - w) - above)
    end = min(lam, peak + above)
    if top - below > top / 1000:
        start = top - below
        return [start + (end - start) * i / _PANELS for i in range(_PANELS + 1)], True
    edges, width = [mp.log(end)], mp.mpf("0.2")
    low = mp.log(top) - (_DROP + 20) / min(k, 1)
    while edges[-1] > low:
        edges.append(edges[-1] - width)
        width = min(width * mp.mpf("1.3"), 10 / k) if len(edges) > 8 else width
    return edges[::-1], False


def _integrals(w: mp.mpf, k: mp.mpf, lam: mp.mpf, window_k: mp.mpf, functions) -> list[mp.mpf]:  # type: ignore[no-untyped-def]
    edges, clear = _panels(w, window_k, lam)
    totals = [mp.mpf(0)] * len(functions)
    for left, right in itertools.pairwise(edges):
        for x, weight in _GAUSS:
            at = left + (right - left) * x
            t = at if clear else mp.exp(at)
            log_t = mp.log(t) if clear else at
            density = mp.exp(-((w - t) ** 2) / 2) * _INVERSE_SQRT_2PI
            measure = weight * (right - left) * density * (1 if clear else t)
            power = mp.exp((k - 1) * log_t)
            for i, function in enumerate(functions):
                totals[i] += measure * function(t, log_t, power)
    return totals


def reference(w: float, k: float, lam: float) -> Reference:
    """Return the exact values at one point."""
    with mp.workdps(DIGITS):
        w, k, lam = mp.mpf(w), mp.mpf(k), mp.mpf(lam)
        functions = [
            lambda t, log_t, power: power,
            lambda t, log_t, power: (t - w) * power,
            lambda t, log_t, power: log_t * power,
            lambda t, log_t, power: t * power,
            lambda t, log_t, power: (log_t - mp.log(lam)) * t * power,
        ]
        moment, *others, moment_next, log_next = _integrals(w, k, lam, k, functions)
        scale = lam**-k
        below = mp.ncdf(w - lam) + scale * moment_next
        if below < 0.5:
            log_below, log_above, above = mp.log(below), mp.log1p(-below), 1 - below
        else:
            # 1 - below might be rounding error only; this is a sum of positive terms.
            survival = [lambda t, log_t, power: 1 - power * t * scale]
            above = _integrals(w, k, lam, mp.mpf(1), survival)[0] + mp.ncdf(-w)
            log_below, log_above = mp.log1p(-above), mp.log(above)
        partials = (k * scale * moment, scale * log_next, -k / lam * scale * moment_next)
        limit = lam ** (k - 1) * mp.npdf(w - lam)
        rows = [
            [mp.log(moment), *(integral / moment for integral in (*others, limit))],
            [log_below, *(partial / below for partial in partials)],
            [log_above, *(-partial / above for partial in partials)],
        ]
        return Reference(*np.array(rows, dtype=float))


def log_moment_hessian(w: float, k: float, lam: float) -> np.ndarray:
    """Return the exact second derivatives of log J in (w, k, lam).

    Those in w and k are covariances of t − w and log t under the integrand. Those in lam follow
    from the first one, the integrand at lam over the integral.
    """
    with mp.workdps(DIGITS):
        w, k, lam = mp.mpf(w), mp.mpf(k), mp.mpf(lam)
        functions = [
            lambda t, log_t, power: power,
            lambda t, log_t, power: (t - w) * power,
            lambda t, log_t, power: log_t * power,
            lambda t, log_t, power: (t - w) ** 2 * power,
            lambda t, log_t, power: (t - w) * log_t * power,
            lambda t, log_t, power: log_t**2 * power,
        ]
        total, *moments = _integrals(w, k, lam, k, functions)
        offset, log_mean, offset_2, cross, log_2 = (moment / total for moment in moments)
        edge = lam ** (k - 1) * mp.npdf(w - lam) / total
        by_w_lam = edge * (lam - w - offset)
        by_k_lam = edge * (mp.log(lam) - log_mean)
        by_lam = edge * ((k - 1) / lam + w - lam - edge)
        by_w_k = cross - offset * log_mean
        rows = [
            # The density of the noise itself has the second derivative −1.
            [offset_2 - offset**2 - 1, by_w_k, by_w_lam],
            [by_w_k, log_2 - log_mean**2, by_k_lam],
            [by_w_lam, by_k_lam, by_lam],
        ]
        return np.array(rows, dtype=float)


def random_points(count: int, seed: int) -> np.ndarray:
    """Return random w, k, lam, shape (point, 3), with gamma = 2k in [0.3, 20].

    Three eighths of the points lie near the optimum and a quarter near the upper limit, where the
    regimes of the kernel meet. The others lie far below, in between, and far out.
    """
    rng = np.random.default_rng(seed)
    k = np.exp(rng.uniform(np.log(0.15), np.log(10.0), count))
    lam = 10.0 ** rng.uniform(-2.0, 6.0, count)
    kind = rng.integers(0, 8, count)
    near, below = rng.uniform(-10.0, 20.0, count), rng.uniform(-60.0, 0.0, count)
    between, beyond = rng.uniform(0.0, 1.2, count), rng.uniform(-12.0, 8.0, count)
    kinds = [kind < 3, kind == 3, kind == 4, kind < 7]
    far = 10.0 ** rng.uniform(0.0, 4.0, count)
    w = np.select(kinds, [near, below, lam * between, lam + beyond], far)
    return np.column_stack([np.clip(w, -60.0, 1e4), k, lam])


def boundary_points(step: float) -> np.ndarray:
    """Return points `step` (relative) to either side of every regime boundary, in pairs."""
    pairs = []
    ks = (0.15, 0.3, 0.5, 0.7, 1.0, 1.5, 2.5, 4.0, 7.0, 10.0)

    def across(axis: int, at: float, w: float, k: float, lam: float) -> None:
        for side in (-step, step):
            point = [w, k, lam]
            point[axis] = at + side * max(abs(at), 1.0)
            pairs.append(point)

    for k in ks:
        for lam in (0.05, 0.9, 3.0, 14.0, 21.5, 40.0, 1e3, 1e6):
            for w in (-8.0, -3.25, 0.0, 5.75, 12.0, 12.25):
                across(0, w, w, k, lam)
            for c in (20.0, 9.0, 0.5, 0.0, -2.0, -9.0, -40.0 / lam):
                across(0, lam - c, 0.0, k, lam)
            for margin in (8.5, 9.0):
                across(0, lam - margin - max(k - 1.0, 0.0) ** 0.5, 0.0, k, lam)
                across(0, lam - margin - k**0.5, 0.0, k, lam)
        for w in (-3.0, 0.3, 5.0):
            across(2, 1.0, w, k, 1.0)
            across(2, 17.2, w + 12.0, k, 17.2)
            across(2, 10.0, w + 7.0, k, 10.0)
    for w in (-7.0, -1.0, 2.4, 6.0, 11.9):
        for lam in (1.5, 6.0, 13.0, 30.0, 1e4):
            for k in (0.5, 12.0, 11.0):
                across(1, k, w, k, lam)
    points = np.array(pairs)
    keep = ((points[:, 0] >= -60.0) & (points[:, 0] <= 1e4)).reshape(-1, 2).all(axis=1)
    return points[np.repeat(keep, 2)]


def values_and_gradients(grid: np.ndarray, convex: bool) -> list[np.ndarray]:
    """Return value and gradient in (y, beta − alpha, gamma) of logpdf, logcdf, logsf: 12 arrays.

    At sigma = 1 with the optimum at 0, so that scores are w, or −w when not `convex`.
    """
    y, spread, gamma = pt.dvectors("y", "spread", "gamma")
    ends = (0.0, spread) if convex else (-spread, 0.0)
    outputs = []
    for function in (noisy_quadratic.logpdf, noisy_quadratic.logcdf, noisy_quadratic.logsf):
        value = function(y, *ends, gamma, 1.0, convex=convex)
        outputs += [value, *pytensor.grad(value.sum(), [y, spread, gamma])]
    w, k, lam = grid.T
    return pytensor.function([y, spread, gamma], outputs)(w if convex else -w, lam, 2.0 * k)


def relative_errors(grid: np.ndarray, exact: np.ndarray, convex: bool) -> dict[str, np.ndarray]:
    """Return relative errors, shape (point,), of the three logarithms and their gradients.

    Errors of the log-density and its gradient, which cross 0, are relative to the larger of the
    exact value and 1. `exact` has the columns of a concatenated `Reference`.
    """
    _, k, lam = grid.T
    sign = 1.0 if convex else -1.0
    density = exact[:, :4].copy()
    density[:, 0] += np.log(k) - k * np.log(lam)
    density[:, 2] += 1.0 / k - np.log(lam)
    density[:, 3] -= k / lam
    tails = [exact[:, 4:8], exact[:, 8:12]][:: 1 if convex else -1]
    values = np.array(values_and_gradients(grid, convex)).reshape(3, 4, -1)
    errors = {}
    for name, truth, actual in zip(
        ("logpdf", "logcdf", "logsf"), (density, *tails), values, strict=True
    ):
        # From (w, k, lam) to (y, beta − alpha, gamma).
        truth = (truth[:, [0, 1, 3, 2]] * [1.0, sign, 1.0, 0.5]).T
        floor = 1.0 if name == "logpdf" else 1e-290
        error = np.abs(actual - truth) / np.maximum(np.abs(truth), floor)
        parts = ("", " by score", " by beta - alpha", " by gamma")
        errors |= {name + part: values for part, values in zip(parts, error, strict=True)}
    return errors


def boundary_jumps(step: float) -> dict[str, float]:
    """Return the largest change of each output of the kernel across a regime boundary.

    Changes are relative to the larger of the value and 1. For a small enough `step` the function
    itself changes by less than any jump of interest.
    """
    inputs = pt.dvectors("w", "k", "lam")
    outputs = [*ops.LOG_PARTIAL_MOMENT(*inputs), *ops.LOG_TAILS(*inputs)[:2]]
    values = pytensor.function(inputs, outputs)(*boundary_points(step).T)
    names = ("log J", "dlog J/dw", "dlog J/dk", "dlog J/dlam", "log F", "log S")
    jumps = {}
    for name, value in zip(names, values, strict=True):
        below, above = value.reshape(-1, 2).T
        jumps[name] = float(np.max(np.abs(above - below) / np.maximum(np.abs(below), 1.0)))
    return jumps
