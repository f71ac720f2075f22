"""``recipes``, ``info`` and ``show``: what they print, and one line for every bad input."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from neuralviews.cli.text import bytes_text, table
from neuralviews.recipe import load_recipe, recipe_names
from neuralviews.records import Split
from neuralviews.store.reader import Store

from ..made_stores import digits_recipe, make_store, photo_recipe, started_store

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(tmp_path_factory.mktemp("cli") / "store", diverged=(4,))


def refused(result: tuple[int, str, str]) -> str:
    """The one line of a refusal."""
    code, out, err = result
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err


class TestRecipes:
    def test_json_says_what_each_recipe_makes(self, run: Run) -> None:
        code, out, _ = run("recipes", "--json")
        found = {entry["name"]: entry for entry in json.loads(out)}
        assert code == 0
        assert set(found) == set(recipe_names())
        for name, entry in found.items():
            recipe = load_recipe(name)
            assert entry["digest"] == recipe.digest()
            assert entry["dims"] == list(recipe.spec.dims)
        assert found["digits"]["objects"] == 1797

    def test_the_size_is_that_of_the_store(self, run: Run, store: Store) -> None:
        entry = next(e for e in json.loads(run("recipes", "--json")[1]) if e["name"] == "digits")
        records = entry["objects"] * entry["views"]
        columns = sum(store.column(name).itemsize for name in store.columns())
        assert entry["bytes"] == records * (4 * load_recipe("digits").spec.parameters + columns)

    def test_the_table_has_a_line_for_each(self, run: Run) -> None:
        code, out, err = run("recipes")
        assert (code, err) == (0, "")
        for name in recipe_names():
            assert any(line.startswith(f"{name} ") for line in out.splitlines())


class TestInfo:
    def test_json_agrees_with_the_store(self, run: Run, store: Store) -> None:
        code, out, _ = run("info", store.root, "--json")
        facts = json.loads(out)
        assert code == 0
        assert facts["dataset_id"] == store.dataset_id
        assert (facts["records"], facts["objects"], facts["views"]) == (120, 40, 3)
        for split in Split:
            chosen = store.column("split") == split
            objects = len(np.unique(store.column("object_id")[chosen]))
            assert facts["splits"][split.name] == {"records": int(chosen.sum()), "objects": objects}
        assert facts["psnr"]["min"] == store.column("psnr").min()
        assert facts["status"]["diverged"] == 1
        assert facts["shards"] == 3
        assert facts["bytes"] == sum(path.stat().st_size for path in store.root.glob("shards/*.h5"))

    def test_text(self, run: Run, store: Store) -> None:
        code, out, err = run("info", store.root)
        assert (code, err) == (0, "")
        for part in (
            store.dataset_id,
            "SIREN 2-6-5-1, 59 parameters",
            "120: 40 objects x 3 views",
            "budget 119, diverged 1",
            "cpu (arithmetic 1)",
            "limited to 40 objects",
        ):
            assert part in out

    def test_no_shard_is_opened(self, run: Run, tmp_path: Path) -> None:
        made = make_store(tmp_path / "store")
        for shard in made.root.glob("shards/*.h5"):
            shard.unlink()
        assert run("info", made.root)[0] == 0


@pytest.mark.parametrize("command", [["info"], ["show", "--out", "unused.png"]])
class TestNoStore:
    def test_missing_folder(self, run: Run, tmp_path: Path, command: list[str]) -> None:
        assert "nowhere: no folder that can be read; expected a folder with job.json" in refused(
            run(*command, tmp_path / "nowhere")
        )

    def test_somebody_elses_folder(self, run: Run, tmp_path: Path, command: list[str]) -> None:
        (tmp_path / "letter.txt").write_text("dear reader")
        assert "holds no store; expected a folder with job.json" in refused(run(*command, tmp_path))

    def test_a_file(self, run: Run, tmp_path: Path, command: list[str]) -> None:
        (tmp_path / "letter.txt").write_text("dear reader")
        assert "letter.txt" in refused(run(*command, tmp_path / "letter.txt"))

    def test_unfinished(self, run: Run, tmp_path: Path, command: list[str]) -> None:
        started_store(tmp_path / "store", digits_recipe(), 5)
        assert "not finished; run the command that makes it again" in refused(
            run(*command, tmp_path / "store")
        )

    def test_newer_version(self, run: Run, tmp_path: Path, command: list[str]) -> None:
        path = make_store(tmp_path / "store").root / "manifest.json"
        path.write_text(path.read_text().replace('"format_version":1', '"format_version":2'))
        assert "written by a newer neuralviews" in refused(run(*command, tmp_path / "store"))

    def test_damaged_manifest(self, run: Run, tmp_path: Path, command: list[str]) -> None:
        path = make_store(tmp_path / "store").root / "manifest.json"
        path.write_bytes(path.read_bytes()[:-100])
        assert "manifest.json" in refused(run(*command, tmp_path / "store"))


class TestVerify:
    def test_a_source_is_compared_unless_another_level_is_asked_for(self, run: Run, tmp_path: Path) -> None:
        made = make_store(tmp_path / "store", photo_recipe(tmp_path / "photos"), 9)
        given = ("verify", made.root, "--source-root", tmp_path / "photos")
        assert "full verification passed" in run(*given[:2])[1]
        assert "semantic" in refused(run(*given, "--level", "quick"))
        code, out, err = run(*given)
        assert (code, out, err) == run(*given, "--level", "semantic")


class TestShow:
    def test_bundled_sources_are_found(self, run: Run, store: Store, tmp_path: Path) -> None:
        out = tmp_path / "gallery.png"
        assert run("show", store.root, "--out", out) == (0, f"{out}: gallery of {store.root}\n", "")
        assert out.read_bytes().startswith(b"\x89PNG")

    def test_a_missing_source_is_said(self, run: Run, tmp_path: Path) -> None:
        made = make_store(tmp_path / "store", photo_recipe(tmp_path / "photos"), 9)
        code, out, _ = run("show", made.root, "--out", tmp_path / "g.png")
        assert code == 0
        assert "drawn without sources: give --source-root" in out
        code, out, _ = run(
            "show", made.root, "--out", tmp_path / "g.png", "--source-root", tmp_path / "photos"
        )
        assert code == 0
        assert "without" not in out

    def test_a_given_root_without_the_files(self, run: Run, tmp_path: Path) -> None:
        made = make_store(tmp_path / "store", photo_recipe(tmp_path / "photos"), 9)
        (tmp_path / "empty").mkdir()
        options = ("--out", tmp_path / "g.png", "--source-root", tmp_path / "empty")
        assert str(tmp_path / "empty") in refused(run("show", made.root, *options))
        assert not (tmp_path / "g.png").exists()

    def test_other_source_files_than_the_store_was_made_from(self, run: Run, tmp_path: Path) -> None:
        made = make_store(tmp_path / "store", photo_recipe(tmp_path / "photos"), 9)
        (tmp_path / "photos" / "images" / "3.png").write_bytes(
            (tmp_path / "photos" / "images" / "0.png").read_bytes()
        )
        options = ("--out", tmp_path / "g.png", "--source-root", tmp_path / "photos")
        assert "3.png: found sha256" in refused(run("show", made.root, *options))

    def test_a_damaged_shard(self, run: Run, tmp_path: Path) -> None:
        shard = make_store(tmp_path / "store").root / "shards" / "shard-000001.h5"
        shard.write_bytes(shard.read_bytes()[:-1] + b"x")
        assert "shard-000001.h5" in refused(run("show", tmp_path / "store", "--out", tmp_path / "g.png"))

    @pytest.mark.parametrize(
        ("name", "cause"), [("nowhere/g.png", "there is no folder "), ("folder.png", "Is a directory")]
    )
    def test_unwritable_output(self, run: Run, store: Store, tmp_path: Path, name: str, cause: str) -> None:
        (tmp_path / "folder.png").mkdir()
        line = refused(run("show", store.root, "--out", tmp_path / name))
        assert f"{tmp_path / name}: the gallery cannot be written: {cause}" in line

    def test_unknown_format(self, run: Run, store: Store, tmp_path: Path) -> None:
        assert "found suffix '.gif'" in refused(run("show", store.root, "--out", tmp_path / "g.gif"))


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (4_740, "4.74 kB"),
        (9_994, "9.99 kB"),
        (9_995, "10.0 kB"),
        (99_940, "99.9 kB"),
        (99_960, "100 kB"),
        (999_499, "999 kB"),
        (999_500, "1.00 MB"),
        (3_320_000_000, "3.32 GB"),
        (50_000 * (2**63 - 1), "461 ZB"),  # the most that a manifest can state
    ],
)
def test_sizes_have_three_digits(count: int, text: str) -> None:
    assert bytes_text(count) == text


def test_no_cell_of_a_table_reaches_the_terminal_as_it_is() -> None:
    shown = table(("a", "b\x1b[31m"), [("c\nfake  line", "é")])
    assert shown.splitlines() == ["a              b\\x1b[31m", "c\\nfake  line  é"]


def test_tables_line_up() -> None:
    assert table(("a", "n"), [("long", "1"), ("b", "22")], right=[1]) == "a      n\nlong   1\nb     22"
