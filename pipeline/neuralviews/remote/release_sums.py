"""SHA256SUMS.release: every file of a release, of which most follow from the manifest."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from ..errors import FetchError
from ..signals.member_names import is_unsafe
from ..statistics.moments import STATISTICS_FILE
from ..store.schema import SHARD_FOLDER
from .card import RELEASE_SUMS

__all__ = ["MAX_OTHERS", "other_files"]

MAX_OTHERS = 1000
"""Files of a release that are none of its store, at most."""

_LINE = re.compile(r"([0-9a-f]{64})  (.{1,1000})", re.ASCII)


def other_files(data: bytes, store: Mapping[str, str], link: str) -> dict[str, str]:
    """Name -> sha256 of the files beside the store that a release has.

    Args:
        data: the content of ``SHA256SUMS.release``; any server may have written it.
        store: name -> sha256 of the files of the store, which have to be listed, and so.
        link: of the release, for errors.
    Raises:
        FetchError: it is no such list, is of another store, or names what could do harm.
    """
    where = f"{link}: {RELEASE_SUMS}"
    listed: dict[str, str] = {}
    for line in filter(None, data.decode("utf-8", "replace").split("\n")):
        match = _LINE.fullmatch(line)
        if match is None:
            raise FetchError(
                f"{where}: found the line {line[:80]!r}, expected '<sha256>  <name>': ask its publisher"
            )
        if match[2] in listed:
            raise FetchError(f"{where}: names {match[2]!r} twice: do not trust this release")
        listed[match[2]] = match[1]
    for name, digest in store.items():
        if listed.pop(name, None) != digest:
            raise FetchError(
                f"{where}: does not list the {name} that follows from the manifest; the release mixes "
                "datasets or versions: ask its publisher"
            )
    files = {*listed, *store, RELEASE_SUMS}
    for name in listed:
        inside = not files.isdisjoint(map(str, PurePosixPath(name).parents))
        if problem := _problem(name) or ("which lies in another file" if inside else None):
            raise FetchError(f"{where}: names {name!r}, {problem}; nothing was written: do not trust it")
    if len(listed) > MAX_OTHERS:
        raise FetchError(
            f"{where}: lists {len(listed)} files beside the store, expected {MAX_OTHERS} at most"
        )
    return listed


def _problem(name: str) -> str | None:
    """Why a file of a release cannot have this name, or None."""
    parts = name.split("/")
    if is_unsafe(name) or name.endswith("/"):
        return "which leads out of the release"
    if not name.isprintable() or any(part.startswith(".") or len(part.encode()) > 255 for part in parts):
        return "which no release has"
    if parts[0] == SHARD_FOLDER or name == RELEASE_SUMS:
        return "where only files of the store may lie"
    if parts[0].lower() == STATISTICS_FILE:  # readers would believe it, and no sum of the store covers it
        return "which everybody works out from the records"
    return None
