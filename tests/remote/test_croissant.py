"""croissant.json: every file with its hash, every column as it lies in the shards, and nothing made up."""

import hashlib
import json
from pathlib import Path
from typing import Any

import h5py
import pytest

from neuralviews.records import AUGMENTED_COLUMNS, COLUMNS, IMPORTED_COLUMNS, SHADOW_COLUMNS, SHAPE_COLUMNS
from neuralviews.remote.columns import COLUMN_TEXTS, CROISSANT_TYPES
from neuralviews.remote.croissant import croissant_text
from neuralviews.remote.facts import release_facts
from neuralviews.remote.publish import publish
from neuralviews.remote.shipped import shipped
from neuralviews.remote.terms import Terms
from neuralviews.store.reader import Store

from ..ball_fields import ball_store
from ..made_stores import make_store
from ..report.copies import augmented
from .releases import STATED

REQUIRED_OF_RAI = (
    *("rai:dataLimitations", "rai:dataBiases", "rai:personalSensitiveInformation", "rai:dataUseCases"),
    *("rai:dataSocialImpact", "rai:hasSyntheticData", "prov:wasDerivedFrom", "prov:wasGeneratedBy"),
)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Store]:
    folder = tmp_path_factory.mktemp("croissant")
    fitted = make_store(folder / "fitted")
    return {
        "fitted": fitted,
        "copies": augmented(fitted, folder / "copies"),
        "shapes": ball_store(folder / "shapes"),
    }


def described(store: Store, terms: Terms | None = None) -> dict[str, Any]:
    facts = release_facts(store)
    found: dict[str, Any] = json.loads(croissant_text(facts, terms or Terms(), shipped(facts.recipe), []))
    return found


def record_set(description: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = (one for one in description["recordSet"] if one["@id"] == name)
    return dict(found)


def test_every_file_is_listed_with_its_hash(stores: dict[str, Store], tmp_path: Path) -> None:
    publish(stores["fitted"].root, tmp_path / "out", STATED)
    description = json.loads((tmp_path / "out" / "croissant.json").read_text(encoding="utf-8"))
    *files, shards = description["distribution"]
    listed = {
        file["@id"]: (file["contentUrl"], file["contentSize"], file["sha256"])
        for file in files
        if file["@type"] == "cr:FileObject"
    }
    there = {}
    for path in (tmp_path / "out").rglob("*"):
        name = path.relative_to(tmp_path / "out").as_posix()
        if path.is_file() and name not in ("croissant.json", "SHA256SUMS.release"):
            data = path.read_bytes()
            url = f"https://example.org/digits/{name}"
            there[name] = url, f"{len(data)} B", hashlib.sha256(data).hexdigest()
    assert listed == there
    assert (shards["@type"], shards["@id"], shards["includes"]) == ("cr:FileSet", "shards", "shards/*.h5")
    types = {file["name"]: file["encodingFormat"] for file in files}
    assert types["shards/shard-000000.h5"] == "application/x-hdf5"
    assert types["shards/shard-000000.h5.json"] == types["job.json"] == "application/json"
    assert types["README.md"] == "text/markdown"
    assert types["SHA256SUMS"] == "text/plain"


@pytest.mark.parametrize("kind", ["fitted", "copies", "shapes"])
def test_fields_are_the_datasets_of_the_shards(stores: dict[str, Store], kind: str) -> None:
    store = stores[kind]
    fields = record_set(described(store), "records")["field"]
    with h5py.File(store.root / "shards/shard-000000.h5") as shard:
        paths: list[str] = []
        shard.visititems(lambda name, item: paths.append(name) if isinstance(item, h5py.Dataset) else None)
        assert sorted(field["source"]["extract"]["column"] for field in fields) == sorted(paths)
        for field in fields:
            dataset = shard[field["source"]["extract"]["column"]]
            kinds = field["dataType"] if isinstance(field["dataType"], list) else [field["dataType"]]
            assert kinds[0].lower() == f"cr:{dataset.dtype.name}"
            shape = field.get("arrayShape")
            assert (tuple(map(int, shape.split(","))) if shape else ()) == dataset.shape[1:]
            assert field.get("isArray", False) == (dataset.ndim == 2)
            assert field["source"]["fileSet"] == {"@id": "shards"}


def test_every_column_has_a_text_and_a_type() -> None:
    columns = {**COLUMNS, **SHAPE_COLUMNS, **SHADOW_COLUMNS, **AUGMENTED_COLUMNS, **IMPORTED_COLUMNS}
    assert set(COLUMN_TEXTS) == set(columns)
    assert {dtype.str for dtype in columns.values()} == set(CROISSANT_TYPES)


def test_splits_and_classes_stand_in_the_file(stores: dict[str, Store]) -> None:
    description = described(stores["shapes"])
    assert [row["splits/name"] for row in record_set(description, "splits")["data"]] == [
        "train",
        "val",
        "test",
    ]
    assert record_set(description, "classes")["data"] == [
        {"classes/code": code, "classes/name": name}
        for code, name in enumerate(("bed", "chair", "desk", "sofa"))
    ]
    (split,) = (one for one in record_set(description, "records")["field"] if one["name"] == "split")
    assert split["references"] == {"field": {"@id": "splits/code"}}


def test_what_was_stated(stores: dict[str, Store]) -> None:
    description, store = described(stores["fitted"], STATED), stores["fitted"]
    assert description["name"] == "made"
    assert description["alternateName"] == "Digits, drawn anew"
    assert description["license"] == "https://spdx.org/licenses/CC-BY-4.0.html"
    own = described(stores["fitted"], Terms.checked(license="LicenseRef-Mine"))
    assert own["license"] == "LicenseRef-Mine"
    assert description["url"] == "https://example.org/digits"
    assert description["datePublished"] == "2026-11-28"
    assert [one["name"] for one in description["creator"]] == ["A. Person", "The Group"]
    assert all(one["@type"] == ["sc:Person", "sc:Organization"] for one in description["creator"])
    assert description["identifier"] == store.dataset_id
    assert description["version"] == f"1.0.0+{store.dataset_id[:12]}"
    assert "year = {2026}" in description["citeAs"]
    assert "author = {{A. Person} and {The Group}}" in description["citeAs"]


def test_nothing_is_made_up(stores: dict[str, Store]) -> None:
    description = described(stores["fitted"])
    assert {"license", "url", "datePublished", "creator"}.isdisjoint(description)
    assert not {"year", "author", "url"} & set(description["citeAs"].replace("=", " ").split())


@pytest.mark.parametrize("kind", ["fitted", "copies", "shapes"])
def test_the_statements_on_responsible_use(stores: dict[str, Store], kind: str) -> None:
    description = described(stores[kind])
    assert "http://mlcommons.org/croissant/RAI/1.0" in description["conformsTo"]
    for name in REQUIRED_OF_RAI:
        assert description[name], name
    labels = [activity["prov:label"] for activity in description["prov:wasGeneratedBy"]]
    assert labels == (["fit", "augment"] if kind == "copies" else ["fit"])


def test_copies_name_their_parent(stores: dict[str, Store]) -> None:
    parent, source = described(stores["copies"])["prov:wasDerivedFrom"]
    assert parent["identifier"] == f"neuralviews dataset {stores['fitted'].dataset_id}"
    assert source["name"] == "scikit-learn's handwritten digits"
