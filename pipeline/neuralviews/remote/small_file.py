"""Small files of others, read whole into memory: nothing is written before their content was looked at."""

from ..errors import FetchError
from ..signals.web_pages import WEB_PAGE, is_web_page
from ..store.canonical import sha256_hex
from .body import LinkFault
from .local import local_path, open_local
from .patience import Patience
from .remote_file import RemoteFile
from .web import open_web

__all__ = ["read_small"]

_HEAD = 1024


def read_small(
    file: RemoteFile,
    limit: int,
    patience: Patience,
    *,
    sha256: str | None = None,
    optional: bool = False,
) -> bytes | None:
    """All bytes of a file, from the first of its links that has it; None if none of them has.

    Its sums are not looked at: whoever asks knows better ones, or proves the content.

    Args:
        limit: bytes at most.
        sha256: of the right bytes, which are then no web page whatever a server calls them; still, others are
            given too.
        optional: take a web page in the place of the file for a host's way to say that there is none.
    Raises:
        FetchError: no link gave the file; the message names each with its reason.
    """
    faults = []
    for link in file.links:
        try:
            data, is_page = _from_link(link, file, limit, patience)
        except LinkFault as fault:
            faults.append((link, fault))
            continue
        if not is_page or file.name.endswith(".html") or sha256_hex(data) == sha256:
            return data
        page = LinkFault(f"{WEB_PAGE}; give the address of the files themselves", absent=optional)
        faults.append((link, page))
    if all(fault.absent for _, fault in faults):
        return None
    reasons = "; nor from ".join(f"{link}: {fault.reason}" for link, fault in faults)
    raise FetchError(f"{file.name}: cannot be fetched from {reasons}")


def _from_link(link: str, file: RemoteFile, limit: int, patience: Patience) -> tuple[bytes, bool]:
    """What a link gives, and whether it is a web page, or called one."""
    tries = 0
    while True:
        tries += 1
        try:
            return _read(link, file, limit, patience.timeout)
        except LinkFault as fault:
            if not patience.wait(link, tries, fault):
                raise


def _read(link: str, file: RemoteFile, limit: int, timeout: float) -> tuple[bytes, bool]:
    path, data = local_path(link), bytearray()
    with (
        open_local(path, 0, None) if path is not None else open_web(link, 0, None, file.headers, timeout)
    ) as body:
        while block := body.read():
            data += block
            if len(data) > limit:
                raise LinkFault(f"sends more than {limit} bytes, which no such file needs")
    if body.length is not None and len(data) != body.length:
        raise LinkFault(f"the connection ended after {len(data)} of {body.length} bytes", retry=True)
    return bytes(data), body.is_page or is_web_page(bytes(data[:_HEAD]))
