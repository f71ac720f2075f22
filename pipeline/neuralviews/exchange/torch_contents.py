"""What a file of torch.save holds, once it is loaded: tensors and whatever else, by name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from ..errors import SourceError, printable
from .claims import is_bomb

__all__ = ["Contents", "flattened"]

_MOST_ENTRIES = 1 << 16
"""Of all tables of a file together: a table may be in another many times, and take no room there."""
_LONGEST_NAME = 1000
_DEEPEST = 4
"""Tables in tables whose entries are told apart."""


@dataclass(frozen=True)
class Contents:
    """What a file holds.

    Attributes:
        tensors: name -> array; names of nested tables are joined by dots.
        others: name -> whatever else there is: numbers, texts, lists of them.
    """

    tensors: Mapping[str, NDArray[Any]]
    others: Mapping[str, Any]


def flattened(found: Any, held: int, where: str) -> Contents:
    """The entries of a table, and of the tables in it.

    Args:
        held: bytes of the file.
    Raises:
        SourceError: it is no table, or holds more than such a file can, or tensors that NumPy has not.
    """
    import torch

    if not isinstance(found, Mapping):
        raise SourceError(
            f"{where}: found a {type(found).__name__}, expected a table of tensors: a state dict"
        )
    tensors: dict[str, NDArray[Any]] = {}
    others: dict[str, Any] = {}
    claimed = 0
    for number, (name, value, whole) in enumerate(_entries(found, "")):
        if number == _MOST_ENTRIES or len(name) > _LONGEST_NAME:
            raise SourceError(
                f"{where}: its tables have more than {_MOST_ENTRIES} entries in all, or names of more than "
                f"{_LONGEST_NAME} letters; expected a small network: replace the file"
            )
        if isinstance(value, torch.Tensor):
            claimed += value.numel() * value.element_size()
            if is_bomb(claimed, held):  # a tensor may repeat a single number without end
                raise SourceError(
                    f"{where}: claims {claimed} bytes of numbers or more, of which a file of {held} bytes "
                    "cannot hold enough; expected a small network: replace the file"
                )
            if value.layout != torch.strided or value.dtype == torch.bfloat16:
                raise SourceError(
                    f"{where}: {printable(name)}: found {value.dtype} {value.layout}, "
                    "expected plain float32: save it with .float()"
                )
            tensors[name] = value.detach().numpy()
        elif whole:
            others[name] = value
    return Contents(tensors, others)


def _entries(table: Mapping[Any, Any], start: str, depth: int = 0) -> Iterator[tuple[str, Any, bool]]:
    """Name and value of each entry, of tables in tables too, and whether that is all of it."""
    for key, value in table.items():
        name, inner = f"{start}{key}", isinstance(value, Mapping) and depth < _DEEPEST
        yield name, value, not inner
        if inner:
            yield from _entries(value, f"{name}.", depth + 1)
