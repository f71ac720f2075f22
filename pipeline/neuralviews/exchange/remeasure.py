"""Imported fields against the source that they were compared with: does the store state what they render?"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import IntegrityError, SourceError
from ..fit.facts import field_facts
from ..fit.reproduce import open_store_source
from .compare import Comparison
from .convention import Convention

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["remeasure_import"]


def remeasure_import(store: "Store", source_root: Path | None, rows: NDArray[np.int64]) -> int:
    """Compare labels and PSNRs of records with their images.

    Returns:
        How many records were rendered.
    Raises:
        OptionError: the import compared nothing with a source.
        SourceError: the source's files are others.
        IntegrityError: a record has another label, or another PSNR, than its image gives it.
    """
    source, facts = open_store_source(store, source_root), field_facts(store)
    assert facts.source_recipe is not None  # or there had been no source to open
    comparison = Comparison(facts.source_recipe, source)
    kept = store.read(rows)
    try:
        comparison.require(store.spec.dims, kept.columns["object_id"], kept.columns["label"])
    except SourceError as error:  # the source is that of the import, so it is not to blame
        raise IntegrityError(f"{store.root}: {error}") from None
    mean, std = facts.channels or (None, None)
    convention = Convention(store.spec.omega, target_range=facts.target_range, mean=mean, std=std)
    objects = kept.columns["object_id"].tolist()
    measured = comparison.measure(store.spec, convention, kept.weights, objects)
    for name, found in (("loss", measured.loss), ("psnr", measured.psnr)):
        differs = kept.columns[name] != found
        if differs.any():
            row = int(np.argmax(differs))
            raise IntegrityError(
                f"{store.root}: record {kept.columns['record_id'][row]} states {name} "
                f"{kept.columns[name][row]:g}, its weights and the source come to {found[row]:g}: "
                "the store was edited; import it again"
            )
    return len(rows)
