"""Hostile shards under the right hashes: refused before a dataset is read, or anything outside the store."""

import math
import os
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neuralviews.errors import NeuralViewsError, UnsafeShard
from neuralviews.store.canonical import sha256_hex
from neuralviews.store.files import open_regular
from neuralviews.store.image import shard_image
from neuralviews.store.job import Job
from neuralviews.store.manifest import encode
from neuralviews.store.manifest_schema import Extent, Receipt
from neuralviews.store.opener import inspect_shard
from neuralviews.store.writer import StoreWriter

from ..store.stores import CONTENTS, SPEC, make_job_of, make_rows
from .canary import Canary, watch
from .hostile import Change, contiguous, virtual, write_shard
from .hostile_groups import COPIES, IMPORTED, SHAPES
from .hostile_trees import AFTER, BEFORE

ROWS = 40
NAME = "shards/shard-000000.h5"


@dataclass
class Case:
    """A store of one shard, and a file outside it that nobody may open."""

    content: str
    writer: StoreWriter
    job: Job
    victim: Path
    canary: Canary

    @property
    def path(self) -> Path:
        return self.writer.root / NAME

    def write(self, change: Change = lambda file, victim: None, **options: Any) -> None:
        """A shard of this store's records, changed."""
        write_shard(self.path, make_rows(self.content, range(ROWS)), self.job, change, self.victim, **options)

    def inspect(self) -> dict[str, Extent]:
        with open_regular(self.writer.root, NAME) as fd:
            return inspect_shard(fd, self.path, self.job, 0)

    def finalize(self) -> str:
        """Vouch for the shard as it is and finish the store: what an attacker would publish."""
        data = self.path.read_bytes()
        receipt = Receipt(NAME, len(data), sha256_hex(data), ROWS, self.job.id)
        self.path.with_name(self.path.name + ".json").write_bytes(encode(receipt))
        return self.writer.finalize()


@pytest.fixture(params=CONTENTS)
def case(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Case]:
    job = make_job_of(request.param, rows=ROWS, rows_per_shard=ROWS)
    victim = tmp_path / "outside" / "victim.h5"
    victim.parent.mkdir()
    with h5py.File(victim, "w") as file:
        file["weights"] = np.ones((ROWS, SPEC.parameters), np.float32)
    with watch(victim.parent) as canary:
        yield Case(request.param, StoreWriter(tmp_path / "store", job), Job.parse(job, "job"), victim, canary)


def refuse(case: Case, reason: str) -> None:
    case.canary.sang()
    with pytest.raises(
        UnsafeShard, match=rf"shard-000000\.h5: refused, .*({reason}).*; no neuralviews writes such"
    ):
        case.inspect()
    with pytest.raises(UnsafeShard, match=r"shard-000000\.h5: refused"):
        case.finalize()
    assert not case.canary.sang()
    assert not (case.writer.root / "manifest.json").exists()


def test_the_corpus_starts_from_a_shard_that_is_accepted(case: Case) -> None:
    case.write()
    assert set(case.inspect()) >= {"weights", "meta/psnr"}
    case.finalize()


@pytest.mark.parametrize("name", BEFORE)
def test_other_weights_are_refused(case: Case, name: str) -> None:
    change, reason = BEFORE[name]
    case.write(change, weights=False)
    refuse(case, reason)


@pytest.mark.parametrize("name", AFTER)
def test_other_trees_are_refused(case: Case, name: str) -> None:
    change, reason = AFTER[name]
    case.write(change)
    refuse(case, reason)


@pytest.mark.parametrize("case", ["copies"], indirect=True)
@pytest.mark.parametrize("name", COPIES)
def test_other_trees_of_copies_are_refused(case: Case, name: str) -> None:
    change, reason = COPIES[name]
    case.write(change)
    refuse(case, reason)


@pytest.mark.parametrize("case", ["shapes"], indirect=True)
@pytest.mark.parametrize("name", SHAPES)
def test_other_trees_of_shapes_are_refused(case: Case, name: str) -> None:
    change, reason = SHAPES[name]
    case.write(change)
    refuse(case, reason)


@pytest.mark.parametrize("case", ["imported"], indirect=True)
@pytest.mark.parametrize("name", IMPORTED)
def test_other_trees_of_imported_records_are_refused(case: Case, name: str) -> None:
    change, reason = IMPORTED[name]
    case.write(change)
    refuse(case, reason)


@pytest.mark.parametrize(("case", "other"), [*permutations(CONTENTS, 2)], indirect=["case"])
def test_a_shard_of_other_contents_is_refused(case: Case, other: str) -> None:
    write_shard(case.path, make_rows(other, range(ROWS)), case.job, lambda file, victim: None, case.victim)
    refuse(case, "[23] links in /, expected [23]|no (aug|shape|import) in /")


def test_the_canary_sings_for_a_careless_reader(case: Case) -> None:
    """Proof that the silence above means something."""
    for change in (
        virtual,
        lambda file, victim: contiguous(file, "weights", np.zeros((40, 44), "<f4"), victim),
        lambda file, victim: file.__setitem__("weights", h5py.ExternalLink(victim, "/weights")),
    ):
        case.write(change, weights=False)
        case.canary.sang()
        with h5py.File(case.path) as file:
            file["weights"][()]
        assert case.canary.sang()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"userblock_size": 8192}, "no HDF5 signature at its start"),
        ({"libver": "latest"}, "superblock version 3, expected 0"),
        ({"alignment_threshold": 1, "alignment_interval": 1}, "expected a multiple of 4096"),
    ],
)
def test_other_file_structures_are_refused(case: Case, options: dict[str, object], reason: str) -> None:
    case.write(**options)
    refuse(case, reason)


def good(case: Case) -> bytearray:
    image = shard_image(make_rows(case.content, range(ROWS)), case.job, 0)
    return bytearray(b"".join(image.parts))


@pytest.mark.parametrize(
    ("offset", "value", "reason"),
    [
        (0, b"\x89HDX", "no HDF5 signature"),
        (8, b"\x02", "superblock version 2"),
        (13, b"\x04", "HDF5 cannot read it"),
        (24, b"\x08", "another base, end or driver"),
        (40, b"\x00\x10", "another base, end or driver"),
        (48, b"\x60" + bytes(7), "another base, end or driver"),
        (64, b"\xff" * 8, "HDF5 cannot read it"),
    ],
)
def test_an_edited_superblock_is_refused(case: Case, offset: int, value: bytes, reason: str) -> None:
    data = good(case)
    data[offset : offset + len(value)] = value
    case.path.write_bytes(data)
    refuse(case, reason)


@pytest.mark.parametrize("data", [b"", b"text", b"\x89HDF\r\n\x1a\n", b"\x89HDF\r\n\x1a\n" + bytes(500)])
def test_what_is_hardly_a_file_is_refused(case: Case, data: bytes) -> None:
    case.path.write_bytes(data)
    refuse(case, "no HDF5 signature|another base")


@pytest.mark.parametrize("change", [b"x", bytes(4096)])
def test_appended_bytes_are_refused(case: Case, change: bytes) -> None:
    case.path.write_bytes(good(case) + change)
    refuse(case, "another base, end or driver")


@pytest.mark.parametrize(
    ("path", "reason"), [("meta/psnr", "overlaps"), ("weights", "HDF5 cannot read it|weights ends at byte")]
)
def test_moved_datasets_are_refused(case: Case, path: str, reason: str) -> None:
    data = good(case)
    case.path.write_bytes(data)
    extents = case.inspect()
    moved = extents["meta/loss"].offset if path != "weights" else (len(data) // 4096) * 4096
    size = math.prod(extents[path].shape) * 4
    stated = struct.pack("<QQ", extents[path].offset, size)
    assert data.count(stated) == 1
    case.path.write_bytes(data.replace(stated, struct.pack("<QQ", moved, size)))
    refuse(case, reason)


def test_a_pipe_in_a_shards_place_does_not_block(case: Case) -> None:
    os.mkfifo(case.path)
    with pytest.raises(UnsafeShard, match="not a regular file"):
        case.inspect()


def test_random_metadata_never_crashes_or_hangs_the_opener(case: Case) -> None:
    """Whatever stands in the metadata, the answer is an extent inside the file, or a refusal."""
    data = good(case)
    case.path.write_bytes(data)
    metadata_end = case.inspect()["weights"].offset
    stream = random.Random(5)
    for _ in range(400):
        damaged = bytearray(data)
        for _ in range(stream.choice((1, 1, 2, 8))):
            damaged[stream.randrange(metadata_end)] = stream.randrange(256)
        case.path.write_bytes(damaged)
        try:
            extents = case.inspect()
        except NeuralViewsError:
            continue
        assert all(e.offset + math.prod(e.shape) <= len(data) for e in extents.values())
