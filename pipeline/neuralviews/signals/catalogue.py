"""From a recipe to its source of signals."""

from pathlib import Path

from ..recipe import Recipe
from ..recipe_schema import DigitsTable
from .base import Objects, Signal, Source
from .digits import DigitImages
from .images import Images, ImageSource

__all__ = ["Objects", "Signal", "Source", "open_source"]


def open_source(
    recipe: Recipe, source_root: Path | None = None, *, download: bool = False, hash_files: bool = True
) -> Source:
    """Open the source of a recipe.

    Args:
        source_root: the folder that holds the source's files; digits need none, and an image folder is
            looked up beside the recipe file without one.
        download: let torchvision fetch, check and unpack its files into ``source_root`` first.
        hash_files: work out `Source.files`; workers that open a source again leave it out.
    Raises:
        SourceError: files are missing, corrupted or unfit; the message says what to put where.
        RecipeError: the recipe asks for what the source does not have.
    """
    return ImageSource(recipe, _images(recipe, source_root, download), hash_files=hash_files)


def _images(recipe: Recipe, source_root: Path | None, download: bool) -> Images:
    if isinstance(recipe.source, DigitsTable):
        return DigitImages()
    raise NotImplementedError
