"""``kill -9`` of two processes that fill one folder: nothing is lost or torn, and no byte differs."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from neuralviews.store.verify import verify
from neuralviews.store.writer import StoreWriter

from ..store.stores import contents, make_job, make_store

ROWS, ROWS_PER_SHARD = 12_000, 300
KILLS = 20

PROGRAM = """
import sys
from pathlib import Path
from tests.store.stores import fill, make_job
from neuralviews.store.writer import StoreWriter
print("ready", flush=True)
sys.stdin.readline()
fill(StoreWriter(Path(sys.argv[1]), make_job(rows=int(sys.argv[2]), rows_per_shard=int(sys.argv[3]))))
"""


def start(root: Path) -> subprocess.Popen[str]:
    """A writer that has done its imports, and waits to be let go."""
    command = [sys.executable, "-c", PROGRAM, str(root), str(ROWS), str(ROWS_PER_SHARD)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def release(*processes: subprocess.Popen[str]) -> None:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


def end(process: subprocess.Popen[str], number: int) -> bool:
    """Kill it, and tell whether it was still at work."""
    process.send_signal(number)
    process.communicate()
    return process.returncode == -number


def test_killed_writers_lose_and_tear_nothing(tmp_path: Path) -> None:
    expected = contents(make_store(tmp_path / "expected", rows=ROWS, rows_per_shard=ROWS_PER_SHARD).root)
    stream = random.Random(9)
    root, kills, stores = tmp_path / "store-0", 0, 1
    while kills < KILLS:
        pair = start(root), start(root)
        release(*pair)
        time.sleep(stream.uniform(0, 0.15))
        kills += sum(end(process, signal.SIGKILL) for process in pair)
        if not root.exists():
            continue
        found = contents(root)
        published = {name: data for name, data in found.items() if not Path(name).name.startswith(".")}
        assert published.items() <= expected.items()
        if "SHA256SUMS" in published:  # finished in spite of us: go on with a new one
            root, stores = tmp_path / f"store-{stores}", stores + 1
    survivors = start(root), start(root)
    release(*survivors)
    for process in survivors:
        process.communicate(timeout=120)
        assert process.returncode == 0
    for number in range(stores):
        root = tmp_path / f"store-{number}"
        verify(root, "semantic")
        StoreWriter(root, make_job(rows=ROWS, rows_per_shard=ROWS_PER_SHARD)).finalize()
        assert contents(root) == expected
