"""Names of files in archives and on servers: those that could lead astray, and those that are no data."""

import re
from pathlib import Path

from ..errors import SourceError

__all__ = ["is_ignored", "is_unsafe", "refused_member"]


def is_unsafe(name: str) -> bool:
    """Whether a relative path, with '/', might lead out of the folder that it belongs below, on any system.

    A single '/' at its end, as folders have, is fine.
    """
    if "\0" in name or "\\" in name or re.match("[A-Za-z]:", name):
        return True
    return any(part in ("", ".", "..") for part in name.removesuffix("/").split("/"))


def is_ignored(name: str) -> bool:
    """Whether a path is of a hidden file, or of what macOS adds to archives."""
    path = f"/{name}/"
    return "/." in path or "/__MACOSX/" in path


def refused_member(archive: Path, name: str | bytes, reason: str) -> SourceError:
    """The error for an archive with a member that no honest one has."""
    return SourceError(
        f"{archive}: found the member {name!r}, {reason}, expected files with relative paths; "
        "nothing was read: pack the archive again from files that you trust"
    )
