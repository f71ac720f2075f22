"""Mesh files below a folder or in a zip archive: where they are, their labels and their splits."""

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import numpy as np

from ..errors import NoSourceRoot, SourceError
from ..mesh.formats import FORMATS, NOT_READ
from ..mesh.load import MAX_BYTES
from ..recipe import Recipe
from ..recipe_schema import MeshTable
from ..records import NO_LABEL, Split
from .class_folders import numbered, placed
from .file_tree import FileTree, FolderTree
from .places import is_file, is_folder
from .reasons import Reason
from .zip_tree import ZipTree

__all__ = ["MeshFiles"]


class MeshFiles:
    """The mesh files below a place, numbered in the order of the bytes of their relative paths.

    Files of other kinds are passed over, and so are files and folders whose names start with a dot; a mesh
    of a format that is not read is an error, as is a link that leads out of the folder.

    Attributes:
        root: see `Source.root`.
        names: of all files, those left out too, so that leaving some out changes no other number.
        labels: (n,) int32, class number or `NO_LABEL`.
        parts: (n,) uint8, the source's own `Split`; all train if it has none.
        class_names: of the recipe, else the class folders in the order of their bytes; None without labels.
        left_out: file, or class folder with '/' at the end -> why it is left out.
        details: of the files among them, the error that would have been raised.

    Args:
        root: a folder or archive that holds ``table.path``, or that is what its last name means; the
            recipe's folder if None.
        keep_going: leave out what is misplaced, missing or unreadable, rather than raise an error.
    Raises:
        NoSourceRoot: neither a root nor a recipe's folder is known.
        SourceError: there are no meshes, or files lie where they cannot be labelled.
    """

    def __init__(
        self, recipe: Recipe, table: MeshTable, root: Path | None, *, keep_going: bool = False
    ) -> None:
        self.root = root if root is not None else recipe.folder
        if self.root is None:
            raise NoSourceRoot(
                f"recipe {recipe.name}: no source root given; "
                f"name the folder or zip archive that holds {table.path!r} with --source-root"
            )
        self._tree = _found(self.root, table.path, named=root is not None)
        self._keep_going = keep_going
        self.left_out: dict[str, Reason] = {}
        self.details: dict[str, str] = {}
        self.names = self._mesh_names()
        places = [self._placed(name, table) for name in self.names]
        self.parts = np.array([split for split, _ in places], np.uint8)
        self.class_names: tuple[str, ...] | None = None
        self.labels = np.full(len(places), NO_LABEL, np.int32)
        if table.labels == "folders":
            classes = [name for _, name in places]
            self.class_names, self.labels = numbered(classes, table.classes)
            self._note_missing([name for name in self.class_names if name not in {*classes}])

    def describe(self, index: int) -> str:
        """What an error message calls the mesh."""
        return self._tree.describe(self.names[index])

    def read(self, index: int) -> bytes:
        """The bytes of a mesh file.

        Raises:
            SourceError: they cannot be read, or an archive is not to be trusted with them.
        """
        return self._tree.read(self.names[index])

    def hash_files(self) -> Mapping[str, str]:
        """Name -> SHA-256 of the content of each mesh file, the same for an archive and what is packed in it.

        What cannot be read goes to ``left_out`` if it may.
        """
        hashes = {}
        for name in sorted(self.names):
            if name not in self.left_out:
                try:
                    hashes[name] = self._tree.sha256(name)
                except SourceError as error:
                    self._leave_out(name, Reason.unreadable, error)
        return hashes

    def _mesh_names(self) -> list[str]:
        names, expected = [], ", ".join(sorted(FORMATS))
        for name in sorted(self._tree.names, key=os.fsencode):
            suffix = PurePosixPath(name).suffix.lower()
            if suffix in FORMATS:
                names.append(name)
            elif suffix in NOT_READ:
                problem = f"found a mesh of a format that is not read, expected one of {expected}: convert it"
                self._leave_out(name, Reason.other_format, self._error(name, problem))
        if not names:
            raise SourceError(
                f"{self._tree.describe('')}: found no meshes, expected files that end in {expected}"
            )
        return names

    def _placed(self, name: str, table: MeshTable) -> tuple[Split, str | None]:
        """(split, class folder) of a file; train and None of one that is left out."""
        try:
            split, folder = placed(name, table.labels, table.splits)
            if folder is not None and table.classes is not None and folder not in table.classes:
                raise SourceError(
                    f"lies in folder {folder!r}, expected one of source.classes; move it, or add the folder"
                )
            return split, folder
        except SourceError as error:
            self._leave_out(name, Reason.misplaced, self._error(name, str(error)))
            return Split.train, None

    def _note_missing(self, classes: list[str]) -> None:
        if classes and not self._keep_going:
            raise SourceError(
                f"{self._tree.describe('')}: found no meshes of {', '.join(classes)}, "
                "expected a folder of each of source.classes; "
                "give the whole set, or --keep-going to leave these out"
            )
        self.left_out |= {f"{name}/": Reason.missing_class for name in classes}

    def _error(self, name: str, problem: str) -> SourceError:
        return SourceError(f"{self._tree.describe(name)}: {problem}")

    def _leave_out(self, name: str, reason: Reason, error: SourceError) -> None:
        if not self._keep_going:
            raise error
        self.left_out[name] = reason
        self.details[name] = str(error)


def _found(root: Path, path: str, *, named: bool) -> FileTree:
    """The meshes at ``path`` below ``root``; a root that the user named may be that very place.

    Either may be a folder or a zip archive, and an archive may hold more than ``path``.
    """
    place = root / path
    if is_file(root):
        packed = root
    elif is_folder(place):
        return FolderTree(place, "meshes", MAX_BYTES)
    else:
        named_so = place.suffix.lower() == ".zip" or not place.name  # the current folder has no name
        packed = place if named_so else place.with_name(f"{place.name}.zip")
    if is_file(packed):
        return _in_archive(ZipTree(packed), packed, path)
    if named and is_folder(root) and root.resolve().name == place.name:
        return FolderTree(root, "meshes", MAX_BYTES)
    raise SourceError(
        f"{place}: no such folder or zip archive; put the meshes there, "
        f"or name the folder or archive that holds {path!r} with --source-root"
    )


def _in_archive(tree: ZipTree, archive: Path, path: str) -> ZipTree:
    inner = PurePosixPath(path)
    if inner.suffix.lower() == ".zip":
        inner = inner.with_suffix("")
    for folder in (f"{inner}/", f"{inner.name}/"):
        if tree.holds(folder):
            return tree.below(folder)
    if inner.name in ("", archive.stem):
        return tree
    raise SourceError(
        f"{archive}: holds no folder {str(inner)!r}, expected the meshes there: "
        "pack them so, or change source.path"
    )
