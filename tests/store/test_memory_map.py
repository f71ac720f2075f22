import gc
import os
from pathlib import Path

import numpy as np
import pytest

from neuralviews.errors import StoreError
from neuralviews.store.memory_map import map_file


def mapped_files(path: Path) -> int:
    return sum(str(path) in line for line in Path("/proc/self/maps").read_text().splitlines())


def descriptors(path: Path) -> int:
    """How many descriptors of this process refer to one file; others come and go as garbage is collected."""
    links = (os.path.realpath(link) for link in Path("/proc/self/fd").iterdir())
    return sum(link == os.path.realpath(path) for link in links)


def map_path(path: Path, size: int) -> memoryview:
    fd = os.open(path, os.O_RDONLY)
    try:
        return map_file(fd, path, size)
    finally:
        os.close(fd)


def test_it_holds_the_bytes_of_the_file_and_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"some bytes")
    mapping = map_path(tmp_path / "a", 10)
    assert bytes(mapping) == b"some bytes"
    assert mapping.readonly
    assert not np.frombuffer(mapping, np.uint8).flags.writeable
    with pytest.raises(TypeError, match="read-only"):
        mapping[0] = 1


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="maps are listed on Linux only")
def test_it_lives_as_long_as_its_last_array_and_holds_no_descriptor(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(range(256)) * 64)
    with (tmp_path / "a").open("rb"):
        assert descriptors(tmp_path / "a") == 1
    array = np.frombuffer(map_path(tmp_path / "a", 256 * 64), np.uint8)[256:512].reshape(2, 128)
    assert descriptors(tmp_path / "a") == 0
    assert mapped_files(tmp_path / "a") == 1
    assert array.ravel().tolist() == list(range(256))
    del array
    gc.collect()
    assert mapped_files(tmp_path / "a") == 0


def test_no_room_for_a_map_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"some bytes")
    with pytest.raises(StoreError, match=r"a: cannot be mapped \(Cannot allocate memory\); allow more"):
        map_path(tmp_path / "a", 1 << 60)
