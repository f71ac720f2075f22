"""Images of torchvision's datasets, their official parts kept apart."""

import inspect
import operator
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import NoSourceRoot, RecipeError, SourceError
from ..recipe import Recipe
from ..recipe_schema import TorchvisionTable
from ..records import Split
from .hashing import hash_files
from .pixels import Pixels, decoded
from .places import is_file, is_folder
from .torchvision_files import files_read, files_wanted, packed_files, same_images
from .torchvision_shim import dataset_class

__all__ = ["TorchvisionImages"]

_FETCHED = "let torchvision fetch the files by `neuralviews generate` with --download"
"""What works whichever command the files are missing for."""


class TorchvisionImages:
    """All parts that a recipe names, one after another: train, val, test."""

    def __init__(self, recipe: Recipe, table: TorchvisionTable, root: Path | None, download: bool) -> None:
        self._name = table.dataset
        self._where = f"recipe {recipe.name}"
        self._class = dataset_class(table.dataset, self._where)
        wanted = ((Split.train, table.train), (Split.val, table.val), (Split.test, table.test))
        bound = [(split, given, self._bound(split, given)) for split, given in wanted if given is not None]
        self._require_different(bound, operator.eq)
        self.root: Path | None = self._root(root, bound[0][2], download)
        self._parts = [
            (split, arguments, self._open(self.root, given, arguments, download))
            for split, given, arguments in bound
        ]
        opened = [(*asked[:2], part[-1]) for asked, part in zip(bound, self._parts, strict=True)]
        self._require_different(opened, same_images)
        self._starts = np.cumsum([0, *(len(dataset) for *_, dataset in self._parts)])
        if not self._starts[-1]:
            raise SourceError(f"{self._name} in {root}: found no images, expected at least one")

    def _root(self, root: Path | None, arguments: Mapping[str, Any], download: bool) -> Path:
        wanted = files_wanted(self._class, arguments)
        layout = f"holds {wanted[0]}" if wanted else f"torchvision.datasets.{self._name} takes as root"
        if root is None:
            raise NoSourceRoot(
                f"{self._name}: no source root given; name the folder that {layout} with --source-root "
                f"(and {_FETCHED})"
            )
        if not is_folder(root) and not download:
            raise SourceError(
                f"{self._name}: {root} is no folder; name the folder that {layout} with --source-root, "
                f"or {_FETCHED}"
            )
        return root

    def _bound(self, split: Split, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """All arguments that the constructor sees, its defaults included."""
        try:
            bound = inspect.signature(self._class).bind("", **given)
        except TypeError as error:
            raise RecipeError(
                f"{self._where}: source.{split.name}: found {dict(given)}, "
                f"expected constructor arguments of torchvision.datasets.{self._name}: {error}"
            ) from None
        bound.apply_defaults()
        return bound.arguments

    def _require_different(
        self, parts: Sequence[tuple[Split, Mapping[str, Any], Any]], same: Callable[[Any, Any], bool]
    ) -> None:
        """Refuse two parts that are the same by their arguments, or later by what was opened."""
        for place, (split, given, part) in enumerate(parts):
            for other, _, earlier in parts[:place]:
                if same(part, earlier):
                    raise RecipeError(
                        f"{self._where}: source.{split.name}: found {dict(given)}, which with the defaults "
                        f"of torchvision.datasets.{self._name} are the images of source.{other.name}, "
                        "expected others: name the official part that is meant, or leave the key out"
                    )

    def _open(
        self, root: Path, given: Mapping[str, Any], arguments: Mapping[str, Any], download: bool
    ) -> Any:
        options = {"download": True} if download else {}
        parameters = inspect.signature(self._class).parameters.values()
        takes_download = any(p.name == "download" or p.kind is p.VAR_KEYWORD for p in parameters)
        if download and not takes_download:
            raise SourceError(
                f"{self._name}: torchvision cannot download it; put it below {root} as torchvision's "
                "documentation says, and leave out --download"
            )
        try:
            with redirect_stdout(sys.stderr):  # some datasets report with print
                return self._class(str(root), **given, **options)
        except Exception as error:  # each dataset fails in its own ways; all mean unusable files
            call = f"{self._name}({', '.join(f'{k}={v!r}' for k, v in given.items())})"
            raise SourceError(self._explain(call, root, arguments, download, error)) from error

    def _explain(
        self, call: str, root: Path, arguments: Mapping[str, Any], download: bool, error: Exception
    ) -> str:
        cause = " ".join(str(error).split()) or type(error).__name__
        if "Valid values are" in cause:
            return f"{call}: {cause}"
        if download:
            return f"{call} could not be fetched into {root}: {cause}"
        missing = [name for name in files_wanted(self._class, arguments) if not is_file(root / name)]
        if missing and packed_files(self._class, arguments, root):
            return (
                f"{call}: {root} holds only the packed files; "
                "`neuralviews generate` with --download checks and unpacks them, without a network"
            )
        if missing:
            return f"{call}: {root / missing[0]} is missing; put it there, or {_FETCHED}"
        return f"{call}: {root} holds no usable files: {cause}; replace them, or remove them and {_FETCHED}"

    @property
    def parts(self) -> NDArray[np.uint8]:
        """(n,) uint8, the official `Split` of each image."""
        return np.concatenate([np.full(len(dataset), split, np.uint8) for split, _, dataset in self._parts])

    @cached_property
    def labels(self) -> NDArray[np.int32]:
        """(n,) int32, torchvision's class numbers."""
        return np.concatenate([self._labels(dataset) for *_, dataset in self._parts])

    def _labels(self, dataset: Any) -> NDArray[np.int32]:
        kept = next((name for name in ("targets", "labels", "_labels") if hasattr(dataset, name)), None)
        labels = None if kept is None else _class_numbers(getattr(dataset, kept))
        if labels is None:  # QMNIST keeps eight numbers an image, and gives the first with each
            labels = self._labels_of_items(dataset)
        if len(labels) != len(dataset):
            raise SourceError(
                f"{self._name}: found {len(labels)} labels for {len(dataset)} images in {self.root}; "
                f"replace the files, or remove them and {_FETCHED}"
            )
        return labels

    def _labels_of_items(self, dataset: Any) -> NDArray[np.int32]:
        labels = np.empty(len(dataset), np.int32)
        for index in range(len(dataset)):
            with decoded(f"label {index} of {self._name} in {self.root}"):
                item = dataset[index]
            label = item[1] if isinstance(item, tuple) and len(item) > 1 else item
            try:
                labels[index] = operator.index(label)
            except (TypeError, OverflowError):
                raise SourceError(
                    f"{self._name}: found labels of type {type(label).__name__}, "
                    "expected one class number for each image"
                ) from None
        return labels

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Names of the classes, where the dataset gives one to each label."""
        names: Sequence[Any] = getattr(self._parts[0][2], "classes", None) or ()
        known = all(isinstance(name, str) for name in names) and len(names) > int(self.labels.max())
        return tuple(names) if known else None

    def describe(self, index: int) -> str:
        """What an error message calls the image."""
        return f"{self._name} in {self.root}, image {index}"

    def pixels(self, index: int) -> Pixels:
        """The image as torchvision gives it."""
        part, start = self._part_of(index)
        with decoded(self.describe(index)):
            image = self._parts[part][2][index - start][0]
            return Pixels.of(image)

    def twin(self, index: int) -> int:
        """The first image of a part that torchvision keeps as one array."""
        part, start = self._part_of(index)
        dataset = self._parts[part][2]
        kept: Any = getattr(dataset, "data", None)
        return start if getattr(kept, "ndim", 0) >= 3 and len(kept) == len(dataset) else index

    def _part_of(self, index: int) -> tuple[int, int]:
        """The number of an image's part, and the index that the part starts at."""
        part = int(np.searchsorted(self._starts, index, side="right")) - 1
        return part, int(self._starts[part])

    def hash_files(self) -> Mapping[str, str]:
        """See `torchvision_files.files_read`."""
        assert self.root is not None
        paths = {
            path
            for _, arguments, dataset in self._parts
            for path in files_read(dataset, arguments, self.root)
        }
        if not paths:
            raise SourceError(
                f"{self._name}: found no files in {self.root} whose hashes could be stated, expected the "
                "unpacked files themselves: copy them there, rather than links to their folders"
            )
        return hash_files(self.root, paths)


def _class_numbers(kept: Any) -> NDArray[np.int32] | None:
    """What a dataset keeps as its labels, if that is one class number for each image."""
    try:
        labels = np.asarray(kept)
    except ValueError:  # labels of different lengths
        return None
    return labels.astype(np.int32) if labels.ndim == 1 and labels.dtype.kind in "iu" else None
