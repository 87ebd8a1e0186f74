"""Fits that were stored by an earlier version open, and give the answers that they gave."""

import json
import pathlib

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from pinned import FITS

import leadline as ll
from leadline.inference.read_netcdf import read_netcdf
from leadline.stats.improvements import Improvements

HERE = pathlib.Path(__file__).parent / "data"
RTOL = {"rtol": 1e-6, "atol": 1e-9}


@pytest.fixture(scope="module", params=FITS)
def stored(request):
    answers = json.loads((HERE / f"{request.param}.json").read_text())
    return read_netcdf(HERE / f"{request.param}.nc"), answers


def test_summary_is_unchanged(stored):
    fit, answers = stored
    expected = answers["summary"]
    table = json.loads(ll.summary(fit).to_json(orient="split", double_precision=15))
    table = pd.DataFrame(table["data"], table["index"], table["columns"])
    for name, column in zip(expected["columns"], zip(*expected["data"], strict=True), strict=True):
        if name == "warning":
            # The words of a warning may change; its presence may not.
            assert [bool(text) for text in table[name]] == [bool(text) for text in column]
        elif isinstance(column[0], str):
            assert table[name].tolist() == list(column)
        else:
            np.testing.assert_allclose(
                table[name].astype(float), np.array(column, dtype=float), err_msg=name, **RTOL
            )


def test_forecast_is_unchanged(stored):
    fit, answers = stored
    forecast = ll.forecast(fit, [1, 30], minimum_gain=0.002)
    for name, values in answers["forecast"].items():
        np.testing.assert_allclose(forecast[name], values, err_msg=name, **RTOL)
    best = forecast["best"].mean(("chain", "draw"))
    np.testing.assert_allclose(best, answers["best_mean"], **RTOL)


def test_tuning_curves_are_unchanged(stored):
    fit, answers = stored
    for kind, quantile in (("measured", 0.3), ("expected", 0.5)):
        curve = ll.tuning_curve(fit, [1, 8, 64, 512], kind=kind, quantile=quantile)
        mean = curve.mean(("chain", "draw"))
        np.testing.assert_allclose(mean, answers["curves"][kind], **RTOL)


def _geometric_mean_of_scales(improvements):
    scale = improvements.scale
    return xr.ufuncs.exp(xr.ufuncs.log(scale).mean(str(scale.dims[-1])))


@pytest.mark.parametrize("budget", [None, 30])
def test_comparison_is_unchanged(stored, budget, monkeypatch):
    fit, answers = stored
    if f"compare_{budget}" not in answers:
        return
    # Earlier versions had the geometric mean of the task scales, and not the harmonic one.
    monkeypatch.setattr(Improvements, "_mean_scale", property(_geometric_mean_of_scales))
    found = ll.compare(fit, budget=budget, rope=0.005)
    for name, values in answers[f"compare_{budget}"].items():
        # Earlier versions had no answer for a new task at a budget, and one that ignored the rope.
        if np.isnan(np.array(values, float)).all() or name == "p_best_overall":
            continue
        np.testing.assert_allclose(
            found[name].to_numpy().astype(float), np.array(values, float), err_msg=name, **RTOL
        )
