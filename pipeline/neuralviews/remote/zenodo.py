"""Files of a record on Zenodo, with the sizes and MD5 sums that it states."""

import json
import re
from contextlib import closing
from http.client import HTTPException
from typing import Any

from ..errors import FetchError
from .body import LinkFault
from .patience import Patience
from .remote_file import RemoteFile
from .web import ask

__all__ = ["zenodo_files"]

MAX_BYTES = 2**24
"""Of what Zenodo says of a record."""

_MD5 = re.compile(r"md5:([0-9a-fA-F]{32})", re.ASCII)


def zenodo_files(
    link: str, endpoint: str, record: str, name: str | None, patience: Patience
) -> list[RemoteFile]:
    """The files of a record, or the one of this name.

    Args:
        link: as it was given, for errors.
        endpoint: the server, without '/' at its end.
    Raises:
        FetchError: the server cannot be reached, or says something else.
    """
    url = f"{endpoint}/api/records/{record}"
    try:
        entries = json.loads(_read(url, patience))["files"]
        files = [_file(entry, endpoint) for entry in entries]
    except LinkFault as fault:
        raise FetchError(f"{link}: {url}: {fault.reason}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FetchError(
            f"{link}: {url}: found no list of files ({type(error).__name__}: {error}); the record may be "
            "restricted: open the link in a browser, and give the link of the file itself"
        ) from None
    chosen = sorted((file for file in files if name in (None, file.name)), key=lambda file: file.name)
    if not chosen:
        names = ", ".join(sorted(file.name for file in files)) or "none"
        raise FetchError(f"{link}: found no such file; the record has {names}")
    return chosen


def _file(entry: Any, endpoint: str) -> RemoteFile:
    direct, size, checksum = entry["links"]["self"], entry["size"], entry.get("checksum")
    # Nothing that a server says may lead to files of this machine, or to a connection that can be forged.
    if not direct.startswith(("https://", f"{endpoint}/")):
        raise ValueError(f"found the link {direct!r}, expected https://")
    if not isinstance(size, int) or size < 0:
        raise ValueError(f"found the size {size!r}")
    md5 = _MD5.fullmatch(checksum or "")
    return RemoteFile(entry["key"], (direct,), size, md5=None if md5 is None else md5[1].lower())


def _read(url: str, patience: Patience) -> bytes:
    tries = 0
    while True:
        tries += 1
        try:
            return _read_once(url, patience.timeout)
        except LinkFault as fault:
            if not patience.wait(url, tries, fault):
                raise


def _read_once(url: str, timeout: float) -> bytes:
    with closing(ask(url, {"Accept": "application/json"}, timeout)) as answer:
        try:
            data = answer.read(MAX_BYTES + 1)
        except (OSError, HTTPException) as error:
            raise LinkFault(f"the connection broke ({error})", retry=True) from None
        if len(data) > MAX_BYTES:
            raise LinkFault(f"says more than {MAX_BYTES} bytes of a record")
        if answer.length:  # the HTTP client does not mind
            raise LinkFault("the connection was cut", retry=True)
        return data
