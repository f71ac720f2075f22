"""Something asked of every object of a source before a run, by workers."""

import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NoReturn, Protocol, TypeVar

from ..errors import EngineError
from ..seeds import derive_seed
from .deaths import run_all
from .sharing import Sharing

__all__ = ["Question", "ask_all"]

Answer = TypeVar("Answer")
Answer_co = TypeVar("Answer_co", covariant=True)


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
    folder: Path | None = None,
) -> Generator[tuple[int, Answer], None, None]:
    """The answer about each object: in the order given, or as answers come if workers are several.

    Each part of a run on the same store has an order of its own, whichever parts run at the same time: where
    answers are kept, parts then seldom work on the same object.

    Args:
        unit: of what the bar counts; ``weight``: how many of these an object stands for.
        folder: where answers are kept, if any are: all workers have to share it.
    Raises:
        EngineError: workers cannot be used, or keep being killed by a single object, which is named.
    """
    from threadpoolctl import threadpool_limits
    from tqdm import tqdm

    ordered = _order_of(sharing.part, objects)
    total = sum(map(weight, ordered))
    bar = tqdm(total=total, desc=title, unit=unit, file=sys.stderr, disable=not sharing.progress)

    def refuse(object_id: int) -> NoReturn:
        raise EngineError(
            f"{question.describe(object_id)}: worker processes were killed by it, with no other at work "
            "(out of memory?); give it more memory, or take the file out of the source"
        )

    with (
        bar,
        threadpool_limits(1),
        sharing.pool(folder) as pool,
        closing(run_all(question.ask, ordered, pool, refuse)) as answers,
    ):
        for object_id, answer in answers:
            bar.update(weight(object_id))
            yield object_id, answer


def _order_of(part: tuple[int, int], objects: Sequence[int]) -> Sequence[int]:
    index, count = part
    return objects if count == 1 else sorted(objects, key=lambda i: derive_seed(index, "part", i))
