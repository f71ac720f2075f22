"""Memory that torch does not get."""

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["memory_errors"]


@contextmanager
def memory_errors() -> Iterator[None]:
    """Raise MemoryError, as numpy does, where torch raises a RuntimeError that only its text tells apart."""
    try:
        yield
    except RuntimeError as error:
        text = str(error)
        if "can't allocate memory" not in text:
            raise
        raise MemoryError(text.partition("allocate memory: ")[2].partition(". Error")[0]) from None
