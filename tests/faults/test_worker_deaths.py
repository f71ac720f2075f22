"""Worker processes of one machine that are killed, at random or by what they work on; as of a cluster's."""

import os
import random
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from neuralviews.store.writer import StoreWriter

from ..cluster.conftest import MANY, TINY
from ..cluster.conftest import calm as calm
from ..cluster.conftest import recipe as recipe
from ..cluster.dask_processes import neuralviews, outcome, run, wait_for_shards
from ..cluster.poison import poisoned
from ..loky_workers import workers_of
from ..made_stores import contents

Calm = Callable[[int], dict[str, str]]


def storm(recipe: Path, root: Path, calm: Calm, objects: int, kills: int, seed: int) -> int:
    """A run whose workers are killed at random moments; how many kills found one."""
    draw = random.Random(seed)
    process = neuralviews("generate", recipe, "--limit", objects, "--out", root, "--workers", 2)
    hits = 0
    for goal in sorted(draw.sample(range(1, objects // 6), kills)):
        wait_for_shards(root, goal, process)
        with suppress(ProcessLookupError, IndexError):
            os.kill(draw.choice(workers_of(process.pid)), signal.SIGKILL)
            hits += 1
    code, _, err = outcome(process)
    assert (code, err) == (0, "")
    assert contents(root) == calm(objects)
    return hits


def test_killed_workers_lose_nothing(recipe: Path, calm: Calm, tmp_path: Path) -> None:
    assert storm(recipe, tmp_path / "store", calm, MANY, 1, seed=1) == 1


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 12))
def test_many_killed_workers_lose_nothing(recipe: Path, calm: Calm, tmp_path: Path, seed: int) -> None:
    assert storm(recipe, tmp_path / "store", calm, MANY, 8, seed) >= 5


def test_a_shard_that_kills_its_worker_is_left_out_and_told(recipe: Path, calm: Calm, tmp_path: Path) -> None:
    root = tmp_path / "store"
    begun = ("generate", recipe, "--limit", TINY, "--out", root, "--workers", 2)
    code, out, err = run(*begun, **poisoned(tmp_path / "site", 9))
    assert (code, out) == (3, "")
    assert err.startswith(f"error: {root}: left out 1 shard, as a worker died of it time and again")
    assert "shard 1 (records 8 to 15, objects " in err
    assert StoreWriter.open(root).missing() == [1]
    assert not [path for path in root.rglob(".tmp-*") if "progress" in path.name]
    assert run(*begun)[0] == 0
    assert contents(root) == calm(TINY)
