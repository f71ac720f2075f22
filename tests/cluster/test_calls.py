"""Calls in a cluster: whatever Dask does with a call, its end is heard, and it was at work at most once."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from neuralviews.errors import EngineError
from neuralviews.fit.run import RunOptions, generate
from neuralviews.work.backend import Removals
from neuralviews.work.calls import Died, Lost
from neuralviews.work.deaths import run_all
from neuralviews.work.pool import run_calls
from neuralviews.work.process import in_worker
from neuralviews.work.remote import BEGUN
from neuralviews.work.sharing import Sharing

from ..fit.shape_sources import mesh_folder, shape_recipe
from ..made_stores import contents
from .calls import Deadly, Raising, Slow
from .dask_processes import ROOT, DaskProcesses, dask_processes, wait_for


@contextmanager
def replaced(cluster: DaskProcesses) -> Iterator[None]:
    """Workers that end have others in their places."""
    over = threading.Event()

    def look_after() -> None:
        while not over.wait(0.05):
            cluster.replace_the_dead()

    thread = threading.Thread(target=look_after)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("allowed", ["0", "3"])
def test_each_death_is_heard_of_and_no_call_is_at_work_twice(tmp_path: Path, allowed: str) -> None:
    """With 0 allowed, Dask gives each of them up at once: joblib's own backend would wait for ever."""
    site = {"PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": allowed}
    asked = tmp_path / "asked"
    asked.mkdir()
    with dask_processes(tmp_path / "dask", 2, environment=site) as cluster, replaced(cluster):
        with Sharing(cluster=cluster.address).pool() as pool:
            found = dict(run_calls(Deadly(asked, 2, 5), range(8), pool))
            assert {unit for unit, result in found.items() if isinstance(result, Died)} == {2, 5}
            starts = Counter(int(path.name.split("-")[0]) for path in asked.iterdir())
            assert {*starts.values()} == {1}
            # What waited in a worker that died is given up too, where no death is allowed, but not blamed.
            assert all(found[unit] in (unit, Lost()) for unit in {*range(8)} - {2, 5})
            assert allowed == "0" or {*starts} == {*range(8)}
            lost: list[int] = []
            assert dict(run_all(Deadly(asked, 2), [1, 2, 3], pool, lost.append)) == {1: 1, 3: 3}
            assert lost == [2]
        starts = Counter(int(path.name.split("-")[0]) for path in asked.iterdir())
        assert 4 <= starts[2] <= 5  # once above, twice in company, and apart until two were its own


def test_workers_that_are_told_to_go_are_no_deaths(cluster: DaskProcesses, tmp_path: Path) -> None:
    from distributed import Client

    with (
        Client(cluster.address, set_as_default=False) as client,
        Sharing(cluster=cluster.address).pool() as pool,
    ):
        results = run_calls(Slow(tmp_path, seconds=1.0), range(3), pool)
        found = [next(results)]
        wait_for(partial(begun, tmp_path, 3), "the calls at work")
        gone, process = next(iter(client.run(os.getpid).items()))
        client.retire_workers([gone])
        found += [*results]
        wait_for(lambda: len(client.nthreads()) == 2, "the end of a worker")
    cluster.kill_worker([worker.pid for worker in cluster.workers].index(process))
    cluster.wait_for_workers(3)
    assert sorted(unit for unit, _ in found) == [0, 1, 2]
    assert not [result for _, result in found if isinstance(result, Died)]


def begun(folder: Path, count: int) -> bool:
    return len(list(folder.glob("begun-*"))) >= count


def test_no_worker_for_long_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuralviews.work.backend._POLL_SECONDS", 0.1)
    monkeypatch.setattr("neuralviews.work.backend._PATIENCE_SECONDS", 1.0)
    with (
        dask_processes(tmp_path / "dask", 1, environment={"PYTHONPATH": str(ROOT)}) as cluster,
        Sharing(cluster=cluster.address).pool() as pool,
        pytest.raises(EngineError, match=r"the cluster has had no worker for 1 s; start workers, and run"),
    ):
        dict(run_calls(Deadly(tmp_path, 0), [0], pool))


def test_a_scheduler_that_says_nothing_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuralviews.work.backend._POLL_SECONDS", 0.1)
    monkeypatch.setattr("neuralviews.work.backend._ANSWER_SECONDS", 0.2)
    monkeypatch.setattr("neuralviews.work.backend._PATIENCE_SECONDS", 1.0)
    with (
        dask_processes(tmp_path / "dask", 1, environment={"PYTHONPATH": str(ROOT)}) as cluster,
        Sharing(cluster=cluster.address).pool() as pool,
    ):
        results = run_calls(Slow(tmp_path), range(100), pool)
        next(results)
        os.killpg(cluster.scheduler.pid, signal.SIGSTOP)
        with pytest.raises(EngineError, match="the scheduler has not answered for 1 s; look after it"):
            dict(results)


def test_workers_that_join_late_take_their_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuralviews.work.backend._POLL_SECONDS", 0.1)
    with (
        dask_processes(tmp_path / "dask", 1, environment={"PYTHONPATH": str(ROOT)}) as cluster,
        Sharing(cluster=cluster.address).pool() as pool,
    ):
        results = run_calls(Slow(tmp_path, seconds=0.2), range(200), pool)
        next(results)
        for _ in range(4):
            cluster.add_worker()
        with closing(results):
            assert any(beside > 2 for _, beside in results)  # type: ignore[operator]


def test_a_call_that_lacks_memory_counts_as_a_death(cluster: DaskProcesses) -> None:
    with Sharing(cluster=cluster.address).pool() as pool:
        found = dict(run_calls(Raising(MemoryError(), 1), range(3), pool))
        assert found == {0: 0, 1: Died(alone=True), 2: 2}
        with pytest.raises(EngineError, match=r"^worker on [^:]+: \[Errno 5\] of the file system$"):
            dict(run_calls(Raising(OSError(5, "of the file system"), 1), range(3), pool))


class Heard:
    """Stands for a client that hears of events."""

    def __init__(self) -> None:
        self.handlers: dict[str, Any] = {}

    def subscribe_topic(self, topic: str, handler: Any) -> None:
        self.handlers[topic] = handler

    def lose(self, worker: str, *calls: str, expected: bool = False) -> None:
        message = {"action": "remove-worker", "worker": worker, "expected": expected}
        self.handlers["all"]((0.0, {**message, "processing-tasks": {call: {} for call in calls}}))


def test_only_the_worker_in_which_a_call_began_is_held_against_it() -> None:
    client = Heard()
    removals = Removals(client)
    one, other = f"{removals.prefix}1", f"{removals.prefix}2"
    client.lose("a", one, other)  # in which the first had begun, and the second waited
    client.handlers[BEGUN]((0.0, [one, "a"]))
    client.handlers[BEGUN]((0.0, [other, "b"]))
    client.lose("b", other, expected=True)
    assert (removals.of(one), removals.of(other)) == (Died(alone=False), Lost())
    removals.forget(one)
    assert removals.of(one) == Lost()


def test_what_a_call_raises_ends_all_and_names_its_host(cluster: DaskProcesses) -> None:
    with Sharing(cluster=cluster.address).pool() as pool:
        with pytest.raises(ZeroDivisionError):
            dict(run_calls((1).__floordiv__, [1, 0, 2], pool))
        with pytest.raises(EngineError, match=r"^worker on [^:]+: device: found ' '"):
            dict(run_calls(partial(refused, " "), [1], pool))
        assert dict(run_calls(knows_it, [1], pool)) == {1: True}  # and goes on to work


def refused(device: str, unit: int) -> int:
    from neuralviews.field import FieldSpec
    from neuralviews.fit.engine import Budget
    from neuralviews.fit.registry import get_engine

    get_engine("cpu", FieldSpec([2, 4, 1]), Budget(1, 1e-3), device)
    return unit


def knows_it(unit: int) -> bool:
    return in_worker()


def test_shapes_are_measured_and_fitted_by_a_cluster(cluster: DaskProcesses, tmp_path: Path) -> None:
    recipe, meshes = shape_recipe(views=2, store={"rows_per_shard": 2}), mesh_folder(tmp_path / "meshes")
    generate(recipe, tmp_path / "one", RunOptions(meshes))
    generate(recipe, tmp_path / "two", RunOptions(meshes, cluster=str(cluster.file)))
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert contents(tmp_path / "one.samples") == contents(tmp_path / "two.samples")
