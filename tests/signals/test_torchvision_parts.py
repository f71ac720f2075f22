"""Parts of torchvision's datasets that keep their images in a folder of their own: files, and equal parts."""

from pathlib import Path

import pytest
from PIL import Image

from neuralviews.errors import RecipeError, SourceError
from neuralviews.recipe import Recipe
from neuralviews.signals.catalogue import open_source

from .source_files import recipe_for, some_bytes


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


def test_a_set_without_files_to_hash_is_refused(tmp_path: Path) -> None:
    write_signs(tmp_path / "tv")
    inner = tmp_path / "tv" / "gtsrb" / "GTSRB"
    inner.rename(tmp_path / "elsewhere")
    inner.symlink_to(tmp_path / "elsewhere")  # torchvision follows it, and a search for files does not
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
