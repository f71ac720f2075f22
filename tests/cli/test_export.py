"""``export``: files beside one line of what was done, and one line for whatever cannot be."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from neuralviews.store.reader import Store

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
        (["store"], "Missing option '--records'"),
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
    assert (tmp_path / "full" / "notes.txt").read_text() == "mine"
