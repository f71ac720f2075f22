"""This machine makes the very bytes that the cards promise."""

from pathlib import Path

import pytest

from .proofs import DATASET_ID, FIRST_SHARD, dataset_id, first_shard, mnist_root, promised


def test_digits_are_the_promised_bytes(tmp_path: Path) -> None:
    card = promised("digits")
    assert first_shard("digits", tmp_path / "store", None) == card[FIRST_SHARD]
    assert dataset_id("digits", tmp_path / "store") == card[DATASET_ID]


@pytest.mark.long
def test_the_first_shard_of_mnist_is_the_promised_bytes(tmp_path: Path) -> None:
    root = mnist_root(tmp_path / "source")
    if root is None:
        pytest.skip("NEURALVIEWS_TEST_DATA is not set: no real MNIST")
    assert first_shard("mnist", tmp_path / "store", root) == promised("mnist")[FIRST_SHARD]
