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
        source_recipe: the recipe whose source the fields are of, as far as that was looked at: of fitted
            fields their own.
        channels: mean and deviation of each channel, if the targets were normalised by them after that.
    """

    name: str
    class_names: tuple[str, ...] | None
    image_shape: tuple[int, int] | None
    target_range: tuple[float, float]
    recipe: Recipe | None
    source_recipe: Recipe | None
    channels: tuple[tuple[float, ...], tuple[float, ...]] | None = None

    @property
    def extent(self) -> tuple[float, float]:
        """The range of the targets as fields give them: of normalised channels that of all together."""
        if self.channels is None:
            return self.target_range
        ends = [
            (end - mean) / std for mean, std in zip(*self.channels, strict=True) for end in self.target_range
        ]
        return min(ends), max(ends)

    @property
    def span(self) -> float:
        """high - low of the targets as fields give them: the peak of PSNRs of such values."""
        low, high = self.extent
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
        source, target = found.source, found.target
        channels = None if target.mean is None or target.std is None else (target.mean, target.std)
        names, shape = source.class_names, source.image_shape
        compared = None if found.compared is None else found.compared.checked(store)
        return FieldFacts(found.name, names, shape, target.range, None, compared, channels)
    job = stated_job(store)
    source_facts, recipe = job.source, job.recipe
    names, shape = source_facts.class_names, source_facts.image_shape
    return FieldFacts(job.name, names, shape, recipe.target.range, recipe, recipe)
