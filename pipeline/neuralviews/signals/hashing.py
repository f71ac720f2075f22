"""SHA-256 of source files, the names that provenance gives them, and which of them count."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from ..errors import SourceError

__all__ = ["hash_files", "sha256_of"]


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}); expected a source file") from None


def hash_files(root: Path, paths: Iterable[Path]) -> dict[str, str]:
    """Name relative to ``root``, with '/', -> SHA-256, in the order of the names."""
    named = {path.relative_to(root).as_posix(): path for path in paths}
    return {name: sha256_of(named[name]) for name in sorted(named)}
