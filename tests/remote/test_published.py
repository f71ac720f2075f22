"""The registry of published sets: whole, agreed with our recipes, and honest about what is unknown."""

import re
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.errors import OptionError
from neuralviews.recipe import load_recipe, recipe_names
from neuralviews.remote.published import (
    find_published,
    load_published,
    published_names,
)
from neuralviews.remote.published_schema import IMPORTERS, Fingerprint, Splits

SETS = {entry.name: entry for entry in load_published()}
HOSTS = {
    "www.dropbox.com": r"/(sh|scl/fi)/\w+/.+",
    "drive.google.com": r"/(drive/folders/[\w-]{20,}|file/d/[\w-]{20,}/view)",
    "www.kaggle.com": r"/datasets/[\w-]+/[\w-]+",
    "huggingface.co": r"/(datasets/)?[\w-]+(/[\w-]+)?",
    "doi.org": r"/10\.5281/zenodo\.\d+",
    "zenodo.org": r"/records/\d+",
    "github.com": r"/[\w-]+/[\w-]+",
}


def test_it_is_sorted_and_names_are_its_keys() -> None:
    names = published_names()
    assert list(names) == sorted(SETS)
    assert len(set(names)) == len(names)
    assert {"mnist-dwsnets", "fashion-mnist-dwsnets", "fashion-mnist-multiview", "mnist-nfn"} < set(names)
    for name in names:
        assert find_published(name) == SETS[name]
        assert SETS[name].name == name


@pytest.mark.parametrize("name", SETS)
def test_an_entry_names_what_exists(name: str) -> None:
    entry = SETS[name]
    assert entry.recipe == "none" or entry.recipe in recipe_names()
    assert entry.format == "none" or entry.format in IMPORTERS
    assert entry.title[0].isupper()
    assert not entry.title.endswith(".")
    for line in (*entry.remarks, *entry.unverified, entry.obtain or "", entry.reason or ""):
        assert line.isprintable()


@pytest.mark.parametrize("name", SETS)
def test_links_are_well_formed(name: str) -> None:
    for link in SETS[name].links:
        parts = urlsplit(link.url)
        assert parts.scheme == "https"
        assert parts.netloc in HOSTS, f"{link.url}: no other host is known here"
        assert re.fullmatch(HOSTS[parts.netloc], parts.path), link.url
        if parts.netloc == "www.dropbox.com":  # dl=1 gives the file, dl=0 a page
            assert ("dl=1" in parts.query.split("&")) == (link.kind == "file"), link.url
        else:
            assert link.kind != "file", f"{link.url}: a plain request gets a page"
        assert (link.kind == "folder") == ("folder" in link.url or "dl=0" in link.url), link.url


def test_no_file_is_listed_twice_and_no_title_either() -> None:
    mirrors = [url for entry in SETS.values() for url in entry.mirrors]
    assert len(set(mirrors)) == len(mirrors)
    titles = [entry.title for entry in SETS.values()]
    assert len(set(titles)) == len(titles)
    for entry in SETS.values():
        assert set(entry.mirrors) | set(entry.pages) == {link.url for link in entry.links}


@pytest.mark.parametrize("name", [name for name, entry in SETS.items() if entry.recipe != "none"])
def test_a_recipe_has_the_convention_of_its_set(name: str) -> None:
    entry = SETS[name]
    recipe, convention = load_recipe(entry.recipe), entry.convention
    assert convention.dims == recipe.spec.dims
    assert {convention.omega} == set(recipe.spec.omega)
    assert convention.output_offset == recipe.spec.output_offset
    assert convention.output_scale == recipe.spec.output_scale
    assert convention.axis_order in (recipe.spec.axis_order, "none")
    assert (convention.axis_order == "none") == (recipe.shape is not None)
    assert convention.output == ("logits" if recipe.fit.loss == "bce" else "values")
    assert not isinstance(convention.target_range, str)
    lows, highs = zip(*convention.target_range, strict=True)
    low, high = recipe.target.range  # one for all channels: between those of the single ones
    assert min(lows) <= low <= max(lows)
    assert min(highs) <= high <= max(highs)
    if isinstance(entry.objects, int) and recipe.expected is not None:
        assert entry.objects <= recipe.expected.objects


def test_sets_of_one_origin_have_one_convention() -> None:
    """DWSNets and NFN store the same images under two axis orders and two ranges."""
    for name in ("mnist-dwsnets", "fashion-mnist-dwsnets", "fashion-mnist-multiview"):
        convention = SETS[name].convention
        assert (convention.axis_order, convention.output_offset) == ("xy", 0.5)
        assert convention.target_range == ((0.0, 1.0),)
    for name in ("mnist-nfn", "fashion-mnist-nfn", "cifar10-nfn"):
        convention = SETS[name].convention
        assert (convention.axis_order, convention.output_offset) == ("ij", 0.0)
        assert convention.target_range == ((-1.0, 1.0),)
    assert SETS["cifar10-implicit-zoo"].convention.output_offset == 0.0


def test_fingerprints_are_those_of_the_published_statistics() -> None:
    known = {name: entry.fingerprint for name, entry in SETS.items() if entry.fingerprint != "unknown"}
    assert set(known) == {"mnist-dwsnets", "fashion-mnist-dwsnets"}
    assert known["mnist-dwsnets"] == Fingerprint((0.0628, 0.0183, 0.1179), (0.0213, 0.011, 0.0999))
    fashion = known["fashion-mnist-dwsnets"]
    assert isinstance(fashion, Fingerprint)
    assert fashion.weight_std == pytest.approx((0.0782, 0.0324, 0.1345), abs=1e-4)


def test_whoever_has_no_checksum_or_licence_is_not_given_one() -> None:
    assert {entry.sha256 for entry in SETS.values()} == {"unknown"}
    assert {name: e.licence for name, e in SETS.items() if e.licence != "unknown"} == {
        "celeba-hq-functa": "CC-BY-4.0"
    }


def test_what_cannot_be_had_or_read_says_so() -> None:
    assert {name for name, entry in SETS.items() if entry.by == "nothing"} == {
        "cifar10-multiview",
        "modelnet40-multiview",
    }
    for entry in SETS.values():
        assert (entry.by == "download") == bool(entry.mirrors)
        assert (entry.obtain is None) == (entry.by == "download")
        assert (entry.reason is None) == (entry.format != "none")
        if entry.links:
            assert any("still" in fact for fact in entry.unverified), (
                f"{entry.name}: a link counts as checked"
            )


@pytest.mark.parametrize(
    ("name", "trap"),
    [
        ("mnist-nfn", "test split holds training images"),
        ("cifar10-cnns-dwsnets", "classifiers"),
        ("mnist-dwsnets", "__MACOSX"),
        ("mnist-dwsnets", "without a seed"),
        ("celeba-hq-functa", "dill"),
        ("cifar10-nfn", "randinit_smaller_aug0_*"),
    ],
)
def test_traps_are_told(name: str, trap: str) -> None:
    assert any(trap in remark for remark in SETS[name].remarks)


def test_splits_add_up() -> None:
    counted = [e for e in SETS.values() if isinstance(e.splits, Splits) and isinstance(e.objects, int)]
    assert len(counted) > 8
    for entry in counted:
        assert isinstance(entry.splits, Splits)
        assert entry.splits.train + entry.splits.val + entry.splits.test == entry.objects


@pytest.mark.parametrize(
    ("wrong", "nearest"), [("mnst-nfn", "mnist-nfn"), ("fashion-multiview", "fashion-mnist-multiview")]
)
def test_an_unknown_name_is_answered_with_the_nearest(wrong: str, nearest: str) -> None:
    message = re.escape(
        f"no published set is named {wrong!r}; did you mean {nearest!r}? "
        f"`neuralviews download --list` shows all {len(SETS)}"
    )
    with pytest.raises(OptionError, match=f"^{message}$"):
        find_published(wrong)


@given(st.text())
def test_any_other_name_is_refused_in_one_line(name: str) -> None:
    if name not in SETS:
        with pytest.raises(OptionError, match=r"^no published set is named .* shows all \d+$"):
            find_published(name)
