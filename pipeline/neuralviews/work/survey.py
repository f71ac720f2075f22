"""Something asked of every object of a source before a run, by worker processes."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from ..errors import EngineError
from .pool import WorkersKilled, run_calls
from .shards import Sharing
from .worker import serve

__all__ = ["Question", "ask_all"]

_TRIES = 3


class Question(Protocol):
    """What is asked; it pickles, and workers open what it needs once."""

    def ask(self, object_id: int) -> str | None:
        """None, or why an object cannot be used."""
        ...


def ask_all(
    question: Question, objects: Sequence[int], sharing: Sharing, title: str
) -> Iterator[tuple[int, str | None]]:
    """The answer about each object, in any order.

    Runs for other parts of the same store begin elsewhere in the list, and share answers that are kept.

    Raises:
        EngineError: worker processes kept being killed.
    """
    from threadpoolctl import threadpool_limits
    from tqdm import tqdm

    index, count = sharing.part
    start = (index - 1) * len(objects) // count
    left = [*objects[start:], *objects[:start]]
    bar = tqdm(total=len(left), desc=title, unit="shapes", file=sys.stderr, disable=not sharing.progress)
    with bar, threadpool_limits(1):
        for _ in range(_TRIES):
            try:
                calls = [(question.ask, object_id, os.getpid()) for object_id in left]
                for object_id, problem in run_calls(_answer, calls, sharing.workers):
                    left.remove(object_id)
                    bar.update()
                    yield object_id, problem
                return
            except WorkersKilled:
                continue
    raise EngineError(
        f"{title}: worker processes were killed {_TRIES} times (out of memory?); "
        f"{len(left)} objects are left: run the same command again with fewer --workers"
    )


def _answer(ask: Callable[[int], str | None], object_id: int, parent: int) -> tuple[int, str | None]:
    if os.getpid() != parent:
        serve(parent)
    return object_id, ask(object_id)
