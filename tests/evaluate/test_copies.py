"""Stores of augmented copies: what held-back objects and wrong labels mean where copies are mixed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.errors import StoreError
from neuralviews.evaluate.conditions import Condition
from neuralviews.evaluate.evaluation import evaluate_store
from neuralviews.evaluate.fields import training_fields
from neuralviews.evaluate.readers.registry import reader_class
from neuralviews.store.reader import Store

from ..report.copies import augmented
from .stores import readable_store

SMALL: dict[str, Any] = {"readers": ("mlp",), "seeds": 1, "steps": 4, "batch": 8, "hidden": 4, "workers": 1}
STEPS: dict[str, dict[str, Any]] = {
    "mixed": {"op": "mixup", "law": "uniform"},
    "mixed hard": {"op": "mixup", "law": "uniform", "labels": "hard"},
    "smoothed": {"op": "label_smoothing"},
    "turned": {"op": "sign_flip"},
}


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Store]:
    """Of all splits, by the kind of step that made them."""
    root = tmp_path_factory.mktemp("copies")
    store = readable_store(root / "store")
    table = {"name": "copied", "splits": ["train", "val", "test"]}
    return {
        name: augmented(store, root / name, {**table, "pipelines": [{"name": "one", "steps": [step]}]})
        for name, step in STEPS.items()
    }


@pytest.mark.parametrize("which", ["mixed", "mixed hard", "smoothed"])
def test_label_noise_is_refused_where_an_object_has_no_one_class(
    copies: dict[str, Store], tmp_path: Path, which: str
) -> None:
    with pytest.raises(
        StoreError,
        match=r"label noise: found .* training records with mixed or smoothed labels, expected one class for "
        r"each object; evaluate the store they were made from, with --augment and the plan",
    ):
        evaluate_store(copies[which], tmp_path / "results", label_noise=(0.0, 0.2), **SMALL)
    assert not (tmp_path / "results").exists()
    evaluate_store(copies[which], tmp_path / "results", **SMALL)


def test_other_copies_of_an_object_are_mistaken_alike(copies: dict[str, Store]) -> None:
    clean, noisy = (
        training_fields(
            copies["turned"], Condition("mlp", 3, label_noise=share), reader_class("mlp"), None, 0
        )
        for share in (0.0, 0.2)
    )
    owner = copies["turned"].column("object_id")[clean.rows]
    flipped = {*owner[clean.label != noisy.label].tolist()}
    assert len(flipped) == round(0.2 * len(np.unique(owner)))
    assert (np.isin(owner, [*flipped]) == (clean.label != noisy.label)).all()


@pytest.mark.parametrize("held_back", [{"views": (1,)}, {"objects": (20,)}, {"views": (None, 2)}])
def test_mixed_copies_hold_nothing_back_unless_that_leak_is_wanted(
    copies: dict[str, Store], tmp_path: Path, held_back: dict[str, Any]
) -> None:
    with pytest.raises(
        StoreError,
        match=r"views or objects are to be held back, but its copies were mixed with others of the training "
        r"split; take all views and objects, evaluate .* or give --partners all to measure that leak",
    ):
        evaluate_store(copies["mixed"], tmp_path / "results", **SMALL, **held_back)
    assert not (tmp_path / "results").exists()
    found = evaluate_store(copies["mixed"], tmp_path / "results", partners=("all",), **SMALL, **held_back)
    assert {row.condition["partners"] for row in found.rows} == {"all"}
    evaluate_store(copies["turned"], tmp_path / "turned", **SMALL, **held_back)
