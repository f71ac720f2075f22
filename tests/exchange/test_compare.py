"""Fields against their images: the convention that fits is found, fields of others are refused."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from neuralviews.errors import OptionError, SourceError
from neuralviews.exchange.compare import Comparison, best_convention
from neuralviews.exchange.convention import Convention
from neuralviews.field import FieldSpec
from neuralviews.fit.run import RunOptions, generate
from neuralviews.grids import AxisOrder
from neuralviews.recipe import Recipe, load_recipe
from neuralviews.signals.catalogue import open_source
from neuralviews.store.reader import Store, open_store

from .conftest import STATED

Weights = NDArray[np.float32]


def tried(
    comparison: Comparison, store: Store, stated: Convention, weights: Weights | None = None
) -> tuple[Convention, Sequence[Any]]:
    records = store.read(np.arange(len(store)))
    return best_convention(
        comparison,
        stated,
        store.spec.dims,
        records.weights if weights is None else weights,
        records.columns["object_id"].tolist(),
    )


def transposed(spec: FieldSpec, weights: Weights) -> Weights:
    """The same fields with coordinates in the other order."""
    found = weights.copy()
    first = spec.layers[0].weight
    found[:, first] = weights[:, first].reshape(len(weights), -1, 2)[:, :, ::-1].reshape(len(weights), -1)
    return found


def affine(spec: FieldSpec, weights: Weights, gain: float, shift: float) -> Weights:
    """Fields that give gain * what these give, + shift."""
    found, last = weights.copy(), spec.layers[-1]
    found[:, last.weight] *= np.float32(gain)
    found[:, last.bias] = found[:, last.bias] * np.float32(gain) + np.float32(shift)
    return found


@pytest.mark.parametrize("order", ["xy", "ij"])
@pytest.mark.parametrize(
    ("gain", "shift", "offset", "targets"),
    [
        (1, 0, 0.5, (0.0, 1.0)),
        (1, 0.5, 0.0, (0.0, 1.0)),
        (2, 0, 0.0, (-1.0, 1.0)),
        (2, -0.5, 0.5, (-1.0, 1.0)),
    ],
)
def test_the_convention_is_found(
    digits: Comparison,
    fitted: Store,
    order: AxisOrder,
    gain: float,
    shift: float,
    offset: float,
    targets: tuple[float, float],
) -> None:
    weights = affine(fitted.spec, fitted.weights(np.arange(len(fitted))), gain, shift)
    if order == "ij":
        weights = transposed(fitted.spec, weights)
    found, trials = tried(digits, fitted, STATED, weights)
    assert (found.axis_order, found.output_offset, found.target_range) == (order, offset, targets)
    differs = {
        name
        for name in ("axis_order", "output_offset", "target_range")
        if getattr(found, name) != getattr(STATED, name)
    }
    assert {name for name, origin in found.origin.items() if origin == "measured"} == differs
    assert trials[0].psnr == max(trial.psnr for trial in trials) > 30
    assert [trial.psnr for trial in trials[1:]] == sorted((t.psnr for t in trials[1:]), reverse=True)
    low, high = targets
    assert str(trials[0]).startswith(
        f"axis order {order}, output offset {offset:g}, targets [{low:g}, {high:g}]: "
    )
    spec = found.spec(fitted.spec.dims)
    measured = digits.measure(spec, found, weights, fitted.column("object_id").tolist())
    np.testing.assert_allclose(measured.psnr, fitted.column("psnr"), atol=0.02)


@pytest.mark.parametrize(
    ("name", "value", "option"),
    [
        ("output_offset", 0.45, "--output-offset"),
        ("target_range", (0.0, 1.05), "--target-range"),
        ("axis_order", "ij", "--axis-order"),
    ],
)
def test_what_was_given_is_kept_or_refused(
    digits: Comparison, fitted: Store, name: str, value: object, option: str
) -> None:
    """Whoever gives a convention wants it: another is never taken instead without a word."""
    with pytest.raises(
        OptionError,
        match=rf"^{option}: found axis order .* dB as given, but axis order xy, output offset 0\.5, targets "
        rf"\[0, 1\]: .* dB fits clearly better; leave {option} out, or leave --source-root out",
    ):
        tried(digits, fitted, STATED.said("given", **{name: value}))


def test_what_was_given_and_fits_is_kept(digits: Comparison, fitted: Store) -> None:
    stated = STATED.said("given", output_offset=0.5)
    found, _ = tried(digits, fitted, stated, transposed(fitted.spec, fitted.weights(np.arange(len(fitted)))))
    assert (found.axis_order, found.output_offset) == ("ij", 0.5)
    assert (found.origin["output_offset"], found.origin["axis_order"]) == ("given", "measured")


def test_what_is_stated_is_kept_unless_another_is_clearly_better(
    digits: Comparison, fitted: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stated = replace(STATED, output_offset=0.49)  # a little worse than 0.5
    monkeypatch.setattr("neuralviews.exchange.compare._CLEARLY", 1000.0)
    found, trials = tried(digits, fitted, stated)
    assert found is stated
    assert trials[0].convention == stated
    assert trials[1].psnr > trials[0].psnr
    monkeypatch.setattr("neuralviews.exchange.compare._CLEARLY", 1e-9)
    found, trials = tried(digits, fitted, stated)
    assert (found.output_offset, found.origin["output_offset"]) == (0.5, "measured")
    assert trials[0].convention.output_offset == 0.5


def test_normalised_channels(digits: Comparison, fitted: Store) -> None:
    stated = Convention(30.0, target_range=(0.0, 1.0), mean=(0.5,), std=(0.25,))
    weights = affine(fitted.spec, fitted.weights(np.arange(len(fitted))), 4, 0)  # (value - 0.5) / 0.25
    found, trials = tried(digits, fitted, stated, weights)
    assert found is stated
    assert "targets normalised by channel" in str(trials[0])
    measured = digits.measure(
        stated.spec(fitted.spec.dims), stated, weights, fitted.column("object_id").tolist()
    )
    np.testing.assert_allclose(measured.psnr, fitted.column("psnr"), atol=0.02)
    plain, _ = tried(digits, fitted, stated)  # whose targets are not normalised at all
    assert (plain.mean, plain.std, plain.output_offset) == (None, None, 0.5)
    assert plain.origin["target_range"] == plain.origin["output_offset"] == "measured"


def test_fields_of_other_images_are_refused(digits: Comparison, fitted: Store) -> None:
    with pytest.raises(SourceError, match=r"recipe fitted: no convention makes the fields render") as error:
        tried(digits, fitted, STATED, np.roll(fitted.weights(np.arange(len(fitted))), 2, axis=0))
    assert "or of another omega (--omega); leave --source-root out to import them unmeasured" in str(
        error.value
    )
    with pytest.raises(SourceError, match="no convention makes the fields render"):
        tried(digits, fitted, replace(STATED, omega=10.0))


def photos(folder: Path, colours: int) -> tuple[Recipe, Store]:
    """Photos that are not square, of one colour each or of two, fitted."""
    (folder / "images").mkdir()
    for number in range(4):
        pixels = np.full((6, 9, 3), (40 * number, 100, 200), np.uint8)
        if colours == 2:
            pixels[:, number + 1 :] = 255 - pixels[0, 0]
            pixels[:2] //= 2
        Image.fromarray(pixels).save(folder / "images" / f"{number}.png")
    path = folder / "recipe.toml"
    path.write_text(
        'name = "photos"\n[source]\nkind = "folder"\npath = "images"\nlabels = "none"\n'
        "[field]\ndims = [2, 24, 24, 3]\noutput_offset = 0.5\n[fit]\nsteps = 200\nlr = 3e-3\n"
    )
    recipe = load_recipe(path)
    generate(recipe, folder / "store", RunOptions())
    return recipe, open_store(folder / "store")


def test_images_that_are_not_square(tmp_path: Path) -> None:
    recipe, store = photos(tmp_path, colours=2)
    comparison = Comparison(recipe, open_source(recipe))
    found, _ = tried(comparison, store, STATED)
    assert found is STATED
    weights = transposed(store.spec, store.weights(np.arange(len(store))))
    found, _ = tried(comparison, store, STATED, weights)
    assert found.axis_order == "ij"
    measured = comparison.measure(found.spec(store.spec.dims), found, weights, range(len(store)))
    np.testing.assert_allclose(measured.psnr, store.column("psnr"), atol=0.02)


def test_images_of_one_colour(tmp_path: Path) -> None:
    """One colour each renders them without any error, which no field does."""
    recipe, store = photos(tmp_path, colours=1)
    comparison = Comparison(recipe, open_source(recipe))
    assert comparison.flat(STATED, range(4)) == 999
    found, trials = tried(comparison, store, STATED)
    assert found is STATED
    assert 40 < trials[0].psnr < 999


@pytest.mark.parametrize(
    ("dims", "objects", "labels", "message"),
    [
        ((2, 8, 3), [0], [0], "its source has images of 1 channels, found fields 2-8-3; name the recipe"),
        ((3, 8, 1), [0], [0], "its source has images of 1 channels, found fields 3-8-1; name the recipe"),
        ((2, 8, 1), [0, 1797], [0, 8], "its source has no object 1797, of which there are fields; name"),
        ((2, 8, 1), [0, 1, 2], [0, 7, 2], r"object 1 of its source has label 1, the field of it 7 \(1 of 3"),
    ],
)
def test_what_names_alone_can_refuse(
    digits: Comparison, dims: tuple[int, ...], objects: list[int], labels: list[int], message: str
) -> None:
    with pytest.raises(SourceError, match=f"^recipe fitted: {message}"):
        digits.require(dims, np.array(objects, np.uint32), np.array(labels, np.int32))


def test_labels_that_nobody_knows_are_not_compared(digits: Comparison, tmp_path: Path) -> None:
    digits.require((2, 8, 1), np.array([0, 1], np.uint32), np.array([-1, 1], np.int32))
    with pytest.raises(SourceError, match=r"object 1 of its source has label 1, the field of it 0 \(1 of 2"):
        digits.require((2, 8, 1), np.array([0, 1], np.uint32), np.array([-1, 0], np.int32))
    recipe, _ = photos(tmp_path, colours=1)  # without labels
    unlabelled = Comparison(recipe, open_source(recipe))
    unlabelled.require((2, 8, 3), np.array([0, 1], np.uint32), np.array([5, 6], np.int32))


def test_fields_of_shapes_are_refused(digits: Comparison) -> None:
    from ..made_stores import shapes_recipe

    comparison = Comparison(shapes_recipe(), digits.source)
    with pytest.raises(SourceError, match="recipe made-shapes: its source has images of 1 channels, found"):
        comparison.require((3, 8, 1), np.array([0], np.uint32), np.array([0], np.int32))
