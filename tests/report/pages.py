"""Pages as people see them."""

import itertools

from matplotlib.figure import Figure
from matplotlib.text import Text


def drawn_texts(figure: Figure) -> list[Text]:
    """Every text that can be seen; axes also keep labels of ticks outside their limits."""
    figure.draw_without_rendering()
    hidden: set[Text] = set()
    for axes in figure.axes:
        for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            ticks = zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True)
            hidden |= {label for place, label in ticks if not low <= place <= high}
    return [
        text
        for text in figure.findobj(Text)
        if isinstance(text, Text) and text.get_visible() and text.get_text() and text not in hidden
    ]


def require_readable(figure: Figure) -> None:
    """No text overlaps another or leaves the page."""
    boxes = [(text.get_text(), text.get_window_extent()) for text in drawn_texts(figure)]
    assert len(boxes) > 5
    page = figure.bbox
    for name, box in boxes:
        assert page.x0 <= box.x0 <= box.x1 <= page.x1, name
        assert page.y0 <= box.y0 <= box.y1 <= page.y1, name
    for (one, first), (other, second) in itertools.combinations(boxes, 2):
        assert not first.overlaps(second), (one, other)
