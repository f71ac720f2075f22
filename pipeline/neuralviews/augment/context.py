"""What augmentations must know of a store."""

from typing import TYPE_CHECKING

from ..fit.stated import stated_job
from .batch import Context, SoftLabels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..store.reader import Store

__all__ = ["context_of", "labels_of"]


def context_of(store: "Store") -> Context:
    """The context of a store's fields; that of the fitted store it descends from, if it was augmented.

    Raises:
        FormatError: the store does not say what its fields were fitted to.
    """
    job = stated_job(store)
    names = job.source.class_names
    classes = int(store.column("label").max()) + 1 if names is None else len(names)
    low, _ = job.recipe.target.range
    return Context(store.spec, job.recipe.span, job.source.image_shape, classes, low)


def labels_of(store: "Store", rows: "NDArray[np.int64]") -> SoftLabels:
    """Soft labels of records; one class each unless the store was augmented."""
    if store.kind == "augment":
        return SoftLabels(store.column("classes")[rows], store.column("shares")[rows])
    return SoftLabels.of(store.column("label")[rows])
