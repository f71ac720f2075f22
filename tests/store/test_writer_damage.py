"""Files that are torn, lost or of another writer: set aside and made again, or refused; never taken as is."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from neuralviews.errors import IntegrityError, UnsafeShard
from neuralviews.store.files import DifferentBytes
from neuralviews.store.quarantine import quarantine
from neuralviews.store.writer import StoreWriter

from .stores import (
    commit,
    contents,
    copy_store,
    fill,
    leftovers,
    make_job,
)


def test_a_shard_without_receipt_is_set_aside(writer: StoreWriter, finished: Path) -> None:
    path = writer.root / "shards/shard-000001.h5"
    path.write_bytes(b"torn")
    assert not writer.is_done(1)
    fill(writer)
    assert contents(writer.root) == contents(finished)
    (writer.root / "shards/shard-000001.h5.json").unlink()
    commit(writer, 1)
    assert contents(writer.root) == contents(finished)


def test_what_was_set_aside_is_kept_until_the_end(writer: StoreWriter) -> None:
    (writer.root / "shards/shard-000001.h5").write_bytes(b"torn")
    (writer.root / ".tmp-job.json-0").touch()
    commit(writer, 0, 1, 2, 3)
    kept = [name for name in leftovers(writer.root) if ".quarantine-shard-000001.h5-" in name]
    assert (writer.root / kept[0]).read_bytes() == b"torn"
    writer.finalize()
    assert leftovers(writer.root) == []


def test_a_damaged_receipt_is_made_anew(writer: StoreWriter, finished: Path) -> None:
    commit(writer, 0, 1, 2, 3)
    receipts = [writer.root / f"shards/shard-{shard:06d}.h5.json" for shard in range(3)]
    receipts[0].write_bytes(receipts[0].read_bytes()[:20])
    receipts[1].write_bytes(receipts[0].read_bytes().replace(b"}", b"]"))
    receipts[2].write_bytes((writer.root / "shards/shard-000003.h5.json").read_bytes())
    assert writer.missing() == [0, 1, 2]
    fill(writer)
    assert contents(writer.root) == contents(finished)


@pytest.mark.parametrize("damage", [lambda p: p.unlink(), lambda p: os.truncate(p, 5000)])
def test_a_lost_or_cut_shard_is_fitted_again(writer: StoreWriter, finished: Path, damage: Any) -> None:
    fill(writer)
    damage(writer.root / "shards/shard-000002.h5")
    assert writer.missing() == [2]
    fill(writer)
    assert contents(writer.root) == contents(finished)


def test_a_link_in_a_shards_place_is_refused(writer: StoreWriter, finished: Path) -> None:
    commit(writer, 0)
    path = writer.root / "shards/shard-000000.h5"
    path.unlink()
    path.symlink_to(finished / "shards/shard-000000.h5")
    with pytest.raises(UnsafeShard, match=r"shard-000000\.h5: a link"):
        writer.missing()


def test_finalizing_proves_every_byte(finished: Path, tmp_path: Path) -> None:
    root = copy_store(finished, tmp_path / "store")
    for name in ("manifest.json", "SHA256SUMS"):
        (root / name).unlink()
    path = root / "shards/shard-000001.h5"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(IntegrityError, match=r"shard-000001\.h5: found sha256 .* remove it and run"):
        StoreWriter.open(root).finalize()
    assert not (root / "manifest.json").exists()


def test_another_manifest_is_never_replaced(finished: Path, tmp_path: Path) -> None:
    root = copy_store(finished, tmp_path / "store")
    (root / "manifest.json").write_bytes(b"{}\n")
    with pytest.raises(IntegrityError, match=r"manifest\.json: there already, with other content"):
        StoreWriter.open(root).finalize()
    assert (root / "manifest.json").read_bytes() == b"{}\n"


def test_writers_that_never_agree_end_in_an_error(
    writer: StoreWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise DifferentBytes("shard", "0" * 64)

    monkeypatch.setattr("neuralviews.store.writer.publish", refuse)
    with pytest.raises(
        IntegrityError, match=r"shard-000000\.h5: another writer keeps publishing other bytes"
    ):
        commit(writer, 0)


def test_a_good_shard_is_not_taken_away_by_a_writer_that_met_a_damaged_one(
    writer: StoreWriter, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between one writer's judgement and its renaming, another repairs the shard and commits it."""
    other = StoreWriter.open(writer.root)
    (writer.root / "shards/shard-000000.h5").write_bytes(b"torn")
    done = []

    def slow(*args: Any) -> None:
        if not done:
            done.append(False)
            commit(other, 0)
        quarantine(*args)
        done.append(other.is_done(0))

    monkeypatch.setattr("neuralviews.store.writer.quarantine", slow)
    commit(writer, 0)
    # The first setting aside is the other writer's own, of the damaged file.
    assert done == [False, False, True]
    name = "shards/shard-000000.h5"
    assert (writer.root / name).read_bytes() == (finished / name).read_bytes()


def test_two_writers_at_once_both_succeed(tmp_path: Path, finished: Path) -> None:
    """Threads of one process interleave finely; the kill tests use processes."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            fill(StoreWriter(tmp_path / "store", make_job()))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert contents(tmp_path / "store") == contents(finished)
