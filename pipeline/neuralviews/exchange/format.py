"""What every format offers: to know its files, to list and to read their fields, and to write those of a
store."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from .files import Files
from .layers import Dims
from .listing import Listing
from .note import Note

if TYPE_CHECKING:
    from .sink import Sink
    from .taken import Taken

__all__ = ["Format", "Hints", "Parse", "Parsed"]


class Parsed(NamedTuple):
    """The fields of one file.

    Attributes:
        weights: (m, P) float32, in the order of `FieldSpec`.
        label: of each, None if the file does not tell.
        attributes: (m, a) float32, None without any.
    """

    dims: Dims
    weights: NDArray[np.float32]
    label: NDArray[np.int64] | None = None
    attributes: NDArray[np.float32] | None = None


Parse = Callable[[bytes, str], Parsed]
"""Reads the bytes of one file; the text is what an error message calls it. It may remember what it
learned."""


@dataclass(frozen=True)
class Hints:
    """What is known beside the files.

    Args:
        note: what neuralviews laid beside an export.
        splits: lists by split that were given apart from the files, and what error messages call them.
    """

    note: Note | None = None
    splits: tuple[Any, str] | None = None

    def require_no_splits(self, exchange: str) -> None:
        """Refuse lists of paths by split, for a format whose files are not listed one by one.

        Raises:
            OptionError: some were given.
        """
        if self.splits is not None:
            raise OptionError(
                f"splits: found {self.splits[1]}, but files of {exchange} say themselves which split a field "
                "is of; leave --splits out"
            )


class Format(Protocol):
    """A format: the module of its name, with ``-`` as ``_``.

    Attributes:
        TITLE: what it is, in a line.
        LOOKS_FOR: what files it is known by, for error messages.
    """

    TITLE: str
    LOOKS_FOR: str

    def detect(self, files: Files) -> str | None:
        """Why these are files of this format; None if they are not. Names alone are looked at."""
        ...

    def listing(self, files: Files, hints: Hints) -> Listing:
        """All fields of the files.

        Raises:
            SourceError: names or lists do not say which fields these are.
        """
        ...

    def parser(self, listing: Listing) -> Parse:
        """What reads the files of a listing, one after another."""
        ...

    def export(self, taken: "Taken", sink: "Sink") -> tuple[str, ...]:
        """Write records of a store; the same records make the same bytes.

        Returns:
            What a reader should know, one a line.
        Raises:
            SpecError: records that the format cannot hold.
        """
        ...
