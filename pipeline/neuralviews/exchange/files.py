"""The files of an export of another program, in a folder or an archive, looked up by name."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import SourceError
from ..signals.file_tree import FileTree
from ..signals.hashing import sha256_of
from ..signals.zip_tree import ZipTree
from .claims import Content, is_bomb

__all__ = ["Files", "OneFile"]

_LARGEST_TEXT = 1 << 26
"""Bytes of JSON, whose values may take twenty times as much memory."""


@dataclass(frozen=True)
class OneFile:
    """A single file as a tree of its own; see `FileTree`."""

    path: Path

    @property
    def names(self) -> list[str]:
        return [self.path.name]

    def describe(self, name: str) -> str:
        return str(self.path)

    def read(self, name: str) -> bytes:
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise SourceError(f"{self.path}: cannot be read ({error.strerror}); expected fields") from None

    def sha256(self, name: str) -> str:
        return sha256_of(self.path)


class Files:
    """Files to import from.

    Args:
        tree: where they lie.
    """

    def __init__(self, tree: FileTree) -> None:
        self.tree = tree

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All names, sorted; files and folders that archivers leave behind are none of them."""
        kept = (name for name in self.tree.names if "__MACOSX/" not in f"/{name}")
        return tuple(sorted(kept))

    def describe(self, name: str = "") -> str:
        """What an error message calls a file, or all of them."""
        return self.tree.describe(name)

    def read(self, name: str) -> bytes:
        """All bytes of a file of fields, or a SourceError that says why not."""
        self._require_honest(name, "weights")
        return self.tree.read(name)

    def _require_honest(self, name: str, content: Content) -> None:
        """Refuse a member of an archive that claims to hold more than such content ever shrinks from."""
        if isinstance(self.tree, ZipTree):
            claimed, held = self.tree.sizes(name)
            if is_bomb(claimed, held, content):
                raise SourceError(
                    f"{self.describe(name)}: found {claimed} bytes packed into {held}, and {content} never "
                    "shrink as much: do not trust this archive, or unpack it yourself"
                )

    def _text(self, name: str) -> bytes:
        """All bytes of a file of JSON; ValueError if they are too many, before an archive is unpacked."""
        size = self.tree.sizes(name)[0] if isinstance(self.tree, ZipTree) else 0
        data = b"" if size > _LARGEST_TEXT else self.tree.read(name)
        if max(size, len(data)) > _LARGEST_TEXT:
            raise ValueError(f"{max(size, len(data))} bytes, at most {_LARGEST_TEXT}")
        return data

    def matching(self, pattern: re.Pattern[str]) -> Iterator[tuple[str, re.Match[str]]]:
        """Names that match as a whole, with what was found in them."""
        for name in self.names:
            found = pattern.fullmatch(name)
            if found is not None:
                yield name, found

    def found(self, pattern: re.Pattern[str]) -> str | None:
        """The first name that matches as a whole, in the words of `Format.detect`; None if there is none."""
        match = next(self.matching(pattern), None)
        return None if match is None else f"found {match[0]}"

    def one_folder(self, names: Iterable[str]) -> str:
        """The folder of some files, with '/' at its end, or empty.

        Raises:
            SourceError: they lie in several.
        """
        folders = sorted({name[: name.rfind("/") + 1] for name in names})
        if len(folders) > 1:
            raise SourceError(
                f"{self.describe()}: found fields in {folders[0] or './'} and in {folders[1]}, "
                "expected one folder of them: import one after the other"
            )
        return "".join(folders)

    def json(self, name: str) -> Any:
        """The value of a JSON file.

        Raises:
            SourceError: it is none.
        """
        self._require_honest(name, "lists of paths")
        try:
            data = self._text(name)
            return json.loads(data)
        except (ValueError, RecursionError) as error:
            raise SourceError(
                f"{self.describe(name)}: not JSON ({error}); replace the file, or leave it out"
            ) from None
