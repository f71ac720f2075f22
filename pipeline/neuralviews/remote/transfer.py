"""Bring the rest of a file from one link, in one try."""

import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..signals.web_pages import WEB_PAGE, is_web_page
from ..store.space import require_room
from .body import Body, LinkFault
from .local import local_path, open_local
from .partial import PartialFile, Version
from .sums import Pins
from .web import open_web

if TYPE_CHECKING:
    from tqdm import tqdm

__all__ = ["Brought", "Order", "transfer"]

MAX_UNSTATED = 2**36
"""Bytes of a file whose length nobody states."""

_HEAD = 1024
_PAGES = (".html", ".htm", ".xhtml")


@dataclass(frozen=True)
class Order:
    """What is wanted, whichever link gives it.

    Attributes:
        headers: of requests to the hosts of the links.
        timeout: seconds in which a server has to say something.
        progress: show a bar even if the output is no terminal.
    """

    target: Path
    pins: Pins
    headers: Mapping[str, str]
    timeout: float
    progress: bool


class Brought(NamedTuple):
    """What a link brought.

    Attributes:
        resumed: whether some of the file was there before.
        called_page: whether the link calls its bytes a web page, which nobody expects there.
    """

    resumed: bool
    called_page: bool = False


def transfer(link: str, part: PartialFile, order: Order, *, anew: bool) -> Brought:
    """Bring what is missing of ``part``.

    Args:
        anew: ask for the whole file; what is there is given up once the link begins to give it.
    Raises:
        LinkFault: the link did not give all of it; what it gave stays.
        OutputError: it cannot be written, or there is no room for it.
    """
    pinned = order.pins.sha256 is not None
    if not anew and part.is_whole(link, pinned=pinned):
        return Brought(resumed=True)
    offset, validator = (0, None) if anew else part.rest(link, pinned=pinned)
    with _opened(link, offset, validator, order) as body:
        length = _length(body, order.pins)
        block = body.read()
        # Looked at before bytes of another link are given up for these. A known sha256 tells better than a
        # server whether it is a page, once it is all here.
        risky = not pinned or (body.start == 0 and part.size > 0 and not part.is_of(link))
        _require_data(order.target, (body.is_page and risky) or (body.start == 0 and is_web_page(block)))
        if body.start == 0:
            part.restart(Version(link, body.validator, length))
        else:
            _go_on(part, body, same=validator is not None)
        if length is not None:
            require_room(order.target.parent, length - part.size, "put the file there by other means")
        with _bar(order, body.start, length) as bar:
            while block:
                _add(block, part, order.target, MAX_UNSTATED if length is None else length)
                bar.update(len(block))
                block = body.read()
    if length is not None and part.size < length:
        raise LinkFault(f"the connection ended after {part.size} of {length} bytes", retry=True)
    return Brought(body.start > 0, body.is_page and not _is_page(order.target))


def _go_on(part: PartialFile, body: Body, *, same: bool) -> None:
    before = part.version.length if part.version is not None else None
    if None not in (before, body.length) and before != body.length:
        reason = f"has {body.length} bytes, but {before} when it was begun"
        raise LinkFault(reason, retry=True, anew=True)
    if not same:
        part.mix()


def _add(block: bytes, part: PartialFile, target: Path, most: int) -> None:
    if part.size + len(block) > most:
        raise LinkFault(f"sends more than {most} bytes, expected the file alone", retry=True, spoilt=True)
    starts = part.size < _HEAD
    part.append(block)
    if starts and is_web_page(part.head(_HEAD)):
        _require_data(target, True, spoilt=True)


def _opened(link: str, offset: int, validator: str | None, order: Order) -> AbstractContextManager[Body]:
    path = local_path(link)
    if path is not None:
        return open_local(path, offset, validator)
    return open_web(link, offset, validator, order.headers, order.timeout)


def _length(body: Body, pins: Pins) -> int | None:
    """How long the file is, as the link and the caller state it."""
    if None not in (body.length, pins.size) and body.length != pins.size:
        raise LinkFault(f"has {body.length} bytes, expected {pins.size}")
    if not body.has_end and pins.size is None and not pins.known:
        raise LinkFault(
            "states no length, so that a part could not be told from the whole; state its size or its sha256"
        )
    return pins.size if body.length is None else body.length


def _require_data(target: Path, is_page: bool, *, spoilt: bool = False) -> None:
    if is_page and not _is_page(target):
        raise LinkFault(
            f"{WEB_PAGE}; open it in a browser, and take the link of the download itself", spoilt=spoilt
        )


def _is_page(target: Path) -> bool:
    """Whether the file that is wanted is a page itself."""
    return target.suffix.lower() in _PAGES


def _bar(order: Order, start: int, length: int | None) -> "tqdm":
    from tqdm import tqdm

    return tqdm(
        total=length,
        initial=start,
        desc=order.target.name,
        unit="B",
        unit_scale=True,
        disable=False if order.progress else None,  # None: shown on terminals alone
        mininterval=0.1 if sys.stderr.isatty() else 10.0,
        dynamic_ncols=True,
    )
