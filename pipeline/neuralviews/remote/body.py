"""What a link gives, a web link or a local one alike, and the one way in which it fails."""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["BLOCK", "Body", "LinkFault"]

BLOCK = 2**20
"""Bytes that are read at once, at most."""


class LinkFault(Exception):
    """Why a link did not give what was asked of it; it becomes part of the one error that names all links.

    Attributes:
        reason: what was found and, where there is something, what to do; part of a line.
        retry: whether the same link may do better in a moment.
        after: seconds that the server asks to wait before that.
        anew: whether the link has to be asked for the whole file, since it has not the rest of these bytes.
        spoilt: whether the bytes that arrived are of no use to anybody.
        absent: whether whoever answered has nothing there for us; many servers refuse what they do not have.
    """

    def __init__(
        self,
        reason: str,
        *,
        retry: bool = False,
        after: float = 0.0,
        anew: bool = False,
        spoilt: bool = False,
        absent: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason, self.retry, self.after = reason, retry, after
        self.anew, self.spoilt, self.absent = anew, spoilt, absent


@dataclass(frozen=True)
class Body:
    """The bytes of a file from ``start`` on.

    Attributes:
        length: of the whole file, in bytes, if the link states it.
        validator: names this version of the file, so that the rest of the same can be asked for; None if the
            link has no such name.
        read: the next bytes, at most `BLOCK`; none at the end. Raises LinkFault.
        is_page: whether the link calls it a web page.
        has_end: whether its end can be told from a connection that was cut.
    """

    start: int
    length: int | None
    validator: str | None
    read: Callable[[], bytes]
    is_page: bool = False
    has_end: bool = True
