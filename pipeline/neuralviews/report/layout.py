"""Where things stand on a gallery's page, in inches, and how large a page may be."""

from dataclasses import dataclass
from typing import ClassVar, Self

from ..errors import OutputError

__all__ = ["CAPTION_LINE", "DPI", "GAP", "MARGIN", "TILE", "Layout", "ShapeLayout", "StripLayout"]

DPI = 150
TILE, GAP, MARGIN = 0.86, 0.07, 0.35
CAPTION_LINE = 0.115
_CAPTION, _BLOCK_GAP = 0.34, 0.30
_HEADING, _COLUMN_NAMES, _HISTOGRAM, _HISTOGRAM_AXIS = 0.90, 0.25, 1.7, 0.85
_TILES_A_ROW = 12
_LEAST_WIDTH = 7.0
_LONGEST_SIDE = 65_000  # pixels; JPEG ends at 65,500
_LARGEST_PAGE = 120_000_000  # pixels, of 4 bytes each while they are drawn


@dataclass(frozen=True)
class Layout:
    """A page of so many objects, each a block of ``columns`` tiles, as many abreast as fit a line.

    Lengths are in inches. The sheet is the part below the heading and above the histogram.

    Attributes:
        noun: what the objects are.
        least_columns: how many tiles a block is wide at least, so that text below it has room.
        legend: height of the text below a block's captions.
    """

    objects: int
    columns: int
    noun: ClassVar[str] = "objects"
    least_columns: ClassVar[int] = 1
    legend: ClassVar[float] = 0.0

    @classmethod
    def checked(cls, objects: int, columns: int) -> Self:
        """The layout of a page that can be drawn and written.

        Raises:
            OutputError: the page would be too large; the message names what fits.
        """
        page = cls(objects, columns)
        if page.fits:
            return page
        few = next((n for n in range(objects - 1, 0, -1) if cls(n, columns).fits), None)
        narrow = next((n for n in range(columns - 1, 0, -1) if cls(1, n).fits), None)
        remedy = f"{few} {cls.noun}" if few else f"{narrow} pictures of each"
        width, height = page.pixels
        raise OutputError(
            f"gallery: found {objects} {cls.noun} of {columns} pictures each, "
            f"a page of {width:,} x {height:,} pixels, "
            f"expected at most {_LONGEST_SIDE:,} a side and {_LARGEST_PAGE:,} in all: show at most {remedy}"
        )

    @property
    def lines(self) -> int:
        return -(-self.objects // max(1, _TILES_A_ROW // self._tiles))

    @property
    def abreast(self) -> int:
        return -(-self.objects // self.lines)

    @property
    def _tiles(self) -> int:
        return max(self.columns, self.least_columns)

    @property
    def block(self) -> float:
        return self._tiles * (TILE + GAP) - GAP

    @property
    def _line(self) -> float:
        return TILE + _CAPTION + self.legend

    @property
    def sheet(self) -> tuple[float, float]:
        """(width, height)."""
        width = self.abreast * (self.block + _BLOCK_GAP) - _BLOCK_GAP
        return width, _COLUMN_NAMES + self.lines * self._line

    @property
    def size(self) -> tuple[float, float]:
        """(width, height) of the page."""
        width, height = self.sheet
        return max(width + 2 * MARGIN, _LEAST_WIDTH), _HEADING + height + _HISTOGRAM + _HISTOGRAM_AXIS

    @property
    def pixels(self) -> tuple[int, int]:
        """(width, height) of the page."""
        width, height = self.size
        return round(width * DPI), round(height * DPI)

    @property
    def fits(self) -> bool:
        width, height = self.pixels
        return max(width, height) <= _LONGEST_SIDE and width * height <= _LARGEST_PAGE

    @property
    def sheet_box(self) -> tuple[float, float, float, float]:
        """(left, bottom, width, height) as fractions of the page."""
        (width, height), (page_width, page_height) = self.sheet, self.size
        left, bottom = (page_width - width) / 2, _HISTOGRAM + _HISTOGRAM_AXIS
        return left / page_width, bottom / page_height, width / page_width, height / page_height

    @property
    def histogram_box(self) -> tuple[float, float, float, float]:
        """(left, bottom, width, height) as fractions of the page."""
        width, height = self.size
        left = MARGIN + 0.35
        return left / width, 0.5 / height, 1 - (left + MARGIN) / width, _HISTOGRAM / height

    def corner(self, index: int) -> tuple[float, float]:
        """Left and top of a block on the sheet, y down."""
        line, place = divmod(index, self.abreast)
        return place * (self.block + _BLOCK_GAP), _COLUMN_NAMES + line * self._line


class ShapeLayout(Layout):
    """A page of shapes, each with a line below it for what must be known of its mesh."""

    least_columns = 2
    legend = 0.2


class StripLayout(Layout):
    """A page of copies, each with its parents, and below it where it comes from and its label."""

    noun = "copies"
    least_columns = 2
    legend = 0.4
