"""What is known of the fields of a store, however they came about: fitted here, or imported."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..recipe import Recipe
from .lineage import first_job
from .stated import stated_job
from .stated_import import stated_import

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["FieldFacts", "field_facts"]


@dataclass(frozen=True)
class FieldFacts:
    """Facts that hold for all fields of a store, and for those that its records descend from.

    Attributes:
        name: of the dataset.
        class_names: names of the labels, if they are known.
        image_shape: (height, width) that all images share; None of other fields, or where it is not known.
        target_range: what black and full intensity became in the targets, or see `recipe_schema.ShapeTable`.
        recipe: how they were fitted; None where that is not known.
    """

    name: str
    class_names: tuple[str, ...] | None
    image_shape: tuple[int, int] | None
    target_range: tuple[float, float]
    recipe: Recipe | None

    @property
    def span(self) -> float:
        """high - low of the targets: the peak of PSNRs."""
        low, high = self.target_range
        return high - low

    @property
    def of_shapes(self) -> bool:
        """Whether the fields are known to be of meshes."""
        return self.recipe is not None and self.recipe.shape is not None


def field_facts(store: "Store") -> FieldFacts:
    """What a store's job states of its fields.

    Raises:
        FormatError: neither `generate` nor `import` made the fields, or the statements contradict each other.
    """
    if first_job(f"{store.root}: job", store.job).get("kind") == "import":
        found = stated_import(store)
        source = found.source
        return FieldFacts(found.name, source.class_names, source.image_shape, found.target.range, None)
    job = stated_job(store)
    source_facts, recipe = job.source, job.recipe
    return FieldFacts(
        job.name, source_facts.class_names, source_facts.image_shape, recipe.target.range, recipe
    )
