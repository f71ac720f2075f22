"""How far apart views lie before and after alignment, on a store's page."""

from typing import TYPE_CHECKING

import numpy as np

from ..records import NO_LABEL, Split, Status
from ..statistics.diversity import Diversity, diversity
from .page_bars import bar
from .page_html import DRAWN, Html, element, joined, table

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["diversity_section"]


def diversity_section(store: "Store") -> Html:
    """Mean squared distances of three kinds of pairs, and what they say of views."""
    train = store.column("split") == Split.train
    usable = train & (store.column("status") != Status.diverged)
    if np.count_nonzero(usable) < 2:
        return element("p", "The training split has fewer than two usable records, so there is no pair.")
    found = diversity(store)
    labelled = bool((store.column("label") != NO_LABEL).any())
    others = "objects of two classes" if labelled else "two objects"
    return joined(
        [
            element(
                "p",
                "Mean squared distance of the flat weights of two fields of the training split: as they are, "
                "and after the second was moved next to the first by permutations, signs and phases of "
                "hidden units, which leave its function as it is.",
            ),
            _table(found, others),
            _meaning(found, others),
        ]
    )


def _table(found: Diversity, others: str) -> Html:
    named = (
        ("views of one object", found.views),
        ("objects of one class", found.same_class),
        (others, found.other_class),
    )
    there = [(name, distance) for name, distance in named if distance is not None]
    longest = max((max(distance.before, distance.after) for _, distance in there), default=0.0) or 1.0
    rows = [
        (
            name,
            f"{distance.pairs:,}",
            f"{distance.before:.4g}",
            bar([(distance.before / longest, "before")]),
            f"{distance.after:.4g}",
            bar([(distance.after / longest, "after")]),
        )
        for name, distance in there
    ]
    lacking = [name for name, distance in named if distance is None]
    caption = "Squared distance of pairs" + (
        f"; there are no pairs of {', '.join(lacking)}" if lacking else ""
    )
    header = ("pairs of", "pairs", "as they are", DRAWN, "aligned", DRAWN)
    return table(caption, header, rows, numbers=(1, 2, 4))


def _meaning(found: Diversity, others: str) -> Html:
    if found.ratio is None:
        return element("p", "There are not both kinds of pairs whose ratio would be of interest.")
    before, after = found.ratio
    return element(
        "p",
        f"Views of one object lie {before:.3f} times as far apart as {others}, and {after:.3f} times after "
        "alignment. 1 means that the distance of weights does not tell views of an object from other "
        "objects; near 0, views are all but the same.",
    )
