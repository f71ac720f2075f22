"""Pictures of fields: what the oracle renders, mapped from the target range to what is shown."""

import numpy as np
import pytest

from neuralviews.errors import SpecError
from neuralviews.field import Field, FieldSpec
from neuralviews.report import render
from neuralviews.report.render import render_images, to_display


def weights_of(spec: FieldSpec, count: int) -> np.ndarray:
    return np.random.default_rng(3).normal(0, 0.2, (count, spec.parameters)).astype(np.float32)


@pytest.mark.parametrize("axis_order", ["xy", "ij"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_images_agree_with_the_oracle(channels: int, axis_order: str) -> None:
    spec = FieldSpec([2, 8, 8, channels], output_offset=0.5, axis_order=axis_order)  # type: ignore[arg-type]
    weights = weights_of(spec, 3)
    images = render_images(spec, weights, (5, 9))
    assert images.shape == (3, 5, 9, channels)
    assert images.dtype == np.float32
    for image, row in zip(images, weights, strict=True):
        expected = Field(spec, row).render((5, 9)).reshape(5, 9, channels)
        np.testing.assert_allclose(image, expected, atol=2e-4)


def test_blocks_of_points_change_nothing_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = FieldSpec([2, 8, 8, 1])
    whole = render_images(spec, weights_of(spec, 2), (7, 6))
    monkeypatch.setattr(render, "_BLOCK_ELEMENTS", 100)
    np.testing.assert_allclose(render_images(spec, weights_of(spec, 2), (7, 6)), whole, atol=1e-6)


@pytest.mark.parametrize("dims", [[3, 4, 1], [2, 4, 5]])
def test_fields_that_are_no_images_are_refused(dims: list[int]) -> None:
    spec = FieldSpec(dims)
    with pytest.raises(SpecError, match="expected 2 coordinates and 1 to 4 channels"):
        render_images(spec, weights_of(spec, 1), (2, 2))


def test_the_target_range_becomes_black_to_white() -> None:
    image = np.array([[-1.5, -1.0, 0.0, 1.0, 2.0]], np.float32)[..., None]
    assert to_display(image, (-1.0, 1.0)).tolist() == [[0, 0, 0.5, 1, 1]]


def test_alpha_is_laid_on_white() -> None:
    grey = np.array([[[0.2, 1.0], [0.2, 0.0], [0.0, 0.5]]], np.float32)
    np.testing.assert_allclose(to_display(grey, (0, 1)), [[0.2, 1.0, 0.5]])
    color = np.array([[[1.0, 0.0, 0.0, 0.5]]], np.float32)
    np.testing.assert_allclose(to_display(color, (0, 1)), [[[1.0, 0.5, 0.5]]])
