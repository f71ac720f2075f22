"""Places in a file that the file itself names: beyond its end, beyond what the system counts to."""

import struct
from pathlib import Path

import pytest

from neuralviews.errors import UnsafeShard
from neuralviews.store.files import open_regular
from neuralviews.store.job import Job
from neuralviews.store.opener import inspect_shard
from neuralviews.store.reader import open_store

from .stores import copy_store

SHARD = "shards/shard-000000.h5"


def addresses(data: bytes) -> list[int]:
    """Where 8 bytes stand in the head of a shard that could be an address in it."""
    return [
        place for place in range(96, 2048, 8) if 96 <= struct.unpack_from("<Q", data, place)[0] < len(data)
    ]


@pytest.mark.parametrize("value", [2**64 - 2, 2**64 - 256, 2**63, 2**63 - 1, 2**62, 2**40])
def test_addresses_beyond_the_file_are_refused(finished: Path, tmp_path: Path, value: int) -> None:
    root = copy_store(finished, tmp_path / "store")
    job, data = Job.parse(open_store(root).job, "job"), (root / SHARD).read_bytes()
    places = addresses(data)
    assert len(places) > 10
    refused = 0
    for place in places:
        (root / SHARD).write_bytes(data[:place] + struct.pack("<Q", value) + data[place + 8 :])
        with open_regular(root, SHARD) as fd:
            try:
                inspect_shard(fd, root / SHARD, job, 0)
            except UnsafeShard:
                refused += 1
    assert refused > len(places) / 2
