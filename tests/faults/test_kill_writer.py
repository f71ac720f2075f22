"""``kill -9`` of two processes that fill one folder: nothing is lost or torn, and no byte differs."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neuralviews.store.verify import verify
from neuralviews.store.writer import StoreWriter

from ..store.stores import contents, fill, make_job_of

ROWS, ROWS_PER_SHARD = 12_000, 300
KILLS = 10

PROGRAM = """
import sys
from pathlib import Path
from tests.store.stores import fill, make_job_of
from neuralviews.store.writer import StoreWriter
print("ready", flush=True)
sys.stdin.readline()
content, rows, rows_per_shard = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
fill(StoreWriter(Path(sys.argv[1]), make_job_of(content, rows=rows, rows_per_shard=rows_per_shard)))
"""


def start(root: Path, content: str) -> subprocess.Popen[str]:
    """A writer that has done its imports, and waits to be let go."""
    command = [sys.executable, "-c", PROGRAM, str(root), content, str(ROWS), str(ROWS_PER_SHARD)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
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


@pytest.mark.parametrize("content", ["fitted", "copies"])
def test_killed_writers_lose_and_tear_nothing(tmp_path: Path, content: str) -> None:
    job = make_job_of(content, rows=ROWS, rows_per_shard=ROWS_PER_SHARD)
    fill(StoreWriter(tmp_path / "expected", job))
    expected = contents(tmp_path / "expected")
    stream = random.Random(9)
    root, kills, stores = tmp_path / "store-0", 0, 1
    while kills < KILLS:
        pair = start(root, content), start(root, content)
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
    survivors = start(root, content), start(root, content)
    release(*survivors)
    for process in survivors:
        process.communicate(timeout=120)
        assert process.returncode == 0
    for number in range(stores):
        root = tmp_path / f"store-{number}"
        verify(root, "semantic")
        StoreWriter(root, job).finalize()
        assert contents(root) == expected
