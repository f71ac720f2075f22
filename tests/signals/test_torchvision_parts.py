"""Parts of torchvision's datasets that keep their images in a folder of their own: files, and equal parts."""

from pathlib import Path

import pytest
from PIL import Image

from neuralviews.errors import RecipeError, SourceError
from neuralviews.recipe import Recipe
from neuralviews.signals.catalogue import open_source

from .source_files import recipe_for, some_bytes, write_qmnist


def signs(**parts: object) -> Recipe:
    return recipe_for({"kind": "torchvision", "dataset": "GTSRB", **parts}, 3)


def write_signs(root: Path) -> None:
    """Two classes of GTSRB's train part, an image each, and a packed file that does not count."""
    for number in range(2):
        folder = root / "gtsrb" / "GTSRB" / "Training" / f"{number:05}"
        folder.mkdir(parents=True)
        Image.fromarray(some_bytes(number, 6, 5, 3)).save(folder / "one.ppm")
    (root / "gtsrb" / "GTSRB-Training_fixed.zip").write_bytes(b"")


def test_the_files_do_not_depend_on_how_the_root_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_signs(tmp_path / "tv")
    monkeypatch.chdir(tmp_path)
    expected = open_source(signs(train={"split": "train"}), tmp_path / "tv").files
    names = [f"gtsrb/GTSRB/Training/0000{number}/one.ppm" for number in range(2)]
    assert list(expected) == names
    for root in ("tv", "./tv", "tv/../tv"):
        assert open_source(signs(train={"split": "train"}), Path(root)).files == expected
    monkeypatch.chdir(tmp_path / "tv")
    assert open_source(signs(train={"split": "train"}), Path()).files == expected


@pytest.mark.parametrize("name", ["GTSRB", "GTSRB/Training", "GTSRB/Training/00001"])
def test_folders_that_are_links_are_refused(tmp_path: Path, name: str) -> None:
    """Torchvision follows them, and the files would be hashed nowhere."""
    write_signs(tmp_path / "tv")
    (tmp_path / "tv" / "gtsrb" / "GT-final_test.csv").touch()  # not all files are behind the link
    inner = tmp_path / "tv" / "gtsrb" / name
    inner.rename(tmp_path / "elsewhere")
    inner.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SourceError, match=rf"gtsrb/{name}: a link to a folder; expected the files themselv"):
        open_source(signs(train={"split": "train"}), tmp_path / "tv")


def test_a_set_without_files_to_hash_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_signs(tmp_path / "tv")
    monkeypatch.setattr("neuralviews.signals.torchvision_files._PACKED", {".ppm", ".zip"})
    message = (
        r"GTSRB: found no files in .*tv whose hashes could be stated, expected the unpacked .*: copy them"
    )
    with pytest.raises(SourceError, match=message):
        open_source(signs(train={"split": "train"}), tmp_path / "tv")


@pytest.mark.parametrize(
    "parts",
    [
        {"train": {"split": "train"}, "test": {}},
        {"train": {}, "test": {"split": "train"}},
        {"train": {"split": "test"}, "val": {"split": "train"}, "test": {}},
    ],
)
def test_equal_parts_are_refused(tmp_path: Path, parts: dict[str, object]) -> None:
    write_signs(tmp_path)
    message = (
        r"recipe small: source\.test: found \{.*\}, which with the defaults of torchvision\.datasets\.GTSRB "
        r"are the images of source\.(train|val), expected others: name the official part that is meant, or"
    )
    with pytest.raises(RecipeError, match=message):
        open_source(signs(**parts), tmp_path)


@pytest.mark.parametrize("train", [{}, {"train": True}, {"what": "train", "train": False}])
def test_equal_parts_under_two_names_are_refused(tmp_path: Path, train: dict[str, object]) -> None:
    write_qmnist(tmp_path)
    parts = {"train": train, "test": {"what": "train"}}
    recipe = recipe_for({"kind": "torchvision", "dataset": "QMNIST", **parts}, 1)
    with pytest.raises(
        RecipeError, match=r"source\.test: found \{'what': 'train'\}, .* are the images of source\.train, ex"
    ):
        open_source(recipe, tmp_path)


def test_parts_may_share_their_files(tmp_path: Path) -> None:
    write_qmnist(tmp_path)
    for path in (tmp_path / "QMNIST" / "raw").iterdir():
        path.rename(path.with_name(path.name.replace("train", "test")))
    parts = {"train": {"what": "test"}, "test": {"what": "test10k"}}
    source = open_source(recipe_for({"kind": "torchvision", "dataset": "QMNIST", **parts}, 1), tmp_path)
    assert len(source.objects) == 6
