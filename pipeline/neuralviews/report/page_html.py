"""HTML whose texts are escaped because nothing else can be put in: elements, tables and pictures.

The standard library does: a page has a dozen kinds of elements, and templates would make escaping a setting.
"""

import base64
import html
from collections.abc import Collection, Iterable, Sequence

__all__ = ["DRAWN", "Html", "disclosure", "element", "joined", "picture", "table"]

_VOID = {"img", "meta"}


class Html(str):
    """Markup. Only this module makes it of a text, and any other text is escaped where it meets markup."""

    __slots__ = ()


def element(kind: str, /, *children: str, **attributes: str | int | None) -> Html:
    """An element. Attributes that are None are left out; ``class_`` is class, and _ within a name is -.

    Args:
        children: markup, or texts, which are escaped; what cannot be printed is escaped as in Python, but
            line breaks stay.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_escaped(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    opening = f"<{kind}{given}>"
    return Html(opening if kind in _VOID else f"{opening}{joined(children)}</{kind}>")


def joined(children: Iterable[str]) -> Html:
    """Markup and texts, one after the other, as markup."""
    return Html("".join(child if isinstance(child, Html) else _escaped(child) for child in children))


def picture(png: bytes, alt: str, size: tuple[int, int], class_: str | None = None) -> Html:
    """A PNG within the page; ``size`` is its width and height in pixels of the screen."""
    source = f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
    width, height = size
    return element("img", src=source, alt=alt, width=width, height=height, class_=class_)


def table(
    caption: str, header: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Collection[int] = ()
) -> Html:
    """A table that scrolls on its own where the screen is narrow; the first cell of a row names it.

    Args:
        numbers: columns that are aligned to the right.
    """

    def cell(place: int, content: str, scope: str | None) -> Html:
        name = "td" if scope is None else "th"
        return element(name, content, scope=scope, class_="number" if place in numbers else None)

    head = element("tr", *(cell(place, name, "col") for place, name in enumerate(header)))
    body = (
        element("tr", *(cell(place, content, None if place else "row") for place, content in enumerate(row)))
        for row in rows
    )
    whole = element("table", element("caption", caption), element("thead", head), element("tbody", *body))
    return element("div", whole, class_="scroll", role="region", tabindex=0, aria_label=caption)


def disclosure(summary: str, *content: str) -> Html:
    """Content that is folded away on screens, and there in print."""
    return element("details", element("summary", summary), *content)


def _escaped(text: str) -> str:
    return html.escape("".join(c if c == "\n" or c.isprintable() else repr(c)[1:-1] for c in text))


DRAWN = element("span", "drawn", class_="unseen")
"""The heading of a column of pictures of the numbers beside them: for those who cannot see them."""
