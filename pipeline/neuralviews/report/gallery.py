"""The gallery of a store: sources beside their views, the PSNR of each, and the PSNRs of all fields."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ..errors import OutputError
from ..fit.stated import stated_job
from ..records import Split, Status
from .layout import DPI, GAP, MARGIN, TILE, Layout
from .panels import Panel, make_panels, shape_without_source

if TYPE_CHECKING:
    from ..signals.catalogue import Source
    from ..store.reader import Store

__all__ = ["draw_gallery", "gallery"]

_FORMATS = ("png", "pdf", "svg", "jpg")
_INK, _PALE, _ALARM = "#222222", "#777777", "#b3261e"
_SPLIT_COLORS = {Split.train: "#3b6ea5", Split.val: "#e0a030", Split.test: "#8fb8de"}

Caption = tuple[tuple[str, str], tuple[str, str]]
"""Two lines below a tile, each with its colour."""


def gallery(
    store: "Store", source: "Source | None", out: str | Path, *, objects: int = 12, views: int = 3
) -> None:
    """Draw a store and write the picture; the suffix of ``out`` names the format.

    Raises:
        OutputError: the format is unknown, the page would be too large, or the file cannot be written.
        SpecError: the fields are not images.
    """
    out = Path(out)
    kind = out.suffix.lstrip(".").lower()
    if kind not in _FORMATS:
        raise OutputError(f"{out}: found suffix '{out.suffix}', expected one of .{', .'.join(_FORMATS)}")
    picture = io.BytesIO()
    figure = draw_gallery(store, source, objects=objects, views=views)
    try:
        figure.savefig(picture, format=kind, dpi=DPI)
        out.write_bytes(picture.getvalue())
    except (OSError, ValueError, MemoryError) as error:  # the encoders of pictures raise the latter two
        cause = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        raise OutputError(f"{out}: the gallery cannot be written: {cause}") from error


def draw_gallery(store: "Store", source: "Source | None", *, objects: int = 12, views: int = 3) -> Figure:
    """Draw up to ``objects`` objects with up to ``views`` views each, and a histogram of every PSNR.

    Without a source only reconstructions are shown, and the figure says so.

    Raises:
        OutputError: the page would be too large.
        SpecError: the fields are not images.
    """
    page = _layout(store, objects, views, has_source=source is not None)
    panels = make_panels(store, source, objects, views)
    figure = Figure(figsize=page.size, facecolor="white")
    FigureCanvasAgg(figure)
    _draw_heading(figure, store, source is not None)
    sheet = figure.add_axes(page.sheet_box, frameon=False)
    sheet.set(xticks=[], yticks=[])
    for index, panel in enumerate(panels):
        x, y = page.corner(index)
        _draw_panel(sheet, panel, x, y, named=index < page.abreast)
    width, height = page.sheet
    sheet.set(xlim=(0, width), ylim=(height, 0))  # inches, y down
    _draw_histogram(figure.add_axes(page.histogram_box), store)
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
        f"median PSNR {np.median(store.column('psnr')):.1f} dB",
    ]
    if diverged := int((store.column("status") == Status.diverged).sum()):
        facts.append(f"{diverged:,} diverged")
    lines = [(0.36, stated_job(store).name, 14, _INK), (0.60, "   ·   ".join(facts), 8, _PALE)]
    if not has_source:
        height, width = shape_without_source(store)
        note = f"no source given: reconstructions only, drawn on {height} × {width} pixels"
        lines.append((0.77, note, 8, _PALE))
    for down, text, size, color in lines:
        figure.text(
            MARGIN / figure.get_figwidth(),
            1 - down / figure.get_figheight(),
            text,
            size=size,
            color=color,
            weight="bold" if color == _INK else "normal",
        )


def _draw_panel(sheet: Axes, panel: Panel, x: float, y: float, *, named: bool) -> None:
    """One object at (x, y) inches: its source, then its views, with captions below and names above."""
    number, label = f"#{panel.object_id}", _shortened(panel.label)
    tiles: list[tuple[NDArray[np.float32], str, Caption]] = []
    if panel.source is not None:
        first, second = (label, number) if label else (number, "")
        tiles.append((panel.source, "source", ((first, _PALE), (second, _PALE))))
    for view, image, psnr, diverged in zip(
        panel.views, panel.images, panel.psnr, panel.diverged, strict=True
    ):
        below = ("diverged", _ALARM) if diverged else ("", _PALE)
        tiles.append((image, f"view {view}", ((f"{psnr:.1f} dB", _ALARM if diverged else _INK), below)))
    if panel.source is None:
        image, name, (quality, _) = tiles[0]
        tiles[0] = (image, name, (quality, (f"{label} {number}".strip(), _PALE)))
    for index, (image, name, caption) in enumerate(tiles):
        left = x + index * (TILE + GAP)
        _draw_tile(sheet, image, left, y)
        middle, bottom = left + TILE / 2, y + TILE
        for line, (text, color) in enumerate(caption):
            sheet.text(middle, bottom + 0.12 + 0.11 * line, text, size=6.5, color=color, ha="center")
        if named:
            sheet.text(middle, y - 0.06, name, size=7, color=_PALE, ha="center")


def _draw_tile(sheet: Axes, image: NDArray[np.float32], left: float, top: float) -> None:
    """An image in the middle of a square tile, its pixels square and unsmoothed."""
    height, width = image.shape[:2]
    scale = TILE / max(height, width)
    x, y = left + (TILE - width * scale) / 2, top + (TILE - height * scale) / 2
    sheet.imshow(
        image,
        cmap="gray",
        vmin=0,
        vmax=1,
        interpolation="nearest",
        aspect="auto",
        extent=(x, x + width * scale, y + height * scale, y),
    )


def _shortened(text: str, limit: int = 13) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _draw_histogram(axes: Axes, store: "Store") -> None:
    """PSNRs of all fields, stacked by split; what lies outside the axis is counted in the outermost bins."""
    psnr, split = store.column("psnr").astype(np.float64), store.column("split")
    floor: float | None = stated_job(store).recipe.fit.min_psnr
    low, high = _histogram_range(psnr, floor)
    shown = [part for part in Split if (split == part).any()]
    axes.hist(
        [np.clip(psnr[split == part], low, high) for part in shown],
        bins=list(np.linspace(low, high, int(np.clip(np.sqrt(len(psnr)), 16, 80)) + 1)),
        stacked=True,
        color=[_SPLIT_COLORS[part] for part in shown],
        label=[f"{part.name} {int((split == part).sum()):,}" for part in shown],
    )
    axes.set(xlim=(low, high), ylim=(0, axes.get_ylim()[1] * 1.2))
    median = float(np.median(psnr))
    _mark(axes, median, f"median {median:.1f} dB", _INK, line=0)
    if floor is not None:
        _mark(axes, floor, f"floor {floor:g} dB", _ALARM, line=1)
    axes.set_xlabel("PSNR (dB)", size=8, color=_INK)
    axes.set_ylabel("fields", size=8, color=_INK)
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.tick_params(labelsize=7, color=_PALE, labelcolor=_INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_PALE)
    axes.legend(
        fontsize=7,
        frameon=False,
        loc="lower right",
        bbox_to_anchor=(1, 1),
        borderaxespad=0,
        ncols=len(shown),
        labelcolor=_INK,
    )


def _histogram_range(psnr: NDArray[np.float64], floor: float | None) -> tuple[float, float]:
    """From the 0.1st to the 99.9th percentile with some room, and to the floor unless it lies far below."""
    low, high = np.percentile(psnr, (0.1, 99.9))
    if floor is not None and floor > low - 2 * (high - low):
        low, high = min(low, floor), max(high, floor)
    room = max(0.06 * (high - low), 0.05)
    return float(low - room), float(high + room)


def _mark(axes: Axes, x: float, text: str, color: str, *, line: int) -> None:
    """A vertical line, named on the side that has room, on a text line of its own.

    What lies to the left of the axis is named at its end, with an arrow.
    """
    low, high = axes.get_xlim()
    if x < low:
        x, text = low, f"← {text}"
    else:
        axes.axvline(x, color=color, linewidth=1, linestyle="--")
    on_left = x < (low + high) / 2
    axes.annotate(
        text,
        (x, 1),
        xycoords=("data", "axes fraction"),
        xytext=(4 if on_left else -4, -2 - 10 * line),
        textcoords="offset points",
        size=7.5,
        color=color,
        ha="left" if on_left else "right",
        va="top",
    )
