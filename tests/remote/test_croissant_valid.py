"""croissant.json before MLCommons' own validator: no error, and no warning once everything is stated."""

from pathlib import Path
from typing import Any

import pytest

from neuralviews.remote.publish import publish
from neuralviews.remote.terms import Terms
from neuralviews.store.reader import Store

from ..ball_fields import ball_store
from ..exchange.imported_stores import make_imported
from ..made_stores import make_store
from ..report.copies import augmented
from .releases import STATED, shipped_store

pytestmark = [
    pytest.mark.long,
    # The validator and what it rests on warn of their own matters when they are imported.
    pytest.mark.filterwarnings("default"),
]


@pytest.fixture(scope="module")
def validator() -> Any:
    return pytest.importorskip(
        "mlcroissant", reason="mlcroissant is not installed: pip install 'neuralviews[croissant]'"
    )


def made(kind: str, folder: Path) -> Store:
    if kind == "copies":
        return augmented(make_store(folder / "parent", objects=20), folder / "store")
    if kind == "imported":
        return make_imported(folder / "store", class_names="abcdefghij", image_shape=(8, 8))
    return ball_store(folder / "store") if kind == "shapes" else shipped_store(folder / "store")


@pytest.mark.parametrize("kind", ["images", "copies", "shapes", "imported"])
def test_a_stated_release_is_valid_without_warnings(validator: Any, tmp_path: Path, kind: str) -> None:
    store = made(kind, tmp_path)
    release = publish(store.root, tmp_path / "out", STATED)
    metadata = validator.Dataset(str(release.root / "croissant.json")).metadata
    assert (metadata.ctx.issues.errors, metadata.ctx.issues.warnings) == (set(), set())
    assert metadata.data_limitations
    assert [one.name for one in metadata.creators] == ["A. Person", "The Group"]
    assert metadata.license == ["https://spdx.org/licenses/CC-BY-4.0.html"]
    assert len(metadata.file_objects) == release.files - 2
    assert [record_set.id for record_set in metadata.record_sets] == ["splits", "classes", "records"]


def test_records_in_the_file_can_be_read(validator: Any, tmp_path: Path) -> None:
    release = publish(shipped_store(tmp_path / "store").root, tmp_path / "out", STATED)
    dataset = validator.Dataset(str(release.root / "croissant.json"))
    assert [row["splits/name"] for row in dataset.records("splits")] in (
        ["train", "val", "test"],
        [b"train", b"val", b"test"],
    )
    assert len(list(dataset.records("classes"))) == 10


def test_what_nobody_stated_is_only_missed(validator: Any, tmp_path: Path) -> None:
    release = publish(shipped_store(tmp_path / "store").root, tmp_path / "out", Terms())
    issues = validator.Dataset(str(release.root / "croissant.json")).metadata.ctx.issues
    assert issues.errors == set()
    assert all("is recommended, but does not exist" in warning for warning in issues.warnings)
    assert len(issues.warnings) == 2  # license and datePublished
