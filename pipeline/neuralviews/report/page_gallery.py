"""The gallery of a store's page: sources beside their views, or copies beside their parents."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..errors import OptionError, SpecError
from .copies import make_strips
from .page_html import Html, element, joined
from .page_tiles import block, blocks
from .painter import Painter
from .panels import Panel, make_panels
from .sheet import ALARM, INK, PALE, Tile

if TYPE_CHECKING:
    from ..signals.catalogue import Source
    from ..store.reader import Store

__all__ = ["OBJECTS", "VIEWS", "gallery_section"]

OBJECTS, VIEWS = 12, 3


def gallery_section(
    store: "Store", source: "Source | None", parent: "Store | None", painter: Painter
) -> Html:
    """Up to `OBJECTS` objects with `VIEWS` views each, or as many copies, evenly spread over the classes.

    Raises:
        IntegrityError: another store than the parent, or copies that cannot be of its records.
        EngineError: this neuralviews has other versions of the operations than what made the store.
    """
    try:
        if store.kind == "augment":
            found = [
                block(strip.title, [(strip.label, PALE)], strip.tiles)
                for strip in make_strips(store, parent, painter, OBJECTS)
            ]
            told = _copies_told(painter, with_parents=parent is not None)
        else:
            found = [_object(panel) for panel in make_panels(store, painter, OBJECTS, VIEWS)]
            told = _views_told(painter, with_sources=source is not None)
    except (SpecError, OptionError) as error:
        reason = str(error).replace(str(store.root), "the store")  # a page does not say where it lay
        return element("p", f"Not drawn: {reason}.")
    return joined([element("p", told, class_="note"), blocks(found)])


def _object(panel: Panel) -> Html:
    title = f"#{panel.object_id}" + (f" · {panel.label}" if panel.label else "")
    return block(title, [panel.painting.note], _tiles(panel))


def _tiles(panel: Panel) -> Iterator[Tile]:
    painting, nothing = panel.painting, ("", PALE)
    if painting.source is not None:
        yield Tile(painting.source, "source", (nothing, nothing))
    for view, image, (quality, more), diverged in zip(
        panel.views, painting.images, painting.quality, panel.diverged, strict=True
    ):
        color = ALARM if diverged else INK
        yield Tile(
            image, f"view {view}", ((quality, color), ("diverged", ALARM) if diverged else (more, INK))
        )


def _views_told(painter: Painter, *, with_sources: bool) -> str:
    if with_sources:
        return "Objects evenly spread over the classes: the source, then views of it."
    return (
        f"Objects evenly spread over the classes: views alone, as no source was given, on {painter.canvas}."
    )


def _copies_told(painter: Painter, *, with_parents: bool) -> str:
    which = "Copies evenly spread over pipelines and classes"
    if with_parents:
        return f"{which}: their parents, what they should render, and what they render."
    return f"{which}: copies alone, as no parent store was given, on {painter.canvas}."
