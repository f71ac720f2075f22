"""Folders of exports: nothing foreign among the files, nothing replaced, nothing half-written."""

from pathlib import Path

import pytest

from neuralviews.errors import OutputError
from neuralviews.exchange.folder import add_file, prepare_folder


def test_a_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    root = tmp_path / "a" / "b"
    prepare_folder(root, ["one"])
    add_file(root, "one", b"1")
    assert [(path.name, path.read_bytes()) for path in root.iterdir()] == [("one", b"1")]


def test_an_interrupted_export_goes_on(tmp_path: Path) -> None:
    add_file(tmp_path, "one", b"1")
    (tmp_path / ".tmp-two-0123").write_bytes(b"half")
    before = (tmp_path / "one").stat().st_mtime_ns
    prepare_folder(tmp_path, ["one", "two"])
    for name in ("one", "two"):
        add_file(tmp_path, name, b"1")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]
    assert (tmp_path / "one").stat().st_mtime_ns == before


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"1")
    (tmp_path / "thesis.tex").write_bytes(b"")
    with pytest.raises(OutputError) as error:
        prepare_folder(tmp_path, ["one"])
    assert str(error.value) == (
        f"{tmp_path}: found 'thesis.tex', expected an empty folder, or files of this same export; "
        "take another folder"
    )


def test_files_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"another")
    with pytest.raises(OutputError) as error:
        add_file(tmp_path, "one", b"1")
    assert str(error.value) == (
        f"{tmp_path / 'one'}: there is such a file with other bytes than this export makes; "
        "take another folder, or remove the file"
    )
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("one", b"another")]


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match=r"file: cannot be written \(Not a directory\); finished files are"):
        prepare_folder(tmp_path / "file", [])
