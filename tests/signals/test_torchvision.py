"""torchvision's datasets, on small files in their own formats: pixels, labels, parts, files, faults."""

import os
import shutil
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from neuralviews.errors import NoSourceRoot, RecipeError, SourceError
from neuralviews.recipe import Recipe, load_recipe
from neuralviews.records import Split
from neuralviews.signals.catalogue import Source, open_source
from neuralviews.signals.torchvision_images import TorchvisionImages

from .source_files import (
    CIFAR_CLASSES,
    count_decodes,
    expect_packed_mnist,
    idx,
    recipe_for,
    some_bytes,
    write_cifar10,
    write_mnist,
    write_qmnist,
    write_svhn,
)


def torchvision_recipe(dataset: str, channels: int, **source: object) -> Recipe:
    parts = source or {"train": {"train": True}, "test": {"train": False}}
    return recipe_for({"kind": "torchvision", "dataset": dataset, **parts}, channels)


def pixels_of(source: Source, object_id: int) -> np.ndarray:
    """A signal back as the 8-bit pixels that it came from."""
    signal = source.signal(object_id)
    return np.rint(signal.values * 255).astype(np.uint8).reshape(*signal.shape, -1)


@pytest.mark.parametrize("name", ["MNIST", "FashionMNIST", "KMNIST"])
def test_mnist_family(tmp_path: Path, name: str) -> None:
    arrays = write_mnist(tmp_path, name)
    source = open_source(torchvision_recipe(name, 1), tmp_path)
    images = np.concatenate([arrays["train-images-idx3-ubyte"], arrays["t10k-images-idx3-ubyte"]])
    labels = np.concatenate([arrays["train-labels-idx1-ubyte"], arrays["t10k-labels-idx1-ubyte"]])
    assert np.array_equal(source.objects.object_id, np.arange(10))
    assert np.array_equal(source.objects.label, labels)
    assert source.objects.split.tolist() == [Split.train] * 7 + [Split.test] * 3
    for i in range(10):
        assert np.array_equal(pixels_of(source, i)[..., 0], images[i])
    assert source.class_names is not None
    assert len(source.class_names) == 10
    assert source.files == {
        f"{name}/raw/{file}": sha256(idx(array)).hexdigest() for file, array in sorted(arrays.items())
    }


def test_targets_are_rounded_once(tmp_path: Path) -> None:
    images = write_mnist(tmp_path)["train-images-idx3-ubyte"]
    source = open_source(torchvision_recipe("MNIST", 1), tmp_path)
    assert np.array_equal(source.signal(2).values[:, 0], (images[2].ravel() / 255).astype(np.float32))


def test_cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = write_cifar10(tmp_path, monkeypatch)
    source = open_source(torchvision_recipe("CIFAR10", 3), tmp_path)
    assert source.objects.label.tolist() == [0, 9, 1, 8, 2, 7, 3, 6, 4, 5, 5, 4]
    assert source.objects.split.tolist() == [Split.train] * 10 + [Split.test] * 2
    assert source.class_names == tuple(CIFAR_CLASSES)
    assert all(np.array_equal(pixels_of(source, i), images[i]) for i in range(12))
    assert sorted(source.files) == [
        "cifar-10-batches-py/batches.meta",
        *(f"cifar-10-batches-py/data_batch_{i}" for i in range(1, 6)),
        "cifar-10-batches-py/test_batch",
    ]


def test_svhn_takes_other_constructor_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = write_svhn(tmp_path, monkeypatch)
    (tmp_path / "unrelated.bin").write_bytes(b"another dataset of the same root")
    recipe = torchvision_recipe("SVHN", 3, train={"split": "train"}, test={"split": "test"})
    source = open_source(recipe, tmp_path)
    assert source.objects.label.tolist() == [0, 9, 8, 7, 0, 9]
    assert source.class_names is None
    assert all(np.array_equal(pixels_of(source, i), images[i]) for i in range(6))
    assert sorted(source.files) == ["test_32x32.mat", "train_32x32.mat"]


@pytest.mark.parametrize("given", [{}, {"split": "train"}])
def test_the_files_are_those_of_the_constructors_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str]
) -> None:
    write_svhn(tmp_path, monkeypatch)
    recipe = torchvision_recipe("SVHN", 3, train=given)
    source = open_source(recipe, tmp_path)
    assert source.objects.label.tolist() == [0, 9, 8, 7]
    assert list(source.files) == ["train_32x32.mat"]
    (tmp_path / "train_32x32.mat").unlink()
    refused(recipe, tmp_path, r"train_32x32\.mat is missing; put it there")
    for usps in ({}, {"train": True}):
        refused(
            torchvision_recipe("USPS", 1, train=usps), None, r"the folder that holds usps\.bz2 with --source"
        )
    refused(
        torchvision_recipe("USPS", 1, train={"train": False}),
        None,
        r"the folder that holds usps\.t\.bz2 with",
    )


def test_labels_kept_in_several_columns(tmp_path: Path) -> None:
    write_qmnist(tmp_path)
    source = open_source(torchvision_recipe("QMNIST", 1, train={"what": "train"}), tmp_path)
    assert source.objects.label.tolist() == [0, 8, 16]
    assert sorted(source.files) == [
        "QMNIST/raw/qmnist-train-images-idx3-ubyte",
        "QMNIST/raw/qmnist-train-labels-idx2-int",
    ]
    whole = torchvision_recipe("QMNIST", 1, train={"what": "train", "compat": False})
    refused(whole, tmp_path, r"QMNIST: found labels of type Tensor, expected one class number for each")


def test_arrays_tell_the_shape_of_all_their_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_mnist(tmp_path)
    source = open_source(torchvision_recipe("MNIST", 1), tmp_path)
    decodes = count_decodes(monkeypatch, TorchvisionImages)
    assert {source.image_shape(i) for i in range(10)} == {(28, 28)}
    assert set(decodes) == {7}  # the first image of the test part; that of the train part was checked before


def test_an_official_validation_part_stays_validation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_svhn(tmp_path, monkeypatch)
    recipe = torchvision_recipe("SVHN", 3, train={"split": "train"}, val={"split": "test"})
    assert open_source(recipe, tmp_path).objects.split.tolist() == [Split.train] * 4 + [Split.val] * 2


def test_sets_that_keep_their_labels_to_themselves(tmp_path: Path) -> None:
    from PIL import Image

    for name in ("bees", "ants"):
        (tmp_path / name).mkdir()
        Image.fromarray(some_bytes(3, 6, 5, 3)).save(tmp_path / name / "one.png")
    (tmp_path / "packed.zip").write_bytes(b"")
    source = open_source(torchvision_recipe("ImageFolder", 3, train={}), tmp_path)
    assert source.class_names == ("ants", "bees")
    assert source.objects.label.tolist() == [0, 1]
    assert source.image_shape(1) == (6, 5)
    assert sorted(source.files) == ["ants/one.png", "bees/one.png"]


def test_a_source_opens_again_from_its_root(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    recipe = torchvision_recipe("MNIST", 1)
    first = open_source(recipe, tmp_path)
    again = open_source(recipe, first.root, hash_files=False)
    assert again.files == {}
    assert np.array_equal(again.signal(8).values, first.signal(8).values)


def test_packed_files_are_unpacked_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = write_mnist(tmp_path, packed=True)
    expect_packed_mnist(monkeypatch, tmp_path)
    recipe = torchvision_recipe("MNIST", 1)
    with pytest.raises(
        SourceError, match=r"holds only the packed files; `neuralviews generate` with --download checks"
    ):
        open_source(recipe, tmp_path)
    source = open_source(recipe, tmp_path, download=True)
    assert np.array_equal(pixels_of(source, 0)[..., 0], arrays["train-images-idx3-ubyte"][0])


def test_real_mnist(tmp_path: Path) -> None:
    data = os.environ.get("NEURALVIEWS_TEST_DATA")
    if not data:
        pytest.skip("NEURALVIEWS_TEST_DATA names no folder with MNIST/raw/*.gz")
    shutil.copytree(Path(data) / "MNIST", tmp_path / "MNIST")
    source = open_source(load_recipe("mnist"), tmp_path, download=True)
    assert np.bincount(source.objects.split).tolist() == [55_000, 5_000, 10_000]
    assert np.bincount(source.objects.label[:60_000]).tolist() == [
        *(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)
    ]
    assert source.objects.label[:5].tolist() == [5, 0, 4, 1, 9]
    assert np.all(source.objects.split[60_000:] == Split.test)
    first = sha256(pixels_of(source, 0).tobytes()).hexdigest()
    assert first == "23ceaef5eb61f0e70d64ac18fdf0f60df3d5971cf30bbadac7b6ebf07f782d2c"
    assert source.signal(69_999).values.shape == (784, 1)


def refused(recipe: Recipe, root: Path | None, message: str, *, download: bool = False) -> None:
    with pytest.raises((SourceError, RecipeError), match=message) as caught:
        open_source(recipe, root, download=download)
    assert "\n" not in str(caught.value)


def test_missing_folders_and_files_say_what_to_put_where(tmp_path: Path) -> None:
    recipe = torchvision_recipe("MNIST", 1)
    first = r"MNIST/raw/train-images-idx3-ubyte"
    refused(recipe, None, rf"MNIST: no source root given; .* {first} with --source-root .*--download")
    refused(recipe, tmp_path / "no", rf"no is no folder; name the folder that holds {first} .*--download")
    refused(
        recipe,
        tmp_path,
        rf"{first} is missing; put it there, or let torchvision fetch .* by `neuralviews generate` with --d",
    )
    refused(torchvision_recipe("CIFAR10", 3), tmp_path, r"data_batch_1 is missing; put it there")
    refused(torchvision_recipe("STL10", 3, train={"split": "train"}), tmp_path, r"stl10_binary/.* is missing")
    refused(
        torchvision_recipe("Flowers102", 3, train={}), None, r"torchvision.datasets.Flowers102 takes as root"
    )
    write_mnist(tmp_path)
    (tmp_path / "MNIST/raw/t10k-labels-idx1-ubyte").unlink()
    refused(recipe, tmp_path, r"t10k-labels-idx1-ubyte is missing")


def test_no_root_differs_from_a_wrong_one(tmp_path: Path) -> None:
    recipe = torchvision_recipe("MNIST", 1)
    with pytest.raises(NoSourceRoot):
        open_source(recipe)
    for root in (tmp_path, tmp_path / "no"):
        with pytest.raises(SourceError) as caught:
            open_source(recipe, root)
        assert not isinstance(caught.value, NoSourceRoot)


def test_corrupted_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_mnist(tmp_path)
    images = tmp_path / "MNIST/raw/train-images-idx3-ubyte"
    for damaged in (images.read_bytes()[:-5], b"", b"\x00\x00\x08\x09" + bytes(40)):
        images.write_bytes(damaged)
        refused(torchvision_recipe("MNIST", 1), tmp_path, r"MNIST\(train=True\): .* holds no usable files")
    write_cifar10(tmp_path, monkeypatch)
    batch = tmp_path / "cifar-10-batches-py/data_batch_3"
    batch.write_bytes(batch.read_bytes()[:-1] + b"x")
    refused(torchvision_recipe("CIFAR10", 3), tmp_path, r"CIFAR10\(train=True\): .* holds no usable files")


def test_labels_that_do_not_match_the_images_are_refused(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    (tmp_path / "MNIST/raw/train-labels-idx1-ubyte").write_bytes(idx(some_bytes(0, 6) % 10))
    refused(torchvision_recipe("MNIST", 1), tmp_path, r"MNIST: found 6 labels for 7 images")


def test_impossible_requests(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    refused(
        torchvision_recipe("MNST", 1),
        tmp_path,
        r"small: source.dataset: found 'MNST', .* did you mean 'MNIST'",
    )
    refused(
        torchvision_recipe("FakeData", 3, train={}),
        tmp_path,
        r"small: source\.dataset: found 'FakeData', which reads no files, expected a class",
    )
    refused(torchvision_recipe("VisionDataset", 1), tmp_path, r"source.dataset: found 'VisionDataset'")
    refused(
        torchvision_recipe("MNIST", 3), tmp_path, r"image 0: found 1 channels \(grey\), expected 3 \(RGB\)"
    )
    refused(
        torchvision_recipe("MNIST", 1, train={"split": "x"}),
        tmp_path,
        r"source\.train: found \{'split': 'x'\}, expected constructor arguments of .*\.MNIST: .*'split'",
    )
    refused(
        torchvision_recipe("ImageFolder", 3, train={}),
        tmp_path,
        r"ImageFolder: torchvision cannot download it",
        download=True,
    )


def test_argument_values_that_torchvision_refuses(tmp_path: Path) -> None:
    recipe = torchvision_recipe("SVHN", 3, train={"split": "trian"})
    refused(
        recipe,
        tmp_path,
        r"SVHN\(split='trian'\): Unknown value 'trian' for argument split\. Valid values are",
    )


def test_datasets_without_class_numbers_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "MovingMNIST"
    folder.mkdir()
    np.save(folder / "mnist_test_seq.npy", some_bytes(0, 20, 2, 64, 64))
    refused(
        torchvision_recipe("MovingMNIST", 1, train={}),
        tmp_path,
        r"MovingMNIST: found labels of type Tensor, expected one class number",
    )


def test_failed_downloads_say_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_mnist(tmp_path, packed=True)
    expect_packed_mnist(monkeypatch, tmp_path)
    from neuralviews.signals.torchvision_shim import torchvision_datasets

    monkeypatch.setattr(torchvision_datasets().MNIST, "mirrors", [(tmp_path / "nowhere").as_uri() + "/"])
    packed = tmp_path / "MNIST/raw/train-images-idx3-ubyte.gz"
    packed.write_bytes(packed.read_bytes()[:-9])
    refused(torchvision_recipe("MNIST", 1), tmp_path, r"could not be fetched into .*nowhere", download=True)
