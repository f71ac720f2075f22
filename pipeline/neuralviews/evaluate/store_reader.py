"""Readers of the fields of a store."""

from typing import TYPE_CHECKING

from ..errors import SpecError
from ..fit.facts import field_facts
from .memory import memory_errors
from .readers.pixels import Pixels
from .readers.registry import build_reader

if TYPE_CHECKING:
    from ..store.reader import Store
    from .readers.base import Reader

__all__ = ["reader_of_store"]


def reader_of_store(
    store: "Store", name: str, outputs: int, *, seed: int, hidden: int | None = None
) -> "Reader":
    """A fresh reader, as `build_reader` makes it, that knows what fields do not tell: the size of images.

    Raises:
        OptionError: no such reader, or one too wide.
        SpecError: it cannot read such fields.
        MemoryError: there is not enough for it.
    """
    with memory_errors():
        reader = build_reader(name, store.spec, outputs, seed=seed, hidden=hidden)
    if isinstance(reader, Pixels):
        shape = field_facts(store).image_shape
        if shape is None:
            raise SpecError(
                f"reader {name!r} renders images of one size, and {store.root} does not state one of all its "
                "images; choose a reader of weights, such as 'graph'"
            )
        reader.grid = shape
    return reader
