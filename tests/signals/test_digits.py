"""The bundled digits, and what every source promises of its signals."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from neuralviews.errors import SourceError
from neuralviews.grids import AxisOrder, image_grid
from neuralviews.recipe import load_recipe, recipe_from_canonical
from neuralviews.signals.catalogue import open_source


def test_digits_are_scikit_learns() -> None:
    source = open_source(load_recipe("digits"))
    data = load_digits()
    assert np.array_equal(source.objects.object_id, np.arange(1797))
    assert np.array_equal(source.objects.label, data.target)
    assert source.class_names == tuple("0123456789")
    assert source.root is None
    for i in (0, 1, 1796):
        signal = source.signal(i)
        assert signal.shape == source.image_shape(i) == (8, 8)
        assert np.array_equal(signal.values, (data.images[i].reshape(64, 1) / 16).astype(np.float32))
        assert signal.values.dtype == signal.coords.dtype == np.float32
        assert signal.values.flags.c_contiguous


def test_files_are_hashed_only_on_demand() -> None:
    recipe = load_recipe("digits")
    assert open_source(recipe, hash_files=False).files == {}
    (name, digest), *rest = open_source(recipe).files.items()
    assert name == "sklearn/datasets/data/digits.csv.gz"
    assert digest == "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"
    assert not rest


@pytest.mark.parametrize("axis_order", ["xy", "ij"])
@pytest.mark.parametrize("target", [(0.0, 1.0), (-1.0, 1.0), (-1.9, 2.4)])
def test_targets_and_coordinates_follow_the_recipe(
    axis_order: AxisOrder, target: tuple[float, float]
) -> None:
    tables = {"field": {"dims": [2, 8, 1], "axis_order": axis_order}, "target": {"range": list(target)}}
    recipe = recipe_from_canonical({"name": "small", "source": {"kind": "digits"}, **tables})
    source = open_source(recipe, hash_files=False)
    low, high = target
    pixels = load_digits().images[5].reshape(64, 1)
    expected = (low + (high - low) * pixels / 16).astype(np.float32)
    assert np.array_equal(source.signal(5).values, expected)
    assert np.array_equal(source.signal(5).coords, image_grid(8, 8, axis_order))


def test_signals_share_their_coordinates() -> None:
    source = open_source(load_recipe("digits"), hash_files=False)
    assert source.signal(0).coords is source.signal(9).coords


def test_there_is_nothing_to_download() -> None:
    with pytest.raises(SourceError, match="digits: there is nothing to download; leave --download out"):
        open_source(load_recipe("digits"), download=True)
