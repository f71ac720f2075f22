"""Stores made by a cluster are those that one process makes, whoever writes them."""

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from neuralviews.store.reader import open_store
from neuralviews.work.pool import run_calls
from neuralviews.work.sharing import Sharing

from ..made_stores import contents, make_store
from .calls import Slow
from .conftest import FEW, MANY
from .dask_processes import DaskProcesses, neuralviews, outcome, run, wait_for, wait_for_shards

Calm = Callable[[int], dict[str, str]]


@pytest.mark.parametrize("writers", ["workers", "driver"])
def test_a_cluster_makes_the_same_bytes(
    cluster: DaskProcesses, recipe: Path, calm: Calm, tmp_path: Path, writers: str
) -> None:
    begun = ("generate", recipe, "--limit", FEW, "--out", tmp_path / "store")
    process = neuralviews(*begun, "--cluster", cluster.file, "--writers", writers)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "complete, 80 fields fitted now" in out
    assert "80/80" in err  # the bar heard of all of them
    assert "median" in err
    assert contents(tmp_path / "store") == calm(FEW)


def test_paths_are_those_of_the_driver(
    cluster: DaskProcesses, recipe: Path, calm: Calm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers have another current folder, and a driver in another one goes on where it stopped."""
    monkeypatch.chdir(tmp_path)
    begun = ("generate", os.path.relpath(recipe), "--limit", FEW, "--out", "store")
    shared = ("--cluster", cluster.address)
    code, out, err = run(*begun, *shared, "--shards", "0/2")
    assert (code, err) == (0, "")
    assert "5 shards are left to other parts" in out
    assert run(*begun, *shared, "--shards", "1/2", "--workers", 1)[0] == 0
    assert contents(tmp_path / "store") == calm(FEW)


def test_copies_and_imports_are_shared_out_alike(cluster: DaskProcesses, tmp_path: Path) -> None:
    parent = make_store(tmp_path / "parent")
    shared = ("--cluster", cluster.file, "--writers", "driver")
    copies = ("augment", parent.root, "--plan", "aligned-mixup", "--copies", 3)
    assert run(*copies, "--out", tmp_path / "one", "--workers", 1)[0] == 0
    code, out, err = run(*copies, "--out", tmp_path / "two", *shared)
    assert (code, err) == (0, "")
    assert f"complete, {len(open_store(tmp_path / 'one'))} copies made now" in out
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    exported = tmp_path / "exported"
    assert run("export", parent.root, "--to", "npz", "--out", exported)[0] == 0
    assert run("import", exported, "--out", tmp_path / "three", "--workers", 1)[0] == 0
    code, _, err = run("import", exported, "--out", tmp_path / "four", *shared)
    assert (code, err) == (0, "")
    assert contents(tmp_path / "three") == contents(tmp_path / "four")


def test_an_interrupted_driver_says_how_to_go_on(
    cluster: DaskProcesses, recipe: Path, calm: Calm, tmp_path: Path
) -> None:
    root = tmp_path / "store"
    begun = ("generate", recipe, "--limit", MANY, "--out", root, "--cluster", cluster.file)
    process = neuralviews(*begun)
    assert wait_for_shards(root, 1, process)
    os.kill(process.pid, signal.SIGTERM)
    found, _, err = outcome(process)
    assert found == 143
    assert err.startswith("interrupted: "), err
    assert "finished shards are kept" in err
    assert "Traceback" not in err
    assert run(*begun)[0] == 0
    assert contents(root) == calm(MANY)


@pytest.mark.parametrize("workers", [1, 2])
def test_no_more_calls_are_at_work_than_asked_for(
    cluster: DaskProcesses, tmp_path: Path, workers: int
) -> None:
    sharing = Sharing(workers, cluster=cluster.address)
    with sharing.pool() as pool:
        found = dict(run_calls(Slow(tmp_path), range(12), pool))
    assert sorted(found) == [*range(12)]
    assert max(found.values()) <= workers  # type: ignore[type-var]


def test_results_that_nobody_takes_hold_up_further_calls(cluster: DaskProcesses, tmp_path: Path) -> None:
    """So a driver that writes slowly never has more shards in memory than there are workers."""
    with Sharing(2, cluster=cluster.address).pool() as pool:
        results = run_calls(Slow(tmp_path), range(12), pool)
        for taken in range(1, 6):
            next(results)
            wait_for(partial(ended, tmp_path, taken + 1), "the calls at work")
            assert len(list(tmp_path.glob("begun-*"))) <= taken + 2
        results.close()


def ended(folder: Path, count: int) -> bool:
    return len(list(folder.glob("ended-*"))) >= count
