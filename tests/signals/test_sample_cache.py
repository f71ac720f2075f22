"""Samples kept in files: found again to the byte, never half, never damaged."""

from pathlib import Path

import numpy as np
import pytest

from neuralviews.errors import OutputError
from neuralviews.mesh.repair import Repairs
from neuralviews.records import ShapeTarget
from neuralviews.signals.sample_cache import SampleCache, content_key
from neuralviews.signals.samples import GRID, ShapeFacts, ShapeSamples

KEY = content_key({"mesh": "a"})


def some_samples(seed: int = 0) -> ShapeSamples:
    rng = np.random.default_rng(seed)
    return ShapeSamples(
        rng.uniform(-1, 1, (100, 3)).astype(np.float32),
        rng.normal(size=100).astype(np.float32),
        rng.uniform(-1, 1, (10, 3)).astype(np.float32),
        rng.normal(size=10).astype(np.float32),
        rng.integers(0, 2, (GRID, GRID, GRID)).astype(np.bool_),
        ShapeFacts(0.1, ShapeTarget.occupancy, Repairs(1, 2, 3, 4, 5)),
    )


def require_equal(found: ShapeSamples | None, expected: ShapeSamples) -> None:
    assert found is not None
    for name in ("points", "distance", "check_points", "check_distance", "occupancy"):
        one, other = getattr(found, name), getattr(expected, name)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    assert found.facts == expected.facts
    assert isinstance(found.facts.target, ShapeTarget)
    assert isinstance(found.facts.repairs, Repairs)


@pytest.mark.parametrize("kept_in", ["a folder", "memory"])
def test_what_is_kept_is_found(tmp_path: Path, kept_in: str) -> None:
    cache = SampleCache(tmp_path / "made" / "here" if kept_in == "a folder" else None)
    assert cache.find(KEY) is None
    cache.keep(KEY, some_samples())
    require_equal(cache.find(KEY), some_samples())
    assert cache.find(content_key({"mesh": "b"})) is None


def test_memory_keeps_the_latest_alone() -> None:
    cache = SampleCache(None)
    keys = [content_key({"mesh": str(i)}) for i in range(65)]
    for key in keys:
        cache.keep(key, some_samples())
    assert cache.find(keys[0]) is None
    assert cache.find(keys[1]) is not None


def test_a_damaged_file_counts_as_none(tmp_path: Path) -> None:
    cache = SampleCache(tmp_path)
    cache.keep(KEY, some_samples())
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for at in rng.integers(0, len(whole), 200).tolist():
        damaged = bytearray(whole)
        damaged[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        if (found := cache.find(KEY)) is not None:  # a bit that zip keeps twice, or that says nothing
            require_equal(found, some_samples())
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert cache.find(KEY) is None


def test_another_layout_counts_as_none(tmp_path: Path) -> None:
    cache = SampleCache(tmp_path)
    cache.keep(KEY, some_samples())
    (path,) = tmp_path.iterdir()
    with np.load(path) as kept:
        arrays = dict(kept)
    facts = np.array([0.1, 2, 1, 2, 3, 4, 5])
    for name, wrong in (
        ("points", np.zeros((5, 2), np.float32)),
        ("distance", np.zeros(100)),
        ("distance", np.zeros(99, np.float32)),
        ("check_points", np.zeros((9, 3), np.float32)),
        ("facts", np.where(np.arange(7) == 1, 7, facts)),
        ("facts", np.where(np.arange(7) == 1, np.nan, facts)),
        ("facts", np.where(np.arange(7) == 0, np.nan, facts)),
        ("facts", np.where(np.arange(7) == 4, np.inf, facts)),
    ):
        np.savez(path, **{**arrays, name: wrong})
        assert cache.find(KEY) is None
    np.savez(path, **{name: array for name, array in arrays.items() if name != "occupancy"})
    assert cache.find(KEY) is None


def test_a_file_under_the_name_of_another_counts_as_none(tmp_path: Path) -> None:
    cache, other = SampleCache(tmp_path), content_key({"mesh": "b"})
    cache.keep(KEY, some_samples())
    (tmp_path / f"{KEY}.npz").rename(tmp_path / f"{other}.npz")
    assert cache.find(other) is None


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(OutputError, match=r"file: samples of shapes cannot be kept there .*make it writable"):
        SampleCache(blocked).keep(KEY, some_samples())


def test_nothing_else_is_left_in_the_folder(tmp_path: Path) -> None:
    SampleCache(tmp_path).keep(KEY, some_samples())
    assert [path.name for path in tmp_path.iterdir()] == [f"{KEY}.npz"]


def test_keys_are_of_contents() -> None:
    assert content_key({"a": 1, "b": [2]}) == content_key({"b": [2], "a": 1})
    assert content_key({"a": 1}) != content_key({"a": 2})
