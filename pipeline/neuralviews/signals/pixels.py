"""From a decoded picture to pixels: which modes count, and how bad files are reported."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SourceError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Pixels", "decoded", "with_alpha"]

_SIXTEEN_BITS = {"I;16", "I;16B", "I;16L", "I;16N"}
_ALPHA_MODE = {"L": "LA", "RGB": "RGBA"}


@dataclass(frozen=True)
class Pixels:
    """Pixels (h, w, c) of an integer type, from 0 to ``full_scale``."""

    values: NDArray[Any]
    full_scale: int

    @classmethod
    def of(cls, image: "Image") -> "Pixels":
        """The pixels of a picture, nothing lost.

        Black and white counts as grey, a palette as the colours (and alpha) that it stands for; grey may
        have 16 bits. Transparency is kept as a channel, never blended with a background.

        Raises:
            SourceError: another mode, such as CMYK.
        """
        if not hasattr(image, "mode"):
            raise SourceError(f"found a {type(image).__name__}, expected a picture")
        image = with_alpha(image)
        mode = image.mode
        if mode in _SIXTEEN_BITS or (mode == "I" and image.format == "PNG"):
            return cls(np.asarray(image, np.uint16)[..., None], 65_535)
        if mode == "P":
            image = image.convert("RGB")
        elif mode == "1":
            image = image.convert("L")
        elif mode not in ("L", "LA", "RGB", "RGBA"):
            raise SourceError(
                f"found mode {mode}, expected grey or RGB of 8 bits, or grey of 16 in a PNG: convert it"
            )
        values = np.asarray(image)
        return cls(values.reshape(*values.shape[:2], -1), 255)


def with_alpha(image: "Image") -> "Image":
    """The picture with its transparency as a channel, be it kept in a palette or as one colour (PNG's tRNS).

    Raises:
        SourceError: one colour is transparent, and its samples have not 8 bits: Pillow would compare the
            colour as the file states it with pixels that it has scaled. Or grey with alpha has 16 bits, which
            Pillow makes RGB of 8.
    """
    mode = image.mode
    tiles = getattr(image, "tile", None)
    if tiles and tiles[0][3] == "LA;16B":
        raise SourceError(
            "found grey with alpha of 16 bits, expected 8 bits, or grey of 16 without alpha: convert it"
        )
    if mode == "PA" or (mode == "P" and "transparency" in image.info):
        return image.convert("RGBA")
    if "transparency" not in image.info:
        return image
    if mode not in _ALPHA_MODE or not tiles or tiles[0][3] != mode:
        raise SourceError(
            f"found one transparent colour in a picture of mode {mode} that has not 8 bits a sample; "
            "save it with an alpha channel, or without transparency"
        )
    return image.convert(_ALPHA_MODE[mode])


@contextmanager
def decoded(where: str) -> Iterator[None]:
    """Turn all that goes wrong with a picture into a SourceError that begins with ``where``."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except SourceError as error:
        raise SourceError(f"{where}: {error}") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise SourceError(f"{where}: too large to be an honest picture: {error}; scale it down") from None
    except UnidentifiedImageError:
        raise SourceError(f"{where}: not a picture of any known format; replace or remove the file") from None
    except Exception as error:  # decoders fail with whatever their parsing runs into
        cause = " ".join(str(error).split()) or type(error).__name__
        raise SourceError(f"{where}: cannot be decoded ({cause}); replace or remove the file") from error
