"""Source files wherever they are: in a folder, in a zip archive or in a tar archive."""

from pathlib import Path

from ..errors import SourceError
from .file_tree import FileTree, FolderTree
from .places import is_folder
from .tar_headers import BLOCK, is_tar
from .tar_stretch import COMPRESSIONS
from .tar_tree import TarTree
from .web_pages import WEB_PAGE, is_web_page
from .zip_tree import ZipTree

__all__ = ["open_tree"]

_ZIP = (b"PK\3\4", b"PK\5\6")
_OTHERS = {
    b"\x28\xb5\x2f\xfd": "a file compressed by zstd",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a rar archive",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file",
    b"\x93NUMPY": "a NumPy array",
    b"\x80": "a pickle",
}


def open_tree(path: Path, content: str, scratch: Path | None) -> FileTree:
    """The files of a folder or an archive, told apart by what they are, whatever their names end in.

    Args:
        content: what is expected there, as "images".
        scratch: where a compressed tar archive is decompressed to; None refuses those.
    Raises:
        OutputError: there is no room in ``scratch``.
        SourceError: there is nothing, or something else, or a damaged or dangerous archive.
    """
    expected = f"expected a folder, a zip archive or a tar archive of {content}"
    if is_folder(path):
        return FolderTree(path, content)
    try:
        if path.exists() and not path.is_file():  # to read a pipe would wait for ever
            raise SourceError(f"{path}: found no regular file, {expected}")
        with path.open("rb") as file:
            head = file.read(2 * BLOCK)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}); {expected}") from None
    if head.startswith(_ZIP):
        return ZipTree(path)
    if head.startswith(tuple(COMPRESSIONS)) or is_tar(head):
        return TarTree(path, scratch=scratch)
    if is_web_page(head):
        raise SourceError(
            f"{path}: {WEB_PAGE}; {expected}: open the link in a browser and save the file itself"
        )
    raise SourceError(f"{path}: found {_described(head)}, {expected}")


def _described(head: bytes) -> str:
    if not head:
        return "an empty file"
    known = (name for start, name in _OTHERS.items() if head.startswith(start))
    return next(known, f"a file that begins with {head[:16]!r}")
