"""From a recipe to its source of signals."""

from pathlib import Path

from ..errors import SourceError
from ..recipe import Recipe
from ..recipe_schema import FolderTable, TorchvisionTable
from .base import Objects, Signal, Source
from .digits import DigitImages
from .folder import FolderImages
from .images import Images, ImageSource
from .torchvision_images import TorchvisionImages

__all__ = ["Objects", "Signal", "Source", "open_source"]


def open_source(
    recipe: Recipe, source_root: Path | None = None, *, download: bool = False, hash_files: bool = True
) -> Source:
    """Open the source of a recipe.

    Args:
        source_root: the folder that holds the source's files; digits need none, and an image folder is
            looked up beside the recipe file without one.
        download: let torchvision fetch, check and unpack its files into ``source_root`` first.
        hash_files: work out `Source.files`, and try images before any is fitted (of a folder, all).
            Workers that open a source once more leave it out.
    Raises:
        SourceError: files are missing, corrupted or unfit; the message says what to put where.
        RecipeError: the recipe asks for what the source does not have.
    """
    images = _images(recipe, None if source_root is None else _expanded(source_root), download)
    source = ImageSource(recipe, images, hash_files=hash_files)
    if hash_files:
        count = len(source.objects)
        for index in range(count if isinstance(recipe.source, FolderTable) else 1):
            source.check_image(index)
    return source


def _expanded(root: Path) -> Path:
    """The path with the home folder in place of '~'."""
    try:
        return root.expanduser()
    except RuntimeError:
        raise SourceError(
            f"source root {root}: no home folder is known for it; expected the path of a folder: write it out"
        ) from None


def _images(recipe: Recipe, source_root: Path | None, download: bool) -> Images:
    table = recipe.source
    if isinstance(table, TorchvisionTable):
        return TorchvisionImages(recipe, table, source_root, download)
    if download:
        raise SourceError(f"recipe {recipe.name}: there is nothing to download; leave --download out")
    if isinstance(table, FolderTable):
        return FolderImages(recipe, table, source_root)
    return DigitImages()
