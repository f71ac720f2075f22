"""Accuracy over views, over objects and over augmentations, as pictures."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .results import Evaluation, Row
from .table import shown, varying

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["AXES", "KINDS", "draw", "pictures"]

AXES = ("views", "augment", "objects")
KINDS = ("png", "svg")
_COLOURS = ("#3b6ea5", "#c1622d", "#4d8f4d", "#8b5a9f", "#b3261e", "#6b6b6b", "#a38a1e", "#3a8f96")
_MOST_PANELS = 6
_PANEL = (3.6, 3.2)  # inches
_APART = 0.3


def pictures(evaluation: Evaluation) -> dict[str, bytes]:
    """PNG and SVG, by file name, over each of `AXES` that varies."""
    from ..report.sheet import plain_text

    told = varying(evaluation.rows)
    found = {}
    with plain_text():
        for axis in AXES:
            if axis in told:
                figure = draw(evaluation, axis)
                for kind in KINDS:
                    found[f"{axis}.{kind}"] = _encoded(figure, kind)
    return found


def draw(evaluation: Evaluation, axis: str) -> "Figure":
    """Test accuracy, mean and deviation over seeds, over one of `AXES`.

    A line a reader, and whatever else varies; panels side by side for another of `AXES` that does. The dotted
    line is what naming the largest class would give.
    """
    from ..report.sheet import new_figure

    rows = evaluation.rows
    other = next(
        (name for name in AXES if name != axis and 1 < len(_values(rows, name)) <= _MOST_PANELS), None
    )
    panels = [None] if other is None else _values(rows, other)
    ticks = _values(rows, axis)
    lines = [name for name in varying(rows) if name not in (axis, other)]
    series = list(dict.fromkeys(_label(row, lines) for row in rows))
    figure = new_figure((_PANEL[0] * len(panels) + 0.4, _PANEL[1] + 0.35 + 0.16 * ((len(series) + 2) // 3)))
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, panel in zip(grid, panels, strict=True):
        beside = [row for row in rows if other is None or row.condition[other] == panel]
        for place, name in enumerate(series):
            of_it = [row for row in beside if _label(row, lines) == name]
            apart = _APART * (place - (len(series) - 1) / 2) / len(series)
            _draw_line(axes, of_it, axis, ticks, name, apart, _COLOURS[place % len(_COLOURS)])
        axes.axhline(100 * evaluation.dataset["largest_class"], color="#bbbbbb", lw=0.8, ls=":")
        _dress(axes, axis, ticks, "" if other is None else f"{other} {shown(panel)}")
    grid[0].set_ylabel("test accuracy, %", size=8)
    handles, names = grid[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="lower center", ncols=min(3, len(names)), fontsize=7, frameon=False)
    figure.suptitle(f"{evaluation.dataset['name']}: accuracy over {axis}", size=10, weight="bold")
    figure.tight_layout(rect=(0, 0.05 + 0.03 * ((len(series) + 2) // 3), 1, 1))
    return figure


def _draw_line(
    axes: "Axes", rows: Sequence[Row], axis: str, ticks: Sequence[Any], name: str, apart: float, colour: str
) -> None:
    """Points with bars of one deviation, moved ``apart`` along the axis; joined where it has an order."""
    rows = sorted(rows, key=lambda row: ticks.index(row.condition[axis]))
    axes.errorbar(
        [ticks.index(row.condition[axis]) + apart for row in rows],
        [100 * row.test.mean for row in rows],
        yerr=[100 * (row.test.std or 0) for row in rows],
        label=name,
        color=colour,
        marker="o",
        markersize=3.5,
        lw=1.2,
        capsize=2,
        ls="none" if axis == "augment" else "-",
    )


def _dress(axes: "Axes", axis: str, ticks: Sequence[Any], title: str) -> None:
    from ..report.sheet import INK, PALE

    turned = axis == "augment"
    names, side = [shown(tick) for tick in ticks], "right" if turned else "center"
    axes.set_xticks(range(len(ticks)), names, rotation=30 * turned, ha=side)
    axes.set_xlim(-0.5, len(ticks) - 0.5)
    axes.tick_params(labelsize=7, colors=INK)
    axes.set_title(title, size=8, color=PALE)
    axes.set_xlabel("" if turned else axis, size=8)
    axes.grid(axis="y", color="#eeeeee")
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _values(rows: Sequence[Row], name: str) -> list[Any]:
    """In the order asked for; numbers ascending, all of them last."""
    found = list(dict.fromkeys(row.condition[name] for row in rows))
    if name == "augment":
        return found
    return sorted(found, key=lambda value: (value is None, value or 0))


def _label(row: Row, names: Sequence[str]) -> str:
    others = (f"{name} {shown(row.condition[name])}" for name in names if name != "reader")
    return " · ".join((row.condition["reader"], *others))


def _encoded(figure: "Figure", kind: str) -> bytes:
    from ..report.layout import DPI

    picture = io.BytesIO()
    figure.savefig(picture, format=kind, dpi=DPI, metadata={"Date": None} if kind == "svg" else None)
    return picture.getvalue()
