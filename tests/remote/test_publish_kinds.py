"""Publishing what was not fitted here: records of files of others, and some records of another store."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.errors import (
    OptionError,
    SourceError,
)
from neuralviews.records import Records, Status
from neuralviews.remote.publish import publish
from neuralviews.signals.catalogue import open_source
from neuralviews.store.reader import Store, open_store
from neuralviews.store.writer import StoreWriter

from ..made_stores import digits_recipe, made_records, photo_recipe
from .releases import MADE, STATED, own_files, require_sound

FORMAT = {"format": "neuralviews-store", "format_version": 1}


def written(root: Path, job: dict[str, Any], records: Records) -> Store:
    writer = StoreWriter(root, job)
    for shard in writer.missing():
        rows = writer.row_range(shard)
        writer.commit(shard, records.take(slice(rows.start, rows.stop)))
    writer.finalize()
    return open_store(root)


class TestOtherKinds:
    """Records that were read from files of others, and some records of another store."""

    @pytest.fixture
    def imported(self, tmp_path: Path) -> Store:
        records = made_records(digits_recipe(), 6)
        unknown = np.full(len(records), np.nan, np.float32)
        status = np.full(len(records), Status.unknown, np.uint8)
        columns = {**records.columns, "psnr": unknown, "loss": unknown, "status": status}
        job = {
            **FORMAT,
            "kind": "import",
            "rows": len(records),
            "rows_per_shard": 10,
            "arch": records.spec.to_json(),
            "importer": 1,
            "name": "imported",
            "exchange": "dwsnets",
            "published": "mnist-inrs",
            "convention": {"omega": "given", "axis_order": "format"},
            "target": {"range": [0.0, 1.0]},
            "quality": "unknown",
            "known": ["label"],
            "source": {"sha256": "0" * 64, "fields": 18, "class_names": None, "image_shape": [8, 8]},
            "compared": None,
        }
        return written(tmp_path / "imported", job, replace(records, columns=columns))

    def test_imported_fields(self, imported: Store, tmp_path: Path) -> None:
        release = publish(imported.root, tmp_path / "out", STATED)
        require_sound(imported.root, release.root)
        assert own_files(release.root) == MADE
        assert release.notes == ()
        card = (release.root / "README.md").read_text(encoding="utf-8")
        assert "- importer 1, format dwsnets, PSNR unknown\n- published set mnist-inrs\n" in card
        assert "from: axis\\_order (format), omega (given)\n" in card
        described = json.loads((release.root / "croissant.json").read_text(encoding="utf-8"))
        assert [one["prov:label"] for one in described["prov:wasGeneratedBy"]] == ["import"]

    def test_some_records_of_another_store(self, imported: Store, tmp_path: Path) -> None:
        job = {
            **FORMAT,
            "kind": "subset",
            "rows": len(imported),
            "rows_per_shard": 10,
            "arch": imported.spec.to_json(),
            "of": {"dataset_id": imported.dataset_id, "job": dict(imported.job)},
        }
        part = written(tmp_path / "part", job, imported.read(np.arange(len(imported))))
        release = publish(part.root, tmp_path / "out", STATED)
        require_sound(part.root, release.root)
        card = (release.root / "README.md").read_text(encoding="utf-8")
        assert f"- A part of dataset {imported.dataset_id}: not all of its records are here.\n" in card

    def test_they_have_no_source(self, imported: Store, tmp_path: Path) -> None:
        with pytest.raises(OptionError, match=r"imported: was imported without a look at its source"):
            publish(imported.root, tmp_path / "out", source_root=tmp_path)
        assert not (tmp_path / "out").exists()

    def test_the_source_that_they_were_compared_with(self, imported: Store, tmp_path: Path) -> None:
        recipe = photo_recipe(tmp_path / "photos")
        source = open_source(recipe)
        job = {
            **imported.job,
            "rows": 9,
            "arch": recipe.spec.to_json(),
            "quality": "measured",
            "source": {**imported.job["source"], "image_shape": None},
            "compared": {"recipe": recipe.canonical(), "files": dict(source.files)},
        }
        store = written(tmp_path / "compared", job, made_records(recipe, 9))
        release = publish(store.root, tmp_path / "without", STATED)
        assert release.notes == ("gallery.png: drawn without the source; give --source-root",)
        release = publish(store.root, tmp_path / "with", STATED, source_root=tmp_path / "photos")
        assert release.notes == ()
        pictures = [(tmp_path / name / "gallery.png").read_bytes() for name in ("with", "without")]
        assert pictures[0] != pictures[1]
        (tmp_path / "photos" / "images" / "0.png").unlink()
        with pytest.raises(SourceError, match=r"source file .*0\.png: found sha256 no such file"):
            publish(store.root, tmp_path / "more", STATED, source_root=tmp_path / "photos")
