"""A shard that is made in one process and published by another."""

import dataclasses
import pickle
from pathlib import Path

import pytest

from neuralviews.errors import IntegrityError
from neuralviews.store.finished import FinishedShard
from neuralviews.store.job import Job
from neuralviews.store.writer import StoreWriter

from .stores import contents, make_job, make_records

JOB = Job.parse(make_job(), "job")


def sent(shard: int) -> FinishedShard:
    """As it arrives from a worker."""
    made = FinishedShard.of(JOB, shard, make_records(JOB.row_range(shard)))
    found: FinishedShard = pickle.loads(pickle.dumps(made.packed()))
    return found


def test_a_shard_that_arrives_is_published_as_if_it_were_made_here(tmp_path: Path) -> None:
    here, there = StoreWriter(tmp_path / "here", make_job()), StoreWriter(tmp_path / "there", make_job())
    for shard in range(here.shard_count):
        here.commit(shard, make_records(here.row_range(shard)))
        found = sent(shard)
        found.require_whole(there.parsed_job, shard)
        there.publish(shard, found)
    assert here.finalize() == there.finalize()
    assert contents(here.root) == contents(there.root)


@pytest.mark.parametrize("change", ["a bit", "a byte less", "another shard"])
def test_a_shard_that_does_not_arrive_as_it_was_sent_is_refused(change: str) -> None:
    found = sent(1)
    data = bytearray(found.parts[0])
    if change == "a bit":
        data[-1] ^= 1
    if change == "a byte less":
        del data[-1]
    found = dataclasses.replace(found, parts=[bytes(data)])
    with pytest.raises(
        IntegrityError, match=r"^shard \d: arrived as .*, was sent as .*; run the same command"
    ):
        found.require_whole(JOB, 2 if change == "another shard" else 1)
