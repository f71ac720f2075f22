"""Something asked of every object of a source before a run, by worker processes."""

import os
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from typing import Protocol, TypeVar

from ..errors import EngineError
from ..seeds import derive_seed
from .pool import WorkersKilled, run_calls
from .shards import Sharing
from .worker import serve

__all__ = ["Question", "ask_all"]

Answer = TypeVar("Answer")
Answer_co = TypeVar("Answer_co", covariant=True)

_TRIES = 3


class Question(Protocol[Answer_co]):
    """What is asked; it pickles, and workers open what it needs once."""

    def ask(self, object_id: int) -> Answer_co:
        """The answer about an object."""
        ...

    def describe(self, object_id: int) -> str:
        """What an error message calls an object."""
        ...


def ask_all(
    question: Question[Answer],
    objects: Sequence[int],
    sharing: Sharing,
    title: str,
    unit: str = "shapes",
    weight: Callable[[int], int] = lambda _: 1,
) -> Generator[tuple[int, Answer], None, None]:
    """The answer about each object: in the order given, or as answers come if workers are several.

    Each part of a run on the same store has an order of its own, whichever parts run at the same time: where
    answers are kept, parts then seldom work on the same object.

    Args:
        unit: of what the bar counts; ``weight``: how many of these an object stands for.
    Raises:
        EngineError: worker processes kept being killed, or one was by a single object, which is named.
    """
    from threadpoolctl import threadpool_limits
    from tqdm import tqdm

    left = dict.fromkeys(_order_of(sharing.part, objects))
    total = sum(map(weight, left))
    bar = tqdm(total=total, desc=title, unit=unit, file=sys.stderr, disable=not sharing.progress)
    with bar, threadpool_limits(1):
        for _ in range(_TRIES):
            begun: list[int] = []
            try:
                calls = ((question.ask, i, os.getpid()) for i in _noted([*left], begun))
                with closing(run_calls(_answer, calls, sharing.workers)) as answers:
                    for object_id, answer in answers:
                        del left[object_id]
                        bar.update(weight(object_id))
                        yield object_id, answer
                return
            except WorkersKilled:
                pass
            for object_id in [i for i in begun if i in left]:
                answer = _ask_alone(question, object_id)
                del left[object_id]
                bar.update(weight(object_id))
                yield object_id, answer
    if left:
        raise EngineError(
            f"{title}: worker processes were killed {_TRIES} times (out of memory?); "
            f"{len(left)} objects are left: run the same command again with fewer --workers"
        )


def _order_of(part: tuple[int, int], objects: Sequence[int]) -> Sequence[int]:
    index, count = part
    return objects if count == 1 else sorted(objects, key=lambda i: derive_seed(index, "part", i))


def _noted(objects: Sequence[int], begun: list[int]) -> Iterator[int]:
    """The objects, each noted as it is handed out: one of them may be what kills a worker."""
    for object_id in objects:
        begun.append(object_id)
        yield object_id


def _ask_alone(question: Question[Answer], object_id: int) -> Answer:
    """Ask while no other worker is busy: one that is killed then was killed by this object."""
    try:
        answers = list(run_calls(_answer, [(question.ask, object_id, os.getpid())], workers=2))
    except WorkersKilled:
        raise EngineError(
            f"{question.describe(object_id)}: a worker process was killed by it, with no other at work "
            "(out of memory?); give it more memory, or take the file out of the source"
        ) from None
    answer: Answer = answers[0][1]
    return answer


def _answer(ask: Callable[[int], Answer], object_id: int, parent: int) -> tuple[int, Answer]:
    if os.getpid() != parent:
        serve(parent)
    return object_id, ask(object_id)
