"""Datasets of neural fields: generate, verify, open, train on.

Public names are loaded when they are first used (PEP 562), so that importing the package, and
starting the command line, costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .data import Graph, Layers, ViewBatch, ViewDataset
    from .errors import NeuralViewsError
    from .field import Field, FieldSpec
    from .fit.run import RunOptions, RunReport, generate
    from .recipe import Recipe, load_recipe, recipe_names
    from .records import Records, Split, Status
    from .report.gallery import gallery
    from .seeds import derive_seed
    from .store.reader import Store, open_store
    from .store.verify import verify

__all__ = [
    "Field",
    "FieldSpec",
    "Graph",
    "Layers",
    "NeuralViewsError",
    "Recipe",
    "Records",
    "RunOptions",
    "RunReport",
    "Split",
    "Status",
    "Store",
    "ViewBatch",
    "ViewDataset",
    "__version__",
    "derive_seed",
    "gallery",
    "generate",
    "load_recipe",
    "open_store",
    "recipe_names",
    "verify",
]

_HOME = {
    "Field": "field",
    "FieldSpec": "field",
    "Graph": "data",
    "Layers": "data",
    "NeuralViewsError": "errors",
    "Recipe": "recipe",
    "Records": "records",
    "RunOptions": "fit.run",
    "RunReport": "fit.run",
    "Split": "records",
    "Status": "records",
    "Store": "store.reader",
    "ViewBatch": "data",
    "ViewDataset": "data",
    "derive_seed": "seeds",
    "gallery": "report.gallery",
    "generate": "fit.run",
    "load_recipe": "recipe",
    "open_store": "store.reader",
    "recipe_names": "recipe",
    "verify": "store.verify",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'neuralviews' has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
