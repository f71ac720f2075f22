"""Datasets of neural fields: generate, verify, open, train on.

Public names are loaded when they are first used (PEP 562), so that importing the package, and
starting the command line, costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from . import augment, symmetry
    from .augment.basin import align_store
    from .augment.plan import Plan, load_plan, plan_names
    from .augment.run import AugmentReport, augment_store
    from .data import Graph, Layers, ViewBatch, ViewDataset
    from .errors import NeuralViewsError
    from .evaluate.evaluation import evaluate_store
    from .evaluate.results import Evaluation, load_results
    from .exchange.export import Exported, export
    from .exchange.run import ImportOptions, ImportReport, import_store
    from .field import Field, FieldSpec
    from .fit.against import Proof, prove_against
    from .fit.run import RunOptions, RunReport, generate
    from .fit.run_plan import RunPlan, plan_run
    from .recipe import Recipe, load_recipe, recipe_names
    from .records import Records, ShapeTarget, Split, Status
    from .remote.publish import Release, publish
    from .remote.release import Downloaded, download_release
    from .remote.selection import Selection
    from .remote.subset import SubsetReport, download_subset
    from .remote.terms import Terms
    from .report.gallery import gallery
    from .seeds import derive_seed
    from .statistics.diversity import Distance, Diversity, diversity
    from .statistics.moments import Statistics
    from .store.reader import Store, open_store
    from .store.verify import verify
    from .work.sharing import Sharing

__all__ = [
    "AugmentReport",
    "Distance",
    "Diversity",
    "Downloaded",
    "Evaluation",
    "Exported",
    "Field",
    "FieldSpec",
    "Graph",
    "ImportOptions",
    "ImportReport",
    "Layers",
    "NeuralViewsError",
    "Plan",
    "Proof",
    "Recipe",
    "Records",
    "Release",
    "RunOptions",
    "RunPlan",
    "RunReport",
    "Selection",
    "ShapeTarget",
    "Sharing",
    "Split",
    "Statistics",
    "Status",
    "Store",
    "SubsetReport",
    "Terms",
    "ViewBatch",
    "ViewDataset",
    "__version__",
    "align_store",
    "augment",
    "augment_store",
    "derive_seed",
    "diversity",
    "download_release",
    "download_subset",
    "evaluate_store",
    "export",
    "gallery",
    "generate",
    "import_store",
    "load_plan",
    "load_recipe",
    "load_results",
    "open_store",
    "plan_names",
    "plan_run",
    "prove_against",
    "publish",
    "recipe_names",
    "symmetry",
    "verify",
]

_HOME = {
    "AugmentReport": "augment.run",
    "Distance": "statistics.diversity",
    "Diversity": "statistics.diversity",
    "Downloaded": "remote.release",
    "Evaluation": "evaluate.results",
    "Exported": "exchange.export",
    "Field": "field",
    "FieldSpec": "field",
    "Graph": "data",
    "ImportOptions": "exchange.run",
    "ImportReport": "exchange.run",
    "Layers": "data",
    "NeuralViewsError": "errors",
    "Plan": "augment.plan",
    "Proof": "fit.against",
    "Recipe": "recipe",
    "Records": "records",
    "Release": "remote.publish",
    "RunOptions": "fit.run",
    "RunPlan": "fit.run_plan",
    "RunReport": "fit.run",
    "Selection": "remote.selection",
    "ShapeTarget": "records",
    "Sharing": "work.sharing",
    "Split": "records",
    "Statistics": "statistics.moments",
    "Status": "records",
    "Store": "store.reader",
    "SubsetReport": "remote.subset",
    "Terms": "remote.terms",
    "ViewBatch": "data",
    "ViewDataset": "data",
    "align_store": "augment.basin",
    "augment_store": "augment.run",
    "derive_seed": "seeds",
    "diversity": "statistics.diversity",
    "download_release": "remote.release",
    "download_subset": "remote.subset",
    "evaluate_store": "evaluate.evaluation",
    "export": "exchange.export",
    "gallery": "report.gallery",
    "generate": "fit.run",
    "import_store": "exchange.run",
    "load_plan": "augment.plan",
    "load_recipe": "recipe",
    "load_results": "evaluate.results",
    "open_store": "store.reader",
    "plan_names": "augment.plan",
    "plan_run": "fit.run_plan",
    "prove_against": "fit.against",
    "publish": "remote.publish",
    "recipe_names": "recipe",
    "verify": "store.verify",
}


_MODULES = ("augment", "symmetry")


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    if name not in _HOME:
        raise AttributeError(f"module 'neuralviews' has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
