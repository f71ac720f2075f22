"""Small augmented stores for tests of what draws them."""

from pathlib import Path
from typing import Any

from neuralviews.augment.plan import Plan
from neuralviews.augment.run import augment_store
from neuralviews.store.reader import Store, open_store

MIXED: dict[str, Any] = {
    "name": "mixed",
    "reject": {"min_psnr": 20.0, "attempts": 1},
    "pipelines": [
        {"name": "plain", "steps": [{"op": "mixup", "law": "uniform"}]},
        {
            "name": "turned",
            "steps": [{"op": "affine_coords", "rotate": 40.0, "translate": 0.3}, {"op": "sign_flip"}],
        },
        {
            "name": "repaired",
            "steps": [{"op": "sign_flip"}, {"op": "mixup", "law": "uniform"}, {"op": "repair", "steps": 30}],
        },
        {"name": "smooth", "steps": [{"op": "label_smoothing", "epsilon": 0.25}]},
    ],
}
"""One pipeline of every kind that strips draw differently."""


def augmented(parent: Store, root: Path, table: dict[str, Any] = MIXED) -> Store:
    """The store that a plan's table makes of a parent."""
    augment_store(parent, Plan.checked(table, "test"), root)
    return open_store(root)
