"""Folders that exports write to: files appear there whole, and none is ever replaced."""

import os
from collections.abc import Collection
from pathlib import Path

from ..errors import OutputError
from ..store.canonical import sha256_hex
from ..store.files import (
    DifferentBytes,
    is_leftover,
    make_folder,
    output_errors,
    publish,
    remove_leftovers,
    require_writable,
)

__all__ = ["add_file", "prepare_folder"]


def prepare_folder(root: Path, names: Collection[str]) -> None:
    """Make a folder, or take one that holds nothing but files of these names, as interrupted exports leave.

    Raises:
        OutputError: it cannot be written to, or holds anything else.
    """
    make_folder(root)
    with output_errors(root):
        others = sorted(entry for entry in {*os.listdir(root)} - {*names} if not is_leftover(entry))
    if others:
        raise OutputError(
            f"{root}: found '{others[0]}', expected an empty folder, or files of this same export; "
            "take another folder"
        )
    require_writable(root)
    remove_leftovers(root)


def add_file(root: Path, name: str, data: bytes) -> None:
    """Write a file; one of the same bytes is left as it is.

    Raises:
        OutputError: it cannot be written, or there is one with other bytes.
    """
    try:
        publish(root, name, [data], sha256_hex(data))
    except DifferentBytes:
        raise OutputError(
            f"{root / name}: there is such a file with other bytes than this export makes; "
            "take another folder, or remove the file"
        ) from None
