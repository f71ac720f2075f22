"""How good all records of a store are, in one picture."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ..records import Split
from .measures import PSNR, Measure
from .sheet import ALARM, INK, PALE

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["draw_histogram"]

_SPLIT_COLORS = {Split.train: "#3b6ea5", Split.val: "#e0a030", Split.test: "#8fb8de"}


def draw_histogram(
    axes: Axes,
    store: "Store",
    floor: float | None,
    *,
    measure: Measure = PSNR,
    of: str = "fields",
    against: str = "",
) -> None:
    """Values stacked by split; what lies outside the axis is counted in the outermost bins.

    Args:
        floor: the least that was asked for; None for no such mark.
        measure: what is counted, of the records that have it.
        of: what has these values.
        against: what they were compared with, if it need be said.
    """
    having = measure.having(store)
    values, split = store.column(measure.column)[having], store.column("split")[having]
    if not len(values):
        axes.set_axis_off()
        axes.text(0, 1, f"no {measure.name} is known", size=8, color=PALE, ha="left", va="top")
        return
    low, high = _range(measure, values, floor)
    shown = [part for part in Split if (split == part).any()]
    axes.hist(
        [np.clip(values[split == part].astype(np.float64), low, high) for part in shown],
        bins=list(np.linspace(low, high, int(np.clip(np.sqrt(len(values)), 16, 80)) + 1)),
        stacked=True,
        color=[_SPLIT_COLORS[part] for part in shown],
        label=[f"{part.name} {int((split == part).sum()):,}" for part in shown],
    )
    exact, median = int((values >= measure.perfect).sum()), measure.median(store)
    room = 1.35 if exact else 1.2  # for the lines of text above the bars
    axes.set(xlim=(low, high), ylim=(0, axes.get_ylim()[1] * room))
    _mark(axes, median, f"median {measure.text(median)}", INK, line=0)
    if floor is not None:
        _mark(axes, floor, f"floor {floor:g} dB", ALARM, line=1)
    if exact:
        _mark(axes, measure.perfect, f"{exact:,} at {measure.text(measure.perfect)}", PALE, line=2)
    some = "" if having.all() else f" of the {len(values):,} {of} that have one"
    against = against and f" against {against}"
    axes.set_xlabel(f"{measure.name}{some}{against}{measure.unit}", size=8, color=INK)
    axes.set_ylabel(of, size=8, color=INK)
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.tick_params(labelsize=7, color=PALE, labelcolor=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(PALE)
    axes.legend(
        fontsize=7,
        frameon=False,
        loc="lower right",
        bbox_to_anchor=(1, 1),
        borderaxespad=0,
        ncols=len(shown),
        labelcolor=INK,
    )


def _range(measure: Measure, values: NDArray[np.float32], floor: float | None) -> tuple[float, float]:
    """From the 0.1st to the 99.9th percentile with some room, and to the floor unless it lies far below.

    Fields without any error are left out: what stands for infinity would squeeze the others into one bar.
    """
    erring = values[values < measure.perfect]
    low, high = np.percentile((erring if len(erring) else values).astype(np.float64), (0.1, 99.9))
    if floor is not None and floor > low - 2 * (high - low):
        low, high = min(low, floor), max(high, floor)
    room = max(0.06 * (high - low), measure.step)
    return max(float(low - room), measure.low), min(float(high + room), measure.high)


def _mark(axes: Axes, x: float, text: str, color: str, *, line: int) -> None:
    """A vertical line, named on the side that has room, on a text line of its own.

    What lies beyond an end of the axis is named at that end, with an arrow.
    """
    low, high = axes.get_xlim()
    if x < low:
        x, text = low, f"← {text}"
    elif x > high:
        x, text = high, f"{text} →"
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
