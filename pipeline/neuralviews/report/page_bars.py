"""Plain pictures of numbers that stand beside them, as SVG within the page: they take its colours."""

from collections.abc import Sequence

from .page_html import Html, element

__all__ = ["bar", "columns"]

_LENGTH, _HEIGHT = 100, 20


def bar(parts: Sequence[tuple[float, str]]) -> Html:
    """A line of parts, one after the other.

    Args:
        parts: the share of the whole line, from 0 to 1, and the class of each.
    """
    start, drawn = 0.0, [_rectangle(0, 0, _LENGTH, 1, "back")]
    for share, name in parts:
        drawn.append(_rectangle(start, 0, _LENGTH * share, 1, name))
        start += _LENGTH * share
    return _drawing(f"0 0 {_LENGTH} 1", drawn, class_="bar", aria_hidden="true")


def columns(counts: Sequence[int], alt: str) -> Html:
    """A histogram without axes, as high as its largest count."""
    width, most = _LENGTH / len(counts), max(*counts, 1)
    drawn = [_rectangle(0, 0, _LENGTH, _HEIGHT, "back")]
    for place, count in enumerate(counts):
        height = _HEIGHT * count / most
        if count:
            drawn.append(_rectangle(place * width, _HEIGHT - height, width, height, "front"))
    return _drawing(f"0 0 {_LENGTH} {_HEIGHT}", drawn, class_="columns", role="img", aria_label=alt)


def _drawing(box: str, drawn: Sequence[Html], **attributes: str) -> Html:
    return element("svg", *drawn, viewBox=box, preserveAspectRatio="none", **attributes)


def _rectangle(x: float, y: float, width: float, height: float, name: str) -> Html:
    x_, y_, w, h = (f"{number:.2f}" for number in (x, y, width, height))
    return element("rect", x=x_, y=y_, width=w, height=h, class_=name)
