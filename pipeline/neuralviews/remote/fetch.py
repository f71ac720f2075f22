"""Fetch a file: gone on with after any interruption, proven, and only then given its name."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ..errors import FetchError, OptionError, OutputError
from ..store.files import make_folder
from .body import LinkFault
from .partial import PartialFile, remove_remains
from .patience import PATIENCE, Patience
from .sums import Pins, Sums, promised, sums_of, write_record
from .transfer import Brought, Order, transfer

__all__ = ["Fetched", "fetch"]

_PROGRESS = 2**20
"""Bytes that a try must have brought further than any before it, so that tries are counted anew."""


@dataclass(frozen=True)
class Fetched:
    """A file that is there, whole and proven.

    Attributes:
        size, sha256: of its bytes.
        link: that gave it; None if it was there already.
        pinned: whether a checksum was known beforehand. If not, the sha256 was recorded in ``<path>.sha256``,
            and the next time the bytes have to be the same.
        adopted: whether it was there already, and no link was opened.
    """

    path: Path
    sha256: str
    size: int
    link: str | None
    pinned: bool
    adopted: bool


def fetch(
    links: Sequence[str],
    target: Path,
    *,
    sha256: str | None = None,
    md5: str | None = None,
    size: int | None = None,
    headers: Mapping[str, str] = MappingProxyType({}),
    progress: bool = False,
    patience: Patience = PATIENCE,
) -> Fetched:
    """Bring a file from the first of its links that has it; its name appears with all its bytes, durably.

    What has arrived stays in ``<target>.part`` until the file is whole, and a later call goes on with it,
    also one of another process: from the same link if that still has the same version, from any link if
    ``sha256`` is given. Two processes that fetch the same file take turns. A file that is there already is
    adopted if its sums are right; no file is ever replaced.

    Args:
        links: of the same file, ``https://``, ``http://``, ``file://`` or absolute paths, the best first.
        sha256, md5, size: of the file, as far as they are known.
        headers: of requests to the hosts of the links, for permissions; not sent where redirects lead to.
        progress: show a bar even if the output is no terminal.
    Raises:
        FetchError: no link gave the file; the message names each with its reason.
        OptionError: no links, or sums that cannot be.
        OutputError: it cannot be written, or there is a file of this name with other bytes.
    """
    if isinstance(links, str):
        raise OptionError(f"links: found the text {links!r}, expected a list of links")
    pins = promised(target, sha256, md5, size)
    if (found := _adopted(target, pins)) is not None:
        return found
    if not links:
        raise OptionError(f"{target}: found no links, expected at least one to fetch it from")
    make_folder(target.parent)
    with PartialFile(target, md5=pins.md5 is not None) as part:
        # Whoever was waited for may have fetched it, and recorded its sum.
        pins = promised(target, sha256, md5, size)
        if (found := _adopted(target, pins)) is not None:
            return found
        order = Order(target, pins, headers, patience.timeout, progress)
        link, sums = _from_any(links, part, order, patience)
        if not part.finish():  # somebody put a file there who knows nothing of the lock
            part.empty()
            if (found := _adopted(target, pins)) is not None:
                return found
            raise OutputError(f"{target}: came and went while it was fetched; run the same command again")
        if not pins.known:
            write_record(target, sums.sha256)
    return Fetched(target, sums.sha256, sums.size, link, pinned=pins.known, adopted=False)


def _from_any(links: Sequence[str], part: PartialFile, order: Order, patience: Patience) -> tuple[str, Sums]:
    """The link that gave the rest of a file, and the sums of the whole, which are right."""
    reasons = []
    for link in links:
        try:
            return link, _from_link(link, part, order, patience)
        except LinkFault as fault:
            reasons.append(f"{link}: {fault.reason}")
    kept = f" ({part.size} bytes are kept: the same command goes on from there)" if part.size else ""
    raise FetchError(f"{order.target}: cannot be fetched{kept} from " + "; nor from ".join(reasons))


def _from_link(link: str, part: PartialFile, order: Order, patience: Patience) -> Sums:
    tries, reached, anew = 0, part.most, False
    while True:
        try:
            brought = transfer(link, part, order, anew=anew)
            return _proven(part, order.pins, brought)
        except LinkFault as fault:
            if fault.spoilt:
                part.empty()
            tries, anew = tries + 1, fault.anew
            if part.most >= reached + _PROGRESS:
                tries, reached = 1, part.most
            if not patience.wait(link, tries, fault):
                raise


def _proven(part: PartialFile, pins: Pins, brought: Brought) -> Sums:
    """The sums of all bytes. Wrong ones are of no use; if some were from before, others may be right."""
    sums = part.sums()
    if (fault := pins.fault(sums)) is not None:
        page = "; the link calls it a web page" if brought.called_page else ""
        raise LinkFault(f"{fault}{page}; these bytes were thrown away", retry=brought.resumed, spoilt=True)
    return sums


def _adopted(target: Path, pins: Pins) -> Fetched | None:
    """The file that is there already, proven; None if there is none.

    Raises:
        OutputError: it is another one, or cannot be read.
    """
    try:
        if not target.is_file() and os.path.lexists(target):
            raise OutputError(f"{target}: no regular file, expected the file to fetch; remove it")
        sums = sums_of(target, md5=pins.md5 is not None)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise OutputError(
            f"{target}: cannot be read ({error.strerror}); make it readable, or remove it"
        ) from None
    if (fault := pins.fault(sums)) is not None:
        raise OutputError(f"{target}: there is a file of this name, {fault}; remove it to fetch it anew")
    remove_remains(target)
    if not pins.known:
        with suppress(OutputError):  # to use a file in a folder of somebody else's is no fault
            write_record(target, sums.sha256)
    return Fetched(target, sums.sha256, sums.size, None, pinned=pins.known, adopted=True)
