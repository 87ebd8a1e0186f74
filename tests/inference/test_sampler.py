"""Runs with divergences are repeated, and an interrupted run is none."""

import types

import numpy as np
import nutpie
import pytest
import xarray as xr

from leadline.inference.progress import Progress
from leadline.inference.sampler import CompiledModel, Sampler


class Drawn(CompiledModel):
    """Returns draws with given numbers of divergences, by target acceptance."""

    DIVERGENCES = {}

    def sample(self, seed):
        accept = self.sampler.options.get("target_accept", self.sampler.target_accept)
        diverging = np.arange(50) < self.DIVERGENCES[accept]
        statistics = xr.Dataset({"diverging": (("chain", "draw"), diverging[np.newaxis])})
        return xr.DataTree.from_dict({"sample_stats": statistics})


@pytest.mark.parametrize(
    ("first", "second", "options", "kept", "discarded", "accept"),
    [
        (0, None, {}, 0, 0, 0.95),
        (5, 2, {}, 2, 5, 0.99),
        (5, 5, {}, 5, 5, 0.95),
        (5, None, {"target_accept": 0.95}, 5, 0, 0.95),
    ],
)
def test_the_run_with_fewer_divergences_is_kept(
    monkeypatch, first, second, options, kept, discarded, accept
):
    monkeypatch.setattr(Drawn, "DIVERGENCES", {0.95: first, 0.99: second})
    progress = Progress()
    sampler = Sampler(progress=progress, options=options)
    drawn = Drawn(sampler, None, None).sample_carefully(1, 2)
    assert int(drawn["sample_stats"]["diverging"].sum()) == kept
    assert drawn.attrs["discarded_divergences"] == discarded
    assert drawn.attrs["target_accept"] == accept
    assert progress.divergences == first + (second or 0)


def test_runs_are_repeated_until_one_has_no_divergences():
    made = []

    class Runs(Drawn):
        def sample(self, seed):
            made.append(seed)
            type(self).DIVERGENCES = dict.fromkeys((0.95, 0.99), {1: 4, 2: 6, 3: 0, 4: 0}[seed])
            return super().sample(seed)

    drawn = Runs(Sampler(), None, None).sample_carefully(1, 2, 3, 4)
    assert made == [1, 2, 3]
    assert not drawn["sample_stats"]["diverging"].any()
    assert drawn.attrs == {"discarded_divergences": 6, "target_accept": 0.99}


def test_an_interrupted_run_is_cancelled(monkeypatch):
    cancelled = []

    def wait():
        raise KeyboardInterrupt

    def sample(compiled, *, blocking, progress_bar, **options):
        assert not blocking
        assert not progress_bar
        return types.SimpleNamespace(wait=wait, cancel=lambda: cancelled.append(True))

    monkeypatch.setattr(nutpie, "sample", sample)
    with pytest.raises(KeyboardInterrupt):
        CompiledModel(Sampler(), None, object()).sample(1)
    assert cancelled == [True]
