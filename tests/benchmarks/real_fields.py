"""Small stores of fields fitted to real images, for what depends on the fields themselves."""

from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from neuralviews.fit.run import RunOptions, generate
from neuralviews.recipe import load_recipe
from neuralviews.recipe_schema import InitTable
from neuralviews.store.reader import Store, open_store
from neuralviews.work.shards import available_cpus

from ..proofs import mnist_root

__all__ = ["RealFields", "fit_real_fields"]

OBJECTS = 100
VIEWS = 2


@dataclass(frozen=True, eq=False)
class RealFields:
    """Two views each of 100 images."""

    name: str
    init: InitTable
    store: Store

    @property
    def title(self) -> str:
        """The recipe, and the init in its place."""
        return f"`{self.name}`, init `{self.init.scheme}`{', shared' if self.init.shared else ''}"


def fit_real_fields(folder: Path) -> list[RealFields]:
    """Digits, and MNIST where it is given: from spread biases, from zero ones, and from a shared init."""
    sources, root = {"digits": None}, mnist_root(folder / "source")
    if root is not None:
        sources["mnist"] = root
    inits = (InitTable("siren"), InitTable("dws"), InitTable("siren", shared=True))
    return [_fitted(folder, name, init, source) for name, source in sources.items() for init in inits]


def _fitted(folder: Path, name: str, init: InitTable, source: Path | None) -> RealFields:
    recipe = load_recipe(name).with_views(VIEWS)
    # The dws init fits worse, and here all fields count; a shared init cannot be drawn again.
    recipe = replace(recipe, init=init, fit=replace(recipe.fit, min_psnr=None, retries=0))
    out = folder / f"{name}-{init.scheme}-{init.shared}"
    generate(recipe, out, RunOptions(source, limit=OBJECTS, workers=available_cpus()))
    return RealFields(name, init, open_store(out))
