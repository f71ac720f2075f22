"""The gallery of a store: sources beside their views, how good each is, and how good all fields are."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from ..errors import OptionError
from ..fit.facts import field_facts
from ..records import Status
from .histogram import draw_histogram
from .layout import Layout, ShapeLayout
from .measures import PSNR, measure_of, shape_summary
from .painter import painter_of
from .panels import Panel, make_panels
from .sheet import ALARM, INK, PALE, Tile, draw_heading, draw_legends, draw_sheet, new_figure, write
from .wording import shortened

if TYPE_CHECKING:
    from ..signals.catalogue import Source
    from ..store.reader import Store

__all__ = ["draw_gallery", "gallery"]


def gallery(
    store: "Store", source: "Source | None", out: str | Path, *, objects: int = 12, views: int = 3
) -> None:
    """Draw a store and write the picture; the suffix of ``out`` names the format.

    Raises:
        OutputError: the format is unknown, the page would be too large, or the file cannot be written.
        OptionError: the store holds augmented copies.
        SpecError: the fields are neither images nor shapes.
    """
    write(out, lambda: draw_gallery(store, source, objects=objects, views=views))


def draw_gallery(store: "Store", source: "Source | None", *, objects: int = 12, views: int = 3) -> Figure:
    """Draw up to ``objects`` objects with up to ``views`` views each, and a histogram of all fields.

    Of shapes, surfaces are drawn. Without a source only reconstructions are shown, and the figure says so.

    Raises:
        OutputError: the page would be too large.
        OptionError: the store holds augmented copies.
        SpecError: the fields are neither images nor shapes.
    """
    if store.kind == "augment":
        raise OptionError(
            f"gallery: {store.root} holds augmented copies, expected fields fitted to a source; "
            "report.strip.copy_gallery draws those"
        )
    page = _layout(store, objects, views, has_source=source is not None)
    painter, measure = painter_of(store, source), measure_of(store)
    panels = make_panels(store, painter, objects, views)
    figure = new_figure(page.size)
    _draw_heading(figure, store, "" if source is not None else painter.canvas)
    sheet = draw_sheet(figure, page, page.sheet_box, [_tiles(panel) for panel in panels])
    draw_legends(sheet, page, [[panel.painting.note] for panel in panels])
    recipe = field_facts(store).recipe
    floor = recipe.fit.min_psnr if recipe is not None and measure is PSNR else None
    draw_histogram(figure.add_axes(page.histogram_box), store, floor, measure=measure)
    return figure


def _layout(store: "Store", objects: int, views: int, *, has_source: bool) -> Layout:
    """The page, checked before anything is drawn on it."""
    there = len(np.unique(store.column("object_id")))
    views_there = len(np.unique(store.column("view")))
    kind = Layout if shape_summary(store) is None else ShapeLayout
    return kind.checked(min(objects, there), min(views, views_there) + has_source)


def _draw_heading(figure: Figure, store: "Store", canvas: str) -> None:
    """``canvas`` says what fields are drawn on if there is no source."""
    measure, shapes = measure_of(store), shape_summary(store)
    objects, views = len(np.unique(store.column("object_id"))), int(store.column("view").max()) + 1
    facts = [
        f"dataset {store.dataset_id[:12]}",
        f"{objects:,} object{'s' * (objects > 1)} × {views} view{'s' * (views > 1)}",
        f"SIREN {'-'.join(map(str, store.spec.dims))}",
        f"median {measure.name} {measure.text(measure.median(store))}",
    ]
    if diverged := int((store.column("status") == Status.diverged).sum()):
        facts.append(f"{diverged:,} diverged")
    notes = [f"no source given: reconstructions only, drawn on {canvas}"] if canvas else []
    if shapes is not None and shapes.marked:
        notes.append(f"signs unreliable in {shapes.marked:,} object{'s' * (shapes.marked > 1)}")
    draw_heading(figure, field_facts(store).name, facts, "   ·   ".join(notes))


def _tiles(panel: Panel) -> list[Tile]:
    """One object: its source, then its views."""
    number, label, painting = f"#{panel.object_id}", shortened(panel.label, 13), panel.painting
    tiles: list[Tile] = []
    if painting.source is not None:
        first, second = (label, number) if label else (number, "")
        tiles.append(Tile(painting.source, "source", ((first, PALE), (second, PALE))))
    for view, image, (quality, more), diverged in zip(
        panel.views, painting.images, painting.quality, panel.diverged, strict=True
    ):
        below = ("diverged", ALARM) if diverged else (more, INK)
        if not tiles:  # no source that says what this is
            below = (f"{label} {number}".strip(), PALE)
        tiles.append(Tile(image, f"view {view}", ((quality, ALARM if diverged else INK), below)))
    return tiles
