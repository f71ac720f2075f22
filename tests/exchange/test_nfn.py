"""The format of NFN: splits by index, rows before columns, views in folders of their own."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neuralviews.errors import SourceError, SpecError
from neuralviews.field import FieldSpec
from neuralviews.records import Split

from .by_hand import Layers, flat, grid, loaded, made_layers, siren, write
from .imported_stores import all_weights, exported, make_imported, reopened

NAMES = {
    "siren_cifar_wts/randinit_smaller_3s/net17.pth": (17, 0, 3),
    "siren_cifar_wts/randinit_smaller_aug0_3s/net17.pth": (17, 1, 3),
    "siren_cifar_wts/randinit_smaller_aug19_3s/net17.pth": (17, 20, 3),
    "siren_cifar_wts/randinit_smaller_0s/net44999.pth": (44_999, 0, 0),
    "siren_cifar_wts/randinit_smaller_9s/net45000.pth": (45_000, 0, 9),
    "siren_cifar_wts/randinit_smaller_1s/net50000.pth": (50_000, 0, 1),
    "siren_cifar_wts/randinit_smaller_1s/net59999.pth": (59_999, 0, 1),
}


def named(layers: Layers) -> dict[str, Any]:
    table = {}
    for place, (weight, bias) in enumerate(layers):
        inner = "" if place == len(layers) - 1 else ".linear"
        table |= {f"net.{place}{inner}.weight": weight, f"net.{place}{inner}.bias": bias}
    return table


def published(root: Path, channels: int = 3) -> Path:
    return write(root, {name: named(made_layers((2, 4, 4, channels), n)) for n, name in enumerate(NAMES)})


@pytest.mark.parametrize(("channels", "shape"), [(1, (28, 28)), (3, (32, 32)), (2, None)])
def test_a_published_set(tmp_path: Path, channels: int, shape: tuple[int, int] | None) -> None:
    opened = reopened(published(tmp_path, channels), "nfn")
    listing = opened.listing
    rows = zip(listing.object_id.tolist(), listing.view.tolist(), listing.label.tolist(), strict=True)
    assert list(rows) == list(NAMES.values())
    assert listing.split.tolist() == [*[Split.train] * 4, Split.val, Split.test, Split.test]
    assert listing.image_shape == shape
    assert listing.convention.spec((2, 4, 4, channels)) == FieldSpec(
        (2, 4, 4, channels), 30.0, 0.0, 1.0, "ij"
    )
    assert listing.convention.target_range == (-1.0, 1.0)
    assert listing.recipe == "cifar10-nfn"
    assert listing.notes == ("splits follow from the index, as in the code of NFN",)
    expected = [flat(made_layers((2, 4, 4, channels), n)) for n in range(len(NAMES))]
    assert all_weights(opened).tobytes() == np.stack(expected).tobytes()


def test_damaged_files_do_not_hide_the_shape(tmp_path: Path) -> None:
    published(tmp_path)
    (tmp_path / "siren_cifar_wts/randinit_smaller_0s/net44999.pth").write_bytes(b"")
    assert reopened(tmp_path, "nfn").listing.image_shape == (32, 32)
    for name in NAMES:
        (tmp_path / name).write_bytes(b"")
    opened = reopened(tmp_path, "nfn")
    assert opened.listing.image_shape is None
    with pytest.raises(SourceError, match="expected a state dict of torch"):
        opened.parse(0)


def test_other_fields_of_one_coordinate(tmp_path: Path) -> None:
    write(tmp_path, {"randinit_smaller_3s/net0.pth": named(made_layers((1, 4, 3), 0))})
    assert reopened(tmp_path, "nfn").listing.image_shape is None


def test_lists_that_were_given(tmp_path: Path) -> None:
    splits = b'{"test": ["a/randinit_smaller_3s/net17.pth"], "train": ["a/randinit_smaller_0s/net44999.pth"]}'
    write(published(tmp_path), {"siren_cifar_wts/cifar_splits.json": splits})
    listing = reopened(tmp_path, "nfn").listing
    assert listing.object_id.tolist() == [17, 17, 17, 44_999]
    assert listing.split.tolist() == [Split.test] * 3 + [Split.train]


def test_a_layer_by_two_names(tmp_path: Path) -> None:
    state = named(made_layers((2, 4, 3), 0))
    write(tmp_path, {"randinit_smaller_3s/net0.pth": state | {"net.0.weight": state["net.0.linear.weight"]}})
    with pytest.raises(SourceError, match=r"found the tensor 'net\.0\.weight', expected each once of net"):
        reopened(tmp_path, "nfn").parse(0)


@pytest.mark.parametrize("name", ["net.0.weights", "net.0.linear.linear.weight", "0.weight"])
def test_other_names_of_tensors(tmp_path: Path, name: str) -> None:
    write(tmp_path, {"randinit_smaller_3s/net0.pth": {name: torch.zeros(2, 2)}})
    with pytest.raises(SourceError) as error:
        reopened(tmp_path, "nfn").parse(0)
    assert str(error.value) == (
        f"{tmp_path}/randinit_smaller_3s/net0.pth: found the tensor {name!r}, "
        "expected each once of net.0.linear.weight, net.0.linear.bias, ..., net.<last>.weight"
    )


def their_tensors(state: dict[str, Any]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """In the order of the table, a weight and then its bias."""
    items = iter(state.items())
    for name, weight in items:
        other, bias = next(items)
        assert name.endswith("weight")
        assert other.endswith("bias")
        yield weight, bias


def test_their_program_reads_ours(tmp_path: Path) -> None:
    spec = FieldSpec([2, 6, 5, 3], 30.0, 0.0, 1.0, "ij")
    store = make_imported(
        tmp_path / "store", spec, views=3, split=[Split.train] * 12, target={"range": [-1.0, 1.0]}
    )
    done = exported(store, "nfn", tmp_path / "out")
    assert done.notes == (
        "programs that take all folders randinit_smaller_* mix views: give them randinit_smaller_[0-9]s",
    )
    root = tmp_path / "out/siren_wts"
    seen = []
    for view, prefix in enumerate(("randinit_smaller", "randinit_smaller_aug0", "randinit_smaller_aug1")):
        for path in sorted(root.glob(f"{prefix}_[0-9]s/*.pth")):
            index, label = re.search(r"net(\d+)\.pth", str(path)), re.search(r"_(\d)s", str(path.parent.name))
            assert index is not None
            assert label is not None
            record = int(index[1]) * 3 + view
            assert int(label[1]) == store.column("label")[record]
            state = loaded(path)
            assert list(state) == [
                *("net.0.linear.weight", "net.0.linear.bias", "net.1.linear.weight", "net.1.linear.bias"),
                *("net.2.weight", "net.2.bias"),
            ]
            values = siren(list(their_tensors(state)), grid(7, 9, "ij")).reshape(7, 9, 3)
            assert np.allclose(values.numpy(), store.field(record).render((7, 9)), rtol=0, atol=1e-5)
            seen.append(record)
    assert sorted(seen) == list(range(36))


def test_what_does_not_follow_from_the_index(tmp_path: Path) -> None:
    store = make_imported(tmp_path / "store", objects=(0, 1, 44_999, 46_000, 50_001), split=[0, 1, 2, 1, 2])
    told = exported(store, "nfn", tmp_path / "out").notes
    assert told[:2] == (
        "2 of 5 objects are in another split than the code of NFN takes them to be, by index alone "
        "(val from 45,000, test from 50,000): neuralviews.json holds the true ones",
        "numbers of objects have gaps up to 50,001: programs that count nets from 0 miss some",
    )
    assert reopened(tmp_path / "out", "nfn").listing.split.tolist() == [0, 1, 2, 1, 2]


def test_labels_of_two_digits(tmp_path: Path) -> None:
    store = make_imported(tmp_path / "store", objects=(0, 1), label=(3, 10))
    with pytest.raises(SpecError) as error:
        exported(store, "nfn", tmp_path / "out")
    assert str(error.value) == (
        f"nfn: found label 10 in {tmp_path / 'store'}, this format has labels from 0 to 9; "
        "export to multiview, safetensors or npz"
    )
    with pytest.raises(SpecError, match=r"^nfn: object 0 of .* has no label"):
        exported(make_imported(tmp_path / "b", label=[-1] * 12), "nfn", tmp_path / "out")


def test_a_note_counts_more_than_the_name_of_a_folder(tmp_path: Path) -> None:
    """Whoever exports other fields into a folder of this name has not got those of the published set."""
    store = make_imported(tmp_path / "store", FieldSpec([2, 4, 4, 1]))
    exported(store, "nfn", tmp_path / "out")
    (tmp_path / "out/siren_wts").rename(tmp_path / "out/siren_mnist_wts")
    opened = reopened(tmp_path / "out", "nfn")
    assert opened.note is not None
    assert (opened.note.recipe, opened.listing.recipe) == (None, None)
    (tmp_path / "out/siren_mnist_wts/neuralviews.json").unlink()
    assert reopened(tmp_path / "out", "nfn").listing.recipe == "mnist-nfn"
