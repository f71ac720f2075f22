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
        if "can't allocate memory" not in str(error):
            raise
        raise MemoryError from None
