"""The gallery of an augmented store: copies beside their parents and what they should render."""

from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..augment.stated import stated_copies
from ..errors import OptionError
from ..records import Status
from .copies import Strip, make_strips
from .histogram import draw_histogram
from .layout import StripLayout
from .measures import PSNR
from .origins import has_mixtures
from .painter import painter_of
from .sheet import INK, PALE, draw_heading, draw_legends, draw_sheet, new_figure, write
from .wording import shortened

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["copy_gallery", "draw_copy_gallery", "draw_strips"]


def copy_gallery(store: "Store", parent: "Store | None", out: str | Path, *, copies: int = 12) -> None:
    """Draw an augmented store and write the picture; the suffix of ``out`` names the format.

    Raises:
        OutputError: the format is unknown, the page would be too large, or the file cannot be written.
        OptionError, SpecError, IntegrityError, EngineError: as `draw_copy_gallery`.
    """
    write(out, lambda: draw_copy_gallery(store, parent, copies=copies))


def draw_copy_gallery(store: "Store", parent: "Store | None", *, copies: int = 12) -> Figure:
    """Draw up to ``copies`` copies with their parents and what they should render, and every PSNR.

    Without the parents only copies are shown, and the figure says so.

    Raises:
        OutputError: the page would be too large.
        OptionError: the store does not hold augmented copies, or what their surfaces are is not known.
        SpecError: the fields are neither images nor shapes.
        IntegrityError: another store than the parent, or copies that cannot be of its records.
        EngineError: this neuralviews has other versions of the operations than what made the store.
    """
    if store.kind != "augment":
        raise OptionError(
            f"gallery: {store.root} has no parent, its kind is '{store.kind}'; leave the parent out"
        )
    page = StripLayout.checked(min(copies, len(store)), 1 if parent is None else 3 + has_mixtures(store))
    painter = painter_of(store)
    strips = make_strips(store, parent, painter, copies)
    figure = new_figure(page.size)
    _draw_heading(figure, store, "" if parent is not None else painter.canvas)
    draw_strips(figure, page, page.sheet_box, strips)
    histogram, floor = figure.add_axes(page.histogram_box), stated_copies(store).plan.reject.min_psnr
    draw_histogram(histogram, store, floor, of="copies", against="what each copy should render")
    return figure


def draw_strips(
    figure: Figure, page: StripLayout, box: tuple[float, float, float, float], strips: list[Strip]
) -> Axes:
    """Draw copies on a sheet; see `sheet.draw_sheet`."""
    sheet = draw_sheet(figure, page, box, [strip.tiles for strip in strips])
    draw_legends(sheet, page, [[(strip.title, INK), (strip.label, PALE)] for strip in strips])
    return sheet


def _draw_heading(figure: Figure, store: "Store", canvas: str) -> None:
    """``canvas`` says what copies are drawn on if their parents are not there."""
    stated = stated_copies(store)
    facts = [
        f"dataset {store.dataset_id[:12]}",
        f"{len(store):,} cop{'ies' if len(store) > 1 else 'y'}",
        f"SIREN {'-'.join(map(str, store.spec.dims))}",
        f"median PSNR {PSNR.text(PSNR.median(store))}",
    ]
    if rejected := int((store.column("status") == Status.diverged).sum()):
        facts.append(f"{rejected:,} rejected")
    note = f"plan {shortened(stated.plan.name, 32)}   ·   parent {stated.parent.dataset_id[:12]}"
    if canvas:
        note += f", not given: copies only, drawn on {canvas}"
    draw_heading(figure, stated.name, facts, note)
