"""The gallery of a store: sources beside their views, the PSNR of each, and the PSNRs of all fields."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from ..errors import OptionError
from ..fit.stated import stated_job
from ..records import Status
from .histogram import draw_histogram
from .layout import Layout
from .panels import Panel, make_panels, shape_without_source
from .sheet import ALARM, INK, PALE, Tile, draw_heading, draw_sheet, new_figure, write
from .wording import decibels, shortened

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
        SpecError: the fields are not images.
    """
    write(out, lambda: draw_gallery(store, source, objects=objects, views=views))


def draw_gallery(store: "Store", source: "Source | None", *, objects: int = 12, views: int = 3) -> Figure:
    """Draw up to ``objects`` objects with up to ``views`` views each, and a histogram of every PSNR.

    Without a source only reconstructions are shown, and the figure says so.

    Raises:
        OutputError: the page would be too large.
        OptionError: the store holds augmented copies.
        SpecError: the fields are not images.
    """
    if store.kind == "augment":
        raise OptionError(
            f"gallery: {store.root} holds augmented copies, expected fields fitted to a source; "
            "report.strip.copy_gallery draws those"
        )
    page = _layout(store, objects, views, has_source=source is not None)
    panels = make_panels(store, source, objects, views)
    figure = new_figure(page.size)
    _draw_heading(figure, store, source is not None)
    draw_sheet(figure, page, page.sheet_box, [_tiles(panel) for panel in panels])
    draw_histogram(figure.add_axes(page.histogram_box), store, stated_job(store).recipe.fit.min_psnr)
    return figure


def _layout(store: "Store", objects: int, views: int, *, has_source: bool) -> Layout:
    """The page, checked before anything is drawn on it."""
    there = len(np.unique(store.column("object_id")))
    views_there = len(np.unique(store.column("view")))
    return Layout.checked(min(objects, there), min(views, views_there) + has_source)


def _draw_heading(figure: Figure, store: "Store", has_source: bool) -> None:
    objects, views = len(np.unique(store.column("object_id"))), int(store.column("view").max()) + 1
    facts = [
        f"dataset {store.dataset_id[:12]}",
        f"{objects:,} object{'s' * (objects > 1)} × {views} view{'s' * (views > 1)}",
        f"SIREN {'-'.join(map(str, store.spec.dims))}",
        f"median PSNR {decibels(store.manifest.summary.psnr.median)}",
    ]
    if diverged := int((store.column("status") == Status.diverged).sum()):
        facts.append(f"{diverged:,} diverged")
    height, width = shape_without_source(store)
    note = f"no source given: reconstructions only, drawn on {height} × {width} pixels"
    draw_heading(figure, stated_job(store).name, facts, "" if has_source else note)


def _tiles(panel: Panel) -> list[Tile]:
    """One object: its source, then its views."""
    number, label = f"#{panel.object_id}", shortened(panel.label, 13)
    tiles: list[Tile] = []
    if panel.source is not None:
        first, second = (label, number) if label else (number, "")
        tiles.append(Tile(panel.source, "source", ((first, PALE), (second, PALE))))
    for view, image, psnr, diverged in zip(
        panel.views, panel.images, panel.psnr, panel.diverged, strict=True
    ):
        below = ("diverged", ALARM) if diverged else ("", PALE)
        if not tiles:  # no source that says what this is
            below = (f"{label} {number}".strip(), PALE)
        tiles.append(Tile(image, f"view {view}", ((decibels(psnr), ALARM if diverged else INK), below)))
    return tiles
