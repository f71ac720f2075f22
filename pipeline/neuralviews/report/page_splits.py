"""Splits and classes of a store, on its page: how many records and objects each has."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..fit.facts import field_facts
from ..records import NO_LABEL, Split
from .page_bars import bar
from .page_html import DRAWN, Html, element, joined, table
from .wording import label_text, shortened

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["splits_section"]

_MOST_CLASSES = 100
_LONGEST_NAME = 60


def splits_section(store: "Store") -> Html:
    """Records and objects by split, and records by class and split."""
    return joined([_splits(store), element("h3", "Classes"), _classes(store)])


def _splits(store: "Store") -> Html:
    summary = store.manifest.summary.splits
    rows = []
    for part in Split:
        records, objects = summary[part.name].records, summary[part.name].objects
        share = records / len(store)
        bar_of = bar([(share, part.name)])
        rows.append((part.name, f"{records:,}", f"{objects:,}", f"{100 * share:.1f} %", bar_of))
    header = ("split", "records", "objects", "share", DRAWN)
    return table("Records and objects of each split", header, rows, numbers=(1, 2, 3))


def _classes(store: "Store") -> Html:
    label, split = store.column("label"), store.column("split")
    classes, rank = np.unique(label, return_inverse=True)
    if not (classes != NO_LABEL).any():
        return element("p", "No record has a label.")
    counts = np.bincount(rank * len(Split) + split, minlength=len(classes) * len(Split))
    counts = counts.reshape(len(classes), len(Split))
    totals = counts.sum(axis=1)
    shown = np.sort(np.argsort(-totals, kind="stable")[:_MOST_CLASSES])
    names, longest = field_facts(store).class_names, int(totals.max())
    rows = [
        _cells(label_text(names, int(classes[place])) or "none", counts[place], longest)
        for place in shown.tolist()
    ]
    key = (element("span", _swatch(part), f"{part.name} ") for part in Split)
    caption = "Records of each class by split"
    if len(shown) < len(classes):
        caption += f": the {len(shown):,} largest of {len(classes):,} classes"
    known = totals[classes != NO_LABEL]
    balance = (
        f"The largest class has {int(known.max()):,} records, the smallest {int(known.min()):,}: "
        f"a ratio of {known.max() / known.min():.2f}."
    )
    header = ("class", *Split.__members__, "all", DRAWN)
    return joined(
        [
            element("p", balance),
            element("p", *key, class_="note"),
            table(caption, header, rows, numbers=range(1, len(Split) + 2)),
        ]
    )


def _cells(name: str, counts: NDArray[np.int64], longest: int) -> tuple[str, ...]:
    parts = [(int(count) / longest, part.name) for part, count in zip(Split, counts, strict=True)]
    told = (f"{int(count):,}" for count in counts)
    return shortened(name, _LONGEST_NAME), *told, f"{int(counts.sum()):,}", bar(parts)


def _swatch(part: Split) -> Html:
    square = element("rect", width="1", height="1", class_=part.name)
    return element("svg", square, viewBox="0 0 1 1", class_="key", aria_hidden="true")
