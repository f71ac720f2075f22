"""``export``: files, a line of what was done and what to know, and one line for whatever cannot be."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from neuralviews.records import Status
from neuralviews.store.reader import Store, open_store

from ..ball_fields import ball_store, ball_weights
from ..made_stores import contents, make_store

Run = Callable[..., tuple[int, str, str]]
MESHES = ("--to", "meshes", "--resolution", 12)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Balls; record 4 has no surface."""
    nowhere = ball_weights(0.3, np.array([5.0, 0, 0]))
    return ball_store(tmp_path_factory.mktemp("balls") / "store", weights={4: nowhere})


def test_meshes(run: Run, store: Store, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    code, text, err = run("export", store.root, "--records", "0:3,-1", *MESHES, "--out", out)
    assert (code, text, err) == (0, f"{out}: 4 files of {store.root}\n", "")
    assert sorted(path.name[:6] for path in out.iterdir()) == ["000000", "000001", "000002", "000035"]
    made = contents(out)
    assert run("export", store.root, "--records", "0:3,-1", *MESHES, "--out", out) == (code, text, err)
    assert contents(out) == made


def test_a_field_without_a_surface_is_said(run: Run, store: Store, tmp_path: Path) -> None:
    code, text, err = run("export", store.root, "--records", "3:5", *MESHES, "--out", tmp_path / "out")
    assert (code, err) == (0, "")
    assert text == f"{tmp_path / 'out'}: 1 file of {store.root}\nno surface, no file: record 4\n"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["000003_chair_object1_v0.ply"]


def test_other_resolutions_are_not_mixed(run: Run, store: Store, tmp_path: Path) -> None:
    given = ("export", store.root, "--records", "0", "--to", "meshes", "--out", tmp_path / "out")
    assert run(*given, "--resolution", 9)[0] == 0
    made = contents(tmp_path / "out")
    code, text, err = run(*given)
    assert (code, text) == (2, "")
    file = tmp_path / "out" / "000000_bed_object0_v0.ply"
    assert err == (
        f"error: {file}: there is such a file with other bytes than this export makes; "
        "take another folder, or remove the file\n"
    )
    assert contents(tmp_path / "out") == made


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["store", "--records", "x"], "records: found 'x', expected numbers and slices such as 7, 0:5"),
        (["store", "--records", "36"], "records: found 36, expected a record from 0 to 35"),
        (["store", "--records", "5:2"], "records: '5:2' is none of the 36 records"),
        (["store", "--records", "0", "--resolution", "2"], "resolution: found 2, expected 3 to 384"),
        (["store", "--records", "0", "--to", "voxels"], "'voxels' is not"),
        (["store"], "records: of meshes say which, such as --records 0:5, since each takes a while"),
        (["store", "--records", ""], "records: found '', expected numbers and slices such as 7, 0:5"),
        (["store", "--records", "1", "--views", "1"], "no record chosen is of a view numbered below 1;"),
        (["store", "--records", "0", "--views", "0"], "Invalid value for '--views'"),
        (
            ["images", "--to", "npz", "--resolution", "9"],
            "resolution: is of meshes, found the format npz; leave",
        ),
        (["images", "--to", "dwsnets"], "dwsnets: holds one field of an object, found 3 views in images"),
        (["images", "--to", "nfn", "--records", "0:0"], "records: '0:0' is none of the 120 records"),
        (["images", "--to", "npz", "--out", "full/notes.txt"], "full/notes.txt"),
        (
            ["images", "--to", "npz", "--out", "full"],
            "full: found files, expected no such folder, or an empty",
        ),
        (
            ["images", "--records", "0"],
            "found fields fitted to source.kind = 'digits', expected fields of sha",
        ),
        (["nowhere", "--records", "0"], "nowhere: no folder that can be read"),
        (["store", "--records", "0", "--out", "full"], "found 'notes.txt', expected an empty folder"),
        (["store", "--records", "0", "--out", "full/notes.txt"], "cannot be written (Not a directory)"),
    ],
)
def test_errors_are_one_line(
    run: Run,
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    make_store(tmp_path / "images")
    (tmp_path / "store").symlink_to(store.root)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    code, out, err = run("export", "--to", "meshes", "--out", "out", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["notes.txt"]
    assert (tmp_path / "full" / "notes.txt").read_text() == "mine"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Made-up fields of digits, forty objects, three views each; two of them diverged."""
    return make_store(tmp_path_factory.mktemp("images") / "store", diverged=(0, 7))


class TestDatasets:
    def test_all_records_go_out_and_come_back(self, run: Run, images: Store, tmp_path: Path) -> None:
        out = tmp_path / "deep" / "multiview"
        code, text, err = run("export", images.root, "--to", "multiview", "--out", out)
        assert (code, err) == (0, "")
        assert text.splitlines()[:2] == [
            f"{out}: 118 fields of {images.root}",
            "2 records left out: they diverged or were rejected",
        ]
        given = ("import", out, "--out", tmp_path / "store", "--from", "multiview", "--workers", 1)
        assert run(*given)[0] == 0
        found = open_store(tmp_path / "store")
        sound = np.flatnonzero(images.column("status") != Status.diverged)
        for name in ("object_id", "view", "label", "split"):
            np.testing.assert_array_equal(found.column(name), images.column(name)[sound])
        np.testing.assert_array_equal(found.weights(range(118)), images.weights(sound))
        assert (found.spec, found.job["name"]) == (images.spec, "made")

    def test_an_archive(self, run: Run, images: Store, tmp_path: Path) -> None:
        out = tmp_path / "fields.zip"
        given = ("export", images.root, "--to", "dwsnets", "--views", 1, "--records", "0:30", "--out")
        code, text, err = run(*given, out)
        assert (code, err) == (0, "")
        assert text.startswith(f"{out}: 9 fields of {images.root}\n")
        assert out.is_file()
        assert run(*given, tmp_path / "again.zip")[0] == 0
        assert (tmp_path / "again.zip").read_bytes() == out.read_bytes()
        code, text, err = run(*given, out)
        assert (code, text) == (2, "")
        assert err == f"error: {out}: there is such a file already; remove it, or take another name\n"

    def test_imported_fields_go_out_again(self, run: Run, images: Store, tmp_path: Path) -> None:
        """What came in is no less than what was made here."""
        for step, source in enumerate((images.root, tmp_path / "0" / "store")):
            folder = tmp_path / str(step)
            code, _, _ = run("export", source, "--to", "multiview", "--out", folder / "multiview")
            assert code == 0
            given = ("--out", folder / "store", "--from", "multiview", "--workers", 1)
            assert run("import", folder / "multiview", *given)[0] == 0
        one, two = (open_store(tmp_path / step / "store") for step in "01")
        np.testing.assert_array_equal(one.weights(range(118)), two.weights(range(118)))
        for name in ("object_id", "view", "label", "split"):
            np.testing.assert_array_equal(one.column(name), two.column(name))

    def test_an_interruption_leaves_nothing(
        self, run: Run, images: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from neuralviews.exchange import state_dicts

        def interrupted(*given: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(state_dicts, "saved", interrupted)
        code, _, _ = run("export", images.root, "--to", "multiview", "--out", tmp_path / "out")
        assert code == 130
        assert [*tmp_path.iterdir()] == []
