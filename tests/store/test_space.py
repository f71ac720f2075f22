import errno
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from neuralviews.errors import OutputError
from neuralviews.field import FieldSpec
from neuralviews.store.space import check_space, estimate_bytes
from neuralviews.store.writer import StoreWriter

from .stores import contents, fill, make_job, make_job_of, make_records, make_store


def offer(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_bavail=free // 512, f_frsize=512))


@pytest.mark.parametrize(
    ("rows", "rows_per_shard", "dims"),
    [
        (1, 1, [2, 5, 4, 1]),
        (100, 1, [2, 5, 4, 1]),
        (1000, 32, [2, 5, 4, 1]),
        (1000, 1000, [2, 5, 4, 1]),
        (20, 3, [2, 32, 32, 1]),
        (3000, 1024, [2, 32, 32, 1]),
        (9000, 4097, [2, 16, 1]),
    ],
)
def test_the_estimate_is_never_too_small_and_close(
    tmp_path: Path, rows: int, rows_per_shard: int, dims: list[int]
) -> None:
    job = make_job(rows, rows_per_shard, FieldSpec(dims))
    writer = StoreWriter(tmp_path, job)
    for shard in range(writer.shard_count):
        writer.commit(shard, make_records(writer.row_range(shard), FieldSpec(dims)))
    writer.finalize()
    size = sum(map(len, contents(tmp_path).values()))
    assert size <= estimate_bytes(job) <= 1.04 * size + 2000


@pytest.mark.parametrize(
    ("rows", "rows_per_shard"), [(1, 1), (100, 1), (1000, 32), (1000, 1000), (9000, 4097)]
)
@pytest.mark.parametrize("content", ["copies", "shapes", "imported"])
def test_the_estimate_holds_for_wider_rows(
    tmp_path: Path, content: str, rows: int, rows_per_shard: int
) -> None:
    job = make_job_of(content, rows=rows, rows_per_shard=rows_per_shard)
    fill(StoreWriter(tmp_path, job))
    size = sum(map(len, contents(tmp_path).values()))
    assert size <= estimate_bytes(job) <= 1.04 * size + 2000


def test_the_estimate_is_close_for_shards_of_usual_size() -> None:
    spec = FieldSpec([2, 32, 32, 1])
    job = make_job(rows=700_000, rows_per_shard=10_240, spec=spec)
    assert estimate_bytes(job) < 1.02 * 700_000 * 4 * spec.parameters


def test_too_small_a_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make_job(rows=1000)
    offer(monkeypatch, estimate_bytes(job) + 512)
    check_space(tmp_path / "new" / "store", job)
    offer(monkeypatch, estimate_bytes(job) - 512)
    with pytest.raises(
        OutputError, match=r"store: 0\.\d\d MiB free, 0\.\d\d MiB needed; free space, choose another"
    ):
        check_space(tmp_path / "new" / "store", job)


def test_shards_that_are_there_need_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make_job()
    make_store(tmp_path / "store")
    needed = estimate_bytes(job) - sum(p.stat().st_size for p in (tmp_path / "store" / "shards").glob("*.h5"))
    offer(monkeypatch, needed + 512)
    check_space(tmp_path / "store", job)
    before = contents(tmp_path / "store")
    offer(monkeypatch, needed - 512)
    with pytest.raises(OutputError, match="free space"):
        check_space(tmp_path / "store", job)
    assert contents(tmp_path / "store") == before


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file: cannot be written \(Not a directory\)"):
        check_space(tmp_path / "file" / "store", make_job())


def test_a_read_only_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        if flags & os.O_CREAT:  # root, whom tests may run as, may write everywhere
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path, flags, *args, **kwargs)

    real = os.open
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(OutputError, match=r"cannot be written \(Permission denied\)"):
        check_space(tmp_path, make_job())
