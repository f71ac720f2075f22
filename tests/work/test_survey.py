"""A question asked of every object: all answers, shared out, also when workers are killed."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from neuralviews.errors import EngineError
from neuralviews.work.shards import Sharing
from neuralviews.work.survey import ask_all


@dataclass(frozen=True)
class OddOnes:
    """Refuses odd numbers, and leaves a file for each question."""

    folder: Path

    def ask(self, object_id: int) -> str | None:
        (self.folder / f"{object_id}-{os.getpid()}").touch()
        return f"{object_id} is odd" if object_id % 2 else None


@dataclass(frozen=True)
class Deadly:
    """Kills the process that asks about ``victim``: once, or every time."""

    folder: Path
    victim: int
    once: bool

    def ask(self, object_id: int) -> str | None:
        marker = self.folder / "killed"
        if object_id == self.victim and not (self.once and marker.exists()):
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return None


@pytest.mark.parametrize("workers", [1, 2])
def test_every_object_is_asked_once(tmp_path: Path, workers: int) -> None:
    answers = dict(ask_all(OddOnes(tmp_path), list(range(10)), Sharing(workers), "test"))
    assert answers == {i: f"{i} is odd" if i % 2 else None for i in range(10)}
    asked = [path.name.split("-") for path in tmp_path.iterdir()]
    assert sorted(int(object_id) for object_id, _ in asked) == list(range(10))
    here = {int(process) for _, process in asked} == {os.getpid()}
    assert here == (workers == 1)


def test_parts_begin_in_different_places(tmp_path: Path) -> None:
    orders = [
        [i for i, _ in ask_all(OddOnes(tmp_path), list(range(8)), Sharing(part=(part, 4)), "test")]
        for part in (1, 2, 3, 4)
    ]
    assert [order[0] for order in orders] == [0, 2, 4, 6]
    assert all(sorted(order) == list(range(8)) for order in orders)


def test_a_killed_worker_costs_no_answer(tmp_path: Path) -> None:
    answers = dict(ask_all(Deadly(tmp_path, 3, once=True), list(range(6)), Sharing(2), "test"))
    assert answers == dict.fromkeys(range(6))


def test_workers_that_keep_dying_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"test: worker processes were killed 3 times .* fewer --workers"):
        dict(ask_all(Deadly(tmp_path, 3, once=False), list(range(6)), Sharing(2), "test"))
