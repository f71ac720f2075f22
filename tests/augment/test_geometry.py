"""Moving content: where it goes, that grids are met exactly, and who is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neuralviews.augment.base import Augmentation
from neuralviews.augment.batch import Context
from neuralviews.augment.context import context_of
from neuralviews.augment.geometry import AffineCoords, SdfScale
from neuralviews.errors import OptionError, SpecError
from neuralviews.field import Field, FieldSpec, evaluate, split
from neuralviews.grids import AxisOrder

from ..exchange.imported_stores import make_imported
from ..made_stores import digits_recipe, make_store
from .pairs import draws_for, pairs

ROWS = 64
SOLID = FieldSpec([3, 6, 5, 1], omega=[20.0, 11.0])


def image_spec(axis_order: AxisOrder) -> FieldSpec:
    return FieldSpec([2, 8, 6, 2], omega=[30.0, 12.0], output_offset=0.5, axis_order=axis_order)


def moved(step: AffineCoords, spec: FieldSpec, n: int = ROWS) -> tuple[NDArray[Any], ...]:
    """Weights before and after, M (n, d, d) and t (n, d)."""
    batch, d = pairs(spec, n), spec.in_dim
    step.require(batch.context)
    params = step.sample(batch, draws_for(batch))
    after = step.apply(batch, params).weights
    return batch.weights, after, params[:, : d * d].reshape(n, d, d).astype(float), params[:, d * d :]


# ---- on the grid of an image


@pytest.mark.parametrize("axis_order", ["xy", "ij"])
@pytest.mark.parametrize(("axis", "flip"), [("x", np.fliplr), ("y", np.flipud)])
def test_flips_flip_images(
    axis_order: AxisOrder, axis: str, flip: Callable[[NDArray[Any]], NDArray[Any]]
) -> None:
    spec, shape = image_spec(axis_order), (5, 8)
    before, after, _, _ = moved(AffineCoords(flip=(axis,)), spec)  # type: ignore[arg-type]
    flipped = 0
    for old, new in zip(before, after, strict=True):
        image, copy = Field(spec, old).render(shape), Field(spec, new).render(shape)
        if np.allclose(copy, image, atol=1e-6):
            continue
        np.testing.assert_allclose(copy, flip(image), atol=1e-6)
        flipped += 1
    assert 0.25 * ROWS < flipped < 0.75 * ROWS


@pytest.mark.parametrize("axis_order", ["xy", "ij"])
def test_quarter_turns_turn_square_images(axis_order: AxisOrder) -> None:
    spec = image_spec(axis_order)
    before, after, _, _ = moved(AffineCoords(quarter_turns=True), spec)
    found = []
    for old, new in zip(before, after, strict=True):
        image, copy = Field(spec, old).render((6, 6)), Field(spec, new).render((6, 6))
        turns = [k for k in range(4) if np.allclose(copy, np.rot90(image, k), atol=1e-5)]
        assert len(turns) == 1
        found += turns
    assert set(found) == {0, 1, 2, 3}


def test_quarter_turns_of_solids_are_the_24_rotations_of_a_cube() -> None:
    before, after, matrix, shift = moved(AffineCoords(quarter_turns=True), SOLID, 400)
    assert len({one.tobytes() for one in matrix}) == 24
    assert set(np.unique(matrix)) == {-1, 0, 1}
    np.testing.assert_array_equal(np.linalg.det(matrix), 1)
    assert not shift.any()
    axis = np.linspace(-1, 1, 3)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)
    for old, new, turn in zip(before[:30], after, matrix, strict=False):
        solid, copy = (evaluate(SOLID, w, grid.reshape(-1, 3)).reshape(3, 3, 3) for w in (old, new))
        axes, signs = abs(turn).argmax(axis=1), turn.sum(axis=1)  # (M x)_i is signs_i x[axes_i]
        expected = np.transpose(np.flip(solid, np.flatnonzero(signs < 0)), np.argsort(axes))
        np.testing.assert_allclose(copy, expected, atol=1e-5)


# ---- directions and ranges


def test_content_grows_by_the_scale() -> None:
    spec = image_spec("xy")
    before, after, _, _ = moved(AffineCoords(scale=(2.0, 2.0)), spec, 4)
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (9, 2))
    np.testing.assert_allclose(
        evaluate(spec, after, 2 * points), evaluate(spec, before, points), rtol=0, atol=1e-5
    )


def test_content_moves_by_the_translation_after_it_was_scaled() -> None:
    spec = image_spec("xy")
    before, after, matrix, shift = moved(AffineCoords(scale=(2.0, 2.0), translate=0.3), spec)
    moves = -2 * shift  # t = -M v
    np.testing.assert_array_equal(matrix, np.tile(np.eye(2) / 2, (ROWS, 1, 1)))
    assert abs(moves).max() <= 0.3
    assert (abs(moves).max(axis=0) > 0.25).all()
    assert (np.sign(moves) < 0).mean() == pytest.approx(0.5, abs=0.2)
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (9, 2))
    for old, new, move in zip(before, after, moves, strict=True):
        np.testing.assert_allclose(
            evaluate(spec, new, 2 * points + move), evaluate(spec, old, points), rtol=0, atol=1e-5
        )


def test_rotations_stay_within_their_range() -> None:
    _, _, matrix, _ = moved(AffineCoords(rotate=30.0), image_spec("xy"), 1000)
    degrees = np.degrees(np.arctan2(matrix[:, 0, 1], matrix[:, 0, 0]))
    assert 28 < degrees.max() <= 30.0001
    assert -28 > degrees.min() >= -30.0001
    assert abs(degrees.mean()) < 2
    np.testing.assert_allclose(matrix @ matrix.swapaxes(1, 2), np.tile(np.eye(2), (1000, 1, 1)), atol=1e-7)
    np.testing.assert_allclose(np.linalg.det(matrix), 1, rtol=1e-6)


@pytest.mark.parametrize("limit", [20.0, 180.0])
def test_rotations_of_solids_turn_about_any_axis_within_their_range(limit: float) -> None:
    _, _, matrix, _ = moved(AffineCoords(rotate_3d=limit), SOLID, 1000)
    np.testing.assert_allclose(matrix @ matrix.swapaxes(1, 2), np.tile(np.eye(3), (1000, 1, 1)), atol=3e-7)
    np.testing.assert_allclose(np.linalg.det(matrix), 1, rtol=1e-6)
    cosine = np.clip((np.trace(matrix, axis1=1, axis2=2) - 1) / 2, -1, 1)
    degrees = np.degrees(np.arccos(cosine))
    assert 0.95 * limit < degrees.max() <= limit + 0.1
    assert degrees.mean() == pytest.approx(limit / 2, rel=0.1)
    skew = np.stack([matrix[:, i, j] - matrix[:, j, i] for i, j in ((2, 1), (0, 2), (1, 0))], axis=1)
    axis = (skew / np.linalg.norm(skew, axis=1, keepdims=True))[abs(degrees - 90) < 80]
    np.testing.assert_allclose(axis.T @ axis / len(axis), np.eye(3) / 3, atol=0.05)


def test_settings_are_drawn_apart() -> None:
    """A further setting leaves what the others draw as it was."""
    spec = image_spec("xy")
    _, _, alone, _ = moved(AffineCoords(rotate=30.0, flip=("x",)), spec)
    _, _, scaled, _ = moved(AffineCoords(rotate=30.0, flip=("x",), translate=0.2, scale=(2.0, 2.0)), spec)
    np.testing.assert_allclose(2 * scaled, alone, rtol=1e-6)
    _, _, mirrored, _ = moved(AffineCoords(flip=("y", "x")), spec)
    np.testing.assert_array_equal(mirrored[:, 0, 0] < 0, np.linalg.det(alone) < 0)


# ---- the published formulas, where they are right


def test_published_rotation_translation_and_scale() -> None:
    """W0 R(theta)^T, b0 + W0 t and s W0: the released code's, with translations of the first layer only."""
    spec = image_spec("xy")
    before, turned, matrix, _ = moved(AffineCoords(rotate=30.0), spec, 5)
    _, shifted, _, shift = moved(AffineCoords(translate=0.25), spec, 5)
    _, scaled, zoom, _ = moved(AffineCoords(scale=(0.8, 1.25)), spec, 5)
    for row in range(5):
        weight, bias = split(spec, before[row].astype(float))[0]
        theta = np.arctan2(matrix[row, 0, 1], matrix[row, 0, 0])
        rotation = np.array([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]])
        np.testing.assert_allclose(split(spec, turned[row])[0][0], weight @ rotation.T, atol=1e-6)
        np.testing.assert_allclose(split(spec, shifted[row])[0][1], bias + weight @ shift[row], atol=1e-6)
        np.testing.assert_allclose(split(spec, scaled[row])[0][0], zoom[row, 0, 0] * weight, atol=1e-6)
        rest = slice(spec.layers[0].bias.stop, None)
        for copy in (turned, shifted, scaled):
            np.testing.assert_array_equal(copy[row, rest], before[row, rest])


# ---- signed distances


def test_distances_grow_with_the_shape() -> None:
    batch = pairs(SOLID, 40)
    step = SdfScale(0.5, 2.0)
    params = step.sample(batch, draws_for(batch))
    assert 0.5 <= params.min() < 0.65
    assert 1.85 < params.max() <= 2
    after = step.apply(batch, params).weights
    x = np.random.default_rng(1).uniform(-1, 1, (7, 3))
    for old, new, (s,) in zip(batch.weights, after, params.astype(float), strict=True):
        np.testing.assert_allclose(
            evaluate(SOLID, new, s * x), s * evaluate(SOLID, old, x), rtol=0, atol=1e-5
        )


# ---- what is refused

LINE, FOUR = FieldSpec([1, 4, 1]), FieldSpec([4, 5, 1])


@pytest.mark.parametrize(
    ("step", "spec", "message"),
    [
        (
            AffineCoords(rotate=5),
            SOLID,
            "affine_coords: rotate turns fields of 2 coordinates, these have 3; use rotate_3d",
        ),
        (
            AffineCoords(rotate=5),
            LINE,
            "affine_coords: rotate turns fields of 2 coordinates, these have 1; leave rotate out",
        ),
        (
            AffineCoords(rotate_3d=5),
            image_spec("xy"),
            "affine_coords: rotate_3d turns fields of 3 coordinates, these have 2; use rotate",
        ),
        (
            AffineCoords(quarter_turns=True),
            FOUR,
            "affine_coords: quarter_turns turns fields of 2 or 3 coordinates, these have 4; "
            "leave quarter_turns out",
        ),
        (
            AffineCoords(flip=("x", "z")),
            image_spec("ij"),
            "affine_coords: flip: found 'z', expected axes of these fields, y, x",
        ),
        (
            SdfScale(),
            image_spec("xy"),
            "sdf_scale: a signed distance is 1 output, these fields have 2; use affine_coords",
        ),
    ],
)
def test_fields_of_another_shape_are_refused(step: Augmentation, spec: FieldSpec, message: str) -> None:
    with pytest.raises(SpecError) as error:
        step.require(Context(spec, 1.0, None, 0))
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AffineCoords(rotate=200), "AffineCoords: rotate: found 200, expected 0 to 180"),
        (lambda: AffineCoords(translate=-0.1), "AffineCoords: translate: found -0.1, expected 0 to 2"),
        (
            lambda: AffineCoords(scale=(1.2, 0.8)),
            "AffineCoords: scale: found (1.2, 0.8), expected two ascending numbers from 0.01 to 100",
        ),
        (
            lambda: AffineCoords(flip=("x", "x")),
            "AffineCoords: flip: found ('x', 'x'), expected some of x, y, z, each once",
        ),
        (
            lambda: AffineCoords(flip=3),  # type: ignore[arg-type]
            "AffineCoords: flip: found 3, expected some of x, y, z, each once",
        ),
        (
            lambda: AffineCoords(flip=[["x"]]),  # type: ignore[arg-type]
            "AffineCoords: flip: found [['x']], expected some of x, y, z, each once",
        ),
        (
            lambda: AffineCoords(quarter_turns=1),  # type: ignore[arg-type]
            "AffineCoords: quarter_turns: found 1, expected True or False",
        ),
        (lambda: SdfScale(2.0, 1.0), "SdfScale: high: found 1.0, expected at least low = 2.0"),
        (lambda: SdfScale(low=0), "SdfScale: low: found 0, expected 0.01 to 100"),
    ],
)
def test_settings_out_of_range_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(OptionError) as error:
        make()
    assert str(error.value) == message


def test_images_are_no_distances(tmp_path: Path) -> None:
    message = (
        "sdf_scale: these fields give images, insides or logits, no distances that could grow; "
        "use affine_coords"
    )
    fitted = make_store(tmp_path / "fitted", digits_recipe(), 2)
    imported = make_imported(tmp_path / "imported", image_shape=(8, 8))
    for store in (fitted, imported):
        with pytest.raises(SpecError) as error:
            SdfScale().require(context_of(store))
        assert str(error.value) == message
    SdfScale().require(context_of(make_imported(tmp_path / "unknown")))
