"""Many searches on a real Dask cluster of two processes; a worker that is killed loses nothing."""

import os
import signal
import threading
import time

import pytest
import xarray as xr
from helpers import make_trials

import leadline as ll

distributed = pytest.importorskip("distributed")

pytestmark = [
    pytest.mark.slow,
    # Of Dask and of sockets that its processes close late.
    pytest.mark.filterwarnings("ignore"),
]

PAIRS = tuple((f"t{number}", "mlp") for number in range(4))
TRIALS = make_trials(n=100, n_failed=2, searches=PAIRS)
OPTIONS = {"tail_fraction": 0.5, "draws": 500, "random_seed": 3, "progressbar": False}


@pytest.fixture(scope="module")
def here():
    return ll.fit_many(TRIALS, **OPTIONS)


@pytest.fixture
def client():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def assert_same(fits, expected):
    assert sorted(fits) == sorted(expected)
    for pair in expected:
        for group in ("posterior", "candidates"):
            xr.testing.assert_equal(
                fits[pair][group].to_dataset(), expected[pair][group].to_dataset()
            )


def test_a_cluster_gives_the_numbers_of_one_process_also_if_a_worker_is_killed(
    here, client, tmp_path
):
    killed = []

    def kill_one():
        index = tmp_path / "index.csv"
        while not index.exists() or len(index.read_text().splitlines()) < 2:
            time.sleep(0.05)
        pid = next(iter(client.run(os.getpid).values()))
        os.kill(pid, signal.SIGKILL)
        killed.append(pid)

    killer = threading.Thread(target=kill_one)
    killer.start()
    fits = ll.fit_many(TRIALS, executor=client, folder=tmp_path, **OPTIONS)
    killer.join()
    assert killed
    assert_same(fits, here)
    assert (fits.table["status"] == "fitted").all()
    # A second run has nothing to do.
    began = (tmp_path / "index.csv").read_text()
    ll.fit_many(TRIALS, executor=client, folder=tmp_path, **OPTIONS)
    assert (tmp_path / "index.csv").read_text() == began
