import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from neuralviews.errors import (
    FormatError,
    IncompleteStore,
    IntegrityError,
    NotAStore,
    OptionError,
    StoreError,
    UnsafeShard,
)
from neuralviews.store.canonical import canonical_json, sha256_hex
from neuralviews.store.manifest import checksums, parse_manifest
from neuralviews.store.reader import open_store
from neuralviews.store.verify import Level, verify
from neuralviews.store.writer import StoreWriter

from .stores import copy_store, make_job, make_store

LEVELS: tuple[Level, ...] = ("quick", "full", "semantic")
SHARDS = [f"shards/shard-{shard:06d}.h5" for shard in range(4)]


@pytest.fixture
def root(finished: Path, tmp_path: Path) -> Path:
    return copy_store(finished, tmp_path / "store")


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("store", "rows"), [("finished", 100), ("finished_copies", 200), ("finished_shapes", 100)]
)
def test_a_finished_store_passes(request: pytest.FixtureRequest, level: Level, store: str, rows: int) -> None:
    root: Path = request.getfixturevalue(store)
    report = verify(str(root), level)
    assert report.dataset_id == open_store(root).dataset_id
    assert (report.level, report.shards, report.rows) == (level, 4, rows)
    assert report.bytes == sum((root / name).stat().st_size for name in SHARDS)
    assert report.checks[:2] == verify(root, "quick").checks


@pytest.mark.parametrize("level", ["fully", "regenerate", None])
def test_levels_that_there_are_not(finished: Path, level: Level) -> None:
    with pytest.raises(
        OptionError, match=rf"level: found {level!r}, expected one of quick, full, semantic; .* --level regen"
    ):
        verify(finished, level)


def test_leftovers_and_files_beside_the_shards_are_no_problem(root: Path) -> None:
    for name in ("README.md", ".tmp-x", "shards/.tmp-shard-000000.h5-1", "shards/.quarantine-a"):
        (root / name).touch()
    verify(root, "semantic")


Damage = Callable[[Path], object]
Edit = Callable[[dict[str, Any]], None]
QUICK: dict[str, tuple[Damage, str]] = {
    "missing shard": (lambda r: (r / SHARDS[1]).unlink(), r"shard-000001\.h5: missing"),
    "missing receipt": (lambda r: (r / f"{SHARDS[1]}.json").unlink(), r"shard-000001\.h5\.json: missing"),
    "missing job": (lambda r: (r / "job.json").unlink(), r"job\.json: missing"),
    "missing sums": (lambda r: (r / "SHA256SUMS").unlink(), "SHA256SUMS: missing"),
    "cut shard": (lambda r: os.truncate(r / SHARDS[1], 4096), r"shard-000001\.h5: found 4096 bytes"),
    "empty shard": (lambda r: os.truncate(r / SHARDS[1], 0), r"shard-000001\.h5: found 0 bytes"),
    "longer shard": (lambda r: append(r / SHARDS[1]), r"shard-000001\.h5: found \d+ bytes, expected"),
    "longer job": (lambda r: append(r / "job.json"), r"job\.json: does not follow from manifest\.json"),
    "longer sums": (lambda r: append(r / "SHA256SUMS"), "SHA256SUMS: does not follow"),
    "extra shard": (lambda r: copy(r, SHARDS[1], "shards/shard-000004.h5"), "no shard of this store"),
    "extra file": (lambda r: (r / "shards/notes").touch(), "notes: no shard of this store"),
    "receipt of another shard": (
        lambda r: copy(r, f"{SHARDS[0]}.json", f"{SHARDS[1]}.json"),
        r"shard-000001\.h5\.json: does not follow from manifest\.json",
    ),
    "job of another store": (
        lambda r: (r / "job.json").write_bytes(canonical_json(make_job(a=1))),
        r"job\.json: does not follow from manifest\.json",
    ),
    "edited manifest": (lambda r: edit_manifest(r, raise_summary), "SHA256SUMS: does not follow"),
}


def copy(root: Path, source: str, target: str) -> None:
    shutil.copy(root / source, root / target)


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\n")


def edit_manifest(root: Path, edit: Edit) -> bytes:
    manifest = json.loads((root / "manifest.json").read_bytes())
    edit(manifest)
    data = canonical_json(manifest)
    (root / "manifest.json").write_bytes(data)
    return data


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("case", QUICK)
def test_every_level_finds_what_needs_no_hashing(root: Path, level: Level, case: str) -> None:
    damage, message = QUICK[case]
    damage(root)
    with pytest.raises(IntegrityError, match=message):
        verify(root, level)


def zero_tail(root: Path) -> None:
    size = (root / SHARDS[1]).stat().st_size
    os.truncate(root / SHARDS[1], size - 512)
    os.truncate(root / SHARDS[1], size)


def swap(root: Path) -> None:
    (root / SHARDS[0]).rename(root / "aside")
    (root / SHARDS[1]).rename(root / SHARDS[0])
    (root / "aside").rename(root / SHARDS[1])


@pytest.mark.parametrize("level", ["full", "semantic"])
def test_a_zeroed_tail_is_found(root: Path, level: Level) -> None:
    zero_tail(root)
    verify(root, "quick")
    with pytest.raises(IntegrityError, match=r"shard-000001\.h5: found sha256"):
        verify(root, level)


@pytest.mark.parametrize("level", ["full", "semantic"])
def test_swapped_shards_are_both_named(root: Path, level: Level) -> None:
    swap(root)
    verify(root, "quick")
    with pytest.raises(IntegrityError) as caught:
        verify(root, level)
    assert str(caught.value).startswith(f"{root}: 2 problems; the first is {root / SHARDS[0]}: found sha256")
    assert [SHARDS[i] in caught.value.__notes__[i] for i in (0, 1)] == [True, True]


def test_many_problems_are_listed_up_to_a_limit(tmp_path: Path) -> None:
    make_store(tmp_path / "store", rows_per_shard=3)
    for path in (tmp_path / "store" / "shards").glob("*.h5"):
        path.unlink()
    with pytest.raises(IntegrityError, match=r": 34 problems; the first is .*missing") as caught:
        verify(tmp_path / "store", "full")
    *listed, last = caught.value.__notes__
    assert len(listed) == 20
    assert all("missing" in line for line in listed)
    assert last == "and 14 more"


@pytest.mark.parametrize("level", LEVELS)
def test_a_lost_folder_is_named(root: Path, level: Level) -> None:
    shutil.rmtree(root / "shards")
    with pytest.raises(IntegrityError, match="shards: cannot be listed"):
        verify(root, level)


def test_an_open_store_is_its_folder(root: Path) -> None:
    store = open_store(root)
    store.column("label")
    assert verify(store) == verify(root)
    edit_manifest(root, raise_summary)
    with pytest.raises(IntegrityError, match="SHA256SUMS: does not follow"):
        verify(store)


def test_a_proven_store_is_proven_again(root: Path) -> None:
    """What this process has read before does not count."""
    open_store(root).column("label")
    path = root / SHARDS[2]
    times = path.stat()
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(IntegrityError, match=r"shard-000002\.h5: found sha256"):
        verify(root, "full")


def reseal(root: Path, edit: Edit) -> None:
    """Edit the manifest and make the checksums agree: what no hash can tell."""
    data = edit_manifest(root, edit)
    (root / "SHA256SUMS").write_bytes(checksums(*parse_manifest(data, "manifest.json"), sha256_hex(data)))


def raise_summary(manifest: dict[str, Any]) -> None:
    manifest["summary"]["psnr"]["min"] += 1


def move_objects(manifest: dict[str, Any]) -> None:
    manifest["summary"]["splits"]["val"]["objects"] += 1


def move_records(manifest: dict[str, Any]) -> None:
    splits = manifest["shards"][1]["splits"]
    splits["train"], splits["val"] = splits["train"] - 1, splits["val"] + 1


def exchange_columns(manifest: dict[str, Any]) -> None:
    datasets = manifest["shards"][1]["datasets"]
    datasets["meta/loss"], datasets["meta/psnr"] = datasets["meta/psnr"], datasets["meta/loss"]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (raise_summary, r"manifest\.json: the summary does not follow from the records"),
        (move_objects, r"manifest\.json: the summary does not follow from the records"),
        (move_records, r"shard-000001\.h5: manifest\.json describes it otherwise"),
        (exchange_columns, r"shard-000001\.h5: manifest\.json describes it otherwise"),
    ],
)
def test_a_false_manifest_under_right_hashes_is_found(root: Path, edit: Edit, message: str) -> None:
    reseal(root, edit)
    verify(root, "full")
    with pytest.raises(IntegrityError, match=message):
        verify(root, "semantic")


def test_a_link_keeps_its_own_error(root: Path, finished: Path) -> None:
    (root / SHARDS[1]).unlink()
    (root / SHARDS[1]).symlink_to(finished / SHARDS[1])
    with pytest.raises(UnsafeShard, match="a link"):
        verify(root, "quick")


def test_what_is_no_finished_store_is_said_at_once(tmp_path: Path, root: Path) -> None:
    with pytest.raises(NotAStore):
        verify(tmp_path / "none")
    (root / "manifest.json").write_bytes(b"[]\n")
    with pytest.raises(FormatError, match=r"manifest\.json: not a neuralviews store"):
        verify(root)
    (root / "manifest.json").unlink()
    with pytest.raises(IncompleteStore):
        verify(root)


def test_a_thousand_flipped_bits_are_all_found_in_the_file_that_holds_them(root: Path) -> None:
    """Files by turns, so that small ones are hit as often; shards are hit anywhere, metadata included."""
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    assert len(paths) == 11
    stream = random.Random(20)
    for turn in range(1000):
        path = paths[turn % len(paths)]
        data = path.read_bytes()
        position = stream.randrange(8 * len(data))
        damaged = bytearray(data)
        damaged[position // 8] ^= 1 << position % 8
        path.write_bytes(damaged)
        with pytest.raises(StoreError) as caught:
            verify(root, "full")
        assert path.relative_to(root).as_posix() in str(caught.value)
        path.write_bytes(data)
    verify(root, "semantic")
    assert StoreWriter.open(root).missing() == []
