"""Image folders: order, any size, labels and splits from folders, and every kind of unfit file."""

import os
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neuralviews.errors import NoSourceRoot
from neuralviews.grids import image_grid
from neuralviews.recipe import load_recipe, recipe_from_canonical
from neuralviews.records import NO_LABEL, Split
from neuralviews.signals.catalogue import open_source
from neuralviews.signals.folder import FolderImages

from .picture_folders import folder_recipe, refused, save, values
from .source_files import count_decodes, recipe_for, some_bytes


def test_order_is_by_the_bytes_of_relative_paths(tmp_path: Path) -> None:
    names = ["a/10.png", "a/9.png", "B/x.png", "a-b/z.png", "ä/y.png", "a.png"]
    paths = {name: save(tmp_path, name) for name in names}
    source = open_source(folder_recipe(), tmp_path)
    expected = ["B/x.png", "a-b/z.png", "a.png", "a/10.png", "a/9.png", "ä/y.png"]
    assert list(source.files) == sorted(expected)
    for i, name in enumerate(expected):
        assert np.array_equal(np.rint(values(source, i) * 255)[..., 0], np.asarray(Image.open(paths[name])))
    assert source.files["a.png"] == sha256(paths["a.png"].read_bytes()).hexdigest()


def test_sizes_may_differ_and_need_not_be_square(tmp_path: Path) -> None:
    tall, wide = some_bytes(1, 9, 5), some_bytes(2, 3, 8)
    save(tmp_path, "tall.png", Image.fromarray(tall))
    save(tmp_path, "wide.png", Image.fromarray(wide))
    source = open_source(folder_recipe(), tmp_path)
    for i, array in enumerate((tall, wide)):
        signal = source.signal(i)
        assert signal.shape == source.image_shape(i) == array.shape
        assert np.array_equal(signal.coords, image_grid(*array.shape, "xy"))
        assert np.array_equal(signal.values[:, 0], (array.ravel() / 255).astype(np.float32))


def test_an_image_is_decoded_once_for_its_check_and_its_shape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.png", "b.png"):
        save(tmp_path, name)
    decodes = count_decodes(monkeypatch, FolderImages)
    source = open_source(folder_recipe(), tmp_path)
    assert [source.image_shape(i) for i in (0, 1, 0, 1)] == [(4, 6)] * 4
    assert decodes == {0: 1, 1: 1}
    again = open_source(folder_recipe(), tmp_path, hash_files=False)
    assert [again.image_shape(0) for _ in range(10)] == [(4, 6)] * 10
    assert decodes == {0: 2, 1: 1}


def test_labels_and_splits_come_from_folders(tmp_path: Path) -> None:
    for name in ("train/b/1.png", "train/a/2.png", "val/b/deep/3.png", "test/c/4.png"):
        save(tmp_path, name)
    recipe = folder_recipe(labels="folders", splits="folders", split={"rule": "source"})
    source = open_source(recipe, tmp_path)
    assert source.class_names == ("a", "b", "c")
    assert source.objects.label.tolist() == [2, 0, 1, 1]
    assert source.objects.split.tolist() == [Split.test, Split.train, Split.train, Split.val]


def test_without_labels_there_are_no_classes(tmp_path: Path) -> None:
    save(tmp_path, "a/1.png")
    source = open_source(folder_recipe(), tmp_path)
    assert source.objects.label.tolist() == [NO_LABEL]
    assert source.class_names is None


def test_the_folder_lies_beside_the_recipe_or_below_the_source_root(tmp_path: Path) -> None:
    save(tmp_path / "here", "a.png")
    save(tmp_path / "there", "a.png")
    save(tmp_path / "there", "b.png")
    table = 'source = { kind = "folder", path = "pictures", labels = "none" }'
    text = f'name = "x"\n{table}\nfield.dims = [2, 4, 1]\n'
    (tmp_path / "here" / "x.toml").write_text(text)
    recipe = load_recipe(tmp_path / "here" / "x.toml")
    beside = open_source(recipe)
    assert len(beside.objects) == 1
    assert beside.root == tmp_path / "here"
    assert len(open_source(recipe, tmp_path / "there").objects) == 2
    message = r"no source root given; name the folder that holds 'pictures' with"
    with pytest.raises(NoSourceRoot, match=message):
        open_source(recipe_from_canonical(recipe.canonical()))


def test_hidden_files_and_files_of_other_kinds_are_left_out(tmp_path: Path) -> None:
    save(tmp_path, "a.png")
    save(tmp_path, ".hidden/b.png")
    for name in (".DS_Store", "labels.csv", "README"):
        (tmp_path / "pictures" / name).write_bytes(b"")
    (tmp_path / "pictures" / ".link").symlink_to("/etc/passwd")
    (tmp_path / "pictures" / ".folder").symlink_to("/etc")
    assert list(open_source(folder_recipe(), tmp_path).files) == ["a.png"]


def test_missing_and_empty_folders(tmp_path: Path) -> None:
    refused(tmp_path, r"pictures: no such folder; put the images there, or name the folder .* --source-root")
    (tmp_path / "pictures").mkdir()
    refused(tmp_path, r"pictures: found no images, expected files that end in \.bmp, \.jpeg")


def test_a_home_folder_that_is_not_known(tmp_path: Path) -> None:
    message = r"source root ~nosuchuser/x: no home folder is known for it; expected the path of a folder"
    for recipe in (folder_recipe(), recipe_for({"kind": "torchvision", "dataset": "MNIST"}, 1)):
        refused(Path("~nosuchuser/x"), message, recipe)


def test_missing_labels_and_splits(tmp_path: Path) -> None:
    save(tmp_path, "train/1.png")
    refused(
        tmp_path,
        r"1\.png: its label is missing: it lies in no class folder; .* source\.labels = 'none'",
        folder_recipe(labels="folders", splits="folders"),
    )
    save(tmp_path, "extra/1.png")
    refused(
        tmp_path,
        r"extra/1\.png: lies in none of the folders train, val and test",
        folder_recipe(splits="folders"),
    )


@pytest.mark.parametrize("cut", [0, 10, 40, -20])
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_corrupted_images_are_found_before_any_fit(tmp_path: Path, suffix: str, cut: int) -> None:
    noise = Image.fromarray(some_bytes(1, 32, 32))
    save(tmp_path, f"a.{suffix}", noise)
    path = save(tmp_path, f"b.{suffix}", noise)
    path.write_bytes(path.read_bytes()[:cut])
    refused(
        tmp_path,
        rf"b\.{suffix}: (cannot be decoded \(.+\)|not a picture of any .+); replace or remove the file",
    )


def test_flipped_bits_are_found(tmp_path: Path) -> None:
    path = save(tmp_path, "a.png", Image.fromarray(some_bytes(1, 32, 32)))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    refused(tmp_path, r"a\.png: (cannot be decoded|not a picture of any known format)")


def test_a_file_must_be_what_its_name_says(tmp_path: Path) -> None:
    save(tmp_path, "a.png", format="JPEG")
    refused(tmp_path, r"a\.png: (cannot be decoded|not a picture of any known format)")


def test_wrong_number_of_channels_names_the_file_and_the_remedy(tmp_path: Path) -> None:
    save(tmp_path, "a.png")
    save(tmp_path, "b.png", Image.fromarray(some_bytes(1, 4, 6, 3)))
    message = r"b\.png: found 3 channels \(RGB\), expected 1 \(grey\): convert .* field\.dims end in 3"
    refused(tmp_path, message)


def test_unfit_pictures(tmp_path: Path) -> None:
    path = save(tmp_path, "a.jpg", Image.new("CMYK", (6, 4)))
    refused(
        tmp_path, r"a\.jpg: found mode CMYK, expected grey or RGB of 8 bits, or grey of 16 in a PNG: convert"
    )
    path.unlink()
    frames = [Image.fromarray(some_bytes(i, 4, 6)) for i in range(2)]
    path = save(tmp_path, "a.png", frames[0], save_all=True, append_images=frames[1:])
    refused(tmp_path, r"a\.png: found 2 frames, expected a still picture")
    path.unlink()
    save(tmp_path, "a.tiff")
    refused(
        tmp_path, r"a\.tiff: found an image of a format that is not read, expected one of \.bmp.*: convert it"
    )


@pytest.mark.parametrize(
    "name", ["b.TGA", "c.heic", "d.j2k", "e.avif", "f.jfif", "g.qoi", "h.png.gz", "i.svgz"]
)
def test_other_images_are_refused_whatever_the_system_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Files such as /etc/mime.types differ between machines."""
    monkeypatch.setattr("mimetypes.guess_type", lambda *given, **more: (None, None))
    save(tmp_path, "a.png")
    for other in ("notes.txt.gz", "labels.mat", name):
        (tmp_path / "pictures" / other).write_bytes(b"")
    refused(
        tmp_path, rf"{name}: found an image of a format that is not read, expected one of \.bmp.*: convert"
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\nb.png", r"a\\nb\.png: (cannot be decoded|not a picture)"),
        (os.fsdecode(b"\xff.png"), r"\\udcff\.png: the name is not UTF-8, expected one that is: rename it"),
    ],
)
def test_any_file_name_stays_on_the_line(tmp_path: Path, name: str, shown: str) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / name).write_bytes(b"")
    refused(tmp_path, rf"pictures/{shown}")


def test_decompression_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, "a.png", Image.new("L", (50, 30)))
    for limit in (1000, 100):  # beyond the limit Pillow warns, beyond twice the limit it refuses
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        refused(tmp_path, r"a\.png: too large to be an honest picture: .*; scale it down")


def test_links_stay_inside(tmp_path: Path) -> None:
    outside = save(tmp_path / "elsewhere", "secret.png")
    inside = save(tmp_path, "a.png")
    (tmp_path / "pictures" / "b.png").symlink_to(inside)
    assert list(open_source(folder_recipe(), tmp_path).files) == ["a.png", "b.png"]
    (tmp_path / "pictures" / "c.png").symlink_to(outside)
    refused(tmp_path, r"c\.png: a link to a folder or out of .*pictures; expected files inside: copy them")
    os.unlink(tmp_path / "pictures" / "c.png")
    (tmp_path / "pictures" / "more").symlink_to(outside.parent)
    refused(tmp_path, r"more: a link to a folder or out of .*pictures")
