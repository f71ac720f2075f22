"""Folders of small pictures, recipes that read them, and what a refusal of one is."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neuralviews.errors import SourceError
from neuralviews.recipe import Recipe
from neuralviews.signals.catalogue import Source, open_source

from .source_files import recipe_for, some_bytes


def folder_recipe(
    channels: int = 1, *, labels: str = "none", splits: str = "none", **tables: object
) -> Recipe:
    source = {"kind": "folder", "path": "pictures", "labels": labels, "splits": splits}
    return recipe_for(source, channels, **tables)


def save(root: Path, name: str, image: Image.Image | None = None, **options: object) -> Path:
    path = root / "pictures" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    (image or Image.fromarray(some_bytes(len(name), 4, 6))).save(path, **options)
    return path


def values(source: Source, object_id: int) -> np.ndarray:
    signal = source.signal(object_id)
    return signal.values.reshape(*signal.shape, -1)


def refused(root: Path, message: str, recipe: Recipe | None = None) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        open_source(recipe or folder_recipe(), root)
    assert "\n" not in str(caught.value)
