"""Pictures of fields with their captions, as parts of a page."""

import io
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image

from .page_html import Html, element, joined, picture
from .painter import Picture
from .sheet import ALARM, Tile

__all__ = ["block", "blocks", "thumbnail"]

_MOST_PIXELS = 136  # a side, so that large photographs do not make a large page
_SQUARES = 64  # pixels a side of pictures whose pixels are shown as squares, at most
_SHOWN = 104  # pixels of the screen


def block(title: str, notes: Sequence[tuple[str, str]], tiles: Iterable[Tile | None]) -> Html:
    """Pictures of one thing below its title; notes are lines of text and their colours, see `Tile`."""
    return element(
        "li",
        element("h3", title),
        *(element("div", text, class_=_class(color, "note")) for text, color in notes if text),
        element("div", *(_figure(title, tile) for tile in tiles if tile is not None), class_="tiles"),
        class_="block",
    )


def blocks(found: Iterable[Html]) -> Html:
    """Blocks side by side, as many as there is room for."""
    return element("ul", *found, class_="blocks")


def thumbnail(image: Picture, alt: str) -> Html:
    """A picture, (height, width) or (height, width, 3) in [0, 1], no larger than pages need."""
    pixels = np.rint(np.nan_to_num(image, nan=0.0) * 255).clip(0, 255).astype(np.uint8)
    drawn = Image.fromarray(pixels)
    drawn.thumbnail((_MOST_PIXELS, _MOST_PIXELS), Image.Resampling.BOX)
    data = io.BytesIO()
    drawn.save(data, "png", optimize=True)
    squares = "pixels" if max(drawn.size) <= _SQUARES else None
    return picture(data.getvalue(), alt, (_SHOWN, _SHOWN), squares)


def _figure(title: str, tile: Tile) -> Html:
    told = ", ".join(text for text, _ in tile.caption if text)
    alt = f"{title}, {tile.name}" + (f": {told}" if told else "")
    lines = (element("div", text, class_=_class(color, None)) for text, color in tile.caption if text)
    caption = element("figcaption", element("div", tile.name), *lines)
    return element("figure", joined([thumbnail(tile.image, alt), caption]), class_="tile")


def _class(color: str, otherwise: str | None) -> str | None:
    return "alarm" if color == ALARM else otherwise
