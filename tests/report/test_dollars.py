"""Dollar signs in names stay dollar signs: neither a formula nor an error."""

from pathlib import Path

import pytest

from neuralviews.evaluate.plots import pictures
from neuralviews.report.gallery import gallery
from neuralviews.report.page import draw_page
from neuralviews.report.strip import copy_gallery
from neuralviews.store.reader import Store

from ..exchange.imported_stores import make_imported
from .copies import augmented
from .evaluations import made_evaluation

NO_FORMULA = r"$\nope{$"
"""Of two dollar signs, which matplotlib takes for a formula, and fails to read."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    root = tmp_path_factory.mktemp("dollars") / "store"
    return make_imported(root, class_names=[NO_FORMULA, *"abcdefghi"], image_shape=(8, 8))


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_classes_of_a_gallery(store: Store, tmp_path: Path, kind: str) -> None:
    gallery(store, None, tmp_path / f"sheet.{kind}")
    assert (tmp_path / f"sheet.{kind}").stat().st_size > 1000


def test_classes_of_copies(store: Store, tmp_path: Path) -> None:
    plan = {"name": "turned", "pipelines": [{"name": "turned", "steps": [{"op": "sign_flip"}]}]}
    copy_gallery(augmented(store, tmp_path / "copies", plan), store, tmp_path / "copies.png")
    assert (tmp_path / "copies.png").stat().st_size > 1000


def test_readers_plans_and_names_of_an_evaluation(store: Store) -> None:
    evaluation = made_evaluation(store, [NO_FORMULA, "mlp"])
    evaluation.dataset["name"] = NO_FORMULA
    for row in evaluation.rows:
        row.condition["augment"] = NO_FORMULA if row.condition["reader"] == "mlp" else "none"
    assert {*pictures(evaluation)} == {"views.png", "views.svg", "augment.png", "augment.svg"}
    assert NO_FORMULA in draw_page(store, evaluation=evaluation)
