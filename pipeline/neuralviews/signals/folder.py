"""Folders of image files: any size, labels from class folders, splits from train, val and test folders."""

import os
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path, PurePosixPath

import numpy as np

from ..errors import NoSourceRoot, SourceError
from ..recipe import Recipe
from ..recipe_schema import FolderTable
from ..records import NO_LABEL, Split
from .class_folders import numbered, placed
from .file_tree import walk
from .hashing import hash_files
from .pixels import Pixels, decoded, with_alpha
from .places import is_folder

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
_NOT_READ = frozenset(
    [
        *(".apng", ".arw", ".avif", ".cr2", ".cr3", ".crw", ".cur", ".dds", ".dib", ".dng", ".exr", ".fits"),
        *(".gif", ".heic", ".heif", ".hif", ".icns", ".ico", ".ief", ".j2c", ".j2k", ".jfif", ".jif", ".jp2"),
        *(".jpe", ".jpf", ".jpm", ".jpx", ".jxl", ".jxr", ".nef", ".orf", ".pam", ".pbm", ".pcx", ".pfm"),
        *(".pnm", ".psd", ".qoi", ".raf", ".ras", ".rgb", ".rgba", ".rw2", ".sgi", ".svg", ".svgz", ".tga"),
        *(".tif", ".tiff", ".wbmp", ".wdp", ".xbm", ".xcf", ".xpm", ".xwd"),
    ]
)
"""Suffixes of images that have to be converted first; the system's own list differs between machines."""
_PACKED = frozenset([".br", ".bz2", ".gz", ".xz", ".z"])


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
        if not is_folder(self._folder):
            raise SourceError(
                f"{self._folder}: no such folder; put the images there, "
                f"or name the folder that holds {table.path!r} with --source-root"
            )
        self._names = sorted(self._image_names(), key=os.fsencode)
        if not self._names:
            raise SourceError(
                f"{self._folder}: found no images, expected files that end in {', '.join(sorted(_FORMATS))}"
            )
        places = [self._placed(name, table) for name in self._names]
        self.parts = np.array([split for split, _ in places], np.uint8)
        self.class_names: tuple[str, ...] | None = None
        self.labels = np.full(len(places), NO_LABEL, np.int32)
        if table.labels == "folders":
            self.class_names, self.labels = numbered([name for _, name in places], None)

    def _placed(self, name: str, table: FolderTable) -> tuple[Split, str | None]:
        try:
            return placed(name, table.labels, table.splits)
        except SourceError as error:
            raise SourceError(f"{self._folder / name}: {error}") from None

    def _image_names(self) -> Iterator[str]:
        for name in walk(self._folder, "images"):
            *before, suffix = PurePosixPath(name.lower()).suffixes or [""]
            if suffix in _FORMATS:
                yield name
            elif suffix in _NOT_READ or (suffix in _PACKED and {*before[-1:]} & (_NOT_READ | {*_FORMATS})):
                raise SourceError(
                    f"{self._folder / name}: found an image of a format that is not read, "
                    f"expected one of {', '.join(sorted(_FORMATS))}: convert it"
                )

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
