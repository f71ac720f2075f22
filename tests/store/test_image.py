import hashlib
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import h5py
import numpy as np
import pytest

from neuralviews.field import FieldSpec
from neuralviews.records import AUGMENTED_COLUMNS, COLUMNS, SHAPE_COLUMNS, Records
from neuralviews.store.image import Image, shard_image
from neuralviews.store.job import Job

from .stores import make_job, make_job_of, make_records, make_rows


def image_of(rows: int, shard: int = 0, spec: FieldSpec | None = None) -> tuple[Records, Image, Job]:
    spec = spec or FieldSpec([2, 5, 4, 1], 30.0, 0.5)
    job = Job.parse(make_job(rows=4 * rows, rows_per_shard=rows, spec=spec), "job")
    records = make_records(job.row_range(shard), spec)
    return records, shard_image(records, job, shard), job


@pytest.mark.parametrize("rows", [1, 3, 64, 5000])
def test_plain_hdf5_reads_back_every_value(rows: int, tmp_path: Path) -> None:
    records, image, job = image_of(rows, shard=2)
    path = tmp_path / "shard.h5"
    path.write_bytes(b"".join(image.parts))
    assert path.stat().st_size == image.bytes
    with h5py.File(path) as file:
        assert set(file) == {"weights", "meta"}
        np.testing.assert_array_equal(file["weights"][()], records.weights)
        assert file["weights"].dtype == np.dtype("<f4")
        assert set(file["meta"]) == set(COLUMNS)
        for name, dtype in COLUMNS.items():
            assert file["meta"][name].dtype == dtype
            np.testing.assert_array_equal(file["meta"][name][()], records.columns[name])
        stated = dict(file.attrs)
        assert stated.pop("arch") == job.arch
        assert stated == {
            "format": b"neuralviews-shard",
            "format_version": 1,
            "job": job.id.encode(),
            "row_start": 2 * rows,
            "shard": 2,
        }


def image_with_more(content: str, rows: int) -> tuple[Records, Image]:
    job = Job.parse(make_job_of(content, rows=2 * rows, rows_per_shard=rows), "job")
    records = make_rows(content, job.row_range(1))
    return records, shard_image(records, job, 1)


@pytest.mark.parametrize(
    ("content", "group", "more"), [("copies", "aug", AUGMENTED_COLUMNS), ("shapes", "shape", SHAPE_COLUMNS)]
)
@pytest.mark.parametrize("rows", [1, 64, 5000])
def test_plain_hdf5_reads_back_every_value_of_wider_rows(
    content: str, group: str, more: Collection[str], rows: int, tmp_path: Path
) -> None:
    records, image = image_with_more(content, rows)
    path = tmp_path / "shard.h5"
    path.write_bytes(b"".join(image.parts))
    with h5py.File(path) as file:
        assert set(file) == {"weights", "meta", group}
        assert set(file["meta"]) == set(COLUMNS)
        assert set(file[group]) == set(more)
        for name, column in records.columns.items():
            dataset = file["meta" if name in COLUMNS else group][name]
            assert dataset.dtype == column.dtype
            np.testing.assert_array_equal(dataset[()], column)
            assert dataset.nbytes < 4096 or dataset.id.get_offset() % 4096 == 0


def test_large_datasets_start_on_pages_and_lie_in_one_piece(tmp_path: Path) -> None:
    _, image, _ = image_of(5000)
    path = tmp_path / "shard.h5"
    path.write_bytes(b"".join(image.parts))
    with h5py.File(path) as file:
        for dataset in (file["weights"], *file["meta"].values()):
            assert dataset.chunks is None
            assert dataset.id.get_offset() % 4096 == 0
        assert file["weights"].id.get_offset() + file["weights"].nbytes <= image.bytes


def test_no_byte_of_the_records_is_copied() -> None:
    records, image, _ = image_of(5000)
    views = [part for part in image.parts if isinstance(part, memoryview)]
    assert any(np.shares_memory(np.frombuffer(view, np.uint8), records.weights) for view in views)
    held = sum(len(part) for part in image.parts if isinstance(part, bytes))
    assert held < 64 << 10


def test_a_deep_field_still_fits_its_description_in(tmp_path: Path) -> None:
    spec = FieldSpec([2] * 800)
    _, image, job = image_of(2, spec=spec)
    assert 50_000 < len(job.arch) < 60_000
    path = tmp_path / "shard.h5"
    path.write_bytes(b"".join(image.parts))
    with h5py.File(path) as file:
        assert file.attrs["arch"] == job.arch


def test_strided_columns_and_rows_give_the_same_bytes() -> None:
    records, image, job = image_of(64)
    wide = np.zeros((64, records.weights.shape[1] * 2), np.float32)
    wide[:, ::2] = records.weights
    columns = {name: np.repeat(column, 2)[::2] for name, column in records.columns.items()}
    assert shard_image(Records(records.spec, wide[:, ::2], columns), job, 0).sha256() == image.sha256()


def test_the_hash_is_that_of_the_joined_bytes() -> None:
    _, image, _ = image_of(64)
    assert image.sha256() == hashlib.sha256(b"".join(image.parts)).hexdigest()


def test_fresh_processes_make_the_same_bytes() -> None:
    program = "from tests.store.test_image import image_of; print(image_of(700, 1)[1].sha256())"
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=Path(__file__).parents[2],
            env={"PYTHONHASHSEED": seed, "PATH": "", "TZ": zone},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed, zone in (("0", "UTC"), ("1", "Asia/Tokyo"), ("random", "UTC"))
    }
    assert found == {image_of(700, 1)[1].sha256()}


def test_these_bytes_never_change() -> None:
    """Stores of all versions of the format hold such shards; a new HDF5 must not lay them out otherwise."""
    found = {rows: image_of(rows)[1].sha256() for rows in (1, 64, 5000)}
    assert found == {
        1: "ccfd76fb74b65ef563d009f8c0e86ab0e277d5d719a5b064f2156881114d99dd",
        64: "ce163b79ad3f1d20ffab7d29083cda04595694d740216be377d2ce7e4f8a9e3a",
        5000: "12438aee2ac693cfefdf5d3fc26701e3e9d02ce53ab7527736682e5d307d1c89",
    }
