"""Brightness, contrast and colours: what each setting does to the values, and who is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neuralviews.augment.batch import Channels, Context
from neuralviews.augment.context import context_of
from neuralviews.augment.output import AffineOutput
from neuralviews.errors import OptionError, SpecError
from neuralviews.field import FieldSpec, evaluate, split

from ..exchange.imported_stores import make_imported
from .pairs import draws_for, pairs

ROWS = 64
X = np.random.default_rng(0).uniform(-1, 1, (9, 2))


def spec_of(outputs: int) -> FieldSpec:
    return FieldSpec([2, 7, 5, outputs], omega=[30.0, 15.0], output_offset=0.5, output_scale=0.7)


def values(
    step: AffineOutput, outputs: int = 3, low: float = 0.0, span: float = 1.0, **context: Any
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Values (n, p, c) before and after, for targets in the range given."""
    spec = spec_of(outputs)
    batch = pairs(spec, ROWS)
    batch = replace(batch, context=replace(batch.context, low=low, span=span, **context))
    step.require(batch.context)
    after = step.apply(batch, step.sample(batch, draws_for(batch))).weights
    return evaluate(spec, batch.weights, X), evaluate(spec, after, X)


@pytest.mark.parametrize(("low", "span"), [(0.0, 1.0), (-1.0, 2.0), (-1.99, 4.42)])
def test_negatives_mirror_the_target_range(low: float, span: float) -> None:
    before, after = values(AffineOutput(invert=1.0), low=low, span=span)
    np.testing.assert_allclose(after, low + (low + span - before), rtol=0, atol=1e-6)


def test_the_negative_of_a_centred_field_negates_its_last_layer() -> None:
    spec = FieldSpec([2, 6, 1], output_offset=0.5)
    batch = pairs(spec, 4)
    step = AffineOutput(invert=1.0)
    after = step.apply(batch, step.sample(batch, draws_for(batch))).weights
    (first, last), (copied, negated) = split(spec, batch.weights), split(spec, after)
    np.testing.assert_array_equal(copied[0], first[0])
    for array, negative in zip(last, negated, strict=True):
        np.testing.assert_array_equal(negative, -array)


def test_half_of_all_copies_are_negatives() -> None:
    before, after = values(AffineOutput(invert=0.5))
    kept = np.isclose(before, after, atol=1e-6).all(axis=(1, 2))
    np.testing.assert_allclose(after[~kept], 1 - before[~kept], rtol=0, atol=1e-6)
    assert 0.25 * ROWS < kept.sum() < 0.75 * ROWS


def test_contrast_pivots_on_the_middle_of_the_range() -> None:
    before, after = values(AffineOutput(contrast=(0.5, 2.0)), low=-1.0, span=4.0)
    factor = (after - 1) / (before - 1)
    np.testing.assert_allclose(factor, np.broadcast_to(factor[:, :1, :1], factor.shape), rtol=1e-3)
    assert 0.5 <= factor.min() < 0.6
    assert 1.9 < factor.max() < 2.001


def test_brightness_is_a_fraction_of_the_range() -> None:
    before, after = values(AffineOutput(brightness=0.1), low=-1.0, span=2.0)
    added = after - before
    np.testing.assert_allclose(added, np.broadcast_to(added[:, :1, :1], added.shape), rtol=0, atol=1e-6)
    assert 0.18 < added.max() < 0.2001
    assert -0.2001 < added.min() < -0.18


def test_grey_is_luma_in_all_three_colours() -> None:
    before, after = values(AffineOutput(grey=1.0))
    expected = before @ [0.299, 0.587, 0.114]
    for colour in range(3):
        np.testing.assert_allclose(after[..., colour], expected, rtol=0, atol=1e-6)


def test_mixed_channels_leave_greys_as_they_are() -> None:
    spec = spec_of(3)
    batch = pairs(spec, ROWS)
    step = AffineOutput(mix_channels=0.3)
    params = step.sample(batch, draws_for(batch)).astype(np.float64)
    gain = params[:, :9].reshape(-1, 3, 3)
    np.testing.assert_allclose(gain.sum(axis=2), 1, atol=1e-6)
    np.testing.assert_allclose(params[:, 9:], 0, atol=1e-12)
    others = gain[:, ~np.eye(3, dtype=bool)]
    assert -0.3 <= others.min() < -0.28
    assert 0.28 < others.max() <= 0.3


@pytest.mark.parametrize("outputs", [2, 4])
def test_opacity_is_left_as_it_is(outputs: int) -> None:
    before, after = values(AffineOutput(0.2, (0.5, 0.6), 1.0), outputs)
    np.testing.assert_array_equal(after[..., -1], before[..., -1])
    assert (abs(after - before)[..., :-1].max(axis=(1, 2)) > 0.01).all()


def test_settings_that_do_nothing_keep_every_bit() -> None:
    before, after = values(AffineOutput())
    np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize("setting", ["grey", "mix_channels"])
@pytest.mark.parametrize("outputs", [1, 2])
def test_grey_images_have_no_colours_to_change(setting: str, outputs: int) -> None:
    with pytest.raises(SpecError) as error:
        AffineOutput(**{setting: 0.5}).require(Context(spec_of(outputs), 1.0, None, 0))  # type: ignore[arg-type]
    assert str(error.value) == (
        f"affine_output: {setting} needs the 3 colours of RGB, these fields have 1; leave {setting} out"
    )


def test_fields_that_are_no_images_are_refused() -> None:
    with pytest.raises(SpecError) as error:
        AffineOutput(0.1).require(Context(spec_of(5), 1.0, None, 0))
    assert str(error.value) == (
        "affine_output: these fields have 5 outputs, expected 1 for grey, 2 with opacity, 3 for RGB, "
        "4 with opacity"
    )


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(OptionError, match=r"^AffineOutput: invert: found 1.5, expected 0 to 1$"):
        AffineOutput(invert=1.5)
    with pytest.raises(OptionError, match=r"contrast: found 1.5, expected two ascending numbers"):
        AffineOutput(contrast=1.5)  # type: ignore[arg-type]


class TestNormalisedChannels:
    """Outputs are (v - mean) / std, each channel by its own; settings are of the values v."""

    channels = Channels((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), -1.0, 3.0)

    def values(self, step: AffineOutput) -> tuple[NDArray[Any], NDArray[Any]]:
        before, after = values(step, low=-2.2, span=4.9, channels=self.channels)
        return tuple(found * self.channels.std + self.channels.mean for found in (before, after))

    def test_negatives_mirror_the_range_of_the_values(self) -> None:
        before, after = self.values(AffineOutput(invert=1.0))
        np.testing.assert_allclose(after, 1.0 - before, rtol=0, atol=1e-6)

    def test_grey_is_luma_of_the_values(self) -> None:
        before, after = self.values(AffineOutput(grey=1.0))
        expected = np.repeat((before @ [0.299, 0.587, 0.114])[..., None], 3, axis=-1)
        np.testing.assert_allclose(after, expected, rtol=0, atol=1e-6)

    def test_all_colours_become_brighter_alike(self) -> None:
        before, after = self.values(AffineOutput(brightness=0.1))
        added = after - before
        np.testing.assert_allclose(added, np.broadcast_to(added[:, :1, :1], added.shape), rtol=0, atol=1e-6)
        assert 0.27 < added.max() < 0.3001

    def test_contrast_pivots_on_the_middle_of_the_values(self) -> None:
        before, after = self.values(AffineOutput(contrast=(2.0, 2.0)))
        np.testing.assert_allclose(after, 0.5 + 2 * (before - 0.5), rtol=0, atol=1e-5)

    def test_mixed_channels_leave_greys_as_they_are(self) -> None:
        """A map that keeps black, white and all between them: rows that sum to 1, and no offset."""
        batch = pairs(spec_of(3), ROWS)
        batch = replace(batch, context=replace(batch.context, channels=self.channels))
        params = AffineOutput(mix_channels=0.3).sample(batch, draws_for(batch)).astype(np.float64)
        gain, offset = params[:, :9].reshape(-1, 3, 3), params[:, 9:]
        mean, std = np.array(self.channels.mean), np.array(self.channels.std)
        for grey in (0.0, 0.3, 1.0):
            outputs = gain @ ((grey - mean) / std) + offset
            np.testing.assert_allclose(outputs * std + mean, grey, rtol=0, atol=1e-6)
        assert abs(gain - np.eye(3)).max() > 0.1

    def test_settings_that_do_nothing_keep_every_bit(self) -> None:
        before, after = values(AffineOutput(), channels=self.channels)
        np.testing.assert_array_equal(after, before)

    def test_stores_of_such_fields_say_so(self, tmp_path: Path) -> None:
        target = {"range": [-1.0, 2.0], "mean": [0.5, 0.25, 1.0], "std": [0.25, 0.5, 2.0]}
        store = make_imported(tmp_path / "store", FieldSpec([2, 8, 8, 3]), target=target)
        context = context_of(store)
        assert context.channels == Channels((0.5, 0.25, 1.0), (0.25, 0.5, 2.0), -1.0, 3.0)
        assert (context.low, context.span) == (-6.0, 12.0), "of all channels together"
        assert context_of(make_imported(tmp_path / "plain", FieldSpec([2, 8, 8, 3]))).channels is None
