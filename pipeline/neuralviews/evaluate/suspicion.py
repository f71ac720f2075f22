"""Records whose labels multiplicative reweighting came to doubt, as a table."""

import csv
import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .fields import Fields

__all__ = ["suspicion_text"]


def suspicion_text(fields: "Fields", p: NDArray[np.float64]) -> str:
    """CSV, the most doubtful records first.

    Columns: ``record_id, object_id, view``; ``label`` that training was given; ``p``, the last weight of the
    record, of sum 1 over all of them: a small one says that the label may be wrong.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("record_id", "object_id", "view", "label", "p"))
    owner, view = (fields.store.column(name)[fields.rows] for name in ("object_id", "view"))
    for place in np.argsort(p, kind="stable").tolist():
        of = (fields.rows[place], owner[place], view[place], fields.label[place])
        writer.writerow((*map(int, of), repr(float(p[place]))))
    return text.getvalue()
