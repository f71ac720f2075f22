"""Pixels of picture files: every mode and format, transparency and orientation."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neuralviews.errors import SourceError
from neuralviews.signals.catalogue import open_source
from neuralviews.signals.images import shared_shape

from .picture_folders import folder_recipe, refused, save, values
from .source_files import png, png_with_transparent_colour, some_bytes


def with_palette(*, transparent: bool) -> Image.Image:
    image = Image.fromarray(some_bytes(4, 4, 6, 3)).quantize(16)
    if transparent:
        image.info["transparency"] = 0
    return image


@pytest.mark.parametrize(
    ("image", "channels", "expected"),
    [
        (Image.fromarray(some_bytes(1, 4, 6) > 99), 1, lambda i: np.asarray(i)[..., None]),
        (Image.fromarray(some_bytes(1, 4, 6)), 1, lambda i: np.asarray(i)[..., None] / 255),
        (
            Image.fromarray(some_bytes(1, 4, 12).view(np.uint16)),
            1,
            lambda i: np.asarray(i, np.float64)[..., None] / 65_535,
        ),
        (Image.fromarray(some_bytes(1, 4, 6, 2), "LA"), 2, lambda i: np.asarray(i) / 255),
        (Image.fromarray(some_bytes(1, 4, 6, 3)), 3, lambda i: np.asarray(i) / 255),
        (Image.fromarray(some_bytes(1, 4, 6, 4)), 4, lambda i: np.asarray(i) / 255),
        (with_palette(transparent=False), 3, lambda i: np.asarray(i.convert("RGB")) / 255),
        (with_palette(transparent=True), 4, lambda i: np.asarray(i.convert("RGBA")) / 255),
    ],
    ids=["bilevel", "grey", "grey16", "grey-alpha", "rgb", "rgba", "palette", "palette-alpha"],
)
def test_modes_of_png_files(tmp_path: Path, image: Image.Image, channels: int, expected: object) -> None:
    save(tmp_path, "one.png", image)
    assert callable(expected)
    source = open_source(folder_recipe(channels), tmp_path)
    assert np.array_equal(values(source, 0), expected(image).astype(np.float32))


@pytest.mark.parametrize(
    ("colour", "row", "expected"),
    [
        ((200,), bytes([0, 200, 7, 255]), [[0, 255], [200, 0], [7, 255], [255, 255]]),
        ((4, 5, 6), bytes([1, 2, 3, 4, 5, 6]), [[1, 2, 3, 255], [4, 5, 6, 0]]),
    ],
    ids=["grey", "rgb"],
)
def test_a_transparent_colour_becomes_alpha(
    tmp_path: Path, colour: tuple[int, ...], row: bytes, expected: list[list[int]]
) -> None:
    path = save(tmp_path, "one.png")
    path.write_bytes(png_with_transparent_colour(8, colour, [row]))
    source = open_source(folder_recipe(len(expected[0])), tmp_path)
    assert np.rint(values(source, 0)[0] * 255).tolist() == expected
    refused(tmp_path, r"one\.png: found \d channels \(.* with alpha\)", folder_recipe(len(colour)))


@pytest.mark.parametrize(
    ("depth", "colour", "row"),
    [
        (1, (1,), b"\x50"),
        (2, (2,), b"\x1b"),
        (4, (7,), b"\x0f\x73"),
        (16, (258,), bytes(8)),
        (16, (1, 515, 1029), bytes(12)),
    ],
)
def test_a_transparent_colour_of_another_depth_is_refused(
    tmp_path: Path, depth: int, colour: tuple[int, ...], row: bytes
) -> None:
    path = save(tmp_path, "one.png")
    path.write_bytes(png_with_transparent_colour(depth, colour, [row]))
    message = r"one\.png: found one transparent colour .* not 8 bits a sample; save it with an alpha channel"
    refused(tmp_path, message, folder_recipe(len(colour)))


def test_grey_with_alpha_of_16_bits_is_refused(tmp_path: Path) -> None:
    """Pillow would make four channels of 8 bits of it."""
    path = save(tmp_path, "one.png")
    path.write_bytes(png(16, 4, [bytes(range(8))]))
    message = (
        r"one\.png: found grey with alpha of 16 bits, expected 8 bits, or grey of 16 without alpha: conv"
    )
    for channels in (2, 4):
        refused(tmp_path, message, folder_recipe(channels))


def test_grey_of_16_bits_in_other_files_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, "one.pgm")
    path.write_bytes(b"P5 2 1 65535\n" + bytes(4))
    refused(tmp_path, r"one\.pgm: found mode I.*, expected .* of 8 bits, or grey of 16 in a PNG: convert it")


@pytest.mark.parametrize("size", [(1, 65_536), (65_536, 1)])
def test_sides_that_no_store_can_state(tmp_path: Path, size: tuple[int, int]) -> None:
    for name in ("one.png", "two.png"):
        save(tmp_path, name, Image.new("L", size))
    source = open_source(folder_recipe(), tmp_path)
    assert len(source.signal(1).values) == 65_536
    with pytest.raises(
        SourceError,
        match=rf"found images that all have {size[1]} x {size[0]} pixels, expected sides of at most 65535 a",
    ):
        shared_shape(source, range(2))
    width, height = (side - side // 65_536 for side in size)
    save(tmp_path, "two.png", Image.new("L", (width, height)))
    source = open_source(folder_recipe(), tmp_path)
    assert shared_shape(source, range(2)) is None
    assert shared_shape(source, [1]) == (height, width)


def test_pixels_that_no_store_can_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, "one.png")
    source = open_source(folder_recipe(), tmp_path)
    monkeypatch.setattr("neuralviews.signals.images.MOST_PIXELS", 24)
    assert shared_shape(source, [0]) == (4, 6)
    monkeypatch.setattr("neuralviews.signals.images.MOST_PIXELS", 23)
    with pytest.raises(
        SourceError, match=r"all have 4 x 6 pixels, expected .* and at most 23 pixels: scale them down"
    ):
        shared_shape(source, [0])


def test_transparency_survives_turning(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    save(tmp_path, "one.png", Image.fromarray(np.array([[9, 8]], np.uint8)), exif=exif, transparency=9)
    source = open_source(folder_recipe(2), tmp_path)
    assert np.rint(values(source, 0)[0] * 255).tolist() == [[8, 255], [9, 0]]


@pytest.mark.parametrize("suffix", ["bmp", "jpeg", "JPG", "pgm", "webp"])
def test_other_formats(tmp_path: Path, suffix: str) -> None:
    flat = Image.new("RGB" if suffix == "webp" else "L", (6, 4), 77 if suffix != "webp" else (77, 77, 77))
    save(tmp_path, f"one.{suffix}", flat)
    source = open_source(folder_recipe(len(flat.getbands())), tmp_path)
    assert np.abs(values(source, 0) * 255 - 77).max() < 2


def test_cameras_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn right
    array = some_bytes(1, 4, 6)
    save(tmp_path, "one.png", Image.fromarray(array), exif=exif)
    source = open_source(folder_recipe(), tmp_path)
    assert source.image_shape(0) == (6, 4)
    assert np.array_equal(np.rint(values(source, 0)[..., 0] * 255), np.rot90(array, -1))
