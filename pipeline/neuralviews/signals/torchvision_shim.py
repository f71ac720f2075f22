"""The one place that imports torchvision, and that knows when its compiled operators do not load.

torchvision's wheels are linked against CUDA; beside a CPU-only torch their operators are missing, and the
import fails while it registers fake versions of ``nms`` and ``qnms``. Declaring the two is all that
its datasets, which never call an operator, need.
"""

import inspect
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from ..errors import RecipeError, SourceError
from ..recipe_errors import nearest

__all__ = ["dataset_class", "torchvision_datasets"]

_alive: list[Any] = []  # operators live as long as the library object that defines them
_SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


@cache
def torchvision_datasets() -> ModuleType:
    """``torchvision.datasets``, imported in spite of missing operators."""
    try:
        return import_module("torchvision.datasets")
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
    _declare_operators()
    try:
        return import_module("torchvision.datasets")
    except RuntimeError as error:
        raise SourceError(
            f"torchvision does not fit the installed torch ({error}); install releases that belong together"
        ) from error


def _declare_operators() -> None:
    import torch

    library: Any = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for name in ("nms", "qnms"):
        library.define(name + _SIGNATURE)
    _alive.append(library)


def dataset_class(name: str, where: str) -> type[Any]:
    """A dataset class of torchvision by name, one that reads files below a root.

    Raises:
        RecipeError: torchvision has no such dataset, or it makes its images up.
    """
    module = torchvision_datasets()
    known = [n for n in module.__all__ if inspect.isclass(getattr(module, n)) and n != "VisionDataset"]
    if name not in known:
        raise RecipeError(
            f"{where}: source.dataset: found {name!r}, expected the name of a class in "
            f"torchvision.datasets{nearest(name, known)}"
        )
    found: type[Any] = getattr(module, name)
    if next(iter(inspect.signature(found).parameters)) != "root":
        raise RecipeError(
            f"{where}: source.dataset: found {name!r}, which reads no files, expected a class of "
            "torchvision.datasets whose first argument is the root of its files"
        )
    return found
