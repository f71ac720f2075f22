"""Pictures with captions on a sheet, the heading above it, and the file that it all goes to."""

import io
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..errors import OutputError
from .layout import CAPTION_LINE, DPI, GAP, MARGIN, TILE, Layout
from .wording import shortened

__all__ = [
    "ALARM",
    "INK",
    "PALE",
    "Block",
    "Line",
    "Tile",
    "draw_heading",
    "draw_legends",
    "draw_sheet",
    "new_figure",
    "plain_text",
    "write",
]

INK, PALE, ALARM = "#222222", "#777777", "#b3261e"
_FORMATS = ("png", "pdf", "svg", "jpg")
_LETTER = {"bold": 0.0100, "normal": 0.0075}  # width of letters, inches a point of their size
_LEGEND, _LEGEND_LINE, _LEGEND_SIZE = 0.39, 0.12, 7  # inches below a tile; inches; points
_LEGEND_LETTER = 0.056  # inches

Line = tuple[str, str]
"""A line of text and its colour."""


@dataclass(frozen=True, eq=False)
class Tile:
    """A picture, (height, width) or (height, width, 3) in [0, 1]; its name; and the two lines below it."""

    image: NDArray[np.float32]
    name: str
    caption: tuple[Line, Line]


Block = Sequence[Tile | None]
"""Pictures of one thing, side by side; None leaves a place empty."""


def write(out: str | Path, draw: Callable[[], Figure]) -> None:
    """Draw a figure and write it; the suffix of ``out`` names the format.

    Raises:
        OutputError: the format is unknown, or the file cannot be written; and what ``draw`` raises.
    """
    out = Path(out)
    kind = out.suffix.lstrip(".").lower()
    if kind not in _FORMATS:
        raise OutputError(f"{out}: found suffix '{out.suffix}', expected one of .{', .'.join(_FORMATS)}")
    if not out.parent.is_dir():
        raise OutputError(f"{out}: the gallery cannot be written: there is no folder {out.parent}; make it")
    picture = io.BytesIO()
    with plain_text():
        figure = draw()
        try:
            figure.savefig(picture, format=kind, dpi=DPI)
            out.write_bytes(picture.getvalue())
        except (OSError, ValueError, MemoryError) as error:  # the encoders of pictures raise the latter two
            cause = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
            raise OutputError(f"{out}: the gallery cannot be written: {cause}") from error


def new_figure(size: tuple[float, float]) -> Figure:
    """An empty white page, (width, height) in inches, that needs no global state."""
    figure = Figure(figsize=size, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def plain_text() -> AbstractContextManager[None]:
    """Around all drawing: a name with dollar signs in it is no formula."""
    return matplotlib.rc_context({"text.parse_math": False})


def draw_heading(figure: Figure, title: str, facts: Sequence[str], note: str = "") -> None:
    """The title of a page, facts below it, and a note below these; what is too long for the page is cut."""
    width, height = figure.get_size_inches()
    for down, text, size, color, weight in (
        (0.36, title, 14, INK, "bold"),
        (0.60, "   ·   ".join(facts), 8, PALE, "normal"),
        (0.77, note, 8, PALE, "normal"),
    ):
        figure.text(
            MARGIN / width,
            1 - down / height,
            shortened(text, int((width - 2 * MARGIN) / (size * _LETTER[weight]))),
            size=size,
            color=color,
            weight=weight,
        )


def draw_sheet(
    figure: Figure, page: Layout, box: tuple[float, float, float, float], blocks: Sequence[Block]
) -> Axes:
    """Draw blocks where the page has them, with captions below pictures and names above the first line.

    Args:
        box: of the sheet: left, bottom, width, height, as fractions of the figure.
    """
    sheet = figure.add_axes(box, frameon=False)
    sheet.set(xticks=[], yticks=[])
    for index, block in enumerate(blocks):
        x, y = page.corner(index)
        for place, tile in enumerate(block):
            left = x + place * (TILE + GAP)
            if tile is not None:
                _draw_tile(sheet, tile, left, y)
            if index < page.abreast:
                below = (other[place] for other in blocks[index :: page.abreast] if place < len(other))
                name = next((other.name for other in below if other is not None), "")
                sheet.text(left + TILE / 2, y - 0.06, name, size=7, color=PALE, ha="center")
    width, height = page.sheet
    sheet.set(xlim=(0, width), ylim=(height, 0))  # inches, y down
    return sheet


def draw_legends(sheet: Axes, page: Layout, legends: Sequence[Sequence[Line]]) -> None:
    """Lines of text below the captions of each block, as long as it is wide."""
    for index, legend in enumerate(legends):
        left, top = page.corner(index)
        for line, (text, color) in enumerate(legend):
            cut = shortened(text, int(page.block / _LEGEND_LETTER))
            down = top + TILE + _LEGEND + line * _LEGEND_LINE
            sheet.text(left, down, cut, size=_LEGEND_SIZE, color=color)


def _draw_tile(sheet: Axes, tile: Tile, left: float, top: float) -> None:
    """A picture in the middle of a square, its pixels square and unsmoothed, with its caption."""
    height, width = tile.image.shape[:2]
    scale = TILE / max(height, width)
    x, y = left + (TILE - width * scale) / 2, top + (TILE - height * scale) / 2
    sheet.imshow(
        tile.image,
        cmap="gray",
        vmin=0,
        vmax=1,
        interpolation="nearest",
        aspect="auto",
        extent=(x, x + width * scale, y + height * scale, y),
    )
    for line, (text, color) in enumerate(tile.caption, 1):
        down = top + TILE + line * CAPTION_LINE
        sheet.text(left + TILE / 2, down, text, size=6.5, color=color, ha="center")
