"""The datasets that ship: each recipe is what its card says, and stays what it was."""

import re
from pathlib import Path

import numpy as np
import pytest

from neuralviews.recipe import Recipe, load_recipe, recipe_names, recipe_root
from neuralviews.recipe_schema import DigitsTable, MeshTable, TorchvisionTable
from neuralviews.records import Split
from neuralviews.signals.splits import assign_splits

DIGESTS = {
    "cifar10": "2e12594bf9e56d07f1f8b82ec3cc678ce81651fb03ee6641e8bfd65e69cfa570",
    "cifar10-implicit-zoo": "2ede1937c9245c9cffb6d62d38d836170b16f674eecce762c03a204f4baa080f",
    "cifar10-nfn": "446014f1f1c5ec7dcad8b60b028de761ab5743c00e1a5ee8b4366996aef42cbc",
    "digits": "887b9586565e5e2926ad4510b496eaa600c534cca1f73875d90353e3360b7136",
    "fashion-mnist": "869648405012705a2f251dd12f1451664fc1b0cf8a4e11e292d365bab606a544",
    "fashion-mnist-dws": "2b77d3e5cce0d03719313f22fdaf90b9a95932395c7acb49477830905aed4f95",
    "inr2vec-mesh": "057d950e448a76564c2f7961226e0a13f3ffa67d041ac052f8bafb37298e8de0",
    "mnist": "ed9ac6af819b3f7ebb17020445dffe84864fb71e558639ca92410c557a107695",
    "mnist-dws": "2cf4434934851c625c7123426c93f9320683f54efb9a92ad31c0b3f1832f037d",
    "mnist-nfn": "1c4ffa983ff6f268969e019a6880519d3ca70e22a5a0add5a7b96b2c6a3003de",
    "modelnet10": "c1637b09e49400a302d01d0413678bfc72fa4500e560cce82b9edd7acb00bf41",
    "modelnet40": "e9745a05ff6972b6643a2b3da524cbb9bf949c5ef5fe72d7f397ec3c2bc57efa",
}
"""A digest changes only when a dataset is meant to become another one."""

PROMISED = sorted({*DIGESTS} - {"inr2vec-mesh"})
"""Datasets whose size and quality are known."""

OFFICIAL = {"MNIST": (60_000, 10_000), "FashionMNIST": (60_000, 10_000), "CIFAR10": (50_000, 10_000)}
MODELNET = {"ModelNet10": (3_991, 908), "ModelNet40": (9_843, 2_468)}


def card_of(name: str) -> str:
    return (recipe_root() / name / "CARD.md").read_text(encoding="utf-8")


def row(card: str, title: str) -> str:
    found = re.search(rf"^\| {title} \| (.*) \|$", card, re.MULTILINE)
    assert found, f"the card has no row {title}"
    return found[1]


def parts_of(recipe: Recipe) -> np.ndarray:
    if isinstance(recipe.source, DigitsTable):
        return np.full(1797, Split.train, np.uint8)
    if isinstance(recipe.source, MeshTable):
        train, test = MODELNET[recipe.source.path]
    else:
        assert isinstance(recipe.source, TorchvisionTable)
        train, test = OFFICIAL[recipe.source.dataset]
    return np.repeat(np.array([Split.train, Split.test], np.uint8), (train, test))


def test_every_folder_is_a_dataset() -> None:
    folders = {path.name for path in recipe_root().iterdir() if path.is_dir()}
    assert folders == set(recipe_names()) == set(DIGESTS)


@pytest.mark.parametrize("name", DIGESTS)
def test_recipe_is_named_like_its_folder_and_keeps_its_digest(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.title
    assert recipe.digest() == DIGESTS[name]


@pytest.mark.parametrize("name", PROMISED)
def test_counts_add_up_and_are_those_of_the_card(name: str) -> None:
    recipe, card = load_recipe(name), card_of(name)
    splits = np.bincount(assign_splits(recipe, parts_of(recipe)), minlength=3)
    assert recipe.expected is not None
    assert splits.sum() == recipe.expected.objects
    assert row(card, "objects").startswith(f"{recipe.expected.objects:,} ")
    if recipe.split.__struct_config__.tag != "index":
        stated = dict(re.findall(r"(train|val|test) (\d[\d,]*\d)", row(card, "splits")))
        assert stated == {s.name: f"{splits[s]:,}" for s in Split if splits[s]}


@pytest.mark.parametrize("name", DIGESTS)
def test_card_states_field_and_origin(name: str) -> None:
    recipe, card = load_recipe(name), card_of(name)
    assert card.startswith(f"# {name}\n")
    assert "-".join(map(str, recipe.spec.dims)) in row(card, "field")
    assert f"{recipe.spec.parameters:,} parameters" in row(card, "field")
    assert f"axis order {recipe.spec.axis_order}" in row(card, "field")
    assert f"neuralviews generate {name} " in card
    assert "licence" in card


@pytest.mark.parametrize("name", PROMISED)
def test_card_promises_what_the_recipe_does(name: str) -> None:
    expected, card = load_recipe(name).expected, card_of(name)
    assert expected is not None
    if expected.median_iou is None:
        quality, promise = row(card, "PSNR"), f"{expected.median_psnr:g} dB"
    else:
        quality, promise = row(card, "IoU"), f"median {expected.median_iou:g} "
    assert promise in quality
    assert ("estimate" in quality) == expected.estimated
    assert ("measured on" in quality) != expected.estimated


@pytest.mark.parametrize(("name", "classes"), [("modelnet10", 10), ("modelnet40", 40), ("inr2vec-mesh", 40)])
def test_class_numbers_are_those_of_the_whole_set(name: str, classes: int) -> None:
    source = load_recipe(name).source
    assert isinstance(source, MeshTable)
    assert source.classes is not None
    assert len(source.classes) == classes
    assert list(source.classes) == sorted(source.classes)


@pytest.mark.parametrize("name", ["modelnet10", "modelnet40"])
def test_official_splits_are_expected(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.expected is not None
    assert isinstance(recipe.source, MeshTable)
    assert (recipe.expected.train, recipe.expected.test) == MODELNET[recipe.source.path]


def test_the_zoos_card_states_its_stop_for_both_peaks() -> None:
    recipe, card = load_recipe("cifar10-implicit-zoo"), card_of("cifar10-implicit-zoo")
    assert recipe.fit.target_psnr == 30
    assert f"stop at 30 dB, the peak being the width of the target range, {recipe.span:.2f} (open)" in card
    assert f"which is {30 + 20 * np.log10(recipe.span):.1f} dB here" in card


@pytest.mark.parametrize(
    ("name", "lines"), [("digits", ("first shard sha256", "dataset id")), ("mnist", ("first shard sha256",))]
)
def test_card_states_hashes_that_prove_the_bytes(name: str, lines: tuple[str, ...]) -> None:
    for line in lines:
        assert re.search(rf"^{line}: [0-9a-f]{{64}}$", card_of(name), re.MULTILINE)


def test_datasets_hold_no_code() -> None:
    suffixes = {path.suffix for path in Path(recipe_root()).rglob("*") if path.is_file()}
    assert suffixes == {".toml", ".md"}
