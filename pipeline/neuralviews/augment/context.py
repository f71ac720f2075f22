"""What augmentations must know of a store."""

from typing import TYPE_CHECKING

from ..errors import IntegrityError
from ..fit.facts import field_facts
from ..records import ShapeTarget
from ..store.checks import label_problems
from .batch import Channels, Context, SoftLabels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..fit.facts import FieldFacts
    from ..store.reader import Store

__all__ = ["class_count", "context_of", "label_columns", "labels_of"]


def context_of(store: "Store") -> Context:
    """The context of a store's fields; that of the store it descends from, if it was augmented.

    Raises:
        FormatError: the store does not say what its fields were fitted to.
        IntegrityError: as `class_count`.
    """
    facts = field_facts(store)
    low, _ = facts.extent
    classes = class_count(store, facts.class_names)
    return Context(store.spec, facts.span, facts.image_shape, classes, low, _zero(facts), _channels(facts))


def _channels(facts: "FieldFacts") -> Channels | None:
    if facts.channels is None:
        return None
    low, high = facts.target_range
    return Channels(*facts.channels, low, high - low)


def _zero(facts: "FieldFacts") -> float | None:
    """See `Context.zero`; fields of nobody knows what may be distances that nobody stated."""
    from ..signals.shape_values import ShapeValues

    recipe = facts.recipe
    if recipe is None or recipe.shape is None:
        of_images = facts.image_shape is not None or (recipe or facts.source_recipe) is not None
        return None if of_images else 0.0
    values = ShapeValues.of(recipe)
    return None if values.logits or values.target is ShapeTarget.occupancy else values.output_at(0.0)


def class_count(store: "Store", names: tuple[str, ...] | None) -> int:
    """How many classes a store has: as many as it names, else one more than its largest label.

    Raises:
        IntegrityError: a shard is not what was published, its labels are beyond the classes that the store
            names, or its soft labels cannot be.
    """
    found = 0
    if store.kind == "augment":
        for rows, columns in store.scan("label", "classes", "shares"):
            for problem in label_problems(columns["label"], columns["classes"], columns["shares"], rows):
                raise IntegrityError(f"{store.root}: {problem}; make the store again")
            found = max(found, int(columns["classes"].max()) + 1)
    else:
        found = max(int(columns["label"].max()) + 1 for _, columns in store.scan("label"))
    if names is None or found <= len(names):
        return found if names is None else len(names)
    raise IntegrityError(
        f"{store.root}: found label {found - 1}, expected one of its {len(names)} classes; "
        "make the store again"
    )


def label_columns(store: "Store") -> tuple[str, ...]:
    """The columns that `labels_of` needs."""
    return ("classes", "shares") if store.kind == "augment" else ("label",)


def labels_of(store: "Store", rows: "NDArray[np.int64]") -> SoftLabels:
    """Soft labels of records; one class each unless the store was augmented."""
    found = [store.column_at(name, rows) for name in label_columns(store)]
    return SoftLabels(*found) if store.kind == "augment" else SoftLabels.of(*found)
