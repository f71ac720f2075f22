"""A question asked of every object: all answers, shared out, also when workers are killed."""

import os
import signal
from contextlib import closing
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

    def describe(self, object_id: int) -> str:
        return f"number {object_id}"


@dataclass(frozen=True)
class Deadly(OddOnes):
    """Kills the process that asks about one of the victims: the first time, or every time."""

    victims: tuple[int, ...]
    once: bool

    def ask(self, object_id: int) -> str | None:
        marker = self.folder / f"killed-{object_id}"
        if object_id in self.victims and not (self.once and marker.exists()):
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


def test_one_part_keeps_the_order(tmp_path: Path) -> None:
    objects = [5, 3, 4]
    assert [i for i, _ in ask_all(OddOnes(tmp_path), objects, Sharing(), "test")] == objects


@pytest.mark.parametrize(("parts", "running"), [(8, 8), (64, 8), (64, 2)])
def test_parts_that_run_together_seldom_ask_the_same(tmp_path: Path, parts: int, running: int) -> None:
    """Each running part takes a step in turn, and passes over what any has been asked, as it is kept."""
    objects = range(400)
    runs = [
        ask_all(OddOnes(tmp_path), objects, Sharing(part=(part, parts)), "test") for part in range(running)
    ]
    kept: set[int] = set()
    asked = 0
    while runs:
        step = {run: next((i for i, _ in run if i not in kept), None) for run in runs}
        runs = [run for run in runs if step[run] is not None]
        found = [i for i in step.values() if i is not None]
        asked += len(found)
        kept |= {*found}
    assert kept == {*objects}
    assert asked <= 1.1 * len(objects)


def test_killed_workers_cost_no_answer(tmp_path: Path) -> None:
    question = Deadly(tmp_path, (3, 4), once=True)
    assert dict(ask_all(question, list(range(6)), Sharing(2), "test")) == dict.fromkeys(range(6))


def test_an_object_that_kills_its_worker_is_named(tmp_path: Path) -> None:
    question = Deadly(tmp_path, (3,), once=False)
    with pytest.raises(EngineError, match=r"number 3: worker processes were killed by it.*give it more mem"):
        dict(ask_all(question, list(range(6)), Sharing(2), "test"))


def test_workers_may_die_as_often_as_they_like(tmp_path: Path) -> None:
    """Each victim kills once, wherever it is at work, and is blamed for what others beside it do."""
    question = Deadly(tmp_path, tuple(range(2, 26, 6)), once=True)
    assert dict(ask_all(question, list(range(26)), Sharing(2), "test")) == dict.fromkeys(range(26))


def test_answers_that_nobody_waits_for_are_dropped_without_a_word(tmp_path: Path) -> None:
    with closing(ask_all(OddOnes(tmp_path), list(range(40)), Sharing(2), "test")) as answers:
        next(answers)
