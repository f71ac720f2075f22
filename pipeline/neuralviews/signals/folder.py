"""Folders of image files: any size, labels from class folders, splits from train, val and test folders."""

import mimetypes
import os
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path

import numpy as np

from ..errors import NoSourceRoot, SourceError
from ..recipe import Recipe
from ..recipe_schema import FolderTable
from ..records import NO_LABEL, Split
from .hashing import hash_files
from .pixels import Pixels, decoded, with_alpha

__all__ = ["FolderImages"]

_FORMATS = {
    ".bmp": "BMP",
    ".jpeg": "JPEG",
    ".jpg": "JPEG",
    ".pgm": "PPM",
    ".png": "PNG",
    ".ppm": "PPM",
    ".webp": "WEBP",
}


class FolderImages:
    """The image files below a folder, in the order of the bytes of their relative paths.

    Files and folders whose names start with a dot are left out, and so are files that are no images; an
    image of a format that is not read is an error, as is a link that leads out of the folder.
    """

    def __init__(self, recipe: Recipe, table: FolderTable, root: Path | None) -> None:
        self.root = root if root is not None else recipe.folder
        if self.root is None:
            raise NoSourceRoot(
                f"recipe {recipe.name}: no source root given; "
                f"name the folder that holds {table.path!r} with --source-root"
            )
        self._folder = self.root / table.path
        if not self._folder.is_dir():
            raise SourceError(
                f"{self._folder}: no such folder; put the images there, "
                f"or name the folder that holds {table.path!r} with --source-root"
            )
        self._names = sorted(_image_names(self._folder), key=os.fsencode)
        if not self._names:
            raise SourceError(
                f"{self._folder}: found no images, expected files that end in {', '.join(sorted(_FORMATS))}"
            )
        below = [name.split("/")[:-1] for name in self._names]
        splits = [Split.train] * len(below)
        if table.splits == "folders":
            splits = [self._split(folders, name) for folders, name in zip(below, self._names, strict=True)]
            below = [folders[1:] for folders in below]
        self.parts = np.array(splits, np.uint8)
        self.class_names: tuple[str, ...] | None = None
        self.labels = np.full(len(below), NO_LABEL, np.int32)
        if table.labels == "folders":
            classes = [self._class(folders, name) for folders, name in zip(below, self._names, strict=True)]
            self.class_names = tuple(sorted(set(classes), key=os.fsencode))
            numbers = {name: number for number, name in enumerate(self.class_names)}
            self.labels = np.array([numbers[name] for name in classes], np.int32)

    def _split(self, folders: list[str], name: str) -> Split:
        if not folders or folders[0] not in Split.__members__:
            raise SourceError(
                f"{self._folder / name}: lies in none of the folders train, val and test; "
                "move it into one, or set source.splits = 'none'"
            )
        return Split[folders[0]]

    def _class(self, folders: list[str], name: str) -> str:
        if not folders:
            raise SourceError(
                f"{self._folder / name}: its label is missing: it lies in no class folder; "
                "move it into one, or set source.labels = 'none'"
            )
        return folders[0]

    def describe(self, index: int) -> str:
        """What an error message calls the image."""
        return str(self._folder / self._names[index])

    def pixels(self, index: int) -> Pixels:
        """The image, turned upright as its EXIF orientation says."""
        from PIL import Image, ImageOps

        path = self._folder / self._names[index]
        formats = (_FORMATS[path.suffix.lower()],)
        with decoded(str(path)):
            data = path.read_bytes()
            with Image.open(BytesIO(data), formats=formats) as image:
                image.verify()  # checksums, which decoding does not look at
            with Image.open(BytesIO(data), formats=formats) as image:
                frames: int = getattr(image, "n_frames", 1)
                if frames > 1:
                    raise SourceError(f"found {frames} frames, expected a still picture: save one of them")
                upright = with_alpha(image)
                ImageOps.exif_transpose(upright, in_place=True)
                return Pixels.of(upright)

    def twin(self, index: int) -> int:
        """Sizes may differ."""
        return index

    def hash_files(self) -> Mapping[str, str]:
        """Every image file."""
        return hash_files(self._folder, [self._folder / name for name in self._names])


def _image_names(folder: Path) -> Iterator[str]:
    """Paths of the image files relative to ``folder``, with '/'."""
    inside = folder.resolve()
    for place, folders, files in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files = [name for name in files if not name.startswith(".")]
        for name in (*folders, *files):
            path = Path(place, name)
            if path.is_symlink() and (name in folders or not path.resolve().is_relative_to(inside)):
                raise SourceError(
                    f"{path}: a link to a folder or out of {folder}; expected files inside: copy them there"
                )
        for name in files:
            path = Path(place, name)
            if path.suffix.lower() in _FORMATS:
                yield path.relative_to(folder).as_posix()
            elif (mimetypes.guess_type(name)[0] or "").startswith("image/"):
                raise SourceError(
                    f"{path}: found an image of a format that is not read, "
                    f"expected one of {', '.join(sorted(_FORMATS))}: convert it"
                )


def _unreadable(error: OSError) -> None:
    raise SourceError(f"{error.filename}: cannot be read ({error.strerror}); expected a folder of images")
