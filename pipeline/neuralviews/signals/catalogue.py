"""From a recipe to its source of signals."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SourceError
from ..recipe import Recipe
from ..recipe_schema import FolderTable, MeshTable, TorchvisionTable
from .base import Objects, Signal, Source
from .digits import DigitImages
from .folder import FolderImages
from .images import Images, ImageSource
from .torchvision_images import TorchvisionImages

if TYPE_CHECKING:
    from .shapes import ShapeSource

__all__ = ["Objects", "Signal", "Source", "open_source"]


def open_source(
    recipe: Recipe,
    source_root: Path | None = None,
    *,
    download: bool = False,
    hash_files: bool = True,
    samples: Path | None = None,
    left_out: Mapping[str, str] | None = None,
) -> Source:
    """Open the source of a recipe.

    Args:
        source_root: the folder that holds the source's files; digits need none, and an image folder is
            looked up beside the recipe file without one.
        download: let torchvision fetch, check and unpack its files into ``source_root`` first.
        hash_files: work out `Source.files`, and try images before any is fitted (of a folder, all).
            Workers that open a source once more leave it out.
        samples: the folder in which samples of shapes are kept; without one they are drawn each time.
        left_out: meshes that a run before found to be unfit, name -> `reasons.Reason`; those that are still
            there are left out again, and so is whatever else cannot be an object. None allows neither.
    Raises:
        SourceError: files are missing, corrupted or unfit; the message says what to put where.
        RecipeError: the recipe asks for what the source does not have.
    """
    if isinstance(recipe.source, MeshTable):
        return _shapes(recipe, recipe.source, source_root, download, hash_files, samples, left_out)
    images = _images(recipe, None if source_root is None else _expanded(source_root), download)
    source = ImageSource(recipe, images, hash_files=hash_files)
    if hash_files:
        count = len(source.objects)
        for index in range(count if isinstance(recipe.source, FolderTable) else 1):
            source.check_image(index)
    return source


def _shapes(
    recipe: Recipe,
    table: MeshTable,
    source_root: Path | None,
    download: bool,
    hash_files: bool,
    samples: Path | None,
    left_out: Mapping[str, str] | None,
) -> "ShapeSource":
    from .mesh_files import MeshFiles
    from .sample_cache import SampleCache
    from .shapes import ShapeSource

    if download:
        raise _nothing_to_download(recipe)
    root = None if source_root is None else _expanded(source_root)
    meshes = MeshFiles(recipe, table, root, keep_going=left_out is not None)
    files = meshes.hash_files() if hash_files else {}
    names = {*meshes.names}
    unfit = {name: reason for name, reason in (left_out or {}).items() if name in names}
    return ShapeSource(recipe, meshes, SampleCache(samples), files, {**meshes.left_out, **unfit})


def _nothing_to_download(recipe: Recipe) -> SourceError:
    return SourceError(f"recipe {recipe.name}: there is nothing to download; leave --download out")


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
        raise _nothing_to_download(recipe)
    if isinstance(table, FolderTable):
        return FolderImages(recipe, table, source_root)
    return DigitImages()
