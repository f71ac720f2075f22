"""Pages as programs see them: every element closed, every table as texts."""

import itertools
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"img", "meta"}


@dataclass
class Table:
    """A table's caption, its header, and its lines, as texts."""

    caption: str = ""
    lines: list[list[str]] = field(default_factory=list)

    def column(self, name: str) -> list[str]:
        """What stands below a heading."""
        place = self.lines[0].index(name)
        return [line[place] for line in self.lines[1:]]


class Page(HTMLParser):
    """A page that was read whole.

    Attributes:
        elements: name and attributes of each, in order.
        text: all that is not markup, of styles too.
        tables: in order.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.tables: list[Table] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(attrs) == len(dict(attrs)), f"{tag} has an attribute twice"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self.tables.append(Table())
        elif tag == "tr":
            self.tables[-1].lines.append([])
        elif tag in ("td", "th"):
            self.tables[-1].lines[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if "caption" in self._open:
            self.tables[-1].caption += data
        elif {"td", "th"} & set(self._open):
            self.tables[-1].lines[-1][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Attributes of every such element."""
        return [attributes for name, attributes in self.elements if name == tag]

    def table(self, caption: str) -> Table:
        """The one table whose caption begins like that."""
        (found,) = [table for table in self.tables if table.caption.startswith(caption)]
        return found


def require_sound(page: Page) -> None:
    """No script, nothing from elsewhere, anchors that lead somewhere, and what readers of screens need."""
    assert "script" not in {name for name, _ in page.elements}
    for name, attributes in page.elements:
        assert not [key for key in attributes if key.startswith("on")], (name, attributes)
        for key in ("src", "href"):
            if key in attributes:
                assert (attributes[key] or "").startswith(("data:image/png;base64,", "#")), attributes[key]
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    anchors = {f"#{name}" for name in ids}
    assert [link["href"] for link in page.all("a")]
    assert all(link["href"] in anchors for link in page.all("a"))
    assert all(image["alt"] for image in page.all("img"))
    assert all(heading.get("scope") in ("row", "col") for heading in page.all("th"))
    assert all(all(line[0] for line in table.lines) and table.caption for table in page.tables)
    assert all(len(line) == len(table.lines[0]) for table in page.tables for line in table.lines)
    levels = [int(name[1]) for name, _ in page.elements if name in ("h1", "h2", "h3")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
