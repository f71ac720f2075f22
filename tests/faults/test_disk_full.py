"""The file system refuses once, at every call that changes it in turn: a clear error, and no harm."""

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from neuralviews.errors import OutputError
from neuralviews.store.environment import write_environment
from neuralviews.store.reader import open_store
from neuralviews.store.verify import verify
from neuralviews.store.writer import StoreWriter

from ..store.stores import contents, fill, leftovers, make_job, make_job_of, make_records, make_store

CALLS = ("open", "write", "fsync", "link", "rename", "mkdir")


class Disk:
    """Lets calls through until one of them, by its number, fails; a failing write first stores half."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
        self.error = number
        self.seen: list[str] = []
        self.fail_at: int | None = None
        self.links = True
        for name in CALLS:
            monkeypatch.setattr(os, name, self._wrap(name, getattr(os, name)))

    def _wrap(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if name == "open" and not args[1] & os.O_CREAT:
                return call(*args, **kwargs)
            if name == "link" and not self.links:
                raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
            self.seen.append(name)
            if self.fail_at == len(self.seen) - 1:
                if name == "write":
                    call(args[0], args[1][: len(args[1]) // 2])
                raise OSError(self.error, os.strerror(self.error))
            return call(*args, **kwargs)

        return wrapped


@pytest.fixture(params=[errno.ENOSPC, errno.EIO], ids=["ENOSPC", "EIO"])
def disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    yield Disk(monkeypatch, request.param)
    monkeypatch.undo()


def from_nothing(root: Path, content: str) -> None:
    pass


def from_damage(root: Path, content: str) -> None:
    """A shard and a receipt that nobody vouches for, which are set aside."""
    StoreWriter(root, make_job_of(content, **SIZE))
    (root / "shards/shard-000001.h5").write_bytes(b"torn")
    (root / "shards/shard-000000.h5.json").write_bytes(b"torn")


def run(root: Path, content: str) -> None:
    fill(StoreWriter(root, make_job_of(content, **SIZE)))
    write_environment(root, {"cpus": 2})


SIZE = {"rows": 64, "rows_per_shard": 32}
TORN = {"shards/shard-000001.h5", "shards/shard-000000.h5.json"}


@pytest.mark.parametrize(
    ("content", "links"),
    [("fitted", True), ("fitted", False), ("copies", True)],
    ids=["links", "no links", "copies"],
)
@pytest.mark.parametrize("prepare", [from_nothing, from_damage])
def test_every_single_failure_is_survived(
    disk: Disk, tmp_path: Path, prepare: Callable[[Path, str], None], content: str, links: bool
) -> None:
    run(tmp_path / "expected", content)
    expected = contents(tmp_path / "expected")
    disk.links = links
    prepare(tmp_path / "counted", content)
    disk.seen = []
    run(tmp_path / "counted", content)
    assert contents(tmp_path / "counted") == expected
    calls = list(disk.seen)
    assert set(calls) >= {"open", "write", "fsync", "rename"}
    for index, name in enumerate(calls):
        root = tmp_path / f"store-{index}"
        disk.fail_at = None
        prepare(root, content)
        disk.seen, disk.fail_at = [], index
        with pytest.raises(OutputError, match=r"cannot be written \(.*\); finished files") as caught:
            run(root, content)
        assert disk.seen[index] == name
        assert str(root) in str(caught.value)
        assert os.strerror(disk.error) in str(caught.value)
        if root.exists():
            assert [left for left in leftovers(root) if ".tmp-" in left] == []
            different = {name for name, data in contents(root).items() if data != expected.get(name)}
            assert {name for name in different if ".quarantine-" not in name} <= TORN
        disk.fail_at = None
        run(root, content)
        assert contents(root) == expected


def test_a_finished_shard_is_not_touched_by_a_later_failure(disk: Disk, tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path / "store", make_job())
    writer.commit(1, make_records(writer.row_range(1)))
    before = contents(writer.root)
    disk.seen, disk.fail_at = [], 2
    with pytest.raises(OutputError, match=r"shards/shard-000000\.h5: cannot be written"):
        writer.commit(0, make_records(writer.row_range(0)))
    assert contents(writer.root) == before
    assert writer.missing() == [0, 2, 3]


def test_an_interrupt_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = StoreWriter(tmp_path / "store", make_job())

    def interrupt(fd: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        writer.commit(0, make_records(writer.row_range(0)))
    assert list(contents(writer.root)) == ["job.json"]


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 1 MiB, where this process may mount one."""
    point = tmp_path / "tiny"
    point.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(point)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if mounted.returncode:
        pytest.skip(f"cannot mount a small disk here: {mounted.stderr.strip()}")
    yield point
    subprocess.run(["umount", str(point)], check=True)


def test_a_really_full_disk_is_survived(tiny_disk: Path, tmp_path: Path) -> None:
    job = make_job(rows=4000, rows_per_shard=1000)
    ballast = tiny_disk / "ballast"
    ballast.write_bytes(bytes(500_000))
    root = tiny_disk / "store"
    with pytest.raises(OutputError, match=r"\.h5: cannot be written \(No space left on device\)"):
        fill(StoreWriter(root, job))
    assert leftovers(root) == []
    done = 4 - len(StoreWriter.open(root).missing())
    assert 0 < done < 4
    ballast.unlink()
    fill(StoreWriter(root, job))
    verify(root, "semantic")
    assert contents(root) == contents(make_store(tmp_path / "expected", rows=4000, rows_per_shard=1000).root)
    assert len(open_store(root)) == 4000
