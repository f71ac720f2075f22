"""How good records are, on a store's page: all of them in a picture and in numbers, and the worst."""

import io
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..augment.stated import stated_copies
from ..errors import OptionError, SpecError
from ..fit.facts import field_facts
from ..records import Split, Status
from .histogram import draw_histogram
from .measures import PSNR, SURFACE_ERROR, Measure, measure_of
from .page_html import Html, element, joined, picture, table
from .page_tiles import thumbnail
from .painter import Painter, Picture
from .sheet import new_figure
from .wording import decibels, label_text, shares_text, shortened

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["WORST", "quality_section", "worst_rows"]

WORST = 12
_LONGEST_LABEL = 60
_SIZE, _BOX, _DPI = (4.4, 2.4), (0.12, 0.19, 0.85, 0.7), 200  # inches; fractions; dots an inch
_SHARES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 1.0)
_SHARE_NAMES = ("lowest", "1 % below", "5 % below", "25 % below", "median", "75 % below", "highest")


def quality_section(store: "Store", painter: Painter) -> Html:
    """Histogram, order statistics by split, and the worst records with small pictures."""
    measure = measure_of(store)
    having = int(measure.having(store).sum())
    if not having:
        return element("p", f"No {measure.name} is known of any record.")
    return joined(
        [
            element("p", _told(store, measure, having)),
            element("figure", _histogram(store, measure)),
            _quantiles(store, measure),
            element("h3", "The worst records"),
            _worst(store, measure, painter),
        ]
    )


def worst_rows(store: "Store", measure: Measure, count: int) -> NDArray[np.intp]:
    """The records that are worst by a number, of those that have it; the first ones where it is the same."""
    rows = np.flatnonzero(measure.having(store))
    values = store.column(measure.column)[rows]
    order = np.argsort(-values if measure is SURFACE_ERROR else values, kind="stable")
    return rows[order[:count]]


def _told(store: "Store", measure: Measure, having: int) -> str:
    of, against = "records", ""
    if store.kind == "augment":
        of, against = "copies", " against what each copy should render"
    lacking = f"; of the other {len(store) - having:,} it is not known" if having < len(store) else ""
    return (
        f"{measure.name}{against} of {having:,} {of}{lacking}. The median is "
        f"{measure.text(measure.median(store))}."
    )


def _histogram(store: "Store", measure: Measure) -> Html:
    figure, data = new_figure(_SIZE), io.BytesIO()
    of = "copies" if store.kind == "augment" else "fields"
    draw_histogram(figure.add_axes(_BOX), store, _floor(store, measure), measure=measure, of=of)
    figure.savefig(data, format="png", dpi=_DPI)
    width, height = (round(96 * side) for side in _SIZE)
    alt = f"Histogram of the {measure.name} of all {of} by split; the table below has its numbers."
    return picture(data.getvalue(), alt, (width, height), "chart")


def _floor(store: "Store", measure: Measure) -> float | None:
    """The least PSNR that a recipe or a plan asked for."""
    if measure is not PSNR:
        return None
    if store.kind == "augment":
        return stated_copies(store).plan.reject.min_psnr
    recipe = field_facts(store).recipe
    return None if recipe is None else recipe.fit.min_psnr


def _quantiles(store: "Store", measure: Measure) -> Html:
    values, having = store.column(measure.column), measure.having(store)
    split = store.column("split")
    parts = [("all", having), *((part.name, having & (split == part)) for part in Split)]
    rows = [
        (
            name,
            f"{int(chosen.sum()):,}",
            *(_told_finely(measure, value) for value in _order_statistics(values[chosen])),
        )
        for name, chosen in parts
        if chosen.any()
    ]
    header = ("split", "records", *_SHARE_NAMES)
    return table(f"{measure.name} by split", header, rows, numbers=range(1, len(header)))


def _told_finely(measure: Measure, value: float) -> str:
    return decibels(value, 2) if measure is PSNR else measure.text(value)


def _order_statistics(values: NDArray[np.float32]) -> list[float]:
    """Each is the value of some record: the lower one where a share falls between two."""
    ordered = np.sort(values)
    return [float(ordered[math.floor(share * (len(ordered) - 1))]) for share in _SHARES]


def _worst(store: "Store", measure: Measure, painter: Painter) -> Html:
    rows = worst_rows(store, measure, WORST)
    drawn = dict(_pictures(store, painter, rows))
    with_sources = any(source is not None for source, _ in drawn.values())
    shown = (["source"] if with_sources else []) + (["field"] if drawn else [])
    header = ["record", *shown, measure.name, "label", "object", "view", "steps", "status"]
    lines = []
    for row in rows.tolist():
        source, field = drawn.get(row, (None, None))
        pictures = [
            *(
                ["" if source is None else thumbnail(source, f"source of record {row}")]
                if with_sources
                else []
            ),
            *([] if field is None else [thumbnail(field, f"record {row} as it renders")]),
        ]
        lines.append([f"{row}", *pictures, *_cells(store, measure, row)])
    order = "highest" if measure is SURFACE_ERROR else "lowest"
    caption = f"{len(rows):,} record{'s' * (len(rows) > 1)} of the {order} {measure.name}"
    numbers = [header.index(name) for name in ("record", measure.name, "object", "view", "steps")]
    return table(caption, header, lines, numbers=numbers)


def _cells(store: "Store", measure: Measure, row: int) -> list[str]:
    names, record = field_facts(store).class_names, store.record(row)
    status = Status(record["status"]).name
    label = label_text(names, record["label"])
    if store.kind == "augment":
        label = shares_text(names, np.array(record["classes"]), np.array(record["shares"]))
        status = "rejected" if record["status"] == Status.diverged else status
    quality = _told_finely(measure, record[measure.column])
    of = (f"{record['object_id']}", f"{record['view']}", f"{record['steps']:,}")
    return [quality, shortened(label, _LONGEST_LABEL), *of, status]


def _pictures(
    store: "Store", painter: Painter, rows: NDArray[np.intp]
) -> Iterator[tuple[int, tuple[Picture | None, Picture]]]:
    """Row -> its source, if that is there, and itself; nothing of what cannot be drawn."""
    try:
        if store.kind == "augment":
            for row, image in zip(rows.tolist(), painter.fields(store.weights(rows)), strict=True):
                yield row, (None, image)
            return
        chosen: dict[int, list[int]] = {}
        for row, object_id in zip(rows.tolist(), store.column("object_id")[rows].tolist(), strict=True):
            chosen.setdefault(object_id, []).append(row)
        for object_id, painting in painter.objects(chosen).items():
            for row, image in zip(chosen[object_id], painting.images, strict=True):
                yield row, (painting.source, image)
    except (SpecError, OptionError):
        return  # the gallery says why
