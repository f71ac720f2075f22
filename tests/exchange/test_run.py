"""Imports from end to end: columns, jobs and bytes, whatever way they are made."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neuralviews.errors import OptionError, OutputError, SourceError, SpecError
from neuralviews.exchange import run as run_module
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
from .stacked_sets import layer_arrays, put


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


class TestConventions:
    def test_what_is_given_is_taken(self, tmp_path: Path) -> None:
        given: dict[str, Any] = {
            "omega": 20.0,
            "axis_order": "ij",
            "output_offset": 0.25,
            "output_scale": 2.0,
            "target_range": (-1.0, 1.0),
        }
        found, report = brought(
            write(tmp_path / "set", published()), tmp_path / "store", replace(DWSNETS, **given)
        )
        spec = found.spec
        assert (spec.omega, spec.axis_order) == ((20.0, 20.0), "ij")
        assert (spec.output_offset, spec.output_scale) == (0.25, 2.0)
        assert found.job["target"] == {"range": [-1.0, 1.0]}
        assert found.job["convention"] == {"dims": "files", **dict.fromkeys(given, "given")}
        assert report.convention.target_range == (-1.0, 1.0)

    def test_a_range_replaces_what_normalised_the_channels(self, tmp_path: Path) -> None:
        name = "train/ckpts/03/000000_0000042.ckpt"
        path = write(tmp_path / "set", {name: {"params": sequential(made_layers((2, 6, 3), 0))}})
        options = ImportOptions(format="implicit-zoo", target_range=(0.0, 2.0))
        found, _ = brought(path, tmp_path / "store", options)
        assert found.job["target"] == {"range": [0.0, 2.0]}

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"omega": -1.0}, r"^omega: found -1\.0, expected a positive number"),
            ({"omega": float("nan")}, r"^omega"),
            ({"output_scale": 0.0}, r"^output_scale: found 0\.0, expected a positive number"),
            ({"output_offset": float("inf")}, r"expected finite numbers"),
            ({"target_range": (1.0, 1.0)}, "^target_range: found 1 to 1, expected low below high, within 1e"),
            ({"target_range": (0.0, float("nan"))}, "^target_range: found 0 to nan, expected low below high"),
            ({"target_range": (0.0, 2e6)}, "^target_range: found 0 to 2e"),
        ],
    )
    def test_what_cannot_be_is_refused(self, tmp_path: Path, given: dict[str, Any], message: str) -> None:
        path = write(tmp_path / "set", published())
        with pytest.raises(SpecError, match=message):
            import_store(path, tmp_path / "store", replace(DWSNETS, **given))
        assert not (tmp_path / "store").exists()

    def test_what_nobody_says_must_be_given(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from neuralviews.exchange import dwsnets

        path = write(tmp_path / "set", published())
        for name in ("omega", "target_range"):
            unsaid = replace(dwsnets.CONVENTION, **{name: None})
            monkeypatch.setattr(dwsnets, "CONVENTION", unsaid)
            option = f"--{name.replace('_', '-')}"
            with pytest.raises(
                OptionError, match=f"^{name}: neither the format nor the files .*; give {option}"
            ):
                import_store(path, tmp_path / "store", DWSNETS)
            assert not (tmp_path / "store").exists()
            monkeypatch.undo()

    @pytest.mark.parametrize(
        "target",
        [
            {"range": [1.0, 0.0]},
            {"range": [0.0, 1.0], "mean": [0.5, 0.5], "std": [0.5, 0.5]},
            {"range": [0.0, 1.0], "mean": [0.5]},
            {"range": [0.0, 1.0], "mean": [0.5], "std": [0.0]},
        ],
    )
    def test_a_note_whose_targets_cannot_be(self, folder: Path, tmp_path: Path, target: object) -> None:
        path = edited_note(folder, tmp_path / "edited", target={"mean": None, "std": None, **target})  # type: ignore[dict-item]
        with pytest.raises(SpecError, match=r"^(target_range|mean, std): found"):
            import_store(path, tmp_path / "store", VIEWS)
        assert not (tmp_path / "store").exists()


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


class TestSplits:
    def lists(self, path: Path, **parts: list[str]) -> Path:
        path.write_text(json.dumps(parts))
        return path

    def test_lists_apart_from_the_files(self, tmp_path: Path) -> None:
        path = write(tmp_path / "set", published())
        train, val, _, test = published()
        lists = self.lists(tmp_path / "lists.json", train=[f"/home/them/{train}"], val=[val], test=[test])
        found, report = brought(path, tmp_path / "store", replace(DWSNETS, splits=lists))
        assert found.column("split").tolist() == [Split.train, Split.val, Split.test]
        assert report.left_out == {mnist("training", 2, 2): "no list of splits names it"}
        assert found.job["source"]["left_out"] == report.left_out
        assert found.job["source"]["splits"] == sha256_hex(lists.read_bytes())
        assert found.job["source"]["fields"] == 3

    def test_other_lists_make_another_store(self, tmp_path: Path) -> None:
        """The lists decide bytes, so the job names them."""
        path, names = write(tmp_path / "set", published()), [*published()]
        one = self.lists(tmp_path / "one.json", train=names[:2], test=names[2:])
        other = self.lists(tmp_path / "other.json", train=names[2:], test=names[:2])
        import_store(path, tmp_path / "store", replace(DWSNETS, splits=one))
        with pytest.raises(OutputError, match=r"belongs to another job \(source\.splits"):
            import_store(path, tmp_path / "store", replace(DWSNETS, splits=other))

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (None, r"lists\.json: cannot be read \(No such file or directory\); expected lists of paths"),
            ("{", r"lists\.json: not JSON \(.*\); expected lists of paths by split"),
            ('{"train": ["mnist_png_training_0_9/x.pth"]}', r"names 1 of 1 files that are not there"),
        ],
    )
    def test_bad_lists(self, tmp_path: Path, text: str | None, message: str) -> None:
        path, lists = write(tmp_path / "set", published()), tmp_path / "lists.json"
        if text is not None:
            lists.write_text(text)
        with pytest.raises(SourceError, match=message):
            import_store(path, tmp_path / "store", replace(DWSNETS, splits=lists))
        assert not (tmp_path / "store").exists()


class TestKeepGoing:
    def test_files_that_cannot_be_read_are_left_out(self, tmp_path: Path) -> None:
        files = published()
        bad = mnist("training", 1, 1)
        path = write(tmp_path / "set", {**files, bad: b"no pickle"})
        with pytest.raises(
            SourceError, match=r"mnist_png_training_1_1.*: .*expected a state dict of torch\.save"
        ):
            import_store(path, tmp_path / "store", DWSNETS)
        assert not (tmp_path / "store").exists()
        found, report = brought(path, tmp_path / "store", replace(DWSNETS, keep_going=True))
        assert report.left_out == found.job["source"]["left_out"] == {bad: "it cannot be read"}
        assert report.details[bad].startswith("refused by torch (")
        assert found.column("object_id").tolist() == [0, 2, 60_005]
        assert found.job["source"]["fields"] == 4
        again = import_store(path, tmp_path / "again", replace(DWSNETS, keep_going=True, sharing=Sharing(2)))
        assert again.dataset_id == report.dataset_id

    def test_a_file_that_cannot_even_be_opened(self, tmp_path: Path) -> None:
        path = write(tmp_path / "set", published())
        lost = path / mnist("training", 1, 1)
        lost.unlink()
        lost.symlink_to(lost)
        with pytest.raises(SourceError, match=r"training_1_1.* cannot be read"):
            import_store(path, tmp_path / "store", DWSNETS)
        found, report = brought(path, tmp_path / "store", replace(DWSNETS, keep_going=True))
        assert [*report.left_out] == [mnist("training", 1, 1)]
        assert len(found) == 3

    def test_nothing_left(self, tmp_path: Path) -> None:
        path = write(tmp_path / "set", dict.fromkeys(published(), b"no pickle"))
        with pytest.raises(
            SourceError,
            match=r"not one of .* can be read; the first of the errors is: .*training_0_0.*: refused by",
        ):
            import_store(path, tmp_path / "store", replace(DWSNETS, keep_going=True))
        assert not (tmp_path / "store").exists()


class TestTarget:
    def test_a_full_disk(self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from types import SimpleNamespace

        monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_bavail=1, f_frsize=4096))
        with pytest.raises(OutputError, match=r"store: 0\.00 MiB free, 0\.\d+ MiB needed; free space"):
            import_store(folder, tmp_path / "store", VIEWS)
        assert contents(tmp_path / "store") == {}

    def test_a_target_that_cannot_be_written(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(OutputError, match=r"file.*cannot be written"):
            import_store(folder, tmp_path / "file" / "store", VIEWS)
        if os.geteuid():
            (tmp_path / "closed").mkdir(mode=0o500)
            with pytest.raises(OutputError, match=r"closed.*cannot be written"):
                import_store(folder, tmp_path / "closed" / "store", VIEWS)

    def test_a_folder_of_something_else(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "notes.txt").write_text("mine")
        with pytest.raises(OutputError, match=r"mine: holds 'notes\.txt' and no job\.json; choose a new"):
            import_store(folder, tmp_path / "mine", VIEWS)
        assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


class TestBeforeAnyFieldIsRead:
    """What can be refused at once is not refused after minutes."""

    @pytest.fixture(autouse=True)
    def no_survey(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def survey(*_: object, **__: object) -> None:
            raise AssertionError("the files were read")

        monkeypatch.setattr(run_module, "survey", survey)

    @pytest.mark.parametrize(
        ("given", "error", "message"),
        [
            ({"omega": -3.0}, SpecError, r"omega: found -3\.0, expected a positive number"),
            ({"omega": np.nan}, SpecError, "omega: found nan, expected a positive number"),
            ({"output_scale": 0.0}, SpecError, r"output_scale: found 0\.0, expected a positive number"),
            ({"output_offset": np.inf}, SpecError, "expected finite numbers up to"),
            ({"target_range": (1.0, 1.0)}, SpecError, "target_range: found 1 to 1, expected low below high"),
        ],
    )
    def test_impossible_conventions(
        self, tmp_path: Path, given: dict[str, Any], error: type[Exception], message: str
    ) -> None:
        """Even before the files are opened: there are none."""
        with pytest.raises(error, match=message):
            import_store(tmp_path / "nowhere", tmp_path / "store", ImportOptions(**given))

    def test_a_convention_that_nobody_states(self, tmp_path: Path) -> None:
        put(tmp_path / "set", "npz", layer_arrays())
        with pytest.raises(OptionError, match="omega: neither the format nor the files say it; give --omega"):
            import_store(tmp_path / "set", tmp_path / "store")

    def test_a_folder_of_something_else(self, tmp_path: Path) -> None:
        write(tmp_path, {"mine/notes.txt": b"mine"})
        with pytest.raises(OutputError, match=r"mine: holds 'notes\.txt' and no job\.json; choose a new"):
            import_store(tmp_path / "nowhere", tmp_path / "mine")

    def test_a_folder_of_another_job(self, store: Store, folder: Path) -> None:
        message = r"store: belongs to another job \(exchange: there 'npz', here 'multiview'\); choose another"
        with pytest.raises(OutputError, match=message):
            import_store(folder, store.root, VIEWS)


def test_only_conventions_that_nobody_gave_are_told(tmp_path: Path) -> None:
    put(tmp_path / "set", "npz", layer_arrays())
    told = {
        "none": ({}, "axis order xy, no output offset, targets from 0 to 1"),
        "some": ({"axis_order": "ij"}, "no output offset, targets from 0 to 1"),
        "two": ({"axis_order": "xy", "output_offset": 0.5}, "targets from 0 to 1"),
    }
    for name, (given, words) in told.items():
        report = import_store(tmp_path / "set", tmp_path / name, ImportOptions(omega=30.0, **given))
        assert report.notes == (f"files state no conventions; assumed: {words}",)
    full = ImportOptions(omega=30.0, axis_order="xy", output_offset=0.0, target_range=(0.0, 1.0))
    assert import_store(tmp_path / "set", tmp_path / "all", full).notes == ()


class TestFilesThatChange:
    @pytest.fixture
    def meddle(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
        """Do something after the survey and before the first shard."""

        def during(action: Callable[[], object]) -> None:
            honest = run_module.check_space

            def check_space(*given: Any) -> None:
                honest(*given)
                action()

            monkeypatch.setattr(run_module, "check_space", check_space)

        return during

    @pytest.mark.parametrize("way", ["field", "lists", "archive"])
    def test_they_are_noticed(
        self, tmp_path: Path, meddle: Callable[[Callable[[], object]], None], way: str
    ) -> None:
        path = write(tmp_path / "set", published())
        lists = tmp_path / "lists.json"
        lists.write_text(json.dumps({"train": [*published()]}))
        options = replace(DWSNETS, splits=lists)
        changed = lists
        if way == "field":
            changed = path / mnist("training", 1, 1)
        if way == "archive":
            changed = path = packed(path, tmp_path / "set.tar")
        meddle(lambda: os.utime(changed, ns=(1, 1)))
        with pytest.raises(
            SourceError, match=r"files changed while they were imported, so .*store belongs to no"
        ):
            import_store(path, tmp_path / "store", options)
        assert not (tmp_path / "store" / "manifest.json").exists()

    def test_another_file_beside_them_does_not_matter(
        self, tmp_path: Path, meddle: Callable[[Callable[[], object]], None]
    ) -> None:
        path = write(tmp_path / "set", {**published(), "log.txt": b"began"})
        meddle(lambda: (path / "log.txt").write_text("goes on"))
        assert import_store(path, tmp_path / "store", DWSNETS).missing == 0

    def test_a_file_that_vanishes(
        self, tmp_path: Path, meddle: Callable[[Callable[[], object]], None]
    ) -> None:
        path = write(tmp_path / "set", published())
        meddle((path / mnist("training", 1, 1)).unlink)
        with pytest.raises(SourceError, match=r"training_1_1.*cannot be read \(No such file"):
            import_store(path, tmp_path / "store", DWSNETS)
        assert not (tmp_path / "store" / "manifest.json").exists()
