"""Stores of very many shards: how long they take to open, to be described and to be listed."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from neuralviews.store.manifest import checksums, parse_manifest
from neuralviews.store.reader import open_store
from neuralviews.store.verify import verify

from ..large_stores import simulate
from .peak_memory import watched
from .rows import Row

ROUNDS = 5
OPEN = "import sys, neuralviews; store = neuralviews.open_store(sys.argv[1]); assert len(store)"
IMPORT = "import sys, neuralviews.store.reader"


def measure() -> list[Row]:
    """Rows of the table, on stores of ten million records of which only two shards are there."""
    with tempfile.TemporaryDirectory() as folder:
        return [row for shards in (10_000, 50_000) for row in _of(Path(folder) / str(shards), shards)]


def _of(root: Path, shards: int) -> Iterator[Row]:
    simulate(root, shards)
    name, size = f"{shards:,} shards", (root / "manifest.json").stat().st_size
    yield Row(f"manifest of {name}", size / 1e6, "MB", "", None, "")
    target = "under 1 s" if shards == 10_000 else ""
    yield Row(f"opening a store of {name}, wall clock", _seconds(open_store, root), "s", "", None, target)
    command = [sys.executable, "-m", "neuralviews", "info", str(root)]
    info = _seconds(lambda: subprocess.run(command, check=True, capture_output=True))
    yield Row(f"`neuralviews info` of {name}, start included, wall clock", info, "s", "", None, "")
    opened, bare = (watched(["-c", program, str(root)])[0].own for program in (OPEN, IMPORT))
    yield Row(f"memory that opening {name} takes", opened - bare, "MiB", "", None, "")
    listed = _seconds(lambda: [*os.scandir(root / "shards")])
    yield Row(f"listing the folder of {name}, wall clock", listed, "s", "", None, "")
    yield Row(
        f"verify quick of {name}, wall clock", _seconds(verify, root, "quick", rounds=1), "s", "", None, ""
    )
    text = (root / "manifest.json").read_bytes()
    sums = _seconds(lambda: checksums(*parse_manifest(text, "manifest.json"), "0" * 64), rounds=1)
    yield Row(f"checksums of {name}, wall clock", sums, "s", "", None, "")


def _seconds(call: Callable[..., Any], *given: Any, rounds: int = ROUNDS) -> float:
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        call(*given)
        found.append(time.perf_counter() - began)
    return statistics.median(found)
