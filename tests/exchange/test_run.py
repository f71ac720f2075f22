"""Imports from end to end: columns, jobs and bytes, whatever way they are made."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neuralviews.errors import OptionError, OutputError, SourceError
from neuralviews.exchange.run import ImportOptions, import_store
from neuralviews.fit.stated_import import stated_import
from neuralviews.records import Split, Status
from neuralviews.store.canonical import sha256_hex
from neuralviews.store.job import differences
from neuralviews.store.reader import Store
from neuralviews.work.shards import Sharing

from ..made_stores import contents
from .by_hand import flat, made_layers, sequential, write
from .published_sets import DIMS, DWSNETS, VIEWS, brought, edited_note, mnist, packed, published


class TestContents:
    def test_an_export_comes_back(self, store: Store, folder: Path, tmp_path: Path) -> None:
        found, report = brought(folder, tmp_path / "store", VIEWS)
        assert (report.format, report.made, report.missing) == ("multiview", 24, 0)
        assert report.why.startswith("found ")
        assert (found.kind, found.spec) == ("import", store.spec)
        records, expected = found.read(np.arange(24)), store.read(np.arange(24))
        np.testing.assert_array_equal(records.weights, expected.weights)
        for name in expected.columns:
            np.testing.assert_array_equal(records.columns[name], expected.columns[name])

    def test_the_job(self, store: Store, folder: Path, tmp_path: Path) -> None:
        found, _ = brought(folder, tmp_path / "store", VIEWS)
        stated = stated_import(found)
        files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.pth"))
        names = sorted([*(name for name in files if "model_" in name), "multiview/neuralviews.json"])
        lines = [f"{sha256_hex((folder / name).read_bytes())}  {name}\n" for name in names]
        assert dict(found.job) == {
            "format": "neuralviews-store",
            "format_version": 1,
            "kind": "import",
            "importer": 1,
            "name": "made-up",
            "exchange": "multiview",
            "published": None,
            "convention": {
                "dims": "files",
                **dict.fromkeys(
                    ("omega", "axis_order", "output_offset", "output_scale", "target_range"), "files"
                ),
            },
            "target": {"range": [0.0, 1.0]},
            "quality": "unknown",
            "known": ["label", "split"],
            "rows": 24,
            "rows_per_shard": 1024,
            "arch": store.spec.to_json(),
            "source": {
                "sha256": sha256_hex("".join(lines).encode()),
                "splits": None,
                "fields": 24,
                "class_names": None,
                "image_shape": [8, 9],
                "left_out": {},
            },
            "compared": None,
        }
        assert (stated.quality, stated.compared, stated.source.splits) == ("unknown", None, None)

    def test_a_published_set(self, tmp_path: Path) -> None:
        files = published()
        found, report = brought(write(tmp_path / "set", files), tmp_path / "store", DWSNETS)
        assert report.notes == ("no lists of splits: training folders are train, testing folders are test",)
        assert found.column("object_id").tolist() == [0, 1, 2, 60_005]
        assert found.column("label").tolist() == [0, 1, 2, 7]
        assert found.column("split").tolist() == [Split.train, Split.train, Split.train, Split.test]
        assert found.column("status").tolist() == [Status.unknown] * 4
        for name in ("psnr", "loss"):
            assert np.isnan(found.column(name)).all()
        for name in ("seed", "steps", "view"):
            assert not found.column(name).any()
        expected = [flat(made_layers(DIMS, place)) for place in range(4)]
        np.testing.assert_array_equal(found.weights(range(4)), expected)
        assert found.job["known"] == ["label", "split"]
        assert found.job["convention"]["omega"] == "format"
        assert found.job["source"]["image_shape"] == [28, 28]
        assert "psnr" not in json.loads((tmp_path / "store" / "manifest.json").read_bytes())["summary"]

    def test_what_the_files_state_of_each_field(self, tmp_path: Path) -> None:
        def wave(seed: int) -> dict[str, Any]:
            return sequential(made_layers((1, 5, 1), seed), coef=[seed / 2, seed / 4])

        path = write(tmp_path / "set", {f"model_{seed}.pth": wave(seed) for seed in (9, 2, 4)})
        found, _ = brought(path, tmp_path / "store", ImportOptions(format="dwsnets-sine"))
        assert found.column("object_id").tolist() == [2, 4, 9]
        np.testing.assert_array_equal(found.column("attributes"), [[1, 0.5], [2, 1], [4.5, 2.25]])
        assert found.column("seed").tolist() == [2, 4, 9]
        assert (found.column("label") == -1).all()
        assert found.job["attributes"] == ["amplitude", "frequency"]
        assert found.job["known"] == ["seed"]

    def test_psnrs_that_are_stated_of_some(self, tmp_path: Path) -> None:
        run = "cifar_inrs_data/train"
        names = [f"{run}/ckpts/03/{number:06d}_0000042.ckpt" for number in range(3)]
        files: dict[str, Any] = {
            name: {"image_idx": place, "params": sequential(made_layers((2, 6, 3), place))}
            for place, name in enumerate(names)
        }
        psnr = {"0": 31.25, "2": 28.5}
        files[f"{run}/0_3.json"] = json.dumps(psnr).encode()
        found, _ = brought(
            write(tmp_path / "set", files), tmp_path / "store", ImportOptions(format="implicit-zoo")
        )
        np.testing.assert_array_equal(found.column("psnr"), np.array([31.25, np.nan, 28.5], np.float32))
        assert np.isnan(found.column("loss")).all()
        assert (found.job["quality"], found.job["known"]) == ("stated", ["label", "psnr", "seed", "split"])
        assert found.job["target"] == {
            "range": [0.0, 1.0],
            "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225],
        }
        summary = json.loads((tmp_path / "store" / "manifest.json").read_bytes())["summary"]
        assert summary["psnr"] == {"median": 28.5, "p05": 28.5, "min": 28.5}
        assert summary["status"] == {"converged": 0, "budget": 0, "diverged": 0, "unknown": 3}

    def test_a_guess_is_explained(self, folder: Path, tmp_path: Path) -> None:
        report = import_store(folder, tmp_path / "store")
        assert report.format == "multiview"
        assert report.why.startswith("found multiview/0/")

    def test_files_that_torch_saved_under_their_own_names(self, tmp_path: Path) -> None:
        """The members of such a file are named after it."""
        path = tmp_path / "set" / "0" / "train"
        path.mkdir(parents=True)
        for number in range(5):
            torch.save(sequential(made_layers(DIMS, number), label=1), path / f"model_{number}.pth")
        found, _ = brought(path.parents[1], tmp_path / "store", VIEWS)
        expected = [flat(made_layers(DIMS, number)) for number in range(5)]
        np.testing.assert_array_equal(found.weights(range(5)), expected)


class TestNames:
    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            ({}, "dwsnets"),
            ({"name": "mine-1"}, "mine-1"),
            ({"published": "dws-mnist"}, "dws-mnist"),
            ({"published": "dws-mnist", "name": "mine"}, "mine"),
        ],
    )
    def test_the_name(self, tmp_path: Path, options: dict[str, str], expected: str) -> None:
        path = write(tmp_path / "set", published())
        found, _ = brought(path, tmp_path / "store", replace(DWSNETS, **options))
        assert (found.job["name"], found.job["published"]) == (expected, options.get("published"))

    @pytest.mark.parametrize("name", ["", "A", "-a", "a" * 65, "a b", "a\n"])
    def test_a_name_that_no_store_can_have(self, name: str) -> None:
        with pytest.raises(OptionError, match=r"^name: found .*, expected 1 to 64 of a-z, 0-9 and '-'"):
            ImportOptions(name=name)

    def test_a_name_in_a_note_that_no_store_can_have(self, folder: Path, tmp_path: Path) -> None:
        path = edited_note(folder, tmp_path / "edited", name="Not This")
        with pytest.raises(
            SourceError, match=r"edited.*: found the name 'Not This', .*: give one with --name"
        ):
            import_store(path, tmp_path / "store", VIEWS)
        assert import_store(path, tmp_path / "store", replace(VIEWS, name="this")).missing == 0


class TestTheSameBytes:
    @pytest.mark.parametrize("suffix", [".zip", ".tar", ".tgz"])
    def test_of_a_folder_and_of_archives(self, folder: Path, tmp_path: Path, suffix: str) -> None:
        one, _ = brought(folder, tmp_path / "one", VIEWS)
        archive = packed(folder, tmp_path / f"packed{suffix}")
        other, _ = brought(archive, tmp_path / "deep" / "other", VIEWS)
        assert [text.partition(":")[0] for text in differences(one.job, other.job)] == ["source.sha256"]
        assert other.job["source"]["sha256"] == sha256_hex(archive.read_bytes())
        found, expected = other.read(np.arange(24)), one.read(np.arange(24))
        np.testing.assert_array_equal(found.weights, expected.weights)
        for name, column in expected.columns.items():
            np.testing.assert_array_equal(found.columns[name], column)
        assert [path.name for path in (tmp_path / "deep").iterdir()] == ["other"]  # nothing unpacked is left

    @pytest.mark.usefixtures("small_shards")
    def test_of_any_workers_and_parts(self, folder: Path, tmp_path: Path) -> None:
        """Loky's workers have no small shards; the job that they read has."""
        one, _ = brought(folder, tmp_path / "one", VIEWS)
        assert len(one.manifest.shards) == 6
        for out, sharings in {
            "two": [Sharing(workers=2)],
            "parts": [Sharing(part=(number, 3)) for number in (1, 2, 0)],
        }.items():
            reports = [import_store(folder, tmp_path / out, replace(VIEWS, sharing=s)) for s in sharings]
            assert [report.missing for report in reports] == [4, 2, 0][-len(sharings) :]
            assert sum(report.made for report in reports) == 24
            assert contents(tmp_path / out) == contents(one.root)

    @pytest.mark.usefixtures("small_shards")
    def test_after_an_interruption(self, folder: Path, tmp_path: Path) -> None:
        brought(folder, tmp_path / "one", VIEWS)
        import_store(folder, tmp_path / "again", VIEWS)
        for name in ("shards/shard-000002.h5", "shards/shard-000002.h5.json", "manifest.json", "SHA256SUMS"):
            (tmp_path / "again" / name).unlink()
        report = import_store(folder, tmp_path / "again", VIEWS)
        assert (report.made, report.missing) == (4, 0)
        assert contents(tmp_path / "again") == contents(tmp_path / "one")

    def test_a_finished_store_is_left_as_it_is(self, folder: Path, tmp_path: Path) -> None:
        first = import_store(folder, tmp_path / "store", VIEWS)
        before = {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*")}
        second = import_store(folder, tmp_path / "store", VIEWS)
        assert (second.made, second.missing, second.dataset_id) == (0, 0, first.dataset_id)
        assert {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*")} == before

    def test_another_job_is_refused(self, folder: Path, tmp_path: Path) -> None:
        import_store(folder, tmp_path / "store", VIEWS)
        before = contents(tmp_path / "store")
        with pytest.raises(OutputError, match=r"store: belongs to another job \(arch"):
            import_store(folder, tmp_path / "store", replace(VIEWS, omega=20.0))
        assert contents(tmp_path / "store") == before

    def test_other_files_in_the_same_place(self, tmp_path: Path) -> None:
        """Nothing of the first import is remembered by the second, in this process or in its workers."""
        for round_, count in enumerate((3, 5, 4)):
            shutil.rmtree(tmp_path / "set", ignore_errors=True)
            files = {
                mnist("training", round_, number): sequential(made_layers(DIMS, number + round_))
                for number in range(count)
            }
            path = write(tmp_path / "set", files)
            sharing = Sharing(workers=2)
            found, _ = brought(path, tmp_path / f"store-{round_}", replace(DWSNETS, sharing=sharing))
            assert found.column("label").tolist() == [round_] * count
            expected = [flat(made_layers(DIMS, number + round_)) for number in range(count)]
            np.testing.assert_array_equal(found.weights(range(count)), expected)
