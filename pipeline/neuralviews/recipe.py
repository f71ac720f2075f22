"""Recipes: a TOML file from which, with the source files, every byte of a store follows."""

import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from .errors import RecipeError
from .field import FieldSpec
from .recipe_errors import convert, nearest, read_toml
from .recipe_rules import problems
from .recipe_schema import MAX_VIEWS, Document, FitTable, MeshTable, ShapeTable

__all__ = ["Recipe", "load_recipe", "recipe_from_canonical", "recipe_names", "recipe_root"]

_NO_BYTE = ("title", "expected")  # tables that describe a dataset and decide none of its bytes
_LATER = (
    (("shape",), None),
    (("fit", "loss"), "mse"),
    *((("fit", key), None) for key in ("points", "robust", "scope", "shadow")),
)
"""Keys that came later, and the values with which the canonical form stays what it was without them."""


class Recipe(Document, frozen=True, kw_only=True):
    """A checked recipe: equal digests mean equal datasets, given equal source files, engine and version.

    Args:
        folder: the folder of the recipe file, where an image folder is looked up; None for a recipe
            that was read from a store.
    """

    folder: Path | None = None

    @property
    def spec(self) -> FieldSpec:
        """The shape and conventions of every field."""
        table = self.field
        return FieldSpec(table.dims, table.omega, table.output_offset, table.output_scale, table.axis_order)

    @property
    def span(self) -> float:
        """Width of the target range: the peak of the PSNR."""
        return self.target.range[1] - self.target.range[0]

    def with_views(self, views: int) -> "Recipe":
        """The same recipe with another number of views of each object."""
        if isinstance(views, bool) or not isinstance(views, int) or not 1 <= views <= MAX_VIEWS:
            raise RecipeError(
                f"{self.name}: views: found {views!r}, expected a whole number from 1 to {MAX_VIEWS}"
            )
        return msgspec.structs.replace(self, views=views)

    def with_fit(self, **keys: Any) -> "Recipe":
        """The same recipe with other values of some keys of its table ``fit``, given as in a recipe file.

        Raises:
            RecipeError: as `load_recipe`.
        """
        table = {**msgspec.to_builtins(self.fit), **keys}
        changed = msgspec.structs.replace(self, fit=convert(table, FitTable, f"{self.name}: fit"))
        for key, problem in problems(changed):
            raise RecipeError(f"{self.name}: {key}: {problem}")
        return changed

    def canonical(self) -> dict[str, Any]:
        """Everything in the recipe that decides a byte, as plain JSON values with all defaults filled in."""
        names = [name for name in Document.__struct_fields__ if name not in _NO_BYTE]
        plain: dict[str, Any] = {name: msgspec.to_builtins(getattr(self, name)) for name in names}
        plain["field"]["omega"] = list(self.spec.omega)
        for (*tables, key), without in _LATER:
            table = plain[tables[0]] if tables else plain
            if table[key] == without:
                del table[key]
        return plain

    def digest(self) -> str:
        """SHA-256 of the canonical form: the same however the file is written, titled or commented."""
        text = json.dumps(self.canonical(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode("ascii")).hexdigest()


def recipe_root() -> Path:
    """The folder of the recipes that come with neuralviews: in the package, or in a checkout beside it."""
    package = Path(str(files(__package__)))
    packaged = package / "datasets"
    return packaged if packaged.is_dir() else package.parent.parent / "datasets"


def recipe_names() -> tuple[str, ...]:
    """Names of the recipes that come with neuralviews, sorted."""
    return tuple(sorted(path.parent.name for path in recipe_root().glob("*/recipe.toml")))


def load_recipe(name_or_path: str | Path) -> Recipe:
    """Read and check a recipe: by name, or from a path (anything that ends in .toml or holds a slash).

    Raises:
        RecipeError: no such recipe or file, bad TOML, or a value that cannot be; the message names the
            file, the key, what was found and what was expected.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or text.endswith(".toml") or "/" in text:
        path = Path(name_or_path)
        where = str(path)
    elif text in recipe_names():
        path = recipe_root() / text / "recipe.toml"
        where = f"recipe {text}"
    else:
        names = recipe_names()
        raise RecipeError(
            f"no recipe is named {text!r}{nearest(text, names) or ';'} there are {', '.join(names)}; "
            "the path of a recipe of your own ends in .toml"
        )
    return _checked(read_toml(path, where, "a recipe"), where, path.absolute().parent)


def recipe_from_canonical(value: object) -> Recipe:
    """Read back what `Recipe.canonical` gave, for example from a store's job."""
    where = "recipe in job"
    if not isinstance(value, Mapping):
        raise RecipeError(f"{where}: found {type(value).__name__}, expected a table")
    return _checked(value, where, None)


def _checked(table: Mapping[str, Any], where: str, folder: Path | None) -> Recipe:
    document = convert(table, Document, where)
    if document.init.shared and "retries" not in table.get("fit", {}):
        document = msgspec.structs.replace(document, fit=msgspec.structs.replace(document.fit, retries=0))
    if isinstance(document.source, MeshTable) and document.shape is None:
        document = msgspec.structs.replace(document, shape=ShapeTable())
    for key, problem in problems(document):
        raise RecipeError(f"{where}: {key}: {problem}")
    return Recipe(**{name: getattr(document, name) for name in Document.__struct_fields__}, folder=folder)
