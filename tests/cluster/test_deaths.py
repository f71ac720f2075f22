"""Workers, schedulers and drivers of a cluster are killed: nothing is lost, and nobody waits for ever."""

import os
import random
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from neuralviews.store.reader import open_store
from neuralviews.store.writer import StoreWriter

from ..made_stores import contents
from .conftest import FEW, MANY
from .dask_processes import ROOT, DaskProcesses, dask_processes, neuralviews, outcome, run, wait_for_shards
from .poison import poisoned

Calm = Callable[[int], dict[str, str]]
SITE = {"PYTHONPATH": str(ROOT)}


def storm(cluster: DaskProcesses, recipe: Path, root: Path, calm: Calm, moments: int, seed: int) -> int:
    """A run whose workers are killed at random moments, and replaced; how many deaths it saw.

    Deaths end before the last shards, where one that always hits the same shard would be its own fault.
    """
    draw = random.Random(seed)
    writers = draw.choice(("workers", "driver"))
    begun = ("generate", recipe, "--limit", MANY, "--out", root, "--writers", writers)
    process = neuralviews(*begun, "--cluster", cluster.file)
    deaths = 0
    for goal in sorted(draw.sample(range(2, 50), moments)):
        if wait_for_shards(root, goal, process):
            for _ in range(draw.choice((1, 1, 2))):
                cluster.kill_worker(draw.randrange(len(cluster.workers)))
                deaths += 1
    code, _, err = outcome(process)
    assert (code, err) == (0, ""), (seed, writers)
    assert contents(root) == calm(MANY), (seed, writers)
    return deaths


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_workers_lose_nothing(
    cluster: DaskProcesses, recipe: Path, calm: Calm, tmp_path: Path, seed: int
) -> None:
    assert storm(cluster, recipe, tmp_path / "store", calm, 4, seed) >= 3


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3, 23))
def test_many_killed_workers_lose_nothing(
    cluster: DaskProcesses, recipe: Path, calm: Calm, tmp_path: Path, seed: int
) -> None:
    assert storm(cluster, recipe, tmp_path / "store", calm, 8, seed) >= 6


def test_a_stalled_worker_only_delays(
    cluster: DaskProcesses, recipe: Path, calm: Calm, tmp_path: Path
) -> None:
    root = tmp_path / "store"
    process = neuralviews("generate", recipe, "--limit", MANY, "--out", root, "--cluster", cluster.file)
    assert wait_for_shards(root, 2, process)
    stalled = cluster.workers[0]
    os.killpg(stalled.pid, signal.SIGSTOP)
    try:
        wait_for_shards(root, 9, process)
    finally:
        os.killpg(stalled.pid, signal.SIGCONT)
    assert outcome(process)[0] == 0
    assert contents(root) == calm(MANY)


def test_a_lost_scheduler_ends_the_run_in_a_line_and_it_resumes(
    recipe: Path, calm: Calm, tmp_path: Path
) -> None:
    root = tmp_path / "store"
    with dask_processes(tmp_path / "dask", 2, environment=SITE) as cluster:
        begun = ("generate", recipe, "--limit", MANY, "--out", root, "--cluster", cluster.file)
        process = neuralviews(*begun)
        assert wait_for_shards(root, 2, process)
        cluster.restart_scheduler()
        code, _, err = outcome(process)
        assert code == 2
        assert err.startswith(f"error: cluster {cluster.address}: the connection to the scheduler was lost; ")
        assert "\n" not in err
        cluster.add_worker()
        cluster.wait_for_workers(1)
        assert run(*begun)[0] == 0
    assert contents(root) == calm(MANY)


def test_a_killed_driver_loses_nothing(
    cluster: DaskProcesses, recipe: Path, calm: Calm, tmp_path: Path
) -> None:
    """Its workers may still be at it when the next run begins."""
    root = tmp_path / "store"
    begun = ("generate", recipe, "--limit", MANY, "--out", root, "--cluster", cluster.file)
    for goal in (1, 4):
        process = neuralviews(*begun)
        assert wait_for_shards(root, goal, process)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    assert run(*begun)[0] == 0
    assert contents(root) == calm(MANY)


@pytest.mark.parametrize(
    ("options", "writers"),
    [((), "driver"), pytest.param(("--no-nanny",), "workers", marks=pytest.mark.long)],
    ids=["nanny", "no nanny"],
)
def test_shards_that_kill_every_worker_are_left_out_and_told(
    recipe: Path, calm: Calm, tmp_path: Path, options: tuple[str, ...], writers: str
) -> None:
    """Two of them, so more deaths than Dask allows a call; joblib's own backend waits for ever then."""
    root, site = tmp_path / "store", poisoned(tmp_path / "site", 17, 42)
    begun = ("generate", recipe, "--limit", FEW, "--out", root, "--writers", writers)
    over = threading.Event()
    with dask_processes(tmp_path / "dask", 2, environment=site, options=options) as cluster:

        def look_after() -> None:
            while not over.wait(0.05):
                cluster.replace_the_dead()

        replacing = threading.Thread(target=look_after)
        replacing.start()
        try:
            code, out, err = run(*begun, "--cluster", cluster.file)
        finally:
            over.set()
            replacing.join()
    assert (code, out) == (3, "")
    assert err.startswith(
        f"error: {root}: left out 2 shards, as a worker died of each of them time and again"
    )
    assert "shard 2 (records 16 to 23, objects " in err
    assert "shard 5 (records 40 to 47, objects " in err
    assert "\n" not in err
    assert StoreWriter.open(root).missing() == [2, 5]
    code, out, _ = run(*begun[:-2], "--workers", 1)
    assert (code, "complete, 16 fields fitted now" in out) == (0, True)
    assert contents(root) == calm(FEW)
    assert len(open_store(root)) == 2 * FEW
